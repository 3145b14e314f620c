/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mounting. It may block, and runs in a worker.
 */

#include "init/core/jobs.h"

/* Folder that the root filesystem is mounted on. */
#define SYSROOT "/sysroot"

/*
 * Opens PATH as a process would whose root directory is ROOT: no link in it leads out. FLAGS: of
 * open(2). Descriptor or -errno.
 */
int mount_open_beneath(const char *root, const char *path, int flags);

/* Opens the folder PATH below ROOT for something to be mounted on; where its parent is there and
 * writable, it is made. Descriptor or -errno. */
int mount_open_target(const char *root, const char *path);

/* Mounts /dev/NAME, or a filesystem without a device, or another place of the tree; OUT->text says
 * what went wrong. A write-protected disk is mounted read-only. -ESTALE: the device is another one
 * than JOB->device describes. */
int mount_device(const struct job *job, struct job_result *out);
