/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What programs say of the libraries and interpreters that they need, and the cache that the
 * dynamic linker finds them by.
 */

#include <elf.h>

#include "base/arena.h"
#include "format/program/dlopen.h"
#include "format/program/ldcache.h"
#include "format/program/shebang.h"
#include "support.h"

/* ---- notes on libraries ---- */

static int decode(const char *text, struct arena *a, struct dlopen_entry **out, struct err *err)
{
	_cleanup_free_ uint8_t *copy = exact_copy(text, strlen(text));

	return dlopen_decode((const char *)copy, strlen(text), a, out, err);
}

static void a_note_tells_names_feature_and_priority(void **state)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;
	struct dlopen_entry *e;
	struct err err = {0};

	(void)state;
	assert_ok(decode("[{\"soname\":[\"liba.so.2\",\"liba.so.1\"],\"feature\":\"a\","
			 "\"description\":\"the a\",\"priority\":\"required\",\"new\":[1]},"
			 "{\"priority\":\"suggested\",\"soname\":[\"libb.so\"]},"
			 "{\"soname\":[\"libc.so\"]},"
			 "{\"soname\":[\"libd.so\"],\"priority\":\"vital\"}]\n",
			 &a, &e, &err),
		  4, &err);
	assert_string_equal(e[0].sonames[0], "liba.so.2");
	assert_string_equal(e[0].sonames[1], "liba.so.1");
	assert_null(e[0].sonames[2]);
	assert_string_equal(e[0].feature, "a");
	assert_string_equal(e[0].description, "the a");
	assert_int_equal(e[0].priority, DLOPEN_REQUIRED);
	assert_int_equal(e[1].priority, DLOPEN_SUGGESTED);
	assert_string_equal(e[1].feature, "");
	assert_string_equal(e[1].description, "");
	assert_int_equal(e[2].priority, DLOPEN_RECOMMENDED);
	assert_int_equal(e[3].priority, DLOPEN_RECOMMENDED);
	assert_ok(decode("[]", &a, &e, &err), 0, &err);
}

static void a_note_of_another_form_is_damage(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"{}",
		"null",
		"[1]",
		"[{}]",
		"[null]",
		"[{\"soname\":\"liba.so\"}]",
		"[{\"soname\":[]}]",
		"[{\"soname\":[\"\"]}]",
		"[{\"soname\":[1]}]",
		"[{\"soname\":[null]}]",
		"[{\"soname\":[\"a\\u0000b\"]}]",
		"[{\"soname\":[\"a\\u001b[2J\"]}]",
		"[{\"soname\":[\"a\\n\"]}]",
		"[{\"soname\":[\"a\"]}",
		"[{\"soname\":[\"a\"]}]x",
		"[{\"soname\":[\"a\"]}][]",
		"[[[[[[[[[[[[]]]]]]]]]]]]",
	};
	_cleanup_arena_ struct arena a = ARENA_INIT;
	struct dlopen_entry *e = NULL;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(decode(bad[i], &a, &e, &err), -EBADMSG, &err);
	assert_null(e);
}

static void a_note_of_no_end_is_refused(void **state)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct dlopen_entry *e;
	struct err err = {0};

	(void)state;
	for (int i = 0; i <= DLOPEN_ENTRIES_MAX; i++)
		buf_add_str(&b, i ? ",{\"soname\":[\"a\"]}" : "[{\"soname\":[\"a\"]}");
	buf_add_str(&b, "]");
	assert_fails(decode(buf_cstr(&b), &a, &e, &err), -E2BIG, &err);
	b.len = 0;
	for (int i = 0; i <= DLOPEN_NAMES_MAX; i++)
		buf_add_str(&b, i ? ",\"a\"" : "[{\"soname\":[\"a\"");
	buf_add_str(&b, "]}]");
	assert_fails(decode(buf_cstr(&b), &a, &e, &err), -E2BIG, &err);
	b.len = 0;
	buf_add_str(&b, "[");
	while (b.len <= DLOPEN_TEXT_MAX)
		buf_add_str(&b, "          ");
	assert_fails(decode(buf_cstr(&b), &a, &e, &err), -E2BIG, &err);
}

/* ---- first lines ---- */

static void a_first_line_names_its_interpreter(void **state)
{
	static const struct {
		const char *line, *interpreter, *program;
	} lines[] = {
		{"#!/bin/sh", "/bin/sh", ""},
		{"#!/bin/sh\nrest", "/bin/sh", ""},
		{"#! \t/bin/sh -e  \n", "/bin/sh", ""},
		{"#!sh\n", "sh", ""},
		{"#!\n", "", ""},
		{"#!", "", ""},
		{"#!/usr/bin/env sh\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env\n", "/usr/bin/env", ""},
		{"#!/usr/bin/env -i\n", "/usr/bin/env", ""},
		{"#!/usr/bin/env X=y\n", "/usr/bin/env", ""},
		{"#!/usr/bin/env -S sh -e\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env -Ssh -e\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env -vS  sh\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env --split-string sh -e\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env --split-string=sh\n", "/usr/bin/env", "sh"},
		{"#!/usr/bin/env -S -i A=b  -u HOME --chdir /tmp perl -w\n", "/usr/bin/env",
		 "perl"},
		{"#!/usr/bin/env -S -u\n", "/usr/bin/env", ""},
		{"#!/opt/myenv a b\n", "/opt/myenv", ""},
	};
	struct shebang s;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len = strlen(lines[i].line);
		_cleanup_free_ uint8_t *copy = exact_copy(lines[i].line, len);

		assert_ok(shebang_decode(copy, len, &s, &err), 1, &err);
		assert_string_equal(s.interpreter, lines[i].interpreter);
		assert_string_equal(s.program, lines[i].program);
	}
	assert_int_equal(shebang_decode("# !/bin/sh", 10, &s, &err), 0);
	assert_int_equal(shebang_decode("#", 1, &s, &err), 0);
	assert_int_equal(shebang_decode("", 0, &s, &err), 0);
}

static void a_first_line_that_no_kernel_takes_is_refused(void **state)
{
	static const char *const bad[] = {
		"#!/bin/sh\r\nx",	  "#!/bin/sh -e\r\n", "#!/bin/\x1bsh\n",
		"#!/usr/bin/env sh -e\n", "#!/bin/sh\r",
	};
	struct shebang s;
	struct err err = {0};
	char line[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(shebang_decode(bad[i], strlen(bad[i]), &s, &err), -EBADMSG, &err);
	/* The kernel sees 256 bytes: the name must end within them. */
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!/", 3);
	assert_fails(shebang_decode(line, sizeof(line), &s, &err), -EBADMSG, &err);
	line[255] = '\n';
	assert_ok(shebang_decode(line, sizeof(line), &s, &err), 1, &err);
	assert_int_equal(strlen(s.interpreter), 253);
	line[255] = 'x';
	line[256] = '\n';
	assert_fails(shebang_decode(line, sizeof(line), &s, &err), -EBADMSG, &err);
	line[100] = ' '; /* an argument may be cut off */
	assert_ok(shebang_decode(line, sizeof(line), &s, &err), 1, &err);
}

/* ---- the cache ---- */

static void what_is_written_to_a_cache_is_found_in_it(void **state)
{
	struct ldcache_entry entries[] = {
		{"libb.so.1", "/x/libb.so.1", NULL, ELFCLASS64, EM_X86_64},
		{"liba.so.10", "/x/liba.so.10", NULL, ELFCLASS64, EM_X86_64},
		{"liba.so.9", "/v3/liba.so.9", "x86-64-v3", ELFCLASS64, EM_X86_64},
		{"liba.so.9", "/x/liba.so.9", NULL, ELFCLASS64, EM_X86_64},
		{"liba.so.9", "/v2/liba.so.9", "x86-64-v2", ELFCLASS64, EM_X86_64},
		{"liba.so.9", "/32/liba.so.9", NULL, ELFCLASS32, EM_386},
	};
	_cleanup_buf_ struct buf one = BUF_INIT, two = BUF_INIT;

	(void)state;
	ldcache_encode(entries, ARRAY_SIZE(entries), &one);
	assert_int_equal(buf_status(&one), 0);
	assert_string_equal(ldcache_find(one.data, one.len, "libb.so.1", ELFCLASS64, EM_X86_64),
			    "/x/libb.so.1");
	assert_string_equal(ldcache_find(one.data, one.len, "liba.so.9", ELFCLASS64, EM_X86_64),
			    "/x/liba.so.9");
	assert_string_equal(ldcache_find(one.data, one.len, "liba.so.9", ELFCLASS32, EM_386),
			    "/32/liba.so.9");
	/* The order that the linker's search relies on: descending, numbers by value, the
	 * processor's own first. */
	assert_string_equal(entries[0].path, "/x/libb.so.1");
	assert_string_equal(entries[1].path, "/x/liba.so.10");
	assert_string_equal(entries[2].path, "/v3/liba.so.9");
	assert_string_equal(entries[3].path, "/v2/liba.so.9");
	assert_string_equal(entries[4].path, "/x/liba.so.9");
	assert_string_equal(entries[5].path, "/32/liba.so.9");
	/* The same libraries in another order give the same bytes. */
	for (size_t i = 0; i < ARRAY_SIZE(entries) / 2; i++) {
		struct ldcache_entry e = entries[i];

		entries[i] = entries[ARRAY_SIZE(entries) - 1 - i];
		entries[ARRAY_SIZE(entries) - 1 - i] = e;
	}
	ldcache_encode(entries, ARRAY_SIZE(entries), &two);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
}

static void a_machine_without_a_number_is_left_out_of_a_cache(void **state)
{
	struct ldcache_entry entry = {"liba.so", "/liba.so", NULL, ELFCLASS32, EM_SPARC};
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	ldcache_encode(&entry, 1, &b);
	assert_int_equal(b.len, 48);
	assert_null(ldcache_find(b.data, b.len, "liba.so", ELFCLASS32, EM_SPARC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_tells_names_feature_and_priority),
		cmocka_unit_test(a_note_of_another_form_is_damage),
		cmocka_unit_test(a_note_of_no_end_is_refused),
		cmocka_unit_test(a_first_line_names_its_interpreter),
		cmocka_unit_test(a_first_line_that_no_kernel_takes_is_refused),
		cmocka_unit_test(what_is_written_to_a_cache_is_found_in_it),
		cmocka_unit_test(a_machine_without_a_number_is_left_out_of_a_cache),
	};

	return RUN_TESTS(tests);
}
