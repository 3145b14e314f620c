/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The early segment: what is written into it is where the kernel looks, and what the kernel would
 * not find or not use is reported.
 */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive.h"
#include "base/file.h"
#include "format/machine/acpi.h"
#include "format/ours/bootconf.h"
#include "format/machine/microcode.h"
#include "format/ours/modindex.h"
#include "image/pack.h"
#include "image/verify.h"
#include "support.h"

/* An ACPI table without a body, and a container of AMD microcode without patches. */
static const uint8_t table[] = {
	'S', 'S', 'D', 'T', 36, 0, 0, 0, 2, 0xfd, 'A', 'B',
	'C', 'D', 'E', 'F', 'T', 'A', 'B', 'L', 'E', ' ', ' ', ' ',
	1, 0, 0, 0, 'T', 'E', 'S', 'T', 1, 0, 0, 0,
};
static const uint8_t container[] = {'D', 'M', 'A', 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0,
				    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

/* The search of the kernel (lib/earlycpio.c): headers at multiples of 4, zeros passed over, the
 * end at whatever else there is. Where the data starts; 0: not found. */
static size_t search(const struct buf *image, const char *path, size_t *len)
{
	struct cpio_header h;
	size_t at = 0, data;

	while (at + CPIO_HEADER_SIZE < image->len) {
		if (!image->data[at]) {
			at += 4;
			continue;
		}
		if (cpio_decode_header(image->data + at, &h, NULL) < 0)
			return 0;
		data = at + CPIO_HEADER_SIZE + h.namesize;
		data += cpio_pad(data);
		*len = h.filesize;
		if (S_ISREG(h.mode) && h.namesize >= strlen(path) &&
		    memcmp(image->data + at + CPIO_HEADER_SIZE, path, strlen(path)) == 0)
			return data;
		at = data + h.filesize + cpio_pad(h.filesize);
	}
	return 0;
}

static void add_early(struct plan *plan, const char *path, const void *data, size_t len)
{
	struct err err = {0};

	assert_ok(plan_add(plan,
			   &(struct plan_entry){.path = path,
						.type = PLAN_FILE,
						.mode = 0644,
						.storage = PLAN_EARLY,
						.data = data,
						.len = len,
						.reason = "test"},
			   &err),
		  0, &err);
}

/* Writes the image of a plan with PID 1, optionally a store, and what ADD adds. */
static void pack_image(void (*add)(struct plan *), bool store, enum codec codec, struct buf *image,
		       struct verdict *verdict, struct arena *arena)
{
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_buf_ struct buf index = BUF_INIT;
	struct plan plan;
	struct pack_result result;
	struct pack pack = {.plan = &plan, .root = &root, .codec = codec, .threads = 2};
	struct image *open = NULL;
	struct err err = {0};
	int fd = memfd_create("image", MFD_CLOEXEC);

	plan_init(&plan);
	assert_ok(root_open("/", &root, &err), 0, &err);
	assert_ok(plan_add_text(&plan, "init", 0755, "#!", 2, "PID 1", &err), 0, &err);
	assert_int_equal(modindex_encode(NULL, 0, NULL, 0, &index), 0);
	assert_ok(plan_add_text(&plan, MODINDEX_PATH, 0644, index.data, index.len, "index", &err), 0,
		  &err);
	if (store)
		assert_ok(plan_add(&plan,
				   &(struct plan_entry){.path = "usr/lib/firmware/a",
							.type = PLAN_FILE,
							.mode = 0644,
							.storage = PLAN_STORE,
							.data = "abc",
							.len = 3,
							.reason = "test"},
				   &err),
			  0, &err);
	if (add)
		add(&plan);
	plan_sort(&plan);
	assert_ok(pack_write(&pack, fd, &result, &err), 0, &err);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_all(fd, 1 << 20, image), 0);
	assert_ok(image_open_fd(fd, "image", &open, &err), 0, &err);
	assert_ok(image_verify(open, &(struct verify_expected){.manifest = &result.manifest}, arena,
			       verdict, &err),
		  0, &err);
	image_close(open);
	close(fd);
	pack_result_clear(&result);
	plan_clear(&plan);
}

static void add_both(struct plan *plan)
{
	add_early(plan, MICROCODE_PATH_AMD, container, sizeof(container));
	add_early(plan, ACPI_DIR "ssdt.aml", table, sizeof(table));
}

static void assert_found(const struct buf *image, const char *path, const void *data, size_t len,
			 size_t alignment)
{
	size_t found_len, at = search(image, path, &found_len);

	assert_true(at > 0);
	assert_int_equal(at % alignment, 0);
	assert_int_equal(found_len, len);
	assert_memory_equal(image->data + at, data, len);
}

static void the_kernel_finds_what_was_written(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_XZ, CODEC_LZ4, CODEC_ZSTD};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(codecs); i++) {
		_cleanup_buf_ struct buf image = BUF_INIT;
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct verdict v;

		pack_image(add_both, i % 2, codecs[i / 2], &image, &v, &arena);
		assert_int_equal(v.n_problems, 0);
		assert_int_equal(v.early, 2);
		assert_int_equal(v.n_segments, 2 + i % 2);
		assert_true(v.segments[0].early && v.segments[0].offset == 0);
		assert_false(v.segments[1].early);
		assert_int_equal(v.segments[1].offset % 4, 0);
		assert_found(&image, MICROCODE_PATH_AMD, container, sizeof(container),
			     MICROCODE_ALIGN);
		assert_found(&image, ACPI_DIR, table, sizeof(table), 4);
	}
}

static void add_microcode(struct plan *plan)
{
	/* A path before it moves its data. */
	add_early(plan, ACPI_DIR "a.aml", table, sizeof(table));
	add_early(plan, MICROCODE_PATH_AMD, container, sizeof(container));
	add_early(plan, MICROCODE_PATH_INTEL, "", 0);
}

static void microcode_starts_at_a_multiple_of_16(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct verdict v;
	size_t len;

	(void)state;
	pack_image(add_microcode, true, CODEC_ZSTD, &image, &v, &arena);
	assert_int_equal(v.n_problems, 0);
	assert_found(&image, MICROCODE_PATH_AMD, container, sizeof(container), MICROCODE_ALIGN);
	assert_int_equal(search(&image, MICROCODE_PATH_INTEL, &len) % MICROCODE_ALIGN, 0);
}

static void an_image_without_any_has_no_early_segment(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct verdict v;

	(void)state;
	pack_image(NULL, false, CODEC_ZSTD, &image, &v, &arena);
	assert_int_equal(v.n_problems, 0);
	assert_int_equal(v.n_segments, 1);
	assert_int_equal(v.early, 0);
	assert_false(v.segments[0].early);
}

/* ---- what others made ---- */

/* The image has just one problem, whose text holds WHY. */
static void assert_judged(const struct buf *b, const char *why, size_t early)
{
	_cleanup_image_ struct image *image = open_buf(b);
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct verdict v;
	struct err err = {0};

	assert_ok(image_verify(image, NULL, &arena, &v, &err), 0, &err);
	assert_int_equal(v.n_problems, why ? 1 : 0);
	assert_int_equal(v.early, early);
	if (why)
		assert_contains(v.problems->text, why);
}

static void add_base(struct buf *b)
{
	_cleanup_buf_ struct buf base = BUF_INIT;

	add_entry(&base, "init", S_IFREG | 0755, "#!", 2);
	cpio_add_trailer(&base);
	align(b);
	add_segment(b, CODEC_ZSTD, &base);
}

/* One file in an archive before the base. */
static void judge_file(const char *name, uint32_t mode, const void *data, size_t len,
		       const char *why)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	add_entry(&b, name, mode, data, len);
	cpio_add_trailer(&b);
	add_base(&b);
	assert_judged(&b, why, why == NULL);
}

static void what_the_kernel_would_not_take_is_told(void **state)
{
	uint8_t broken[sizeof(table)];

	(void)state;
	memcpy(broken, table, sizeof(broken));
	broken[20]++;
	judge_file(ACPI_DIR "x.aml", S_IFREG | 0644, table, sizeof(table), NULL);
	judge_file(ACPI_DIR "x.aml", S_IFREG | 0644, broken, sizeof(broken), "checksum");
	judge_file(ACPI_DIR "x.aml", S_IFREG | 0644, table, 20, "20 bytes");
	judge_file("/" ACPI_DIR "x.aml", S_IFREG | 0644, table, sizeof(table), "by the name");
	judge_file("./" ACPI_DIR "x.aml", S_IFREG | 0644, table, sizeof(table), "by the name");
	judge_file(ACPI_DIR "x.aml", S_IFLNK | 0777, "target", 6, "regular file");
	judge_file(MICROCODE_PATH_AMD, S_IFREG | 0644, container, sizeof(container), NULL);
	judge_file(MICROCODE_PATH_AMD, S_IFREG | 0644, container, 20, "table of processors");
	judge_file(MICROCODE_PATH_INTEL, S_IFREG | 0644, container, sizeof(container),
		   "header of a microcode update");
}

static void what_lies_behind_a_compressed_segment_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, inside = BUF_INIT, packed = BUF_INIT;

	(void)state;
	add_base(&b);
	align(&b);
	add_entry(&inside, MICROCODE_PATH_AMD, S_IFREG | 0644, container, sizeof(container));
	cpio_add_trailer(&inside);
	buf_add(&b, inside.data, inside.len);
	assert_judged(&b, "segment 2", 0);
	add_segment(&packed, CODEC_GZIP, &inside);
	add_base(&packed);
	assert_judged(&packed, "segment 1", 0);
}

static void microcode_that_comes_twice_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		add_entry(&b, MICROCODE_PATH_AMD, S_IFREG | 0644, container, sizeof(container));
		cpio_add_trailer(&b);
	}
	add_base(&b);
	assert_judged(&b, "twice", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_finds_what_was_written),
		cmocka_unit_test(microcode_starts_at_a_multiple_of_16),
		cmocka_unit_test(an_image_without_any_has_no_early_segment),
		cmocka_unit_test(what_the_kernel_would_not_take_is_told),
		cmocka_unit_test(what_lies_behind_a_compressed_segment_is_told),
		cmocka_unit_test(microcode_that_comes_twice_is_told),
	};

	return RUN_TESTS(tests);
}
