/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rd.cmdline=ask: kernel parameters that somebody types at the console, line by line, until one is
 * empty or a single dot. They count more than those of the kernel.
 */

#include <stddef.h>

#include "init/core/boot.h"

enum stage_step ask_step(struct boot *b);

/* Reads a line at the console; runs in a worker, for as long as it takes. -ENODATA at the end. */
int ask_line(char *out, size_t size);
