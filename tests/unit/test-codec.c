/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cpio headers, compressed streams, digests: what is written can be read, and damage is
 * reported.
 */

#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "format/kernel/cpio.h"
#include "format/codec/decode_all.h"
#include "format/codec/encode.h"
#include "format/ours/ready.h"
#include "format/codec/unpack.h"
#include "base/digest.h"
#include "support.h"

enum { PLAIN_MAX = 32 * 1024 * 1024 };

/* All but none. Whether lzo is built in is up to the machine. */
static const enum codec all[] = {
	CODEC_GZIP, CODEC_BZIP2, CODEC_LZMA, CODEC_XZ, CODEC_LZ4, CODEC_ZSTD,
#ifdef HAVE_LZO
	CODEC_LZO,
#endif
};

/* The levels of each. */
static const struct {
	enum codec codec;
	int low, high;
} levels[] = {
	{CODEC_GZIP, 1, 9}, {CODEC_BZIP2, 1, 9}, {CODEC_LZMA, 1, 9},
	{CODEC_XZ, 1, 9},   {CODEC_LZ4, 1, 12},	 {CODEC_ZSTD, 1, 19},
#ifdef HAVE_LZO
	{CODEC_LZO, 1, 9},
#endif
};

/* ---- cpio ---- */

static void a_header_reads_back_as_it_was_written(void **state)
{
	const struct cpio_header h = {.ino = 0xffffffff,
				      .mode = S_IFREG | 0755,
				      .uid = 1,
				      .gid = 2,
				      .nlink = 3,
				      .mtime = 0x12345678,
				      .filesize = 0xfedcba98,
				      .major = 4,
				      .minor = 5,
				      .rmajor = 6,
				      .rminor = 0xfffff,
				      .check = 7,
				      .has_check = true};
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cpio_header got = {0};
	struct err err = {0};

	(void)state;
	cpio_add_header(&b, &h, "usr/bin/x");
	assert_int_equal(b.len, 120);
	assert_memory_equal(b.data, "070702", 6);
	assert_string_equal((char *)b.data + CPIO_HEADER_SIZE, "usr/bin/x");
	assert_ok(cpio_decode_header(b.data, &got, &err), 0, &err);
	assert_int_equal(got.namesize, 10);
	got.namesize = 0;
	assert_memory_equal(&got, &h, sizeof(h));
}

static void name_and_header_end_at_a_multiple_of_four(void **state)
{
	(void)state;
	for (int len = 1; len < 20; len++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct cpio_header h = {.nlink = 1};
		char name[32];

		snprintf(name, sizeof(name), "%.*s", len, "abcdefghijklmnopqrstuvwxyz");
		cpio_add_header(&b, &h, name);
		assert_int_equal(b.len % 4, 0);
		assert_true(b.len >= (size_t)(CPIO_HEADER_SIZE + len + 1));
		assert_true(b.len < (size_t)(CPIO_HEADER_SIZE + len + 1 + 4));
	}
}

static void an_archive_ends_with_its_trailer(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cpio_header h;
	struct err err = {0};

	(void)state;
	cpio_add_trailer(&b);
	assert_ok(cpio_decode_header(b.data, &h, &err), 0, &err);
	assert_string_equal((char *)b.data + CPIO_HEADER_SIZE, CPIO_TRAILER);
	assert_int_equal(h.filesize, 0);
	assert_int_equal(b.len, 124);
}

static void both_cases_of_hexadecimal_are_read(void **state)
{
	char raw[CPIO_HEADER_SIZE + 1];
	struct cpio_header h;
	struct err err = {0};

	(void)state;
	snprintf(raw, sizeof(raw), "070701abcdefABABCDEFab%088d", 0);
	assert_ok(cpio_decode_header(raw, &h, &err), 0, &err);
	assert_true(h.ino == 0xabcdefab && h.mode == 0xabcdefab);
	assert_false(h.has_check);
}

static void a_field_that_is_not_eight_digits_is_damage(void **state)
{
	static const char bad[] = " -+xg/:@`G\n";
	struct cpio_header h = {.ino = 77};
	struct err err = {0};
	char raw[CPIO_HEADER_SIZE + 1];

	(void)state;
	snprintf(raw, sizeof(raw), "070701%0104d", 0);
	for (size_t at = 6; at < CPIO_HEADER_SIZE; at++)
		for (size_t k = 0; k < sizeof(bad); k++) { /* its NUL too */
			raw[at] = bad[k];
			assert_fails(cpio_decode_header(raw, &h, &err), -EBADMSG, &err);
			raw[at] = '0';
		}
	assert_int_equal(h.ino, 77);
}

static void other_archive_formats_are_told_apart(void **state)
{
	static const char *const magics[] = {"070707", "070703", "070700", "!<arch",
					     "\x71\xc7\1\0\0\0"};
	struct cpio_header h;
	struct err err = {0};
	char raw[CPIO_HEADER_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		snprintf(raw, sizeof(raw), "070701%0104d", 0);
		memcpy(raw, magics[i], 6);
		assert_fails(cpio_decode_header(raw, &h, &err), -EBADMSG, &err);
	}
}

/* ---- names of codecs ---- */

static void every_codec_is_found_by_its_name(void **state)
{
	(void)state;
	for (int c = 0; c < CODEC_COUNT; c++) {
		assert_non_null(codec_info((enum codec)c)->name);
		assert_int_equal(codec_by_name(codec_info((enum codec)c)->name), c);
	}
	assert_int_equal(codec_by_name("zst"), CODEC_COUNT);
	assert_int_equal(codec_by_name(""), CODEC_COUNT);
	assert_int_equal(codec_by_name("ZSTD"), CODEC_COUNT);
}

static void a_module_file_tells_its_codec_by_suffix(void **state)
{
	(void)state;
	assert_int_equal(codec_by_suffix("kernel/fs/ext4.ko"), CODEC_NONE);
	assert_int_equal(codec_by_suffix("ext4.ko.xz"), CODEC_XZ);
	assert_int_equal(codec_by_suffix("ext4.ko.zst"), CODEC_ZSTD);
	assert_int_equal(codec_by_suffix("ext4.ko.gz"), CODEC_GZIP);
	assert_int_equal(codec_by_suffix("ext4.xz.ko"), CODEC_NONE);
	assert_int_equal(codec_by_suffix(""), CODEC_NONE);
}

static void a_codec_is_detected_by_two_bytes(void **state)
{
	static const struct {
		const char *start;
		enum codec codec;
	} cases[] = {
		{"\x1f\x8b", CODEC_GZIP},
		{"BZ", CODEC_BZIP2},
		{"\x5d\x00", CODEC_LZMA},
		{"\xfd"
		 "7",
		 CODEC_XZ},
		{"\x89L", CODEC_LZO},
		{"\x02\x21", CODEC_LZ4},
		{"\x28\xb5", CODEC_ZSTD},
		{"\x04\x22", CODEC_NONE},
		{"\x00\x00", CODEC_NONE},
		{"07", CODEC_NONE},
		{"\x50\x2a", CODEC_NONE},
		{"\x1f\x9e", CODEC_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(codec_detect(cases[i].start, 2), cases[i].codec);
		assert_int_equal(codec_detect(cases[i].start, 1), CODEC_NONE);
	}
	assert_int_equal(codec_detect("", 0), CODEC_NONE);
}

/* ---- streams ---- */

static void add_plain(struct buf *out, size_t len)
{
	uint32_t seed = 1;

	while (out->len < len) {
		uint32_t r = next_random(&seed);

		buf_printf(out, "line %u of some text %c\n", r % 97, 'a' + (int)(r % 23));
	}
	out->len = len;
	assert_int_equal(buf_status(out), 0);
}

static void add_stream(struct buf *out, enum codec codec, const struct buf *plain)
{
	struct err err = {0};

	assert_ok(encode(codec, NULL, plain->data, plain->len, out, &err), 0, &err);
}

static void check_round_trip(enum codec codec, size_t len)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT, got = BUF_INIT;
	struct err err = {0};
	size_t taken = 0, stream;

	add_plain(&plain, len);
	add_stream(&packed, codec, &plain);
	stream = packed.len;
	assert_int_equal(codec_detect(packed.data, packed.len), codec);
	/* What follows belongs to somebody else; four zeros end an lz4 stream. */
	if (codec == CODEC_LZ4)
		buf_add_zeros(&packed, 4);
	buf_add_str(&packed, "behind");
	buf_add_str(&got, "before");
	assert_ok(unpack(decoder_find(codec), packed.data, packed.len, len, &got, &taken, &err), 0,
		  &err);
	assert_int_equal(taken, stream + (codec == CODEC_LZ4 ? 4 : 0));
	assert_int_equal(got.len, len + 6);
	assert_memory_equal(got.data, "before", 6);
	if (len)
		assert_memory_equal(got.data + 6, plain.data, len);
}

static void what_was_packed_unpacks_to_the_same(void **state)
{
	static const size_t sizes[] = {0, 1, 3, 1000, 300 * 1024};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(all); c++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			check_round_trip(all[c], sizes[i]);
	/* Over the border of lz4's chunks. */
	check_round_trip(CODEC_LZ4, 8 * 1024 * 1024 + 1);
}

static void a_stream_that_is_too_large_is_refused(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(all); c++) {
		_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT, got = BUF_INIT;
		struct err err = {0};

		buf_add_zeros(&plain, 4 * 1024 * 1024);
		add_stream(&packed, all[c], &plain);
		assert_true(packed.len < plain.len / 100);
		assert_fails(unpack(decoder_find(all[c]), packed.data, packed.len, plain.len - 1,
				    &got, NULL, &err),
			     -E2BIG, &err);
		assert_true(got.len < 3 * plain.len);
	}
}

struct packed {
	enum codec codec;
	const struct buf *plain;
	bool has_sum; /* damage cannot go unseen */
};

static int unpack_one(const struct packed *p, const uint8_t *data, size_t len, struct buf *got,
		      struct err *err)
{
	size_t taken = 0;
	int r = unpack(decoder_find(p->codec), data, len, PLAIN_MAX, got, &taken, err);

	assert_true(r == 0 || r == -EBADMSG || r == -E2BIG);
	if (r < 0)
		assert_int_equal(err->code, r);
	else
		assert_true(taken <= len);
	return r;
}

static void check_truncated(uint8_t *data, size_t len, void *arg)
{
	const struct packed *p = arg;
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct err err = {0};
	int r = unpack_one(p, data, len, &got, &err);

	/* An lz4 stream has no end mark: it may end where a chunk does. */
	if (p->codec != CODEC_LZ4)
		assert_int_equal(r, -EBADMSG);
	else if (r == 0)
		assert_int_equal(got.len, 0);
}

static void check_flipped(uint8_t *data, size_t len, void *arg)
{
	const struct packed *p = arg;
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct err err = {0};

	if (unpack_one(p, data, len, &got, &err) < 0 || !p->has_sum)
		return;
	/* A length of 0 in an lzo stream is its end; what follows is for the next segment. */
	if (p->codec == CODEC_LZO && got.len == 0)
		return;
	assert_int_equal(got.len, p->plain->len);
	assert_memory_equal(got.data, p->plain->data, got.len);
}

static void damage_to_a_stream_is_told(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(all); c++) {
		_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;
		struct packed p = {all[c], &plain, all[c] != CODEC_LZ4 && all[c] != CODEC_LZMA};

		add_plain(&plain, 150);
		add_stream(&packed, all[c], &plain);
		sweep_truncations(packed.data, packed.len, check_truncated, &p);
		sweep_bytes(packed.data, packed.len, check_flipped, &p);
	}
}

static void lz4_ends_at_a_chunk_of_no_bytes_or_at_the_end(void **state)
{
	static const uint8_t two[] = {2, 0x21, 0x4c, 0x18, 2, 0, 0, 0, 0x10, 'a',
				      2, 0x21, 0x4c, 0x18, 2, 0, 0, 0, 0x10, 'b',
				      0, 0,    0,    0,	   2, 0, 0, 0, 0x10, 'c'};
	static const uint8_t wrong[] = {2, 0x21, 0x4c, 0x18, 0xff, 0xff, 0xff, 0x7f};
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct err err = {0};
	size_t taken = 0;

	(void)state;
	assert_ok(unpack(&decode_lz4, two, sizeof(two), 10, &got, &taken, &err), 0, &err);
	assert_string_equal(buf_cstr(&got), "ab");
	assert_int_equal(taken, 24);
	got.len = 0;
	assert_ok(unpack(&decode_lz4, two, 10, 10, &got, &taken, &err), 0, &err);
	assert_string_equal(buf_cstr(&got), "a");
	assert_fails(unpack(&decode_lz4, wrong, sizeof(wrong), 10, &got, NULL, &err), -EBADMSG,
		     &err);
}

static void gzip_headers_that_no_kernel_reads_are_refused(void **state)
{
	/* FTEXT and FNAME are skipped; FHCRC, FEXTRA, FCOMMENT and reserved bits are errors. */
	static const uint8_t good[] = {0, 1, 8, 9}, bad[] = {2, 4, 16, 32, 64, 128, 10, 12};
	_cleanup_buf_ struct buf packed = BUF_INIT;
	struct err err = {0};

	(void)state;
	assert_ok(encode(CODEC_GZIP, NULL, "abc", 3, &packed, &err), 0, &err);
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		bool is_good = i < ARRAY_SIZE(good);
		uint8_t flags = is_good ? good[i] : bad[i - ARRAY_SIZE(good)];
		_cleanup_buf_ struct buf b = BUF_INIT, got = BUF_INIT;

		buf_add(&b, packed.data, 10);
		b.data[3] = flags;
		if (flags & 8)
			buf_add(&b, "name", 5);
		buf_add(&b, packed.data + 10, packed.len - 10);
		if (is_good) {
			assert_ok(unpack(&decode_gzip, b.data, b.len, 100, &got, NULL, &err), 0,
				  &err);
			assert_string_equal(buf_cstr(&got), "abc");
		} else {
			assert_fails(unpack(&decode_gzip, b.data, b.len, 100, &got, NULL, &err),
				     -EBADMSG, &err);
		}
	}
}

static void an_xz_check_that_no_kernel_reads_is_refused(void **state)
{
	static const struct {
		lzma_check check;
		int result;
	} cases[] = {{LZMA_CHECK_NONE, 0},
		     {LZMA_CHECK_CRC32, 0},
		     {LZMA_CHECK_CRC64, -EBADMSG},
		     {LZMA_CHECK_SHA256, -EBADMSG}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct err err = {0};
		uint8_t packed[200];
		size_t len = 0;

		assert_int_equal(lzma_easy_buffer_encode(1, cases[i].check, NULL,
							 (const uint8_t *)"abc", 3, packed, &len,
							 sizeof(packed)),
				 LZMA_OK);
		assert_ok(unpack(&decode_xz, packed, len, 100, &got, NULL, &err), cases[i].result,
			  &err);
		if (cases[i].result < 0)
			assert_contains(err.text, "integrity check");
	}
}

static void an_xz_stream_that_wants_too_much_memory_is_refused(void **state)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	lzma_options_lzma opt;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_stream s = LZMA_STREAM_INIT;
	struct err err = {0};
	uint8_t packed[200];

	(void)state;
	assert_false(lzma_lzma_preset(&opt, 0));
	/* The header alone says so: a small encoder's stream with a large dictionary written in. */
	opt.dict_size = 4096;
	assert_int_equal(lzma_stream_encoder(&s, filters, LZMA_CHECK_NONE), LZMA_OK);
	s.next_in = (const uint8_t *)"abc";
	s.avail_in = 3;
	s.next_out = packed;
	s.avail_out = sizeof(packed);
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&s);
	/* Block header: size, flags, filter 0x21, one byte of properties, 40: 4 GiB; its CRC32. */
	assert_int_equal(packed[14], 0x21);
	packed[16] = 40;
	uint32_t sum = lzma_crc32(packed + 12, 8, 0);

	put_le32(packed + 20, sum);
	assert_fails(unpack(&decode_xz, packed, s.total_out, 100, &got, NULL, &err), -E2BIG, &err);
}

static void a_zstd_window_over_the_kernels_limit_is_refused(void **state)
{
	/* Magic, no flags, window of 2^(10 + n), one last block of no bytes. */
	uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0};

	(void)state;
	for (unsigned log = 10; log <= 31; log++) {
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct err err = {0};

		frame[5] = (uint8_t)((log - 10) << 3);
		if (log <= DECODE_WINDOW_LOG_MAX)
			assert_ok(unpack(&decode_zstd, frame, sizeof(frame), 10, &got, NULL, &err),
				  0, &err);
		else
			assert_fails(
				unpack(&decode_zstd, frame, sizeof(frame), 10, &got, NULL, &err),
				-E2BIG, &err);
	}
}

static void what_cannot_be_read_has_no_decoder(void **state)
{
	(void)state;
	assert_null(decoder_find(CODEC_NONE));
	assert_null(decoder_find(CODEC_COUNT));
	for (size_t c = 0; c < ARRAY_SIZE(all); c++)
		assert_non_null(decoder_find(all[c]));
}

static void the_number_of_threads_does_not_show_in_the_bytes(void **state)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;

	(void)state;
	add_plain(&plain, 256 * 1024);
	while (plain.len < 17 * 1024 * 1024) {
		assert_int_equal(buf_reserve(&plain, 256 * 1024), 0);
		buf_add(&plain, plain.data, 256 * 1024);
	}
	for (size_t c = 0; c < ARRAY_SIZE(all); c++) {
		struct encode_options o = {.level = 1, .threads = 1};
		_cleanup_buf_ struct buf one = BUF_INIT, got = BUF_INIT;
		struct err err = {0};

		/* xz splits large data into blocks. */
		plain.len = all[c] == CODEC_XZ ? 17 * 1024 * 1024 : 3 * 1024 * 1024;
		assert_ok(encode(all[c], &o, plain.data, plain.len, &one, &err), 0, &err);
		assert_ok(unpack(decoder_find(all[c]), one.data, one.len, plain.len, &got, NULL,
				 &err),
			  0, &err);
		assert_int_equal(got.len, plain.len);
		assert_memory_equal(got.data, plain.data, got.len);
		for (o.threads = 0; o.threads <= 4; o.threads += 2) {
			_cleanup_buf_ struct buf other = BUF_INIT;

			assert_ok(encode(all[c], &o, plain.data, plain.len, &other, &err), 0, &err);
			assert_int_equal(other.len, one.len);
			assert_memory_equal(other.data, one.data, one.len);
		}
	}
}

/* What a boot loader or a user appends to an image wants to be aligned, and zstd wants no zeros
 * behind its frame. */
static void a_zstd_stream_is_aligned_whatever_is_in_it(void **state)
{
	static const size_t sizes[] = {0, 1, 200, 255, 256, 257, 65535, 65791, 65792, 299000};
	_cleanup_buf_ struct buf plain = BUF_INIT;

	(void)state;
	add_plain(&plain, 300 * 1024);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t more = 0; more < 16; more++) {
			_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
			struct encode_options o = {.level = 1, .threads = 1};
			size_t size = sizes[i] + more * 3;
			struct err err = {0};

			assert_ok(encode(CODEC_ZSTD, &o, plain.data, size, &packed, &err), 0, &err);
			assert_int_equal(packed.len % 4, 0);
			assert_ok(unpack(decoder_find(CODEC_ZSTD), packed.data, packed.len, size, &got,
					 NULL, &err),
				  0, &err);
			assert_int_equal(got.len, size);
			if (size)
				assert_memory_equal(got.data, plain.data, size);
		}
}

static void every_level_unpacks_to_the_same(void **state)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;

	(void)state;
	add_plain(&plain, 300 * 1024);
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		for (int level = levels[i].low; level <= levels[i].high; level++) {
			_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
			struct encode_options o = {.level = level};
			struct err err = {0};

			assert_ok(encode(levels[i].codec, &o, plain.data, plain.len, &packed, &err),
				  0, &err);
			assert_true(packed.len < plain.len);
			assert_ok(unpack(decoder_find(levels[i].codec), packed.data, packed.len,
					 plain.len, &got, NULL, &err),
				  0, &err);
			assert_int_equal(got.len, plain.len);
			assert_memory_equal(got.data, plain.data, got.len);
		}
}

static void a_level_that_a_codec_does_not_have_is_refused(void **state)
{
	static const struct encode_options any = {.level = 1};
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		const int bad[] = {-1, levels[i].high + 1, INT_MAX, INT_MIN};

		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			struct encode_options o = {.level = bad[k]};
			char range[32];

			assert_fails(encode(levels[i].codec, &o, "x", 1, &out, &err), -EINVAL,
				     &err);
			snprintf(range, sizeof(range), "levels %d to %d", levels[i].low,
				 levels[i].high);
			assert_contains(err.text, range);
		}
		assert_int_equal(out.len, 0);
	}
	assert_fails(encode(CODEC_NONE, &any, "x", 1, &out, &err), -EINVAL, &err);
}

static void what_cannot_be_written_is_said_so(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = {0};

	(void)state;
	assert_false(encode_supported(CODEC_COUNT));
	for (int c = CODEC_NONE; c < CODEC_COUNT; c++) {
		bool known = c == CODEC_NONE;

		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			known = known || (int)all[i] == c;
		assert_int_equal(encode_supported((enum codec)c), known);
		if (!known)
			assert_fails(encode((enum codec)c, NULL, "x", 1, &out, &err), -ENOTSUP,
				     &err);
	}
	assert_ok(encode(CODEC_NONE, NULL, "plain", 5, &out, &err), 0, &err);
	assert_string_equal(buf_cstr(&out), "plain");
}

static void a_codec_is_asked_for_with_its_level(void **state)
{
	static const char *const bad[] = {
		"",	    ":",	"zst",	   "zstd:",   "zstd:0",
		"zstd:20",  "zstd:-1",	"zstd:+1", "zstd: 1", "zstd:1 ",
		"zstd:x",   "zstd:1:1", "xz:10",   "gzip:0",  "none:",
		"none:1",   "auto:",	"auto:1",  "ZSTD",    "zstd:0x1",
		"bzip2:10", "lzma:10",	"lz4:13",  "zstdx",   "zstd:99999999999999999999",
		"autox",    " zstd",
	};
	enum codec codec = CODEC_COUNT;
	struct err err = {0};
	int level = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(encode_parse(bad[i], &codec, &level, &err), -EINVAL, &err);
	assert_true(codec == CODEC_COUNT && level == -1);
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		for (int n = 0; n <= levels[i].high; n++) {
			char text[32];

			snprintf(text, sizeof(text), n ? "%s:%d" : "%s",
				 codec_info(levels[i].codec)->name, n);
			assert_ok(encode_parse(text, &codec, &level, &err), 0, &err);
			assert_true(codec == levels[i].codec && level == n);
		}
	assert_ok(encode_parse("none", &codec, &level, &err), 0, &err);
	assert_true(codec == CODEC_NONE && level == ENCODE_LEVEL_DEFAULT);
	assert_ok(encode_parse("auto", &codec, &level, &err), 0, &err);
	assert_true(codec == CODEC_COUNT && level == ENCODE_LEVEL_DEFAULT);
}

/* ---- what the kernel's own decompressors can do ---- */

/* A stream of TEXT with FILTERS, which end as liblzma wants. */
static void add_filtered(struct buf *out, const lzma_filter *filters, lzma_check check_type)
{
	size_t at = 0;

	assert_int_equal(buf_reserve(out, 4096), 0);
	assert_int_equal(lzma_stream_buffer_encode((lzma_filter *)filters, check_type, NULL,
						   (const uint8_t *)"abcdefgh", 8, out->data, &at,
						   4096),
			 LZMA_OK);
	out->len = at;
}

static void an_xz_filter_that_no_kernel_has_is_refused(void **state)
{
	lzma_options_lzma lzma2;
	lzma_options_delta delta = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 1};
	lzma_options_bcj shifted = {.start_offset = 16};
	const lzma_filter last = {LZMA_FILTER_LZMA2, &lzma2}, end = {LZMA_VLI_UNKNOWN, NULL};
	const lzma_filter x86 = {LZMA_FILTER_X86, NULL};
	const struct {
		lzma_filter filters[LZMA_FILTERS_MAX + 1];
		const char *says; /* NULL: fine */
	} cases[] = {
		{{last, end}, NULL},
		{{x86, last, end}, NULL},
		{{{LZMA_FILTER_ARM, NULL}, last, end}, NULL},
		{{{LZMA_FILTER_SPARC, NULL}, last, end}, NULL},
		{{{LZMA_FILTER_DELTA, &delta}, last, end}, "delta"},
		{{x86, {LZMA_FILTER_DELTA, &delta}, last, end}, "delta"},
		{{x86, x86, last, end}, "3 filters"},
		{{{LZMA_FILTER_X86, &shifted}, last, end}, "start offset"},
	};

	(void)state;
	assert_false(lzma_lzma_preset(&lzma2, 0));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
		struct err err = {0};
		int r;

		add_filtered(&packed, cases[i].filters, LZMA_CHECK_CRC32);
		r = unpack(&decode_xz, packed.data, packed.len, 100, &got, NULL, &err);
		assert_ok(r, cases[i].says ? -EBADMSG : 0, &err);
		if (cases[i].says)
			assert_contains(err.text, cases[i].says);
		else
			assert_string_equal(buf_cstr(&got), "abcdefgh");
	}
}

static void an_xz_decoder_tells_the_filters_that_it_met(void **state)
{
	lzma_options_lzma lzma2;
	const lzma_filter filters[] = {
		{LZMA_FILTER_ARM64, NULL}, {LZMA_FILTER_LZMA2, &lzma2}, {LZMA_VLI_UNKNOWN, NULL}};

	(void)state;
	assert_false(lzma_lzma_preset(&lzma2, 0));
	for (int filtered = 0; filtered < 2; filtered++) {
		_cleanup_buf_ struct buf packed = BUF_INIT;
		struct decoder *d = decode_xz.open();
		size_t at = 0, used, made;
		struct err err = {0};
		uint8_t room[100];
		int r = 0;

		add_filtered(&packed, filters + !filtered, LZMA_CHECK_NONE);
		assert_non_null(d);
		for (; r == 0; at += used)
			r = decode_xz.step(d, packed.data + at, packed.len - at, true, &used, room,
					   sizeof(room), &made, &err);
		assert_int_equal(r, 1);
		assert_int_equal(decode_xz.filters(d), filtered ? 1u << 10 : 0);
		assert_string_equal(codec_xz_filter_option(10), "CONFIG_XZ_DEC_ARM64");
		decode_xz.close(d);
	}
	assert_string_equal(codec_xz_filter_option(XZ_FILTER_X86), "CONFIG_XZ_DEC_X86");
	assert_string_equal(codec_xz_filter_option(XZ_FILTER_LAST), "CONFIG_XZ_DEC_RISCV");
}

static void the_x86_filter_is_written_when_asked_for(void **state)
{
	(void)state;
	for (int x86 = 0; x86 < 2; x86++) {
		_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
		struct encode_options o = {.x86 = x86};
		struct err err = {0};

		assert_ok(encode(CODEC_XZ, &o, "\xe8\0\0\0\0text", 9, &packed, &err), 0, &err);
		/* Block header: size, number of filters less one, the first filter's number. */
		assert_int_equal(packed.data[13] & 3, x86);
		assert_int_equal(packed.data[14], x86 ? LZMA_FILTER_X86 : LZMA_FILTER_LZMA2);
		assert_ok(unpack(&decode_xz, packed.data, packed.len, 9, &got, NULL, &err), 0,
			  &err);
		assert_memory_equal(got.data, "\xe8\0\0\0\0text", 9);
	}
}

static void a_dictionary_is_no_larger_than_the_data(void **state)
{
	static const struct {
		size_t len;
		uint32_t dict; /* in the header of .lzma, which rounds up */
	} cases[] = {{1, 4096}, {4097, 6144}, {1 << 20, 1 << 20}, {10 << 20, 8 << 20}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;

		buf_add_zeros(&plain, cases[i].len);
		add_stream(&packed, CODEC_LZMA, &plain);
		assert_int_equal(packed.data[1] | packed.data[2] << 8 | packed.data[3] << 16 |
					 packed.data[4] << 24,
				 cases[i].dict);
	}
}

/* "abc" as .lzma with its size in the header, with and without a marker at its end. */
static void add_lzma(struct buf *out, uint64_t size, bool marker)
{
	static const uint8_t head[] = {0x5d, 0, 0, 1, 0};
	lzma_options_lzma opt;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_stream s = LZMA_STREAM_INIT;

	assert_false(lzma_lzma_preset(&opt, 1));
	opt.dict_size = 1 << 16;
	opt.ext_flags = marker ? LZMA_LZMA1EXT_ALLOW_EOPM : 0;
	lzma_set_ext_size(opt, marker ? UINT64_MAX : 3);
	assert_int_equal(lzma_raw_encoder(&s, filters), LZMA_OK);
	buf_add(out, head, sizeof(head));
	for (int i = 0; i < 8; i++)
		buf_add(out, &(uint8_t){(uint8_t)(size >> 8 * i)}, 1);
	assert_int_equal(buf_reserve(out, 4096), 0);
	s.next_in = (const uint8_t *)"abc";
	s.avail_in = 3;
	s.next_out = out->data + out->len;
	s.avail_out = 4096;
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	out->len += 4096 - s.avail_out;
	lzma_end(&s);
}

static void lzma_has_a_size_or_a_marker(void **state)
{
	static const struct {
		uint64_t size;
		bool marker;
		int result;
	} cases[] = {
		{3, false, 0},
		{UINT64_MAX, true, 0},
		{3, true, -EBADMSG},	       /* the kernel trips over the marker */
		{UINT64_MAX, false, -EBADMSG}, /* no end */
		{2, false, -EBADMSG},
		{4, false, -EBADMSG},
		{UINT64_MAX - 1, false, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
		struct err err = {0};
		size_t taken = 0, len;

		add_lzma(&packed, cases[i].size, cases[i].marker);
		len = packed.len;
		if (cases[i].result == 0)
			buf_add_str(&packed, "behind");
		assert_ok(unpack(&decode_lzma, packed.data, packed.len, 100, &got, &taken, &err),
			  cases[i].result, &err);
		if (cases[i].result == 0) {
			assert_string_equal(buf_cstr(&got), "abc");
			assert_int_equal(taken, len);
		} else if (cases[i].size == 3) {
			assert_contains(err.text, "marker");
		}
	}
}

static void lzma_that_the_kernel_does_not_take_is_refused(void **state)
{
	_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
	struct err err = {0};

	(void)state;
	add_lzma(&packed, UINT64_MAX, true);
	packed.data[4] = 0x40; /* 1 GiB */
	assert_fails(unpack(&decode_lzma, packed.data, packed.len, 100, &got, NULL, &err), -E2BIG,
		     &err);
	assert_contains(err.text, "dictionary");
	packed.data[4] = 0;
	packed.data[0] = 0x5e;
	assert_fails(unpack(&decode_lzma, packed.data, packed.len, 100, &got, NULL, &err), -EBADMSG,
		     &err);
	assert_contains(err.text, "lc=3");
	/* A small stream needs no large dictionary, and gets none. */
	packed.len = got.len = 0;
	add_lzma(&packed, 3, false);
	memset(packed.data + 1, 0xff, 4);
	assert_ok(unpack(&decode_lzma, packed.data, packed.len, 100, &got, NULL, &err), 0, &err);
	assert_string_equal(buf_cstr(&got), "abc");
}

#ifdef HAVE_LZO

enum { LZO_HEADER = 38 }; /* as we write it, without a name */

static void put_u32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* One block of DATA as it is, with a name of one byte, and a new checksum of the header. */
static void add_lzo(struct buf *out, uint32_t flags, uint32_t version, const char *data)
{
	uint32_t len = (uint32_t)strlen(data);
	uint8_t number[4];
	struct err err = {0};

	assert_ok(encode(CODEC_LZO, NULL, "", 0, out, &err), 0, &err);
	assert_int_equal(out->len, LZO_HEADER + 4);
	out->data[9] = (uint8_t)(version >> 8);
	out->data[10] = (uint8_t)version;
	put_u32(out->data + 17, flags);
	out->data[33] = 1;
	out->len = 34;
	buf_add(out, "n", 1);
	put_u32(number, (uint32_t)adler32(1, out->data + 9, (uInt)(out->len - 9)));
	buf_add(out, number, 4);
	for (int i = 0; i < 2; i++) {
		put_u32(number, len);
		buf_add(out, number, 4);
	}
	put_u32(number, (uint32_t)(flags & 0x100 ? crc32(0, (const uint8_t *)data, len)
						 : adler32(1, (const uint8_t *)data, len)));
	buf_add(out, number, 4);
	buf_add(out, data, len);
	buf_add_zeros(out, 4);
	assert_int_equal(buf_status(out), 0);
}

static void lzo_headers_that_the_kernel_misreads_are_refused(void **state)
{
	static const struct {
		uint32_t flags, version;
		const char *says; /* NULL: fine */
	} cases[] = {
		{0x1, 0x1040, NULL},	     {0x100, 0x1040, NULL},	{0x1, 0x0940, NULL},
		{0x1, 0x093f, "older"},	     {0, 0x1040, "checksum"},	{0x3, 0x1040, "checksum"},
		{0x101, 0x1040, "checksum"}, {0x2, 0x1040, "checksum"}, {0x801, 0x1040, "filtered"},
		{0x41, 0x1040, "extra"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf packed = BUF_INIT, got = BUF_INIT;
		struct err err = {0};
		size_t taken = 0;
		int r;

		add_lzo(&packed, cases[i].flags, cases[i].version, "plain");
		r = unpack(&decode_lzo, packed.data, packed.len, 100, &got, &taken, &err);
		assert_ok(r, cases[i].says ? -EBADMSG : 0, &err);
		if (cases[i].says) {
			assert_contains(err.text, cases[i].says);
		} else {
			assert_string_equal(buf_cstr(&got), "plain");
			assert_int_equal(taken, packed.len);
		}
	}
}

static void an_lzo_block_has_at_most_256_kib(void **state)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT, got = BUF_INIT;
	uint32_t seed = 3;
	struct err err = {0};

	(void)state;
	/* What cannot be packed is stored, in blocks of that size. */
	for (int i = 0; i < 75000; i++) {
		uint32_t r = next_random(&seed) * 2654435761u;

		buf_add(&plain, &r, 4);
	}
	add_stream(&packed, CODEC_LZO, &plain);
	assert_int_equal(packed.len, LZO_HEADER + 2 * 12 + plain.len + 4);
	assert_memory_equal(packed.data + LZO_HEADER, "\0\4\0\0\0\4\0\0", 8);
	packed.data[LZO_HEADER + 3] = 1; /* one byte too many */
	assert_fails(unpack(&decode_lzo, packed.data, packed.len, PLAIN_MAX, &got, NULL, &err),
		     -EBADMSG, &err);
	assert_contains(err.text, "262144");
	/* More packed bytes than plain ones. */
	packed.data[LZO_HEADER + 3] = 0;
	packed.data[LZO_HEADER + 7] = 1;
	assert_fails(unpack(&decode_lzo, packed.data, packed.len, PLAIN_MAX, &got, NULL, &err),
		     -EBADMSG, &err);
}

#endif

static void a_kept_compressor_forgets_the_file_before(void **state)
{
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT, got = BUF_INIT;
	struct zstd_encoder *e = zstd_encoder_new();
	struct err err = {0};

	(void)state;
	assert_non_null(e);
	assert_ok(zstd_encode(e, 9, "some text, some text", 20, &a, &err), 0, &err);
	assert_ok(zstd_encode(e, 3, "another", 7, &got, &err), 0, &err);
	assert_ok(zstd_encode(e, 9, "some text, some text", 20, &b, &err), 0, &err);
	zstd_encoder_free(e);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	got.len = 0;
	assert_ok(unpack(&decode_zstd, a.data, a.len, 100, &got, NULL, &err), 0, &err);
	assert_string_equal(buf_cstr(&got), "some text, some text");
}

/* ---- digests ---- */

static bool holds_prefix(const struct buf *frame, size_t len, const char *text)
{
	struct buf cut = {.data = frame->data, .len = len, .cap = len};

	return ready_holds(&cut, text, strlen(text));
}

/* It is put into images unseen: only the very frame of this very program will do. */
static void a_ready_frame_is_of_one_program_only(void **state)
{
	static const char program[] = "what PID 1 consists of, again and again and again and again";
	_cleanup_buf_ struct buf plain = BUF_INIT, frame = BUF_INIT;
	const struct encode_options options = {.level = READY_LEVEL};
	struct err err = {0};
	size_t whole;

	(void)state;
	ready_add_archive(&plain, program, strlen(program));
	assert_int_equal(plain.len, ready_archive_size(strlen(program)));
	assert_int_equal(plain.len % 4, 0);
	assert_ok(encode(CODEC_ZSTD, &options, plain.data, plain.len, &frame, &err), 0, &err);
	whole = frame.len;
	assert_int_equal(whole % 4, 0);
	assert_true(holds_prefix(&frame, whole, program));
	assert_false(holds_prefix(&frame, whole, "what PID 1 consists of"));
	assert_false(holds_prefix(&frame, whole, ""));
	assert_false(ready_holds(&plain, program, strlen(program)));
	for (size_t len = 0; len < whole; len++)
		assert_false(holds_prefix(&frame, len, program));
	/* The checksum. Elsewhere a few bits say nothing of the content. */
	for (size_t i = whole - 4; i < whole; i++) {
		frame.data[i] ^= 0x80;
		assert_false(holds_prefix(&frame, whole, program));
		frame.data[i] ^= 0x80;
	}
	buf_add_zeros(&frame, 4);
	assert_false(holds_prefix(&frame, frame.len, program));
}

static void a_digest_is_sha256(void **state)
{
	static const uint8_t of_abc[DIGEST_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
						    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
						    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
						    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	struct digest *d = digest_new();
	uint8_t got[DIGEST_SIZE];

	(void)state;
	digest_of("abc", 3, got);
	assert_memory_equal(got, of_abc, DIGEST_SIZE);
	for (int i = 0; i < 2; i++) { /* a new start */
		digest_add(d, "a", 1);
		digest_add(d, "", 0);
		digest_add(d, "bc", 2);
		digest_take(d, got);
		assert_memory_equal(got, of_abc, DIGEST_SIZE);
	}
	digest_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_reads_back_as_it_was_written),
		cmocka_unit_test(name_and_header_end_at_a_multiple_of_four),
		cmocka_unit_test(an_archive_ends_with_its_trailer),
		cmocka_unit_test(both_cases_of_hexadecimal_are_read),
		cmocka_unit_test(a_field_that_is_not_eight_digits_is_damage),
		cmocka_unit_test(other_archive_formats_are_told_apart),
		cmocka_unit_test(every_codec_is_found_by_its_name),
		cmocka_unit_test(a_module_file_tells_its_codec_by_suffix),
		cmocka_unit_test(a_codec_is_detected_by_two_bytes),
		cmocka_unit_test(what_was_packed_unpacks_to_the_same),
		cmocka_unit_test(a_stream_that_is_too_large_is_refused),
		cmocka_unit_test(damage_to_a_stream_is_told),
		cmocka_unit_test(lz4_ends_at_a_chunk_of_no_bytes_or_at_the_end),
		cmocka_unit_test(gzip_headers_that_no_kernel_reads_are_refused),
		cmocka_unit_test(an_xz_check_that_no_kernel_reads_is_refused),
		cmocka_unit_test(an_xz_stream_that_wants_too_much_memory_is_refused),
		cmocka_unit_test(a_zstd_window_over_the_kernels_limit_is_refused),
		cmocka_unit_test(what_cannot_be_read_has_no_decoder),
		cmocka_unit_test(the_number_of_threads_does_not_show_in_the_bytes),
		cmocka_unit_test(a_level_that_a_codec_does_not_have_is_refused),
		cmocka_unit_test(what_cannot_be_written_is_said_so),
		cmocka_unit_test(a_zstd_stream_is_aligned_whatever_is_in_it),
		cmocka_unit_test(every_level_unpacks_to_the_same),
		cmocka_unit_test(a_codec_is_asked_for_with_its_level),
		cmocka_unit_test(an_xz_filter_that_no_kernel_has_is_refused),
		cmocka_unit_test(an_xz_decoder_tells_the_filters_that_it_met),
		cmocka_unit_test(the_x86_filter_is_written_when_asked_for),
		cmocka_unit_test(a_dictionary_is_no_larger_than_the_data),
		cmocka_unit_test(lzma_has_a_size_or_a_marker),
		cmocka_unit_test(lzma_that_the_kernel_does_not_take_is_refused),
#ifdef HAVE_LZO
		cmocka_unit_test(lzo_headers_that_the_kernel_misreads_are_refused),
		cmocka_unit_test(an_lzo_block_has_at_most_256_kib),
#endif
		cmocka_unit_test(a_kept_compressor_forgets_the_file_before),
		cmocka_unit_test(a_ready_frame_is_of_one_program_only),
		cmocka_unit_test(a_digest_is_sha256),
	};

	return RUN_TESTS(tests);
}
