/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last line of a rebuild of several kernels says truly how each of them ended. */

#include <errno.h>
#include <string.h>

#include "cli/report/rebuild_end.h"
#include "support.h"

enum { KERNELS_MAX = 4 };

/* u: unchanged, r: rebuilt, w: would change, f: failed */
static enum rebuild_result result_of(char letter)
{
	return letter == 'u'   ? REBUILD_UNCHANGED
	       : letter == 'r' ? REBUILD_DONE
	       : letter == 'w' ? REBUILD_WOULD_CHANGE
			       : REBUILD_FAILED;
}

static void what_became_of_the_others_is_said(void **state)
{
	static const struct {
		const char *kernels;
		bool check;
		const char *text; /* NULL: no failure */
	} rows[] = {
		{"", false, NULL},
		{"ur", false, NULL},
		{"uw", true, NULL},
		{"ff", false, "none of 2 kernels could be rebuilt"},
		{"ff", true, "none of 2 kernels could be checked"},
		{"fr", false, "1 of 2 kernels could not be rebuilt; 1 was rebuilt"},
		{"fu", false, "1 of 2 kernels could not be rebuilt; 1 is unchanged"},
		{"rfr", false, "1 of 3 kernels could not be rebuilt; 2 were rebuilt"},
		{"ufu", false, "1 of 3 kernels could not be rebuilt; 2 are unchanged"},
		{"ruff", false, "2 of 4 kernels could not be rebuilt; 1 was rebuilt, 1 is unchanged"},
		{"fw", true, "1 of 2 kernels could not be checked; 1 would change"},
		{"fu", true, "1 of 2 kernels could not be checked; 1 is unchanged"},
		{"wfw", true, "1 of 3 kernels could not be checked; 2 would change"},
		{"wfuf", true, "2 of 4 kernels could not be checked; 1 would change, 1 is unchanged"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rebuild_kernel kernels[KERNELS_MAX] = {0};
		struct rebuild_outcome out = {.kernels = kernels, .n = strlen(rows[i].kernels)};
		struct err err = {0};

		for (size_t k = 0; k < out.n; k++) {
			kernels[k].result = result_of(rows[i].kernels[k]);
			out.n_failed += kernels[k].result == REBUILD_FAILED;
		}
		assert_int_equal(rebuild_end(&out, rows[i].check, &err), rows[i].text ? -EIO : 0);
		assert_string_equal(err.text, rows[i].text ? rows[i].text : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_became_of_the_others_is_said),
	};

	return RUN_TESTS(tests);
}
