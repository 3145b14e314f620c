/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading images: what the kernel unpacks.
 */

#include <stdio.h>
#include <unistd.h>

#include "archive.h"
#include "support.h"

static const enum codec codecs[] = {CODEC_GZIP, CODEC_BZIP2, CODEC_LZMA,
				    CODEC_XZ,	CODEC_LZ4,   CODEC_ZSTD};

static void a_plain_archive_is_read_entry_by_entry(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	const struct image_segment *segments;
	struct image_entry e;
	struct err err = {0};
	char data[16] = "";
	size_t n;

	(void)state;
	add_archive(&b, "one");
	image = open_buf(&b);
	assert_ok(image_next(image, &e, &err), 1, &err);
	assert_string_equal(e.name, "one");
	assert_int_equal(e.header.mode, S_IFDIR | 0755);
	assert_int_equal(image_read(image, data, sizeof(data), &err), 0);
	assert_ok(image_next(image, &e, &err), 1, &err);
	assert_string_equal(e.path, "one/file");
	assert_int_equal(e.segment, 0);
	assert_int_equal(image_read(image, data, 2, &err), 2);
	assert_int_equal(image_read(image, data + 2, sizeof(data), &err), 1);
	assert_string_equal(data, "one");
	assert_int_equal(image_read(image, data, sizeof(data), &err), 0);
	assert_ok(image_next(image, &e, &err), 0, &err);
	segments = image_segments(image, &n);
	assert_int_equal(n, 1);
	assert_int_equal(segments[0].codec, CODEC_NONE);
	assert_int_equal(segments[0].offset, 0);
	assert_int_equal(segments[0].size, b.len);
	assert_int_equal(segments[0].plain, b.len);
	assert_int_equal(segments[0].entries, 2);
	assert_int_equal(image_size(image), b.len);
}

static void any_segment_may_follow_any_other_when_aligned(void **state)
{
	static const enum codec all[] = {CODEC_NONE, CODEC_GZIP, CODEC_BZIP2, CODEC_LZMA,
					 CODEC_XZ,   CODEC_LZ4,	 CODEC_ZSTD};
	static const char *const paths[] = {"one", "one/file", "two", "two/file", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			_cleanup_buf_ struct buf b = BUF_INIT;

			add_packed(&b, all[i], "one");
			if (all[i] == CODEC_LZ4)
				buf_add_zeros(&b, 4);
			align(&b);
			add_packed(&b, all[k], "two");
			assert_paths(&b, paths);
		}
}

static void each_segment_is_told_with_its_place(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	const struct image_segment *segments;
	struct err err = {0};
	size_t second, third, n;

	(void)state;
	add_archive(&b, "one");
	buf_add_zeros(&b, 400);
	second = b.len;
	add_packed(&b, CODEC_ZSTD, "two");
	buf_add_zeros(&b, 7);
	third = b.len;
	add_packed(&b, CODEC_XZ, "three");
	image = open_buf(&b);
	assert_ok(read_all_entries(image, &err), 0, &err);
	segments = image_segments(image, &n);
	assert_int_equal(n, 3);
	assert_int_equal(segments[1].codec, CODEC_ZSTD);
	assert_int_equal(segments[1].offset, second);
	assert_int_equal(segments[1].size, third - 7 - second);
	assert_int_equal(segments[1].entries, 2);
	assert_int_equal(segments[2].codec, CODEC_XZ);
	assert_int_equal(segments[2].offset, third);
	assert_int_equal(segments[2].size, b.len - third);
}

static void compressed_segments_may_touch_at_any_byte(void **state)
{
	static const enum codec ends[] = {CODEC_GZIP, CODEC_BZIP2, CODEC_LZMA, CODEC_XZ,
					  CODEC_ZSTD};
	static const char *const paths[] = {"one", "one/file", "two", "two/file", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		for (size_t k = 0; k < ARRAY_SIZE(codecs); k++)
			for (size_t zeros = 0; zeros < 4; zeros++) {
				_cleanup_buf_ struct buf b = BUF_INIT;

				add_packed(&b, ends[i], "one");
				buf_add_zeros(&b, zeros);
				add_packed(&b, codecs[k], "two");
				assert_paths(&b, paths);
			}
}

static void the_trailer_may_be_missing(void **state)
{
	static const char *const paths[] = {"a", "b", NULL};
	_cleanup_buf_ struct buf archive = BUF_INIT, packed = BUF_INIT;

	(void)state;
	add_file(&archive, "a", "1");
	add_file(&archive, "b", "22");
	assert_paths(&archive, paths);
	add_segment(&packed, CODEC_ZSTD, &archive);
	assert_paths(&packed, paths);
}

static void a_plain_archive_may_end_without_its_padding(void **state)
{
	static const char *const paths[] = {"f", NULL};

	(void)state;
	for (size_t missing = 1; missing <= 3; missing++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_image_ struct image *image = NULL;
		const struct image_segment *segments;
		struct err err = {0};
		size_t n;

		add_file(&b, "f", "12345");
		b.len -= missing;
		assert_paths(&b, paths);
		image = open_buf(&b);
		assert_ok(read_all_entries(image, &err), 0, &err);
		segments = image_segments(image, &n);
		assert_int_equal(n, 1);
		assert_int_equal(segments[0].size, b.len); /* no more than there is */
	}
}

static void entries_behind_a_trailer_are_read_on(void **state)
{
	static const char *const paths[] = {"one", "one/file", "two", "two/file", NULL};
	_cleanup_buf_ struct buf archive = BUF_INIT, packed = BUF_INIT;

	(void)state;
	add_archive(&archive, "one");
	buf_add_zeros(&archive, 8);
	add_archive(&archive, "two");
	assert_paths(&archive, paths);
	add_segment(&packed, CODEC_GZIP, &archive);
	assert_paths(&packed, paths);
}

static void a_trailer_may_have_a_body_and_its_name_a_folder(void **state)
{
	static const char *const paths[] = {"x", "x/TRAILER!!!", "last", NULL};
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_dir(&b, "x");
	add_file(&b, "x/" CPIO_TRAILER, "a file");
	add_file(&b, CPIO_TRAILER, "a body that is skipped");
	add_file(&b, "last", "");
	assert_paths(&b, paths);
}

static void zeros_in_front_of_an_image_are_skipped(void **state)
{
	static const char *const paths[] = {"one", "one/file", NULL};
	_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;

	(void)state;
	buf_add_zeros(&plain, 512);
	add_archive(&plain, "one");
	buf_add_zeros(&plain, 1000);
	assert_paths(&plain, paths);
	buf_add_zeros(&packed, 513);
	add_packed(&packed, CODEC_ZSTD, "one");
	assert_paths(&packed, paths);
}

static void leading_slashes_and_dots_are_not_part_of_the_path(void **state)
{
	static const char *const paths[] = {"etc/passwd", "a",	  "b",	     ".", ".",
					    "..",	  "../x", ".hidden", NULL};
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_file(&b, "/etc/passwd", "");
	add_file(&b, "./a", "");
	add_file(&b, "//.//./b", "");
	add_dir(&b, ".");
	add_dir(&b, "/");
	add_dir(&b, "..");
	add_file(&b, "/./../x", "");
	add_file(&b, ".hidden", "");
	assert_paths(&b, paths);
}

static void a_name_may_be_filled_up_with_zeros(void **state)
{
	static const char *const paths[] = {"padded", NULL};
	struct cpio_header h = {
		.mode = S_IFREG | 0644, .nlink = 1, .filesize = 4, .namesize = 3986};
	_cleanup_buf_ struct buf b = BUF_INIT;
	char name[3986] = "padded";

	(void)state;
	add_raw_header(&b, &h, name, sizeof(name));
	assert_int_equal(b.len, 4096);
	buf_add_str(&b, "data");
	cpio_add_trailer(&b);
	assert_paths(&b, paths);
}

static void names_of_up_to_4095_bytes_are_read(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	char name[CPIO_NAME_MAX];
	struct image_entry e;
	struct err err = {0};

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	add_file(&b, name, "x");
	image = open_buf(&b);
	assert_ok(image_next(image, &e, &err), 1, &err);
	assert_string_equal(e.name, name);
}

static void a_boot_configuration_behind_the_image_is_cut_off(void **state)
{
	static const char *const paths[] = {"one", "one/file", NULL};
	static const char conf[] = "kernel.x = 1\n";
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	uint32_t sum = 0;
	size_t before;

	(void)state;
	add_packed(&b, CODEC_ZSTD, "one");
	before = b.len;
	for (size_t i = 0; i < sizeof(conf); i++)
		sum += (uint8_t)conf[i];
	buf_add(&b, conf, sizeof(conf));
	buf_add_u32le(&b, sizeof(conf));
	buf_add_u32le(&b, sum);
	buf_add_str(&b, "#BOOTCONFIG\n");
	assert_paths(&b, paths);
	image = open_buf(&b);
	assert_int_equal(image_size(image), before);
}

static void a_boot_configuration_larger_than_the_image_is_no_such_thing(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;

	(void)state;
	add_packed(&b, CODEC_GZIP, "one");
	buf_add_u32le(&b, (uint32_t)b.len + 1);
	buf_add_u32le(&b, 0);
	buf_add_str(&b, "#BOOTCONFIG\n");
	image = open_buf(&b);
	assert_int_equal(image_size(image), b.len);
	assert_broken(&b, "its size or sum is wrong");
}

static void reading_ends_where_it_was_limited(void **state)
{
	_cleanup_buf_ struct buf zeros = BUF_INIT, archive = BUF_INIT, packed = BUF_INIT;
	const struct buf *images[] = {&packed, &zeros};
	struct err err = {0};

	(void)state;
	buf_add_zeros(&zeros, 1 << 20);
	add_entry(&archive, "zeros", S_IFREG | 0644, zeros.data, zeros.len);
	add_segment(&packed, CODEC_ZSTD, &archive); /* they are skipped behind the header, */
	add_archive(&zeros, "one");		    /* and in front of an archive */
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t limit = 1 << 19; limit <= 1 << 22; limit *= 8) {
			_cleanup_image_ struct image *image = open_buf(images[i]);
			struct image_entry e;
			int r;

			image_limit_work(image, limit);
			while ((r = image_next(image, &e, &err)) > 0)
				;
			assert_int_equal(r, limit < 1 << 20 ? -E2BIG : 0);
			err = (struct err){0};
		}
	}
}

/* What is no header ends the first piece that is read, and more is needed to see what it is. */
static void the_limit_is_the_reason_wherever_it_is_reached(void **state)
{
	enum { PIECE = 256 * 1024, ENTRY = 112, BEFORE = 112 };
	_cleanup_buf_ struct buf zeros = BUF_INIT, b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0}, again = {0};
	struct image_entry e;
	char byte;

	(void)state;
	buf_add_zeros(&zeros, PIECE - ENTRY - BEFORE);
	add_entry(&b, "x", S_IFREG | 0644, zeros.data, zeros.len);
	assert_int_equal(b.len, PIECE - BEFORE);
	buf_add_str(&b, "0 is no header");
	buf_add_zeros(&b, 4096);
	image = open_buf(&b);
	image_limit_work(image, PIECE);
	assert_int_equal(image_next(image, &e, &err), 1);
	assert_int_equal(image_next(image, &e, NULL), -E2BIG);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(image_next(image, &e, &err), -E2BIG);
		assert_non_null(strstr(err.text, "segment 1 at byte 262"));
		assert_non_null(strstr(err.text, "to read and decompress"));
		assert_non_null(strstr(err.hint, "unpack it with"));
	}
	assert_int_equal(image_read(image, &byte, 1, &again), -E2BIG);
	assert_string_equal(again.text, err.text);
}

static void an_error_is_final(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct err err = {0}, again = {0};
	struct image_entry e;

	(void)state;
	add_file(&b, "one", "1");
	buf_add_str(&b, "0 is no header, and it is as long as one, which has a hundred and ten bytes. Four "
			"bytes more are read each time!");
	align(&b);
	add_archive(&b, "two");
	image = open_buf(&b);
	assert_int_equal(image_next(image, &e, &err), 1);
	assert_int_equal(image_next(image, &e, &err), -EBADMSG);
	assert_int_equal(image_next(image, &e, &again), -EBADMSG);
	assert_string_equal(again.text, err.text);
}

static void a_sum_over_the_data_is_checked(void **state)
{
	struct cpio_header h = {.mode = S_IFREG | 0644,
				.nlink = 1,
				.filesize = 3,
				.check = 'a' + 'b' + 'c',
				.has_check = true};
	static const char *const paths[] = {"f", NULL};
	_cleanup_buf_ struct buf good = BUF_INIT, bad = BUF_INIT, none = BUF_INIT;

	(void)state;
	cpio_add_header(&good, &h, "f");
	buf_add(&good, "abc", 4);
	cpio_add_trailer(&good);
	assert_paths(&good, paths);
	cpio_add_header(&bad, &h, "f");
	buf_add(&bad, "abd", 4);
	cpio_add_trailer(&bad);
	assert_broken(&bad, "sum");
	/* A sum of 0 is none in the kernel's eyes only with the other magic. */
	h.check = 0;
	cpio_add_header(&none, &h, "f");
	buf_add(&none, "abc", 4);
	assert_broken(&none, "sum");
}

static void a_sum_is_checked_even_when_nobody_reads_the_data(void **state)
{
	struct cpio_header h = {
		.mode = S_IFREG | 0644, .nlink = 1, .filesize = 3, .check = 1, .has_check = true};
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	struct err err = {0};

	(void)state;
	cpio_add_header(&b, &h, "f");
	buf_add(&b, "abc", 4);
	cpio_add_trailer(&b);
	image = open_buf(&b);
	assert_ok(image_next(image, &e, &err), 1, &err);
	assert_fails(image_next(image, &e, &err), -EBADMSG, &err);
	assert_contains(err.text, "f: the data's sum");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_archive_is_read_entry_by_entry),
		cmocka_unit_test(any_segment_may_follow_any_other_when_aligned),
		cmocka_unit_test(each_segment_is_told_with_its_place),
		cmocka_unit_test(compressed_segments_may_touch_at_any_byte),
		cmocka_unit_test(the_trailer_may_be_missing),
		cmocka_unit_test(a_plain_archive_may_end_without_its_padding),
		cmocka_unit_test(entries_behind_a_trailer_are_read_on),
		cmocka_unit_test(a_trailer_may_have_a_body_and_its_name_a_folder),
		cmocka_unit_test(zeros_in_front_of_an_image_are_skipped),
		cmocka_unit_test(leading_slashes_and_dots_are_not_part_of_the_path),
		cmocka_unit_test(a_name_may_be_filled_up_with_zeros),
		cmocka_unit_test(names_of_up_to_4095_bytes_are_read),
		cmocka_unit_test(a_boot_configuration_behind_the_image_is_cut_off),
		cmocka_unit_test(a_boot_configuration_larger_than_the_image_is_no_such_thing),
		cmocka_unit_test(reading_ends_where_it_was_limited),
		cmocka_unit_test(the_limit_is_the_reason_wherever_it_is_reached),
		cmocka_unit_test(an_error_is_final),
		cmocka_unit_test(a_sum_over_the_data_is_checked),
		cmocka_unit_test(a_sum_is_checked_even_when_nobody_reads_the_data),
	};

	return RUN_TESTS(tests);
}
