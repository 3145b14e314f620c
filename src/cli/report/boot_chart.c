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
	TOP = 72,
	ROW = 18,
	BAR = 12,
	MARKS = 10, /* lines of the scale */
};

static const char *const colours[BOOTLOG_KINDS] = {
	[BOOTLOG_STAGE] = "#5b7fa6",
	[BOOTLOG_MODULE] = "#7fa65b",
	[BOOTLOG_DEVICE] = "#a68a5b",
	[BOOTLOG_PROGRAM] = "#8a5ba6",
};

#define CHAIN_COLOUR "#c0392b"

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

struct scale {
	int64_t first, last;
};

static double x_of(const struct scale *s, int64_t us)
{
	return LEFT + (double)(RIGHT - LEFT) * (double)(us - s->first) / (double)(s->last - s->first);
}

static struct scale make_scale(const struct bootlog *log)
{
	struct scale s = {log->start, log->end};

	for (size_t i = 0; i < log->n_items; i++) {
		const struct bootlog_item *item = &log->items[i];

		if (item->asked < s.first)
			s.first = item->asked;
		if (item->end > s.last)
			s.last = item->end;
		if (item->begin > s.last)
			s.last = item->begin;
		if (item->asked > s.last)
			s.last = item->asked;
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
	buf_printf(out, "</text>\n<text x=\"%d\" y=\"38\" text-anchor=\"end\" fill=\"" CHAIN_COLOUR
			"\">the longest chain</text>\n",
		   RIGHT);
}

static void add_marks(const struct scale *s, int bottom, struct buf *out)
{
	for (int i = 0; i <= MARKS; i++) {
		int64_t us = s->first + (s->last - s->first) / MARKS * i;

		buf_printf(out,
			   "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>"
			   "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.3f</text>\n",
			   x_of(s, us), TOP - 6, x_of(s, us), bottom, x_of(s, us), TOP - 10,
			   (double)us / 1e6);
	}
}

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
	int64_t begin = item->begin < 0 ? item->asked : item->begin;
	int64_t end = item->end < 0 ? s->last : item->end;
	char remark[256];

	buf_printf(out, "<g%s><title>%s ", row->on_chain ? " class=\"chain\"" : "",
		   boot_kind_name(item->kind));
	add_xml(out, item->name);
	buf_printf(out, ": %.3f s to %.3f s ", (double)begin / 1e6, (double)end / 1e6);
	add_xml(out, boot_remark(item, remark, sizeof(remark)));
	buf_printf(out, "</title><text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"%s\">%s ",
		   LEFT - 8, y + BAR - 2, row->on_chain ? CHAIN_COLOUR : "#333",
		   boot_kind_name(item->kind));
	add_xml(out, item->name);
	buf_add_str(out, "</text>");
	/* Between the request and the start it was waiting. */
	if (item->asked < begin)
		add_bar(s, item->asked, begin, y, colour, " fill-opacity=\"0.25\"", out);
	if (item->begin >= 0)
		add_bar(s, begin, end, y, colour, item->end < 0 ? " fill-opacity=\"0.5\"" : "", out);
	buf_add_str(out, "</g>\n");
}

void boot_chart(const struct bootlog *log, const struct boot_rows *rows, struct buf *out)
{
	struct scale s = make_scale(log);
	int bottom = TOP + (int)rows->n * ROW;

	buf_printf(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		   "font-family=\"sans-serif\" font-size=\"11\">\n"
		   "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		   WIDTH, bottom + ROW);
	add_head(log, out);
	add_marks(&s, bottom, out);
	for (size_t i = 0; i < rows->n; i++)
		add_row(&s, &rows->rows[i], TOP + (int)i * ROW, out);
	buf_add_str(out, "</svg>\n");
}
