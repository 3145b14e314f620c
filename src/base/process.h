/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs another program and waits for it: without a shell, with a time limit, with nothing of ours
 * open but its standard streams. Its input is /dev/null.
 */

#include "base/buf.h"
#include "base/err.h"

enum { PROCESS_OUTPUT_MAX = 1024 * 1024 };

struct process {
	const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
	const char *folder;      /* to change root to before it is started; NULL: none */
	unsigned seconds;        /* then it and its children are killed; 0: no limit */
};

/*
 * Appends what it wrote to stdout to OUT and to stderr to ERRORS (either may be NULL: thrown away), each at most
 * PROCESS_OUTPUT_MAX bytes. Its exit status; -ETIMEDOUT; -ECANCELED when a signal ended it; -ENOENT when there is no such
 * program; other -errno. ERR says which program, and for a signal which.
 */
int process_run(const struct process *p, struct buf *out, struct buf *errors, struct err *err);
