/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "cli/verbs/boot_report.h"

/*
 * A boot as an SVG chart: time runs to the right, one line for each item. It is self-contained,
 * with no scripts, fonts or external images.
 */

enum {
	WIDTH = 1200,
	LEFT = 280,  /* where time begins */
	RIGHT = 1180,
	LEGEND = 50, /* the top of it */
	TOP = 96,
	ROW = 18,
	BAR = 12,
	MARKS_MAX = 10, /* lines of the scale */
	MARK_DIGITS = 6, /* of a time in seconds, at most */
};

static const char *const colours[BOOTLOG_KINDS] = {
	[BOOTLOG_STAGE] = "#5b7fa6",
	[BOOTLOG_MODULE] = "#7fa65b",
	[BOOTLOG_DEVICE] = "#a68a5b",
	[BOOTLOG_PROGRAM] = "#8a5ba6",
};

#define CHAIN_COLOUR "#c0392b"
#define TEXT_COLOUR "#333"
#define WAITING " fill-opacity=\"0.25\""
#define NOT_OVER " fill-opacity=\"0.5\""

/* U+FFFE and U+FFFF are valid UTF-8, but not allowed in XML. */
static void add_xml(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '<')
			buf_add_str(out, "&lt;");
		else if (*p == '>')
			buf_add_str(out, "&gt;");
		else if (*p == '&')
			buf_add_str(out, "&amp;");
		else if (*p == '"')
			buf_add_str(out, "&quot;");
		else if (strncmp(p, "\xef\xbf\xbe", 3) == 0 || strncmp(p, "\xef\xbf\xbf", 3) == 0)
			p += 2;
		else
			buf_add(out, p, 1);
	}
}

/* What never began has no bar, and no row. */
static bool has_begun(const struct bootlog_item *item)
{
	return item->begin >= 0;
}

struct scale {
	int64_t first, last;
};

static double x_of(const struct scale *s, int64_t us)
{
	return LEFT + (double)(RIGHT - LEFT) * (double)(us - s->first) / (double)(s->last - s->first);
}

static struct scale make_scale(const struct bootlog *log, const struct boot_rows *rows)
{
	struct scale s = {log->start, log->end};

	for (size_t i = 0; i < rows->n; i++) {
		const struct bootlog_item *item = rows->rows[i].item;

		if (!has_begun(item))
			continue;
		if (item->asked < s.first)
			s.first = item->asked;
		if (item->end > s.last)
			s.last = item->end;
		if (item->begin > s.last)
			s.last = item->begin;
	}
	if (s.last == s.first)
		s.last++;
	return s;
}

static void add_head(const struct bootlog *log, struct buf *out)
{
	buf_printf(out, "<text x=\"10\" y=\"20\" font-size=\"15\">");
	add_xml(out, log->kernel ? log->kernel : "-");
	buf_printf(out, ": %.3f s in PID 1, from %.3f s after the kernel's start</text>\n",
		   (double)(log->end - log->start) / 1e6, (double)log->start / 1e6);
	buf_printf(out, "<text x=\"10\" y=\"38\">");
	add_xml(out, log->failure ? log->failure : log->init ? log->init : "-");
	buf_add_str(out, "</text>\n");
}

/* ---- the legend ---- */

static int add_legend_item(int x, const char *colour, const char *more, const char *text,
			   struct buf *out)
{
	enum { GLYPH = 7, SPACE = 24 };

	buf_printf(out,
		   "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"%s/>"
		   "<text x=\"%d\" y=\"%d\">%s</text>\n",
		   x, LEGEND, BAR, BAR, colour, more, x + BAR + 4, LEGEND + BAR - 2, text);
	return x + BAR + SPACE + GLYPH * (int)strlen(text);
}

static void add_legend(struct buf *out)
{
	int x = 10;

	for (int kind = 0; kind < BOOTLOG_KINDS; kind++)
		x = add_legend_item(x, colours[kind], "", boot_kind_name(kind), out);
	x = add_legend_item(x, CHAIN_COLOUR, "", "on the longest chain", out);
	x = add_legend_item(x, TEXT_COLOUR, WAITING, "pale: waiting for its turn", out);
	add_legend_item(x, TEXT_COLOUR, NOT_OVER, "half pale: not over", out);
}

/* ---- the scale ---- */

/* The least of 1, 2 and 5 times a power of ten microseconds that gives at most MARKS_MAX marks.
 * *DIGITS: how many a mark has after the point, in seconds. */
static int64_t mark_step(const struct scale *s, int *digits)
{
	static const int64_t factors[] = {1, 2, 5};
	int64_t span = s->last - s->first, power = 1;

	for (*digits = MARK_DIGITS;; power *= 10, *digits -= *digits > 0)
		for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
			if (span / (power * factors[i]) < MARKS_MAX)
				return power * factors[i];
}

static void add_marks(const struct scale *s, int bottom, struct buf *out)
{
	int digits;
	int64_t step = mark_step(s, &digits);

	for (int64_t us = (s->first + step - 1) / step * step; us <= s->last; us += step)
		buf_printf(out,
			   "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>"
			   "<text class=\"mark\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">"
			   "%.*f s</text>\n",
			   x_of(s, us), TOP - 6, x_of(s, us), bottom, x_of(s, us), TOP - 10, digits,
			   (double)us / 1e6);
}

/* ---- the rows ---- */

static void add_bar(const struct scale *s, int64_t from, int64_t to, int y, const char *colour,
		    const char *more, struct buf *out)
{
	double width = x_of(s, to) - x_of(s, from);

	buf_printf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"%s/>",
		   x_of(s, from), y, width < 1 ? 1 : width, BAR, colour, more);
}

static void add_row(const struct scale *s, const struct boot_row *row, int y, struct buf *out)
{
	const struct bootlog_item *item = row->item;
	const char *colour = row->on_chain ? CHAIN_COLOUR : colours[item->kind];
	int64_t begin = item->begin;
	int64_t end = item->end < 0 ? s->last : item->end;
	char remark[256];

	buf_printf(out, "<g%s><title>%s ", row->on_chain ? " class=\"chain\"" : "",
		   boot_kind_name(item->kind));
	add_xml(out, item->name);
	buf_printf(out, ": %.3f s to %.3f s ", (double)begin / 1e6, (double)end / 1e6);
	add_xml(out, boot_remark(item, remark, sizeof(remark)));
	buf_printf(out, "</title><text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"%s\">%s ",
		   LEFT - 8, y + BAR - 2, row->on_chain ? CHAIN_COLOUR : TEXT_COLOUR,
		   boot_kind_name(item->kind));
	add_xml(out, item->name);
	buf_add_str(out, "</text>");
	/* Between the request and the start it was waiting. */
	if (item->asked < begin)
		add_bar(s, item->asked, begin, y, colour, WAITING, out);
	add_bar(s, begin, end, y, colour, item->end < 0 ? NOT_OVER : "", out);
	buf_add_str(out, "</g>\n");
}

static size_t count_begun(const struct boot_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++)
		n += has_begun(rows->rows[i].item);
	return n;
}

void boot_chart(const struct bootlog *log, const struct boot_rows *rows, struct buf *out)
{
	struct scale s = make_scale(log, rows);
	size_t begun = count_begun(rows);
	int y = TOP, bottom = TOP + (int)begun * ROW;

	buf_printf(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" role=\"img\" "
		   "font-family=\"sans-serif\" font-size=\"11\" fill=\"" TEXT_COLOUR "\">\n"
		   "<title>What PID 1 did, over seconds since the kernel's start</title>\n"
		   "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		   WIDTH, bottom + 2 * ROW);
	add_head(log, out);
	add_legend(out);
	add_marks(&s, bottom, out);
	for (size_t i = 0; i < rows->n; i++) {
		if (!has_begun(rows->rows[i].item))
			continue;
		add_row(&s, &rows->rows[i], y, out);
		y += ROW;
	}
	if (begun < rows->n)
		buf_printf(out, "<text x=\"10\" y=\"%d\">%zu more never began</text>\n", bottom + ROW,
			   rows->n - begun);
	buf_add_str(out, "</svg>\n");
}
