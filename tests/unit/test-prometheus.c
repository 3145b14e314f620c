/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Metrics in the text format of Prometheus: no text of a label ends it, or makes a line.
 */

#include <stdio.h>

#include "format/ours/prometheus.h"
#include "support.h"

static void assert_value(const char *const *labels, int64_t value, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	prometheus_value(&out, "x_y", labels, value);
	assert_string_equal(buf_cstr(&out), expected);
}

static void a_gauge_has_help_and_type(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	prometheus_gauge(&out, "x_y", "What it is.");
	assert_string_equal(buf_cstr(&out), "# HELP x_y What it is.\n# TYPE x_y gauge\n");
}

static void values_have_none_one_or_more_labels(void **state)
{
	const char *const none[] = {NULL}, *const one[] = {"a", "b", NULL},
			  *const two[] = {"a", "b", "c", "", NULL};

	(void)state;
	assert_value(none, INT64_MIN, "x_y -9223372036854775808\n");
	assert_value(one, 0, "x_y{a=\"b\"} 0\n");
	assert_value(two, 1, "x_y{a=\"b\",c=\"\"} 1\n");
}

static void no_text_breaks_out_of_its_label(void **state)
{
	static const char *const cases[][2] = {
		{"\"} 1\nevil 2", "\\\"} 1\\\\x0aevil 2"},
		{"\\", "\\\\x5c"},
		{"\xff\033", "\\\\xff\\\\x1b"},
		{"\xc3\xa4", "\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const labels[] = {"k", cases[i][0], NULL};
		char expected[128];

		snprintf(expected, sizeof(expected), "x_y{k=\"%s\"} 1\n", cases[i][1]);
		assert_value(labels, 1, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gauge_has_help_and_type),
		cmocka_unit_test(values_have_none_one_or_more_labels),
		cmocka_unit_test(no_text_breaks_out_of_its_label),
	};

	return RUN_TESTS(tests);
}
