/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing images and verifying them: what is written passes, what was changed does not.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive.h"
#include "base/file.h"
#include "format/ours/bootconf.h"
#include "format/codec/decode_all.h"
#include "format/ours/manifest.h"
#include "format/ours/modindex.h"
#include "format/ours/ready.h"
#include "format/codec/unpack.h"
#include "image/pack.h"
#include "image/readback.h"
#include "image/verify.h"
#include "support.h"

#define MODULE_PATH "usr/lib/modules/6.1/ext4.ko.zst"

/* A machine with a few files, and the plan of an image of it. */
struct build {
	char *folder;
	struct root root;
	struct plan plan;
	struct err err;
};

static void add_index(struct plan *plan)
{
	const struct modindex_source module = {.name = "ext4", .path = MODULE_PATH, .options = ""};
	_cleanup_buf_ struct buf index = BUF_INIT;
	struct err err = {0};

	assert_int_equal(modindex_encode(&module, 1, NULL, 0, &index), 0);
	assert_ok(plan_add_text(plan, MODINDEX_PATH, 0644, index.data, index.len, "index", &err), 0,
		  &err);
}

static void build_make(struct build *b)
{
	static const char conf[] = "kernel=6.1\nmode=hostonly\nload=ext4\n";
	const struct plan_entry entries[] = {
		{.path = "usr/bin/tool",
		 .type = PLAN_FILE,
		 .mode = 0755,
		 .source = "usr/bin/tool",
		 .reason = "a program"},
		{.path = MODULE_PATH,
		 .type = PLAN_FILE,
		 .mode = 0644,
		 .storage = PLAN_STORE,
		 .source = "modules/ext4.ko",
		 .compress = true,
		 .reason = "a module"},
		{.path = "usr/lib/firmware/a.bin",
		 .type = PLAN_FILE,
		 .mode = 0644,
		 .storage = PLAN_STORE,
		 .source = "firmware/a.bin",
		 .reason = "firmware"},
		{.path = "usr/lib/firmware/b.bin",
		 .type = PLAN_LINK,
		 .mode = 0777,
		 .storage = PLAN_STORE,
		 .target = "a.bin",
		 .reason = "another name"},
	};

	*b = (struct build){.folder = make_folder()};
	put_text(b->folder, "usr/bin/tool", "#!/bin/sh\n");
	put_text(b->folder, "modules/ext4.ko", "module module module module module");
	put_text(b->folder, "firmware/a.bin", "firmware");
	assert_ok(root_open(b->folder, &b->root, &b->err), 0, &b->err);
	plan_init(&b->plan);
	assert_ok(plan_add_text(&b->plan, "init", 0755,
				"\x7f"
				"ELF",
				4, "PID 1", &b->err),
		  0, &b->err);
	assert_ok(
		plan_add_text(&b->plan, BOOTCONF_PATH, 0644, conf, sizeof(conf) - 1, "x", &b->err),
		0, &b->err);
	assert_ok(plan_add_link(&b->plan, "lib", "usr/lib", "merged /usr", &b->err), 0, &b->err);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		assert_ok(plan_add(&b->plan, &entries[i], &b->err), 0, &b->err);
	assert_ok(plan_add_dir(&b->plan, "usr/lib/preroot", 0755, "x", &b->err), 0, &b->err);
	add_index(&b->plan);
	plan_sort(&b->plan);
}

static void build_clear(struct build *b)
{
	plan_clear(&b->plan);
	root_close(&b->root);
	remove_folder(b->folder);
}

#define _cleanup_build_ __attribute__((cleanup(build_clear)))

static int pack(struct build *b, enum codec codec, unsigned threads, struct buf *image,
		struct pack_result *result)
{
	const struct pack p = {
		.plan = &b->plan, .root = &b->root, .codec = codec, .threads = threads};
	_cleanup_fd_ int fd = memfd_create("image", MFD_CLOEXEC);
	int r = pack_write(&p, fd, result, &b->err);

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_all(fd, 1 << 24, image), 0);
	return r;
}

static void pack_ok(struct build *b, enum codec codec, struct buf *image, struct buf *manifest)
{
	struct pack_result result;

	assert_ok(pack(b, codec, 2, image, &result), 0, &b->err);
	assert_int_equal(result.bytes, image->len);
	if (manifest) {
		*manifest = result.manifest;
		result.manifest = (struct buf)BUF_INIT;
	}
	pack_result_clear(&result);
}

/* ---- judging ---- */

struct judged {
	struct arena arena;
	struct verdict v;
	struct err err;
};

static int judge(struct judged *j, const struct buf *image, const struct buf *expected)
{
	const struct verify_expected e = {.manifest = expected};
	_cleanup_image_ struct image *i = open_buf(image);

	*j = (struct judged){.arena = ARENA_INIT};
	return image_verify(i, expected ? &e : NULL, &j->arena, &j->v, &j->err);
}

static void judged_clear(struct judged *j)
{
	arena_clear(&j->arena);
}

#define _cleanup_judged_ __attribute__((cleanup(judged_clear)))

static void assert_no_problem(const struct judged *j)
{
	if (j->v.n_problems)
		fail_msg("%zu problems: %s", j->v.n_problems, j->v.problems->text);
	assert_null(j->v.problems);
}

static void assert_problem(const struct judged *j, const char *text)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (const struct verdict_problem *p = j->v.problems; p; p = p->next) {
		if (strstr(p->text, text))
			return;
		buf_printf(&all, "\n  %s", p->text);
	}
	fail_msg("\"%s\" is not among the problems:%s", text, buf_cstr(&all));
}

static void judge_ok(struct judged *j, const struct buf *image)
{
	assert_ok(judge(j, image, NULL), 0, &j->err);
}

static void what_was_written_passes(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_XZ, CODEC_LZ4,
					    CODEC_ZSTD};
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		_cleanup_buf_ struct buf image = BUF_INIT, manifest = BUF_INIT;
		_cleanup_judged_ struct judged j;

		pack_ok(&b, codecs[i], &image, &manifest);
		assert_ok(judge(&j, &image, &manifest), 0, &j.err);
		assert_no_problem(&j);
		assert_true(j.v.ours);
		assert_string_equal(j.v.kernel, "6.1");
		assert_string_equal(j.v.mode, "hostonly");
		assert_int_equal(j.v.modules, 1);
		assert_int_equal(j.v.n_segments, 2);
		assert_int_equal(j.v.segments[0].codec, CODEC_NONE);
		assert_int_equal(j.v.segments[1].codec, codecs[i]);
		assert_int_equal(image.len % 4, 0);
	}
}

static void another_segment_can_be_appended(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_XZ, CODEC_LZ4,
					    CODEC_ZSTD};
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		for (size_t k = 0; k < ARRAY_SIZE(codecs); k++) {
			_cleanup_buf_ struct buf image = BUF_INIT, more = BUF_INIT;
			_cleanup_image_ struct image *all = NULL;

			pack_ok(&b, codecs[i], &image, NULL);
			add_file(&more, "more", "x");
			cpio_add_trailer(&more);
			add_segment(&image, codecs[k], &more);
			all = open_buf(&image);
			assert_ok(read_all_entries(all, &b.err), 0, &b.err);
		}
}

static void the_bytes_do_not_depend_on_threads_or_time(void **state)
{
	_cleanup_buf_ struct buf one = BUF_INIT;
	_cleanup_build_ struct build b;
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	(void)state;
	build_make(&b);
	for (int i = 0; i < 200; i++) {
		const char *path = arena_printf(&b.plan.arena, "usr/lib/firmware/many/%d", i);
		struct plan_entry e = {.path = path,
				       .type = PLAN_FILE,
				       .mode = 0644,
				       .storage = PLAN_STORE,
				       .data = path,
				       .len = strlen(path),
				       .compress = i & 1,
				       .reason = "x"};

		assert_ok(plan_add(&b.plan, &e, &b.err), 0, &b.err);
	}
	plan_sort(&b.plan);
	pack_ok(&b, CODEC_ZSTD, &one, NULL);
	assert_int_equal(utimensat(b.root.fd, "usr/bin/tool", old, 0), 0);
	for (unsigned threads = 0; threads < 6; threads++) {
		_cleanup_buf_ struct buf other = BUF_INIT;
		struct pack_result result;

		assert_ok(pack(&b, CODEC_ZSTD, threads, &other, &result), 0, &b.err);
		pack_result_clear(&result);
		assert_int_equal(other.len, one.len);
		assert_memory_equal(other.data, one.data, one.len);
	}
}

static void a_module_is_stored_compressed_on_its_own(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT, plain = BUF_INIT;
	_cleanup_image_ struct image *i = NULL;
	_cleanup_build_ struct build b;
	struct image_entry e;
	uint8_t data[200];
	ssize_t n = 0;

	(void)state;
	build_make(&b);
	pack_ok(&b, CODEC_ZSTD, &image, NULL);
	i = open_buf(&image);
	while (image_next(i, &e, &b.err) > 0 && strcmp(e.path, MODULE_PATH) != 0)
		;
	assert_string_equal(e.path, MODULE_PATH);
	assert_int_equal(e.segment, 0);
	n = image_read(i, data, sizeof(data), &b.err);
	assert_true(n > 0);
	assert_ok(unpack(&decode_zstd, data, (size_t)n, 1000, &plain, NULL, &b.err), 0, &b.err);
	assert_string_equal(buf_cstr(&plain), "module module module module module");
}

static void nothing_of_the_machine_shows_but_names_and_content(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_image_ struct image *i = NULL;
	_cleanup_build_ struct build b;
	struct image_entry e;
	unsigned seen[100] = {0};

	(void)state;
	build_make(&b);
	pack_ok(&b, CODEC_NONE, &image, NULL);
	i = open_buf(&image);
	while (image_next(i, &e, &b.err) > 0) {
		assert_true(e.header.mtime == 0 && e.header.uid == 0 && e.header.gid == 0);
		assert_true(e.header.ino < ARRAY_SIZE(seen));
		assert_int_equal(seen[e.header.ino]++, 0); /* nothing looks like a hard link */
	}
}

static void a_source_that_cannot_be_read_is_told(void **state)
{
	_cleanup_build_ struct build b;
	_cleanup_buf_ struct buf image = BUF_INIT;
	struct pack_result result;

	(void)state;
	build_make(&b);
	assert_int_equal(unlinkat(b.root.fd, "modules/ext4.ko", 0), 0);
	assert_fails(pack(&b, CODEC_ZSTD, 2, &image, &result), -ENOENT, &b.err);
	assert_contains(b.err.text, "modules/ext4.ko");
	pack_result_clear(&result);
	put_text(b.folder, "modules/ext4.ko", "x");
	assert_int_equal(unlinkat(b.root.fd, "usr/bin/tool", 0), 0);
	assert_int_equal(mkfifoat(b.root.fd, "usr/bin/tool", 0755), 0);
	assert_fails(pack(&b, CODEC_ZSTD, 2, &image, &result), -EINVAL, &b.err);
	assert_contains(b.err.text, "usr/bin/tool");
	pack_result_clear(&result);
}

static void a_full_disk_is_told(void **state)
{
	_cleanup_build_ struct build b;
	const struct pack p = {.plan = &b.plan, .root = &b.root, .codec = CODEC_ZSTD, .threads = 1};
	_cleanup_fd_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct pack_result result;

	(void)state;
	build_make(&b);
	assert_fails(pack_write(&p, full, &result, &b.err), -ENOSPC, &b.err);
	pack_result_clear(&result);
}

/* ---- the limit of readers ---- */

/* What a reader that digests all of the image reads and decompresses. */
static uint64_t work_of(const struct buf *image)
{
	_cleanup_image_ struct image *open = open_buf(image);
	const struct image_segment *segments;
	uint64_t work = image->len;
	struct err err;
	size_t n;

	assert_ok(read_all_entries(open, &err), 0, &err);
	segments = image_segments(open, &n);
	for (size_t i = 0; i < n; i++)
		work += segments[i].codec == CODEC_NONE ? 0 : segments[i].plain;
	return work;
}

static int read_within(const struct buf *image, uint64_t limit, struct err *err)
{
	_cleanup_image_ struct image *open = open_buf(image);

	image_begin_digest(open);
	image_limit_work(open, limit);
	return read_all_entries(open, err);
}

static void no_image_is_written_that_readers_do_not_read_to_its_end(void **state)
{
	enum { PROGRAM = 64 * 1024 };
	static const enum codec codecs[] = {CODEC_ZSTD, CODEC_XZ, CODEC_NONE};
	_cleanup_buf_ struct buf zeros = BUF_INIT, program = BUF_INIT, frame = BUF_INIT;
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	buf_add_zeros(&zeros, 2 << 20);
	ready_add_archive(&program, zeros.data, PROGRAM);
	add_segment(&frame, CODEC_ZSTD, &program);
	align(&frame);
	assert_ok(plan_add_text(&b.plan, "opt/one", 0644, zeros.data, 1 << 20, "x", &b.err), 0, &b.err);
	assert_ok(plan_add_text(&b.plan, "opt/two", 0644, zeros.data, 2 << 20, "x", &b.err), 0, &b.err);
	plan_sort(&b.plan);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct pack p = {.plan = &b.plan, .root = &b.root, .codec = codecs[i], .threads = 1};
		struct plan_entry *init = (struct plan_entry *)plan_find(&b.plan, "init");
		_cleanup_buf_ struct buf image = BUF_INIT;
		_cleanup_fd_ int fd = memfd_create("image", MFD_CLOEXEC);
		struct pack_result result;

		init->data = zeros.data;
		init->len = PROGRAM;
		init->ready = codecs[i] == CODEC_ZSTD ? frame.data : NULL;
		init->ready_len = frame.len;
		assert_ok(pack(&b, codecs[i], 1, &image, &result), 0, &b.err);
		pack_result_clear(&result);
		p.work_max = work_of(&image);
		assert_ok(read_within(&image, p.work_max, &b.err), 0, &b.err);
		assert_ok(pack_write(&p, fd, &result, &b.err), 0, &b.err);
		pack_result_clear(&result);
		p.work_max--;
		assert_fails(read_within(&image, p.work_max, &b.err), -E2BIG, &b.err);
		assert_fails(pack_write(&p, fd, &result, &b.err), -E2BIG, &b.err);
		assert_contains(b.err.hint, "/opt/two (2 MiB), /opt/one (1 MiB), /");
		pack_result_clear(&result);
	}
}

/* ---- what the disk holds ---- */

static void what_lies_uncompressed_in_the_image_is_known_by_its_place(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_build_ struct build b;
	struct pack_result result;

	(void)state;
	build_make(&b);
	assert_ok(pack(&b, CODEC_ZSTD, 2, &image, &result), 0, &b.err);
	assert_int_equal(result.n_extents, 2);
	for (size_t i = 0; i < result.n_extents; i++) {
		const struct verify_extent *x = &result.extents[i];
		uint8_t sum[DIGEST_SIZE];

		assert_true(x->offset + x->size <= image.len);
		digest_of(image.data + x->offset, x->size, sum);
		assert_memory_equal(sum, x->sha256, DIGEST_SIZE);
	}
	pack_result_clear(&result);
}

/* IMAGE is on a disk, and is what RESULT says. */
static int read_back(const struct buf *image, const struct pack_result *result, struct err *err)
{
	_cleanup_fd_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct arena arena = ARENA_INIT;
	int r;

	assert_int_equal(write_full(fd, image->data, image->len), 0);
	*err = (struct err){0};
	r = image_read_back(fd, "image", result, &arena, err);
	arena_clear(&arena);
	return r;
}

static void any_other_byte_on_the_disk_is_found(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_build_ struct build b;
	struct pack_result result;

	(void)state;
	build_make(&b);
	assert_ok(pack(&b, CODEC_ZSTD, 2, &image, &result), 0, &b.err);
	assert_ok(read_back(&image, &result, &b.err), 0, &b.err);
	for (size_t i = 0; i < image.len; i++) {
		image.data[i] ^= 1;
		assert_fails(read_back(&image, &result, &b.err), -EBADMSG, &b.err);
		image.data[i] ^= 1;
	}
	image.len--;
	assert_fails(read_back(&image, &result, &b.err), -EBADMSG, &b.err);
	pack_result_clear(&result);
}

/* A fault of the packer: the sum of the file is right, but the manifest says something else. */
static void a_file_that_is_not_what_the_manifest_says_is_found(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_build_ struct build b;
	struct pack_result result;

	(void)state;
	build_make(&b);
	assert_ok(pack(&b, CODEC_ZSTD, 2, &image, &result), 0, &b.err);
	result.extents[0].sha256[0] ^= 1;
	assert_fails(read_back(&image, &result, &b.err), -EBADMSG, &b.err);
	assert_contains(b.err.text, "other content than the manifest says");
	result.extents[0].sha256[0] ^= 1;
	/* What is not where the packer says that it is, is read. */
	image.data[result.extents[0].offset] ^= 1;
	result.extents[0].offset++;
	digest_of(image.data, image.len, result.sha256);
	assert_fails(read_back(&image, &result, &b.err), -EBADMSG, &b.err);
	assert_contains(b.err.text, "other content than the manifest says");
	pack_result_clear(&result);
}

/* ---- images of others, and damaged ones ---- */

static void an_image_of_another_builder_is_judged_by_its_structure(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;

	(void)state;
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_dir(&image, "lib");
	add_dir(&image, "lib/modules");
	add_file(&image, "lib/modules/ext4.ko.xz", "x");
	cpio_add_trailer(&image);
	judge_ok(&j, &image);
	assert_no_problem(&j);
	assert_false(j.v.ours);
	assert_null(j.v.kernel);
	assert_int_equal(j.v.entries, 4);
	assert_int_equal(j.v.files, 2);
	assert_int_equal(j.v.modules, 1);
}

static void an_image_without_a_program_to_start_is_told(void **state)
{
	_cleanup_buf_ struct buf none = BUF_INIT, plain = BUF_INIT;
	_cleanup_judged_ struct judged a, b;

	(void)state;
	add_dir(&none, "etc");
	judge_ok(&a, &none);
	assert_problem(&a, "no /init");
	add_file(&plain, "init", "not executable");
	judge_ok(&b, &plain);
	assert_problem(&b, "/init is not executable");
}

static void a_file_before_its_folder_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;

	(void)state;
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_file(&image, "etc/fstab", "x");
	add_dir(&image, "etc");
	judge_ok(&j, &image);
	assert_problem(&j, "/etc/fstab comes before its folder /etc");
}

static void a_folder_that_the_kernel_leaves_out_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;

	(void)state;
	/* A folder with data is skipped in silence. */
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_entry(&image, "etc", S_IFDIR | 0755, "data", 4);
	judge_ok(&j, &image);
	assert_problem(&j, "/etc");
}

static void names_that_the_kernel_cannot_make_are_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;
	char name[300], target[CPIO_TARGET_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	memset(target, 't', sizeof(target));
	target[CPIO_TARGET_MAX + 1] = '\0';
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_file(&image, name, "a part of the name over 255 bytes");
	add_symlink(&image, "long-link", target);
	judge_ok(&j, &image);
	assert_problem(&j, "nnnn");
	assert_problem(&j, "long-link");
}

static void a_file_below_what_is_no_folder_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;

	(void)state;
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_file(&image, "etc", "a file");
	add_file(&image, "etc/fstab", "x");
	judge_ok(&j, &image);
	assert_problem(&j, "/etc is no folder");
}

static void a_folder_that_takes_the_place_of_a_link_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;

	(void)state;
	/* What was below /lib, such as the dynamic linker, cannot be reached then. */
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_symlink(&image, "lib", "usr/lib");
	add_dir(&image, "lib");
	judge_ok(&j, &image);
	assert_problem(&j, "/lib was a link");
}

static void damage_that_stops_reading_is_an_error(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	pack_ok(&b, CODEC_ZSTD, &image, NULL);
	image.len -= 20;
	assert_fails(judge(&j, &image, NULL), -EBADMSG, &j.err);
}

/* The written image without compression, with a change made to its bytes. */
static void judge_changed(struct judged *j, const char *what, const char *to)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_build_ struct build b;
	char *at;

	build_make(&b);
	pack_ok(&b, CODEC_NONE, &image, NULL);
	at = memmem(image.data, image.len, what, strlen(what));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	judge_ok(j, &image);
}

static void changed_content_is_told(void **state)
{
	_cleanup_judged_ struct judged program, firmware, link;

	(void)state;
	judge_changed(&program, "#!/bin/sh", "#!/bin/xx");
	assert_problem(&program, "/usr/bin/tool has other content");
	judge_changed(&firmware, "firmware", "FIRMWARE"); /* its name comes later */
	assert_true(firmware.v.n_problems > 0);
	judge_changed(&link, "a.bin\0\0\0", "c.bin");
	assert_true(link.v.n_problems > 0);
}

static void what_is_missing_or_added_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT, more = BUF_INIT;
	_cleanup_judged_ struct judged renamed, added;
	_cleanup_build_ struct build b;

	(void)state;
	judge_changed(&renamed, MODULE_PATH, "usr/lib/modules/6.1/ext5.ko.zst");
	assert_problem(&renamed, "/" MODULE_PATH " is in the manifest but not in the image");
	assert_problem(&renamed, "/usr/lib/modules/6.1/ext5.ko.zst is not in the manifest");
	assert_problem(&renamed, "module ext4 is in the index");
	build_make(&b);
	pack_ok(&b, CODEC_ZSTD, &image, NULL);
	add_file(&more, "smuggled", "x");
	cpio_add_trailer(&more);
	add_segment(&image, CODEC_NONE, &more);
	judge_ok(&added, &image);
	assert_problem(&added, "/smuggled is not in the manifest");
}

static void a_later_file_of_the_same_name_is_what_counts(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT, more = BUF_INIT;
	_cleanup_judged_ struct judged j;
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	pack_ok(&b, CODEC_ZSTD, &image, NULL);
	add_entry(&more, "usr/bin/tool", S_IFREG | 0755, "something else", 14);
	cpio_add_trailer(&more);
	add_segment(&image, CODEC_NONE, &more);
	judge_ok(&j, &image);
	assert_problem(&j, "/usr/bin/tool has 14 bytes, not 10");
}

static void another_manifest_than_the_expected_one_is_told(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT, manifest = BUF_INIT, other = BUF_INIT;
	_cleanup_judged_ struct judged changed, missing;
	_cleanup_build_ struct build b;

	(void)state;
	build_make(&b);
	pack_ok(&b, CODEC_ZSTD, &image, &manifest);
	buf_add(&manifest, "x", 1);
	assert_ok(judge(&changed, &image, &manifest), 0, &changed.err);
	assert_problem(&changed, "not the one that was written");
	add_entry(&other, "init", S_IFREG | 0755, "x", 1);
	assert_ok(judge(&missing, &other, &manifest), 0, &missing.err);
	assert_problem(&missing, "the manifest is missing");
}

/* An image with a manifest of its own, and one more file. */
static void judge_with_file(struct judged *j, const char *path, const char *text)
{
	_cleanup_buf_ struct buf image = BUF_INIT, empty = BUF_INIT;

	manifest_begin(&empty);
	manifest_end(&empty);
	add_entry(&image, "init", S_IFREG | 0755, "x", 1);
	add_dir(&image, "usr");
	add_dir(&image, "usr/lib");
	add_dir(&image, "usr/lib/preroot");
	add_dir(&image, "etc");
	add_dir(&image, "etc/preroot");
	if (strcmp(path, MANIFEST_PATH) != 0)
		add_file(&image, MANIFEST_PATH, buf_cstr(&empty));
	add_file(&image, path, text);
	cpio_add_trailer(&image);
	judge_ok(j, &image);
}

static void damage_within_our_own_files_is_told(void **state)
{
	_cleanup_buf_ struct buf garbage = BUF_INIT;
	_cleanup_judged_ struct judged manifest, cut, older, newer, index, conf;

	(void)state;
	manifest_begin(&garbage);
	buf_add_str(&garbage, "garbage\n");
	manifest_end(&garbage);
	judge_with_file(&manifest, MANIFEST_PATH, buf_cstr(&garbage));
	assert_problem(&manifest, "/" MANIFEST_PATH ": manifest line 2 is malformed");
	judge_with_file(&cut, MANIFEST_PATH, "preroot-manifest 3\n");
	assert_problem(&cut, "cut short");
	judge_with_file(&older, MANIFEST_PATH, "preroot-manifest 2\n");
	assert_problem(&older, "version 2, not 3; an older preroot");
	judge_with_file(&newer, MANIFEST_PATH, "preroot-manifest 9\n");
	assert_problem(&newer, "version 9");
	judge_with_file(&index, MODINDEX_PATH, "garbage");
	assert_problem(&index, "/" MODINDEX_PATH ": not a module index");
	judge_with_file(&conf, BOOTCONF_PATH, "kernel=5.10\nmode=generic\n");
	assert_string_equal(conf.v.kernel, "5.10");
	assert_string_equal(conf.v.mode, "generic");
}

static void a_module_to_load_that_is_missing_is_told(void **state)
{
	_cleanup_judged_ struct judged j;

	(void)state;
	judge_changed(&j, "load=ext4", "load=ext5");
	assert_problem(&j, "module ext5 is to be loaded at once");
}

static void a_program_to_run_that_is_missing_is_told(void **state)
{
	static const char text[] = "dropin.run=pre-mount 90 required /etc/absent\n"
				   "dropin.run=pre-pivot 90 optional /" BOOTCONF_PATH "\n"
				   "dropin.run=whenever 90 required /init\n"
				   "dropin.run=pre-trigger 1 optional /init\n";
	_cleanup_judged_ struct judged j;

	(void)state;
	judge_with_file(&j, BOOTCONF_PATH, text);
	assert_problem(&j, "/etc/absent is to be run at boot, but is not in the image");
	assert_problem(&j, "/" BOOTCONF_PATH " is to be run at boot, but is not executable");
	assert_problem(&j, "a line \"dropin.run=\" that PID 1 cannot read");
	for (const struct verdict_problem *p = j.v.problems; p; p = p->next)
		assert_null(strstr(p->text, "/init is to be run"));
}

static void so_many_problems_are_counted_but_not_all_kept(void **state)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	_cleanup_judged_ struct judged j;
	size_t kept = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "no/%d", i);
		add_file(&image, name, "");
	}
	judge_ok(&j, &image);
	assert_int_equal(j.v.n_problems, 1001);
	for (const struct verdict_problem *p = j.v.problems; p; p = p->next)
		kept++;
	assert_int_equal(kept, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_passes),
		cmocka_unit_test(another_segment_can_be_appended),
		cmocka_unit_test(the_bytes_do_not_depend_on_threads_or_time),
		cmocka_unit_test(a_module_is_stored_compressed_on_its_own),
		cmocka_unit_test(nothing_of_the_machine_shows_but_names_and_content),
		cmocka_unit_test(a_source_that_cannot_be_read_is_told),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(no_image_is_written_that_readers_do_not_read_to_its_end),
		cmocka_unit_test(what_lies_uncompressed_in_the_image_is_known_by_its_place),
		cmocka_unit_test(any_other_byte_on_the_disk_is_found),
		cmocka_unit_test(a_file_that_is_not_what_the_manifest_says_is_found),
		cmocka_unit_test(an_image_of_another_builder_is_judged_by_its_structure),
		cmocka_unit_test(an_image_without_a_program_to_start_is_told),
		cmocka_unit_test(a_file_before_its_folder_is_told),
		cmocka_unit_test(a_folder_that_the_kernel_leaves_out_is_told),
		cmocka_unit_test(names_that_the_kernel_cannot_make_are_told),
		cmocka_unit_test(a_file_below_what_is_no_folder_is_told),
		cmocka_unit_test(a_folder_that_takes_the_place_of_a_link_is_told),
		cmocka_unit_test(damage_that_stops_reading_is_an_error),
		cmocka_unit_test(changed_content_is_told),
		cmocka_unit_test(what_is_missing_or_added_is_told),
		cmocka_unit_test(a_later_file_of_the_same_name_is_what_counts),
		cmocka_unit_test(another_manifest_than_the_expected_one_is_told),
		cmocka_unit_test(damage_within_our_own_files_is_told),
		cmocka_unit_test(a_module_to_load_that_is_missing_is_told),
		cmocka_unit_test(a_program_to_run_that_is_missing_is_told),
		cmocka_unit_test(so_many_problems_are_counted_but_not_all_kept),
	};

	return RUN_TESTS(tests);
}
