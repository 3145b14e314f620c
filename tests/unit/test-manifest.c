/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The manifest: what is written can be read, and what is malformed is reported with its line.
 */

#include <stdio.h>

#include "format/ours/manifest.h"
#include "support.h"

static const struct manifest_entry entries[] = {
	{.type = 'l',
	 .mode = 0777,
	 .size = 7,
	 .has_digest = true,
	 .sha256 = {0xab, 0, 1, 0xff},
	 .path = "bin",
	 .reason = "merged /usr"},
	{.type = 'd', .mode = 0755, .path = "etc", .reason = "holds /etc/x"},
	{.type = 'f',
	 .mode = 04755,
	 .size = UINT32_MAX,
	 .has_digest = true,
	 .sha256 = {1},
	 .path = "odd\tname\n\\x41 \x7f",
	 .source = "usr/lib/a b",
	 .package = {"a b", "1:2-3\\", "amd64"},
	 .reason = "because\t\\ of\r"},
	{.type = 'f', .path = "z", .source = "/", .package = {"p", "1", NULL}, .reason = ""},
};

static void add_manifest(struct buf *out)
{
	manifest_begin(out);
	manifest_add_fact(out, "os", "debian");
	manifest_add_fact(out, "left-out", NULL);
	manifest_add_fact(out, "odd\tkey", "value\nof two lines");
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		manifest_add(out, &entries[i]);
	buf_cstr(out);
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void a_manifest_reads_back_as_it_was_written(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct manifest_entry m;
	struct err err = {0};
	unsigned line = 0;
	char *cursor;

	(void)state;
	add_manifest(&b);
	cursor = (char *)b.data;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const struct manifest_entry *e = &entries[i];

		assert_ok(manifest_next(&cursor, &line, &m, &err), 1, &err);
		assert_true(m.type == e->type && m.mode == e->mode && m.size == e->size &&
			    m.has_digest == e->has_digest);
		assert_true(!m.has_digest || memcmp(m.sha256, e->sha256, sizeof(m.sha256)) == 0);
		assert_string_equal(m.path, e->path);
		assert_string_equal(m.reason, e->reason);
		assert_same_text(m.source, e->source);
		assert_same_text(m.package.name, e->package.name);
		assert_same_text(m.package.version, e->package.version);
		assert_same_text(m.package.arch, e->package.arch);
	}
	assert_ok(manifest_next(&cursor, &line, &m, &err), 0, &err);
	assert_ok(manifest_next(&cursor, &line, &m, &err), 0, &err);
}

static void facts_are_read_before_the_entries(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *key, *value;
	struct manifest_entry m;
	struct err err = {0};
	unsigned line = 0;
	char *cursor;

	(void)state;
	add_manifest(&b);
	cursor = (char *)b.data;
	assert_ok(manifest_next_fact(&cursor, &line, &key, &value, &err), 1, &err);
	assert_string_equal(key, "os");
	assert_string_equal(value, "debian");
	assert_ok(manifest_next_fact(&cursor, &line, &key, &value, &err), 1, &err);
	assert_string_equal(key, "odd\tkey");
	assert_string_equal(value, "value\nof two lines");
	assert_ok(manifest_next_fact(&cursor, &line, &key, &value, &err), 0, &err);
	assert_ok(manifest_next(&cursor, &line, &m, &err), 1, &err);
	assert_string_equal(m.path, entries[0].path);
}

static void no_byte_of_a_name_breaks_a_line_of_the_manifest(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char all[256];

	(void)state;
	for (int c = 1; c < 256; c++)
		all[c - 1] = (char)c;
	all[255] = '\0';
	manifest_begin(&b);
	manifest_add(&b, &(struct manifest_entry){
				 .type = 'f', .path = all, .source = all,
				 .package = {all, all, all}, .reason = all});
	buf_cstr(&b);
	char *cursor = (char *)b.data;
	struct manifest_entry m;
	struct err err = {0};
	unsigned line = 0;

	assert_ok(manifest_next(&cursor, &line, &m, &err), 1, &err);
	assert_string_equal(m.path, all);
	assert_string_equal(m.source, all);
	assert_string_equal(m.reason, all);
	assert_string_equal(m.package.name, all);
	assert_string_equal(m.package.version, all);
	assert_string_equal(m.package.arch, all);
	assert_ok(manifest_next(&cursor, &line, &m, &err), 0, &err);
}

static void what_cannot_be_part_of_a_name_stays_spelt_out(void **state)
{
	char text[] = "preroot-manifest 3\n"
		      "d\t0755\t0\t-\ta\\x00b\\x2\\xg0\\x\\x41\t-\t-\t\\x0\n";
	char *cursor = text;
	struct manifest_entry m;
	struct err err = {0};
	unsigned line = 0;

	(void)state;
	assert_ok(manifest_next(&cursor, &line, &m, &err), 1, &err);
	assert_string_equal(m.path, "a\\x00b\\x2\\xg0\\xA");
	assert_string_equal(m.reason, "\\x0");
	assert_null(m.source);
}

/* Reads TEXT to its end or first error. */
static int read_manifest(const char *text, struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct manifest_entry m;
	unsigned line = 0;
	char *cursor = copy;
	int r;

	while ((r = manifest_next(&cursor, &line, &m, err)) > 0)
		;
	return r;
}

static void a_malformed_line_is_told_with_its_number(void **state)
{
#define SHA "0000000000000000000000000000000000000000000000000000000000000000"
	static const char *const bad[] = {
		"f\t0644\t1\t" SHA "\tp\ts\tr",
		"f\t0644\t1\t" SHA "\tp\ts\tname\tr",
		"f\t0644\t1\t" SHA "\tp\ts\tname 1\tr",
		"f\t0644\t1\t" SHA "\tp\ts\tname 1 all more\tr",
		"f\t0644\t1\t" SHA "\tp\ts\t 1 all\tr",
		"f\t0644\t1\t" SHA "\tp\ts\tname  all\tr",
		"f\t0644\t1\t" SHA "\tp\ts\tname 1 \tr",
		"f\t0644\t1\t" SHA "\tp\ts\t\tr",
		"=\tkey\tvalue\tmore",
		"=\tkey",
		"f\t0644\t1\t" SHA "\tp\ts\t-\tr\tmore",
		"ff\t0644\t1\t" SHA "\tp\ts\t-\tr",
		"c\t0644\t1\t" SHA "\tp\ts\t-\tr",
		"\t0644\t1\t" SHA "\tp\ts\t-\tr",
		"f\t0648\t1\t" SHA "\tp\ts\t-\tr",
		"f\t10000\t1\t" SHA "\tp\ts\t-\tr",
		"f\t\t1\t" SHA "\tp\ts\t-\tr",
		"f\t-1\t1\t" SHA "\tp\ts\t-\tr",
		"f\t+644\t1\t" SHA "\tp\ts\t-\tr",
		"f\t 644\t1\t" SHA "\tp\ts\t-\tr",
		"f\t0644\t-1\t" SHA "\tp\ts\t-\tr",
		"f\t0644\t4294967296\t" SHA "\tp\ts\t-\tr",
		"f\t0644\t1\t" SHA "0\tp\ts\t-\tr",
		"f\t0644\t1\tG" SHA "\tp\ts\t-\tr",
		"f\t0644\t1\t\tp\ts\t-\tr",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct err err = {0};

		manifest_begin(&b);
		buf_printf(&b, "d\t0755\t0\t-\tetc\t-\t-\tx\n%s\nd\t0755\t0\t-\tusr\t-\t-\tx\n", bad[i]);
		if (read_manifest(buf_cstr(&b), &err) != -EBADMSG)
			fail_msg("[%s] is malformed", bad[i]);
		assert_contains(err.text, "line 3");
	}
}

static void a_manifest_has_a_first_line_and_a_version(void **state)
{
	struct err err = {0};

	(void)state;
	assert_fails(read_manifest("", &err), -EBADMSG, &err);
	assert_fails(read_manifest("d\t0755\t0\t-\tetc\t-\t-\tx\n", &err), -EBADMSG, &err);
	assert_fails(read_manifest("preroot-manifest \n", &err), -EBADMSG, &err);
	assert_fails(read_manifest("preroot-manifest 3x\n", &err), -EBADMSG, &err);
	assert_fails(read_manifest("preroot-manifest 9\nfuture", &err), -EPROTONOSUPPORT, &err);
	assert_ok(read_manifest("preroot-manifest 3\n", &err), 0, &err);
}

static void a_manifest_without_its_last_newline_is_cut_short(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = {0};

	(void)state;
	add_manifest(&b);
	assert_ok(read_manifest((char *)b.data, &err), 0, &err);
	b.data[b.len - 1] = '\0';
	assert_fails(read_manifest((char *)b.data, &err), -EBADMSG, &err);
}

static void check_manifest(uint8_t *data, size_t len, void *arg)
{
	_cleanup_free_ char *text = strndup((const char *)data, len);
	struct err err = {0};
	int r = read_manifest(text, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	assert_true(r == 0 || err.text[0]);
}

static void no_manifest_is_fatal(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	add_manifest(&b);
	sweep(b.data, b.len, check_manifest, NULL);
}

static void a_manifest_holds_its_own_sum(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err err = {0};
	size_t len;

	(void)state;
	add_manifest(&b);
	len = b.len;
	manifest_end(&b);
	for (size_t i = 0; i < b.len; i++) {
		_cleanup_free_ char *changed = strndup(buf_cstr(&b), b.len);

		changed[i] ^= 1;
		if (manifest_open(changed, b.len, &err) == 0)
			fail_msg("byte %zu can change", i);
		assert_true(err.text[0]);
	}
	for (size_t i = 0; i < b.len; i++) {
		_cleanup_free_ char *cut = strndup(buf_cstr(&b), i);

		assert_true(manifest_open(cut, i, &err) < 0);
	}
	assert_ok(manifest_open((char *)b.data, b.len, &err), 0, &err);
	assert_int_equal(strlen((char *)b.data), len);
	assert_ok(read_manifest((char *)b.data, &err), 0, &err);
	assert_fails(manifest_open(NULL, 0, &err), -EBADMSG, &err);
}

static void an_older_and_a_newer_manifest_are_told(void **state)
{
	char older[] = "preroot-manifest 2\n", newer[] = "preroot-manifest 9\n";
	struct err err = {0};

	(void)state;
	assert_fails(manifest_open(older, strlen(older), &err), -EPROTONOSUPPORT, &err);
	assert_contains(err.hint, "build it anew");
	assert_fails(manifest_open(newer, strlen(newer), &err), -EPROTONOSUPPORT, &err);
	assert_contains(err.hint, "newer preroot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_reads_back_as_it_was_written),
		cmocka_unit_test(facts_are_read_before_the_entries),
		cmocka_unit_test(no_byte_of_a_name_breaks_a_line_of_the_manifest),
		cmocka_unit_test(what_cannot_be_part_of_a_name_stays_spelt_out),
		cmocka_unit_test(a_malformed_line_is_told_with_its_number),
		cmocka_unit_test(a_manifest_has_a_first_line_and_a_version),
		cmocka_unit_test(a_manifest_without_its_last_newline_is_cut_short),
		cmocka_unit_test(no_manifest_is_fatal),
		cmocka_unit_test(a_manifest_holds_its_own_sum),
		cmocka_unit_test(an_older_and_a_newer_manifest_are_told),
	};

	return RUN_TESTS(tests);
}
