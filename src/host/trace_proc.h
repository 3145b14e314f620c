/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of /proc that change all the time in parts that no plan hangs on: the speed of a processor,
 * how full a swap area is, the numbers and the order of mounts, and those that lie on no device. A
 * trace (host/trace.h) takes what is left.
 */

#include <stdbool.h>

#include "base/buf.h"

/* Whether PATH, below a root, is such a file. */
bool trace_proc_is_known(const char *path);

/* TEXT of the file at PATH becomes what matters of it. */
void trace_proc_condense(const char *path, struct buf *text);
