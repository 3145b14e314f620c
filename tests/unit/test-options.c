/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Command lines: what a request weighs for the cache does not depend on how the tables of options
 * are written.
 */

#include <errno.h>
#include <string.h>

#include "cli/options.h"
#include "support.h"

enum { ARGS_MAX = 8 };

static int weigh(const struct option_spec *spec, char **args, void *key, struct err *err)
{
	(void)err;
	options_weigh(key, spec, args);
	return 0;
}

/* The key of the command line ARGV, which ends with NULL, for a command with these OPTIONS. */
static void key_of(const struct option_spec *options, const char *const *argv, struct buf *key)
{
	const struct command command = {.name = "test", .options = options, .max = -1};
	char *args[ARGS_MAX];
	struct err err = {0};
	int n = 0;

	for (; argv[n]; n++)
		args[n] = (char *)argv[n];
	assert_true(options_parse(&command, n, args, weigh, key, &err) >= 0);
}

static void assert_key(const struct option_spec *options, const char *const *argv,
		       const char *expected, size_t len)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	key_of(options, argv, &key);
	assert_int_equal(key.len, len);
	assert_memory_equal(buf_cstr(&key), expected, len);
}

static const struct option_spec first[] = {
	{"root", 'r', "DIR", "", OPT_ROOT, true},
	{"include", 'i', "SRC DST", "", OPT_INCLUDE, true},
	{"json", 0, NULL, "", OPT_JSON, false},
	{0},
};

/* Other places, other numbers, one more. */
static const struct option_spec second[] = {
	{"json", 0, NULL, "", 70, false},
	{"further", 0, NULL, "", 71, true},
	{"include", 'i', "SRC DST", "", 72, true},
	{"root", 'r', "DIR", "", 73, true},
	{0},
};

static void the_key_is_of_names_not_of_places_in_a_table(void **state)
{
	static const char *const argv[] = {"-r", "/mnt", "--json", "--include", "a", "b", NULL};
	static const char expected[] = "--root\0/mnt\0--include\0a\0b";

	(void)state;
	assert_key(first, argv, expected, sizeof(expected));
	assert_key(second, argv, expected, sizeof(expected));
}

static void what_does_not_weigh_is_not_in_the_key(void **state)
{
	static const char *const argv[] = {"--json", "positional", NULL};

	(void)state;
	assert_key(first, argv, "", 0);
}

static void arguments_do_not_run_together(void **state)
{
	static const char *const one[] = {"--include", "a", "bc", NULL};
	static const char *const other[] = {"--include", "ab", "c", NULL};
	_cleanup_buf_ struct buf a = BUF_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	key_of(first, one, &a);
	key_of(first, other, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.data, b.data, a.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_of_names_not_of_places_in_a_table),
		cmocka_unit_test(what_does_not_weigh_is_not_in_the_key),
		cmocka_unit_test(arguments_do_not_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
