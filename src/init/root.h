/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The root filesystem: mounting it on /sysroot, looking whether it can take over, and handing
 * over. The first two may block and run in a worker.
 */

#include "init/boot.h"

/* Mounts device NAME; RESULT->text says what went wrong. */
int root_mount(const struct boot *b, const char *name, const char *fstype,
	       struct job_result *result);

/* Finds the root's init (RESULT->text) and makes sure that the folders to move to exist.
 * Changes the root directory of the calling process. */
int root_check(const struct boot *b, struct job_result *result);

/* Moves the mounts, empties the initramfs, makes /sysroot the root and starts its init with
 * the arguments and environment that the kernel gave us. Returns only when that failed. */
int root_switch(const char *init, char **argv, char **envp);
