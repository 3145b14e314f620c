/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unified kernel images: the sections of a PE file, and the image that they hold.
 */

#include <stdio.h>

#include "archive.h"
#include "format/codec/magic.h"
#include "format/program/pe.h"
#include "support.h"

enum { PE_AT = 64, OPTIONAL = 16, TABLE = PE_AT + 24 + OPTIONAL, HEAD = 1024 };

struct made {
	const char *name;
	const struct buf *data;
};

/* A PE file whose sections follow its headers, each at a multiple of 512. */
static void make_pe(struct buf *out, const struct made *sections, unsigned n)
{
	uint64_t at = HEAD;

	buf_add_str(out, "MZ");
	buf_add_zeros(out, 58);
	buf_add_u32le(out, PE_AT);
	buf_add(out, "PE\0\0\x64\x86", 6);
	buf_add_u32le(out, n); /* and half of the time */
	buf_add_zeros(out, 10);
	buf_add_u32le(out, OPTIONAL);
	buf_add_zeros(out, OPTIONAL);
	for (unsigned i = 0; i < n; i++) {
		char name[8] = "";
		size_t len = sections[i].data ? sections[i].data->len : 0;

		memcpy(name, sections[i].name, strlen(sections[i].name));
		buf_add(out, name, 8);
		buf_add_u32le(out, (uint32_t)len);
		buf_add_u32le(out, (uint32_t)at);
		buf_add_u32le(out, (uint32_t)(len + 511) / 512 * 512);
		buf_add_u32le(out, (uint32_t)at);
		buf_add_zeros(out, 16);
		at += (len + 511) / 512 * 512;
	}
	buf_add_zeros(out, HEAD - out->len);
	for (unsigned i = 0; i < n; i++)
		if (sections[i].data) {
			buf_add(out, sections[i].data->data, sections[i].data->len);
			buf_add_zeros(out, -out->len & 511);
		}
}

static void the_sections_hold_the_image_microcode_first(void **state)
{
	static const char *const paths[] = {"micro", "micro/file", "base", "base/file", NULL};
	_cleanup_buf_ struct buf micro = BUF_INIT, base = BUF_INIT, uki = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	const struct image_section *s;
	const struct image_segment *g;
	struct err err = {0};
	char text[8];
	size_t n;

	(void)state;
	add_archive(&micro, "micro");
	add_packed(&base, CODEC_ZSTD, "base");
	make_pe(&uki, (struct made[]){{".initrd", &base}, {".linux", &micro}, {".ucode", &micro}}, 3);
	assert_paths(&uki, paths);
	image = open_buf(&uki);
	assert_ok(read_all_entries(image, &err), 0, &err);
	s = image_sections(image, &n);
	assert_int_equal(n, 3);
	assert_true(s[0].used && !s[1].used && s[2].used);
	assert_string_equal(s[1].pe.name, ".linux");
	assert_int_equal(image_read_section(image, &s[1], text, 6, &err), 6);
	assert_memory_equal(text, "070701", 6);
	g = image_segments(image, &n);
	assert_int_equal(n, 2);
	assert_int_equal(g[0].offset, s[2].pe.offset); /* places are those of the file */
	assert_int_equal(g[1].offset, s[0].pe.offset);
	assert_int_equal(g[1].size, base.len);
}

static void the_first_profile_counts_before_the_base(void **state)
{
	static const char *const paths[] = {"micro", "micro/file", "one", "one/file", NULL};
	_cleanup_buf_ struct buf micro = BUF_INIT, base = BUF_INIT, one = BUF_INIT, uki = BUF_INIT;

	(void)state;
	add_archive(&micro, "micro");
	add_archive(&base, "base");
	add_archive(&one, "one");
	make_pe(&uki, (struct made[]){{".ucode", &micro}, {".initrd", &base}, {".initrd", &micro},
				      {".profile", &base}, {".initrd", &one},
				      {".profile", &base}, {".initrd", &base}}, 7);
	assert_paths(&uki, paths);
}

static void a_program_without_an_image_is_told(void **state)
{
	_cleanup_buf_ struct buf data = BUF_INIT, uki = BUF_INIT;
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_free_ char *path = NULL;
	struct image *image = NULL;
	struct err err = {0};

	(void)state;
	add_archive(&data, "x");
	make_pe(&uki, (struct made[]){{".linux", &data}, {".initrd", NULL}}, 2);
	assert_true(asprintf(&path, "%s/uki", dir) > 0);
	put_file(dir, "uki", uki.data, uki.len);
	assert_fails(image_open(path, &image, &err), -EBADMSG, &err);
	assert_contains(err.text, "no section .initrd");
	assert_contains(err.text, path);
}

static void sections_that_lie_are_told(void **state)
{
	enum { SIZE = 8, RAW = 16, OFFSET = 20 };
	static const struct {
		size_t field;
		uint32_t value;
		bool both; /* sizes */
		const char *says;
	} cases[] = {
		{OFFSET, 0xffffff00, false, "but the file ends"},
		{SIZE, 0xffffffff, true, "but the file ends"},
		{OFFSET, 0, false, "lies in the headers"},
		{OFFSET, TABLE, false, "lies in the headers"},
	};
	_cleanup_buf_ struct buf data = BUF_INIT, whole = BUF_INIT;
	struct made both[] = {{".ucode", &data}, {".initrd", &data}};
	struct pe_section a, b;
	struct pe pe;
	struct err err = {0};

	(void)state;
	add_archive(&data, "x");
	make_pe(&whole, both, 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf bad = BUF_INIT;

		buf_add(&bad, whole.data, whole.len);
		put_le32(bad.data + TABLE + cases[i].field, cases[i].value);
		if (cases[i].both)
			put_le32(bad.data + TABLE + RAW, cases[i].value);
		assert_ok(pe_decode(bad.data, bad.len, bad.len, &pe, &err), 0, &err);
		assert_fails(pe_section(&pe, 0, &a, &err), -EBADMSG, &err);
		assert_contains(err.text, cases[i].says);
		assert_ok(pe_section(&pe, 1, &b, &err), 0, &err);
	}
	put_le32(whole.data + TABLE + OFFSET, HEAD + 512);
	assert_ok(pe_decode(whole.data, whole.len, whole.len, &pe, &err), 0, &err);
	assert_ok(pe_section(&pe, 0, &a, &err), 0, &err);
	assert_ok(pe_section(&pe, 1, &b, &err), 0, &err);
	assert_true(pe_overlap(&a, &b));
}

static void check_head(uint8_t *data, size_t len, void *arg)
{
	struct pe_section s;
	struct err err = {0};
	struct pe pe;

	(void)arg;
	if (pe_decode(data, len, len, &pe, &err) < 0) {
		assert_true(err.text[0]);
		return;
	}
	for (unsigned i = 0; i < pe.n_sections; i++)
		if (pe_section(&pe, i, &s, &err) == 0)
			assert_true(!s.size || s.offset + s.size <= len);
}

static void no_damage_to_the_headers_is_fatal(void **state)
{
	_cleanup_buf_ struct buf data = BUF_INIT, uki = BUF_INIT;

	(void)state;
	add_archive(&data, "x");
	make_pe(&uki, (struct made[]){{".ucode", &data}, {".initrd", &data}}, 2);
	sweep(uki.data, HEAD + 600, check_head, NULL);
}

static void other_formats_are_named(void **state)
{
	uint8_t tar[512] = "0name", erofs[MAGIC_SIZE] = {0};

	(void)state;
	memcpy(tar + 257, "ustar", 5);
	memcpy(erofs + 1024, "\xe2\xe1\xf5\xe0", 4);
	assert_contains(magic_foreign(tar, sizeof(tar)), "tar");
	assert_null(magic_foreign(tar, 261));
	assert_contains(magic_foreign("070707", 6), "odc");
	assert_contains(magic_foreign("\xc7\x71", 2), "binary");
	assert_contains(magic_foreign("\x71\xc7", 2), "big-endian");
	assert_string_equal(magic_filesystem("hsqs", 4), "squashfs");
	assert_string_equal(magic_filesystem(erofs, sizeof(erofs)), "erofs");
	assert_null(magic_filesystem(erofs, sizeof(erofs) - 1));
	assert_null(magic_foreign("070701", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sections_hold_the_image_microcode_first),
		cmocka_unit_test(the_first_profile_counts_before_the_base),
		cmocka_unit_test(a_program_without_an_image_is_told),
		cmocka_unit_test(sections_that_lie_are_told),
		cmocka_unit_test(no_damage_to_the_headers_is_fatal),
		cmocka_unit_test(other_formats_are_named),
	};

	return RUN_TESTS(tests);
}
