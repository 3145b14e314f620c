/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define END_OF_LINE "\r\n"

enum { DRAIN_TRIES = 10 }; /* polls without progress, CONSOLE_POLL_MS apart */

/* ---- the width ---- */

unsigned console_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < CONSOLE_WIDTH_MIN)
		return CONSOLE_WIDTH;
	return size.ws_col;
}

/* A continuation byte of UTF-8 takes no column. */
static bool takes_column(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* How many bytes of TEXT fill at most COLUMNS. */
static size_t fitting(const char *text, unsigned columns)
{
	size_t n = 0;

	while (text[n] && (columns || !takes_column(text[n])))
		columns -= takes_column(text[n++]);
	return n;
}

/* The last blank in the first N + 1 bytes of TEXT, but after FIRST; 0 if there is none. */
static size_t last_blank(const char *text, size_t n, size_t first)
{
	while (n > first && text[n] != ' ')
		n--;
	return n > first ? n : 0;
}

struct wrapped {
	char *text;
	size_t len;
};

static void append(struct wrapped *w, const char *text, size_t len)
{
	if (len > CONSOLE_WRAPPED_MAX - w->len)
		len = CONSOLE_WRAPPED_MAX - w->len;
	memcpy(w->text + w->len, text, len);
	w->len += len;
}

size_t console_wrap(const char *text, unsigned width, char out[CONSOLE_WRAPPED_MAX])
{
	/* Some terminals wrap as soon as the last column is filled. */
	unsigned columns = width - 1;
	struct wrapped w = {.text = out};
	size_t first = CONSOLE_INDENT, n;
	char line[CONSOLE_LINE_MAX];

	snprintf(line, sizeof(line), "%s", text);
	text = line;
	while (n = fitting(text, columns), text[n]) {
		size_t blank = last_blank(text, n, first);

		n = blank ? blank : fitting(text, columns - 1);
		append(&w, text, n);
		text += n + (blank != 0);
		append(&w, "\\", !blank);
		append(&w, END_OF_LINE, strlen(END_OF_LINE));
		for (int i = 0; i < CONSOLE_INDENT; i++)
			append(&w, " ", 1);
		columns = width - 1 - CONSOLE_INDENT;
		first = 0;
	}
	append(&w, text, n);
	append(&w, END_OF_LINE, strlen(END_OF_LINE));
	return w.len;
}

/* ---- what is pending ---- */

/* The length of the line that starts at FROM; 0 if there is no whole line. */
static size_t line_at(const struct console *c, size_t from)
{
	const char *end = from < c->len ? memchr(c->pending + from, '\n', c->len - from) : NULL;

	return end ? (size_t)(end + 1 - c->pending) - from : 0;
}

static void remove_bytes(struct console *c, size_t from, size_t len)
{
	memmove(c->pending + from, c->pending + from + len, c->len - from - len);
	c->len -= len;
}

/* Drops the oldest line, but never one of which the terminal already shows a part. */
static bool drop_oldest(struct console *c)
{
	size_t from = c->begun ? line_at(c, 0) : 0, len = line_at(c, from);

	if (!len)
		return false;
	remove_bytes(c, from, len);
	c->lost++;
	return true;
}

static void add(struct console *c, const char *text, size_t len)
{
	while (c->len + len > CONSOLE_PENDING_MAX && drop_oldest(c))
		;
	memcpy(c->pending + c->len, text, len);
	c->len += len;
}

/* ---- the terminal ---- */

static bool is_open(struct console *c)
{
	if (c->fd < 0 && c->path)
		c->fd = open(c->path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return c->fd >= 0;
}

void console_open(struct console *c, const char *path)
{
	c->path = path;
	c->fd = -1;
	c->len = c->lost = 0;
	c->begun = c->open_line = false;
	is_open(c);
}

void console_close(struct console *c)
{
	c->fd = close_fd(c->fd);
	c->path = NULL;
	c->len = c->lost = 0;
	c->begun = false;
}

/* The terminal hung up. What is pending goes to the one that is opened next. */
static void lose_terminal(struct console *c)
{
	c->fd = close_fd(c->fd);
	c->begun = false;
}

void console_reopen(struct console *c)
{
	lose_terminal(c);
	is_open(c);
}

/* Returns how many bytes the terminal has taken. */
static size_t put(struct console *c, const char *text, size_t len)
{
	ssize_t n;

	do
		n = write(c->fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		lose_terminal(c);
	if (n <= 0)
		return 0;
	c->begun = text[n - 1] != '\n';
	return (size_t)n;
}

/* Writes a note in place of the lost lines. What the terminal does not take of it is put in front
 * of the pending text, which always has room for it. */
static bool put_note(struct console *c)
{
	char note[CONSOLE_NOTE_MAX];
	size_t len = (size_t)snprintf(note, sizeof(note),
				      "preroot: (%u line%s did not fit here: see the kernel's log)" END_OF_LINE,
				      c->lost, text_plural(c->lost));
	size_t n = put(c, note, len);

	if (!n)
		return false;
	memmove(c->pending + len - n, c->pending, c->len);
	memcpy(c->pending, note + n, len - n);
	c->len += len - n;
	c->lost = 0;
	return true;
}

bool console_flush(struct console *c)
{
	while (c->len && is_open(c)) {
		size_t n;

		if (c->lost && !c->begun && !put_note(c))
			break;
		n = put(c, c->pending, c->lost ? line_at(c, 0) : c->len);
		if (!n)
			break;
		remove_bytes(c, 0, n);
	}
	return c->len == 0;
}

void console_line(struct console *c, const char *text)
{
	char out[CONSOLE_WRAPPED_MAX];
	size_t len;

	if (!is_open(c) && !c->path)
		return;
	if (c->open_line)
		add(c, END_OF_LINE, strlen(END_OF_LINE));
	c->open_line = false;
	len = console_wrap(text, console_width(c->fd), out);
	add(c, out, len);
	console_flush(c);
}

/* The bytes not shown yet, here and in the kernel's buffer of the terminal. */
static size_t not_shown(struct console *c)
{
	int queued = 0;

	if (console_flush(c) && c->fd >= 0)
		ioctl(c->fd, TIOCOUTQ, &queued);
	return c->len + (queued > 0 ? (size_t)queued : 0);
}

void console_drain(struct console *c)
{
	size_t left = not_shown(c);

	for (int tries = 0; left && tries < DRAIN_TRIES; tries++) {
		size_t before = left;

		poll(NULL, 0, CONSOLE_POLL_MS);
		left = not_shown(c);
		if (left < before)
			tries = 0;
	}
}
