/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program that the kernel calls as /sbin/modprobe, for a filesystem, a cipher, a character set.
 * It runs beside PID 1 and knows nothing of what that is loading. The kernel often calls it from
 * within the initialisation of a module, which goes on only when this program has ended. Hence its
 * rule: it loads what was asked for and what that depends on, nothing else; what is live is left
 * alone; and what somebody else is loading is waited for only for a time, since it may be the very
 * module that waits for this program.
 */

#include "init/core/boot.h"

/* Exit status. */
int modprobe_run(struct boot *b, int argc, char **argv);

/* Loads what NAME, a module or an alias, asks for. UNTIL: see modules_load_until(). 0, or 1 when the
 * last of it failed or there is nothing of that name. */
int modprobe_load(struct boot *b, const char *name, int64_t until);
