/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A program of the image that PID 1 runs and waits for, without ever being held up by it: one at
 * a time, in a session of its own, with nothing to read. What it prints goes to the kernel's log.
 * One that does not end in its time is killed and left behind: it may hang in the kernel.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROGRAM_LINE_MAX = 512,
	PROGRAM_PATH_MAX = 128,
	PROGRAM_WHY_MAX = 160,
	PROGRAM_PROGRESS_MAX = 64,
	PROGRAM_NO_LIMIT = 0,
};

enum program_state {
	PROGRAM_NONE,
	PROGRAM_RUNS,
	PROGRAM_ENDED, /* until the next one is started */
};

struct program {
	enum program_state state;
	char path[PROGRAM_PATH_MAX];
	int pid, fd;               /* fd: its output, -1: none */
	int killed;                /* the last one that was, until it is gone; 0 */
	int64_t deadline, next_tell;
	unsigned seconds;          /* its limit; PROGRAM_NO_LIMIT */
	int status;                /* ENDED: exit status; -1: see why */
	char why[PROGRAM_WHY_MAX]; /* ENDED with another status than 0: "ended with status 3" */
	char line[PROGRAM_LINE_MAX]; /* of its output, not yet whole */
	size_t line_len;
	/* NULL, or: takes a line of output; false: it goes to the log. May set progress. */
	bool (*take_line)(struct program *p, const char *line);
	char progress[PROGRAM_PROGRESS_MAX]; /* for the messages while it is waited for */
};

struct boot;

/* Starts argv[0]; b->program.state tells how it goes on. SECONDS: its time
 * limit. */
void program_start(struct boot *b, char **argv, char **envp, unsigned seconds);

/* Child PID has ended with the STATUS of waitpid(2). Others than ours are passed over. */
void program_ended(struct boot *b, int pid, int status);

/* It has printed something. */
void program_output(struct boot *b);

/* Its deadline, and what is said while it is waited for; REASON: what it is for. */
void program_tick(struct boot *b, const char *reason, int64_t now);

/* When program_tick() has something to do. */
int64_t program_due(const struct program *p);
