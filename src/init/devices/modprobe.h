/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program that the kernel runs as /sbin/modprobe, for a filesystem, a cipher or a character
 * set. It runs beside PID 1, and does not know what that is loading. The kernel often runs it
 * during the initialisation of a module, which goes on only after this program has exited. So it
 * loads the requested module and its dependencies, nothing else, skips what is live, and waits only
 * a limited time for a module that another process is loading, since that may be the one that waits
 * for us.
 */

#include "init/core/boot.h"

/* Exit status. */
int modprobe_run(struct boot *b, int argc, char **argv);

/* Loads NAME, a module or an alias. UNTIL: see modules_load_until(). 0, or 1 if the last module
 * failed or there is none of that name. */
int modprobe_load(struct boot *b, const char *name, int64_t until);
