/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Exit statuses, and messages for people. Only this layer prints and exits. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "deploy/runlog.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* nothing has changed */
	EXIT_USAGE = 2,
	EXIT_FINDING = 3, /* a check found something */
	EXIT_AFTER = 4,	  /* done, but what had to follow it failed */
};

/* What to do about ERR: its hint or, where only rights are missing, whose; NULL. */
const char *cli_hint(const struct err *err);

/* By which name the program was called: it is in front of messages. */
struct cli_caller {
	const char *name;
	const char *log;	  /* where it logs unless the configuration says so, below the root;
				   * NULL: a build is not logged, the rest to RUNLOG_PATH */
	enum runlog_level level; /* which messages it prints unless the configuration says so */
};

/* The strings are borrowed. */
void cli_call_as(const struct cli_caller *caller);
const struct cli_caller *cli_caller(void);

/* The options that the user typed where the command gets "--set", in the same order. Borrowed. */
void cli_name_settings(char *const *options, size_t n);

/* The option of the setting I, for messages. */
const char *cli_setting_name(size_t i);

/* "preroot: error: ...", the hint on a line of its own. */
void cli_error(const struct err *err);

/* "preroot: error: ...", the hint on a line of its own; with --json the error as JSON, too, unless
 * JSON was printed already. Returns EXIT_FAILED. */
int cli_fail(const struct err *err);

/* "preroot: warning: ...", at every level, the hint on a line of its own: what was wanted is done, but what
 * had to follow it failed. Returns EXIT_AFTER. */
int cli_fail_after(const struct err *err);

/* cli_fail() for a wrong command line: EXIT_USAGE. -ECANCELED (help was shown) is EXIT_DONE. */
int cli_usage(int result, const struct err *err);
/* Whether what goes to F may have colours: it is a terminal that can, and NO_COLOR is not set. */
bool cli_is_coloured(FILE *f);
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How many warnings were printed. */
size_t cli_warnings(void);

/* Sets which messages are printed; the default is RUNLOG_INFO. RUNLOG_WARN are warnings,
 * RUNLOG_INFO says what was done. The error of a failed run, and JSON, are always printed. */
void cli_set_level(enum runlog_level level);
bool cli_shows(enum runlog_level level);

/* A warning that is printed at every level: something that was there before is lost. */
void cli_alarm(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line of RUNLOG_DEBUG or RUNLOG_TRACE on standard error: "preroot: debug: ..." */
void cli_explain(enum runlog_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Flushes stdout: EXIT_FAILED with a message when something was lost, else STATUS. */
int cli_end(int status);

/* Says who holds the lock, for lock_take() (deploy/lock.h). */
void cli_tell_waiting(const char *text, void *arg);

/* "1.2 MB" */
const char *cli_size(uint64_t bytes, char out[32]);

/* A warning for each. */
void cli_warn_all(const char *const *texts, size_t n);

/* "s", unless N is one. */
const char *cli_plural(size_t n);
