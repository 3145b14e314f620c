/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mounting. It may block, and runs in a worker.
 */

#include "init/jobs.h"

/* Folder that the root filesystem is mounted on. */
#define SYSROOT "/sysroot"

/* Mounts /dev/NAME; OUT->text says what went wrong. A write-protected disk is mounted
 * read-only. */
int mount_device(const struct job *job, struct job_result *out);
