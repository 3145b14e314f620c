/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The terminals at which somebody may answer a question: /dev/console, and every console of the
 * kernel. They are open only while a question is shown; then their settings are as they were
 * before. Lines are edited by the kernel (backspace, ^U, ^W). Nothing here blocks: a stopped
 * terminal is shown the question later, one that vanishes is left out and tried again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "init/core/sources.h"

enum {
	TERMINALS_MAX = 8,
	TERMINALS_NAME_MAX = 32,
	TERMINALS_TEXT_MAX = 512,
	TERMINALS_LINE_MAX = 1024, /* of an answer, without its end */
};

struct terminal {
	char name[TERMINALS_NAME_MAX]; /* below the folder of devices; "": a free place */
	int fd;
	unsigned device;       /* its number: /dev/console is another name of one of the others */
	struct termios before; /* its settings, to be restored */
	bool behind;           /* it has not been shown the text yet */
	bool skips;            /* the rest of a line that is too long */
};

struct terminals {
	const char *active; /* file with the names of the kernel's consoles */
	const char *folder; /* of devices */
	struct sources *sources; /* where they are registered, with READY */
	source_ready *ready;
	bool secret;        /* what is typed is not shown */
	struct terminal list[TERMINALS_MAX]; /* the first place is for /dev/console */
	char text[TERMINALS_TEXT_MAX]; /* that each is to show */
	char *line; /* of a size of TERMINALS_LINE_MAX + 1, in memory that is neither swapped out nor
		     * seen by children */
};

/* Opens nothing yet. -errno when there is no memory for a line. */
int terminals_init(struct terminals *t);

/* Opens all terminals that are there and not open yet, and sets them: with SECRET, nothing that is
 * typed is shown, and what was typed before does not count. May be called again. */
void terminals_open(struct terminals *t, bool secret);

/* Queues TEXT for all of them, or for /dev/console alone, in place of text that is still queued. */
void terminals_show(struct terminals *t, const char *text);
void terminals_show_on_console(struct terminals *t, const char *text);

/* Shows it where the terminal takes it now; on /dev/console only with CONSOLE. */
void terminals_flush(struct terminals *t, bool console);

/* Is there one that has not been shown it yet? */
bool terminals_are_behind(const struct terminals *t);

/* Has /dev/console been shown it? */
bool terminals_console_has_it(const struct terminals *t);

/*
 * A whole line that somebody has typed: its length, and t->line, which has no NUL at its end and
 * may hold any byte; *FROM is the terminal. -EAGAIN: none. -EMSGSIZE: one was too long; it is gone.
 */
int terminals_read(struct terminals *t, const struct terminal **from);

/* Overwrites the line. */
void terminals_wipe(struct terminals *t);

/* Restores their settings and closes them all. NOTE is shown before where that is possible at once,
 * but not on terminal BUT; NULL: on all. */
void terminals_close(struct terminals *t, const char *note, const struct terminal *but);
