/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading images that break the rules of the kernel's unpacker: each fault is reported.
 */

#include <stdio.h>
#include <unistd.h>

#include "archive.h"
#include "support.h"

static const enum codec codecs[] = {CODEC_GZIP, CODEC_BZIP2, CODEC_LZMA,
				    CODEC_XZ,	CODEC_LZ4,   CODEC_ZSTD};

static void a_plain_segment_must_start_at_a_multiple_of_four(void **state)
{
	(void)state;
	for (size_t off = 1; off < 4; off++) {
		_cleanup_buf_ struct buf first = BUF_INIT, later = BUF_INIT;

		buf_add_zeros(&first, off);
		add_archive(&first, "one");
		assert_broken(&first, "multiple of 4");
		add_packed(&later, CODEC_ZSTD, "one");
		align(&later);
		buf_add_zeros(&later, off);
		add_archive(&later, "two");
		assert_broken(&later, "multiple of 4");
	}
}

static void what_follows_a_plain_segment_must_be_aligned(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++)
		for (size_t off = 1; off < 4; off++) {
			_cleanup_buf_ struct buf b = BUF_INIT;

			add_archive(&b, "one");
			buf_add_zeros(&b, off);
			add_packed(&b, codecs[c], "two");
			assert_broken(&b, "broken padding");
		}
}

static void lz4_needs_four_zeros_behind_it(void **state)
{
	static const enum codec others[] = {CODEC_NONE, CODEC_GZIP, CODEC_BZIP2,
					    CODEC_LZMA, CODEC_XZ,   CODEC_ZSTD};
	static const char *const paths[] = {"one", "one/file", "two", "two/file", NULL};
	_cleanup_buf_ struct buf twice = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_image_ struct image *image = NULL;
		struct err err = {0};

		add_packed(&b, CODEC_LZ4, "one");
		add_packed(&b, others[i], "two");
		image = open_buf(&b);
		assert_fails(read_all_entries(image, &err), -EBADMSG, &err);
	}
	add_packed(&twice, CODEC_LZ4, "one");
	add_packed(&twice, CODEC_LZ4, "two");
	assert_paths(&twice, paths);
}

static void junk_behind_an_image_is_told(void **state)
{
	static const char *const junk[] = {
		"\n", "x", "07", "\x1f\x8b", "\x50\x2a\x4d\x18", "0", "\x04\x22\x4d\x18"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
		_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;
		_cleanup_image_ struct image *a = NULL, *b = NULL;
		struct err err = {0};

		add_archive(&plain, "one");
		buf_add_str(&plain, junk[i]);
		a = open_buf(&plain);
		assert_fails(read_all_entries(a, &err), -EBADMSG, &err);
		add_packed(&packed, CODEC_ZSTD, "one");
		align(&packed);
		buf_add_str(&packed, junk[i]);
		b = open_buf(&packed);
		assert_fails(read_all_entries(b, &err), -EBADMSG, &err);
	}
}

static void junk_at_the_end_of_a_compressed_archive_is_told(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 5; len++) {
		_cleanup_buf_ struct buf archive = BUF_INIT, b = BUF_INIT;
		_cleanup_image_ struct image *image = NULL;
		struct err err = {0};

		add_archive(&archive, "one");
		buf_add(&archive, "07xyz", len);
		add_segment(&b, CODEC_ZSTD, &archive);
		image = open_buf(&b);
		assert_fails(read_all_entries(image, &err), -EBADMSG, &err);
		assert_contains(err.text, "segment 1");
	}
}

static void a_compressed_archive_must_end_with_its_padding(void **state)
{
	_cleanup_buf_ struct buf archive = BUF_INIT;

	(void)state;
	add_file(&archive, "f", "12345");
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		archive.len -= 3;
		add_segment(&b, codecs[c], &archive);
		assert_broken(&b, "padded");
		archive.len += 3;
	}
}

static void a_compressed_image_must_not_start_with_zeros_inside(void **state)
{
	static const char *const paths[] = {"one", "one/file", "two", "two/file", NULL};
	_cleanup_buf_ struct buf archive = BUF_INIT, first = BUF_INIT, later = BUF_INIT;

	(void)state;
	buf_add_zeros(&archive, 8);
	add_archive(&archive, "two");
	add_segment(&first, CODEC_ZSTD, &archive);
	assert_broken(&first, "zeros before the first archive");
	/* The kernel skips them once it has seen an archive. */
	add_packed(&later, CODEC_ZSTD, "one");
	add_segment(&later, CODEC_ZSTD, &archive);
	assert_paths(&later, paths);
}

static void what_a_kernel_would_skip_in_silence_is_told(void **state)
{
	static const uint32_t sizes[] = {0, 4097, 0xffffffff};
	static const char many[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct cpio_header h = {.mode = S_IFREG, .nlink = 1, .namesize = sizes[i]};

		add_raw_header(&b, &h, many, sizeof(many));
		assert_broken(&b, "name");
	}
}

static void a_name_without_its_end_is_damage(void **state)
{
	struct cpio_header h = {.mode = S_IFREG, .nlink = 1, .namesize = 4};
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_raw_header(&b, &h, "abcdefgh", 8);
	assert_broken(&b, "a name without its end");
}

static void an_archive_that_is_cut_short_is_told(void **state)
{
	_cleanup_buf_ struct buf archive = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	struct err err = {0};

	(void)state;
	add_file(&archive, "f", "0123456789");
	archive.len = 115; /* within the data */
	assert_broken(&archive, "cut short within a file's data");
	archive.len = 112;
	archive.data[111] = '\0';
	image = open_buf(&archive);
	assert_ok(image_next(image, &e, &err), 1, &err);
	assert_fails(image_next(image, &e, &err), -EBADMSG, &err);
	archive.len = 60;
	assert_broken(&archive, "cut short within a header");
}

static void sizes_that_lie_do_not_fool_the_reader(void **state)
{
	struct cpio_header h = {.mode = S_IFREG, .nlink = 1, .filesize = 0xffffffff, .namesize = 2};
	_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;

	(void)state;
	add_raw_header(&plain, &h, "f", 2);
	cpio_add_trailer(&plain);
	assert_broken(&plain, "cut short");
	add_segment(&packed, CODEC_XZ, &plain);
	assert_broken(&packed, "cut short");
}

static void what_cannot_be_read_is_said_so(void **state)
{
	static const char start[] = "\x89LZO\0\r\n\x1a\n and so on, to the end of a header";
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	struct err err = {0};

	(void)state;
	buf_add(&b, start, sizeof(start));
	image = open_buf(&b);
#ifdef HAVE_LZO
	assert_fails(image_next(image, &e, &err), -EBADMSG, &err);
#else
	assert_fails(image_next(image, &e, &err), -ENOTSUP, &err);
#endif
	assert_contains(err.text, "lzo");
}

static void garbage_is_no_image(void **state)
{
	static const char *const garbage[] = {"hello", "\177ELF", "#!/bin/sh\n",
					      "0",     "070707",  "\xff"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_image_ struct image *image = NULL;
		struct err err = {0};

		buf_add_str(&b, garbage[i]);
		image = open_buf(&b);
		assert_fails(read_all_entries(image, &err), -EBADMSG, &err);
	}
}

static void the_place_of_a_fault_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0};
	char place[64];

	(void)state;
	add_archive(&b, "one");
	snprintf(place, sizeof(place), "at byte %zu", b.len);
	buf_add_str(&b, "junk");
	image = open_buf(&b);
	assert_fails(read_all_entries(image, &err), -EBADMSG, &err);
	assert_contains(err.text, place);
	assert_contains(err.text, "/proc/self/fd/");
}

static void only_a_regular_file_with_content_is_opened(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_free_ char *fifo = NULL, *empty = NULL, *absent = NULL;
	struct image *image = NULL;
	struct err err = {0};

	(void)state;
	put_text(dir, "empty", "");
	assert_true(asprintf(&fifo, "%s/fifo", dir) > 0);
	assert_true(asprintf(&empty, "%s/empty", dir) > 0);
	assert_true(asprintf(&absent, "%s/absent", dir) > 0);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	assert_fails(image_open(fifo, &image, &err), -EINVAL, &err);
	assert_fails(image_open(dir, &image, &err), -EINVAL, &err);
	assert_fails(image_open(empty, &image, &err), -EBADMSG, &err);
	assert_fails(image_open(absent, &image, &err), -ENOENT, &err);
	assert_null(image);
	image_close(NULL);
}

/* ---- the sweep ---- */

static void check_damaged(uint8_t *data, size_t len, void *arg)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0};
	int r;

	(void)arg;
	if (len == 0)
		return;
	image = open_bytes(data, len);
	r = read_all_entries(image, &err);
	assert_true(r == 0 || r == -EBADMSG || r == -ENOTSUP || r == -E2BIG);
	if (r < 0)
		assert_true(err.code == r && err.text[0]);
}

static void no_damage_to_an_image_is_fatal_to_the_reader(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, small = BUF_INIT;

	(void)state;
	add_file(&b, "f", "abc");
	add_symlink(&b, "l", "f");
	cpio_add_trailer(&b);
	add_file(&small, "g", "x");
	cpio_add_trailer(&small);
	add_segment(&b, CODEC_ZSTD, &small);
	align(&b);
	sweep(b.data, b.len, check_damaged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_segment_must_start_at_a_multiple_of_four),
		cmocka_unit_test(what_follows_a_plain_segment_must_be_aligned),
		cmocka_unit_test(lz4_needs_four_zeros_behind_it),
		cmocka_unit_test(junk_behind_an_image_is_told),
		cmocka_unit_test(junk_at_the_end_of_a_compressed_archive_is_told),
		cmocka_unit_test(a_compressed_archive_must_end_with_its_padding),
		cmocka_unit_test(a_compressed_image_must_not_start_with_zeros_inside),
		cmocka_unit_test(what_a_kernel_would_skip_in_silence_is_told),
		cmocka_unit_test(a_name_without_its_end_is_damage),
		cmocka_unit_test(an_archive_that_is_cut_short_is_told),
		cmocka_unit_test(sizes_that_lie_do_not_fool_the_reader),
		cmocka_unit_test(what_cannot_be_read_is_said_so),
		cmocka_unit_test(garbage_is_no_image),
		cmocka_unit_test(the_place_of_a_fault_is_told),
		cmocka_unit_test(only_a_regular_file_with_content_is_opened),
		cmocka_unit_test(no_damage_to_an_image_is_fatal_to_the_reader),
	};

	return RUN_TESTS(tests);
}
