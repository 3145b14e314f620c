/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs of the image that PID 1 runs without blocking: several at once, each in its own session
 * and with its own time limit. A program's output goes to the kernel's log, line by line, with its
 * name in front. Its standard input is empty, except for a secret, which is never passed in
 * arguments or the environment. A program that exceeds its time limit is killed with its children,
 * and not waited for: it may hang in the kernel.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROGRAMS_MAX = 8,
	PROGRAM_PATH_MAX = 128,
	PROGRAM_WHY_MAX = 160,
	PROGRAM_PROGRESS_MAX = 64,
	PROGRAM_SECRET_MAX = 4096, /* a pipe takes that at once, whoever reads it or not */
	/* An answer of one program is often the secret of another one: what fits there fits here. */
	PROGRAM_LINE_MAX = PROGRAM_SECRET_MAX,
	PROGRAM_LOG_MAX = 512, /* longer lines are logged in parts */
	PROGRAM_NO_LIMIT = 0,
};

enum program_state {
	PROGRAM_NONE,
	PROGRAM_RUNS,
	PROGRAM_ENDED,  /* as long as its handler is being called */
	PROGRAM_KILLED, /* and not gone yet */
};

struct boot;
struct program;

struct program_request {
	char **argv, **envp; /* argv[0] is the path */
	unsigned seconds;    /* its time limit; PROGRAM_NO_LIMIT */
	const char *reason;  /* for the messages while it is waited for; outlives the program */
	const void *secret;  /* SECRET_LEN bytes on its standard input; NULL: /dev/null */
	size_t secret_len;
	/* As in struct sys_child: what is done in its process first, such as opening a device; NULL. */
	int (*prepare)(const void *data);
	const void *data;
	/* NULL, or: parses a line of output; false: it goes to the log. May set progress. A line of
	 * more than PROGRAM_LINE_MAX bytes is left out, and the log says so. */
	bool (*parse_line)(struct program *p, const char *line);
	/* Its end: status and why are set, P is not valid afterwards. May start another one. */
	void (*ended)(struct boot *b, const struct program *p);
	unsigned tag; /* the caller's, to distinguish programs of one handler */
};

struct program {
	enum program_state state;
	char path[PROGRAM_PATH_MAX];
	int pid, fd;               /* fd: its output, -1: none */
	int64_t deadline, next_show;
	unsigned seconds, tag;     /* as in the request */
	const char *reason;
	bool (*parse_line)(struct program *p, const char *line);
	void (*ended)(struct boot *b, const struct program *p);
	int status;                /* ENDED: exit status; -1: see why */
	char why[PROGRAM_WHY_MAX]; /* ENDED with another status than 0: "ended with status 3" */
	char line[PROGRAM_LINE_MAX + 1]; /* of its output, not yet whole */
	size_t line_len;
	bool skips;                /* the rest of a line that is left out */
	char progress[PROGRAM_PROGRESS_MAX]; /* for the messages while it is waited for */
};

struct programs {
	struct program list[PROGRAMS_MAX];
};

/*
 * Starts a program. What R points to, but for the reason, is needed only during the call; the
 * caller wipes the secret. Its handler is called once: when the program has ended, was killed at
 * its time limit, or, before this returns, could not be started at all (too many run, the secret is
 * over PROGRAM_SECRET_MAX, no process can be made).
 */
void program_start(struct boot *b, const struct program_request *r);

/* Kills the program with this handler and tag, if it runs: its handler is not called. */
void program_cancel(struct boot *b, void (*ended)(struct boot *, const struct program *),
		    unsigned tag);

/* Is the end of such a program still to come? */
bool program_runs(const struct boot *b, void (*ended)(struct boot *, const struct program *),
		  unsigned tag);

/* Child PID has ended with the STATUS of waitpid(2). Others than ours are ignored. */
void program_reaped(struct boot *b, int pid, int status);

/* Some have printed something. */
void program_output(struct boot *b);

/* Their time limits, and what is said while they are waited for. */
void program_tick(struct boot *b, int64_t now);

/* When program_tick() has something to do; INT64_MAX: no program runs. */
int64_t program_due(const struct boot *b);

/* Is there one that was killed and is not gone yet? */
bool program_is_dying(const struct boot *b);
