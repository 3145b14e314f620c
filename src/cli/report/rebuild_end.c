/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report/rebuild_end.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"

static size_t count(const struct rebuild_outcome *out, enum rebuild_result result)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->kernels[i].result == result;
	return n;
}

int rebuild_end(const struct rebuild_outcome *out, bool check, struct err *err)
{
	static const struct {
		enum rebuild_result result;
		const char *one, *several;
	} rows[] = {
		{REBUILD_DONE, "was rebuilt", "were rebuilt"},
		{REBUILD_WOULD_CHANGE, "would change", "would change"},
		{REBUILD_UNCHANGED, "is unchanged", "are unchanged"},
	};
	const char *verb = check ? "checked" : "rebuilt", *between = "; ";
	_cleanup_buf_ struct buf others = BUF_INIT;

	if (!out->n_failed)
		return 0;
	if (out->n_failed == out->n)
		return err_set(err, -EIO, "none of %zu kernels could be %s", out->n, verb);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = count(out, rows[i].result);

		if (!n)
			continue;
		buf_printf(&others, "%s%zu %s", between, n, n == 1 ? rows[i].one : rows[i].several);
		between = ", ";
	}
	return err_set(err, -EIO, "%zu of %zu kernels could not be %s%s", out->n_failed, out->n, verb,
		       buf_cstr(&others));
}
