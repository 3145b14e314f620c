/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "format/machine/conf_kit.h"

enum { ROOM = 300 }; /* what a hint has for a value */

struct rewriter {
	const char *p, *end;
	bool quoted; /* between double quotes */
	bool in_array;
	struct buf *out;
};

static bool begins(const struct rewriter *w, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(w->end - w->p) >= len && memcmp(w->p, with, len) == 0;
}

/* Behind "(" or "`": the length of the command, up to what closes it; -1: nothing near does. Quotes in
 * it count for nothing: it is only shown. */
static int command_length(const struct rewriter *w, bool is_backtick)
{
	int depth = 0;

	for (int i = 0; i < ROOM && i < w->end - w->p; i++) {
		char c = w->p[i];

		if (is_backtick ? c == '`' : c == ')' && !depth)
			return i;
		depth += c == '(';
		depth -= c == ')';
	}
	return -1;
}

/* On one line, and such that the result can stand in double quotes. */
static void add_shown(struct buf *out, const char *text, int len)
{
	for (int i = 0; i < len; i++) {
		if (strchr("\"$`\\", text[i]))
			buf_add_str(out, "\\");
		buf_add(out, text[i] == '\n' ? " " : &text[i], 1);
	}
}

static void add_placeholder(struct rewriter *w, const char *what, int len)
{
	const char *quote = w->quoted ? "" : "\"";

	buf_printf(w->out, "%s<%s: ", quote, what);
	add_shown(w->out, w->p, len);
	buf_printf(w->out, ">%s", quote);
}

/* At $(...), $((...)) or `...`. */
static bool replace_command(struct rewriter *w, bool is_backtick)
{
	bool is_sum = begins(w, "$((");
	int len;

	w->p += is_backtick ? 1 : 2;
	len = command_length(w, is_backtick);
	if (len < 0)
		return false;
	if (is_sum && len >= 2) {
		w->p++;
		add_placeholder(w, "the result of", len - 2);
		w->p--;
	} else if (len == (int)strlen("uname -r") && begins(w, "uname -r")) {
		buf_add_str(w->out, "${kernel}");
	} else {
		add_placeholder(w, "what this prints", len);
	}
	w->p += len + 1;
	return true;
}

static void copy(struct rewriter *w, size_t n)
{
	size_t room = (size_t)(w->end - w->p);

	n = n < room ? n : room;
	buf_add(w->out, w->p, n);
	w->p += n;
}

static bool copy_single(struct rewriter *w)
{
	const char *close = memchr(w->p + 1, '\'', (size_t)(w->end - w->p - 1));

	if (!close)
		return false;
	copy(w, (size_t)(close - w->p) + 1);
	return true;
}

static bool is_value_end(const struct rewriter *w)
{
	return !w->quoted && (w->in_array ? *w->p == ')' : strchr(" \t\n;", *w->p) != NULL);
}

bool conf_rewrite(const char *text, const char *end, struct buf *out)
{
	struct rewriter w = {.p = text, .end = end, .out = out};
	bool going = true;

	w.in_array = begins(&w, "(");
	while (going && w.p < end && !is_value_end(&w) && out->len < ROOM) {
		bool is_backtick = *w.p == '`';

		if (is_backtick || begins(&w, "$("))
			going = replace_command(&w, is_backtick);
		else if (*w.p == '\'' && !w.quoted)
			going = copy_single(&w);
		else if (*w.p == '\\')
			copy(&w, 2);
		else {
			w.quoted ^= *w.p == '"';
			copy(&w, 1);
		}
	}
	if (w.in_array && w.p < end)
		copy(&w, 1);
	return going && !w.quoted && out->len < ROOM && buf_status(out) == 0;
}
