/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs another program and waits for it: without a shell, with a time limit, with only its standard
 * streams open. Its input is /dev/null.
 */

#include "base/buf.h"
#include "base/err.h"

enum { PROCESS_OUTPUT_MAX = 1024 * 1024 };

struct process {
	const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
	const char *folder;      /* the root directory that it is started in; NULL: ours */
	unsigned seconds;        /* after these it is killed with its children; 0: no limit */
};

/*
 * Appends what the program writes to stdout to OUT and what it writes to stderr to ERRORS, each at
 * most PROCESS_OUTPUT_MAX bytes; either may be NULL, and that output is discarded. Returns the exit
 * status; -ETIMEDOUT; -ECANCELED when a signal ended the program; -ENOENT when there is no such
 * program; other -errno. ERR names the program and, where it applies, the signal.
 */
int process_run(const struct process *p, struct buf *out, struct buf *errors, struct err *err);
