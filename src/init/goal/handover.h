/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the mounted root to its running init.
 */

#include <sys/types.h>

#include "init/core/boot.h"

/* Finds the root's init (RESULT->text) and makes sure that the folders to move to exist.
 * Changes the root directory of the calling process, which is a worker. */
int handover_check(const struct boot *b, struct job_result *result);

/* Moves the mounts, empties the initramfs, makes /sysroot the root and starts its init with
 * the arguments and environment that the kernel gave us. systemd is also told when PID 1 began.
 * Returns only when that failed. */
int handover_switch(const struct boot *b, char **argv, char **envp);

/* Deletes what the folder FD holds on DEVICE, and closes FD. */
void handover_empty(int fd, dev_t device);
