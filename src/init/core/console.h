/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A terminal that PID 1 writes lines to and never waits for. What a stopped or slow terminal does
 * not take is kept in a buffer of fixed size and written later; when that is full, the oldest lines
 * are left out and a line in their place says how many. The kernel's log is not this module's affair.
 *
 * Lines are broken at the width of the terminal, since not every terminal does it: at a blank, else
 * with a "\" at the end. Further parts are indented by CONSOLE_INDENT.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	CONSOLE_LINE_MAX = 1024,
	CONSOLE_PENDING_MAX = 32 * 1024,
	CONSOLE_NOTE_MAX = 128,
	CONSOLE_INDENT = 16,
	CONSOLE_WIDTH = 80,     /* of a terminal that does not say */
	CONSOLE_WIDTH_MIN = 40, /* one that says less is not believed */
	CONSOLE_WRAPPED_MAX = 2 * CONSOLE_LINE_MAX,
	CONSOLE_POLL_MS = 100,  /* how often pending text is tried again */
};

struct console {
	const char *path; /* opened again when the terminal is gone; NULL: never */
	int fd;           /* -1: none */
	size_t len;       /* of PENDING */
	bool begun;       /* the first line of PENDING has been written in part */
	bool open_line;   /* something else has written a line without an end: it gets one first */
	unsigned lost;    /* lines that were left out before its first whole line */
	char pending[CONSOLE_PENDING_MAX + CONSOLE_NOTE_MAX];
};

/* PATH lives as long as C. A terminal that cannot be opened is tried again with each line. */
void console_open(struct console *c, const char *path);

/* Opens the same terminal again; what is pending is kept. */
void console_reopen(struct console *c);

/* Closes the terminal; what is pending is lost. */
void console_close(struct console *c);

/* Writes TEXT, which holds no control characters, and the end of the line. What is over
 * CONSOLE_LINE_MAX is cut off. */
void console_line(struct console *c, const char *text);

/* Writes what the terminal takes now. True when nothing is pending. */
bool console_flush(struct console *c);

/* Waits until the terminal has shown everything, or has shown nothing more for a second. Only for
 * the moment before the machine or its screen goes away. */
void console_drain(struct console *c);

/* Columns of the terminal FD. */
unsigned console_width(int fd);

/* Breaks TEXT at WIDTH (CONSOLE_WIDTH_MIN or more) into OUT, with the end of each line: its length. */
size_t console_wrap(const char *text, unsigned width, char out[CONSOLE_WRAPPED_MAX]);
