/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "format/package/pkgdb.h"
#include "image/diff.h"

enum { CELLS_MAX = 4 * 1024 * 1024 };

struct text {
	struct span *lines;
	size_t n;
};

static struct text split(const char *s)
{
	struct span whole = {s, strlen(s)}, line;
	struct text t = {.lines = xrealloc(NULL, 1, sizeof(*t.lines))};
	size_t at = 0;

	while (span_line(whole, &at, &line)) {
		if (t.n && (t.n & (t.n - 1)) == 0)
			t.lines = xrealloc(t.lines, t.n * 2, sizeof(*t.lines));
		t.lines[t.n++] = line;
	}
	return t;
}

static bool same_line(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* Lengths of the longest common subsequence from each pair of lines to the end: (n + 1) x (m + 1)
 * cells. */
static uint16_t *common_lengths(const struct span *a, size_t n, const struct span *b, size_t m)
{
	uint16_t *cells = xrealloc(NULL, (n + 1) * (m + 1), sizeof(*cells));

	memset(cells, 0, (n + 1) * (m + 1) * sizeof(*cells));
	for (size_t i = n; i-- > 0;)
		for (size_t k = m; k-- > 0;) {
			uint16_t *cell = &cells[i * (m + 1) + k];
			uint16_t down = cell[m + 1], right = cell[1];

			*cell = same_line(a[i], b[k]) ? (uint16_t)(cell[m + 2] + 1)
				: down > right	      ? down
						      : right;
		}
	return cells;
}

void diff_lines(const char *a, const char *b,
		void (*fn)(char kind, const char *line, size_t len, void *arg), void *arg)
{
	struct text x = split(a), y = split(b);
	_cleanup_free_ uint16_t *cells = NULL;
	size_t start = 0, i, k;

	while (start < x.n && start < y.n && same_line(x.lines[start], y.lines[start]))
		start++;
	while (x.n > start && y.n > start && same_line(x.lines[x.n - 1], y.lines[y.n - 1])) {
		x.n--;
		y.n--;
	}
	if (x.n - start < UINT16_MAX && y.n - start < UINT16_MAX &&
	    (x.n - start + 1) * (y.n - start + 1) <= CELLS_MAX)
		cells = common_lengths(x.lines + start, x.n - start, y.lines + start, y.n - start);
	for (i = k = start; i < x.n || k < y.n;) {
		size_t width = y.n - start + 1;
		const uint16_t *cell = cells ? &cells[(i - start) * width + (k - start)] : NULL;

		if (cell && i < x.n && k < y.n && same_line(x.lines[i], y.lines[k])) {
			i++;
			k++;
		} else if (i < x.n && (k == y.n || !cell || cell[width] >= cell[1])) {
			fn('-', x.lines[i].s, x.lines[i].len, arg);
			i++;
		} else {
			fn('+', y.lines[k].s, y.lines[k].len, arg);
			k++;
		}
	}
	free(x.lines);
	free(y.lines);
}
