/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is on a block device, as libblkid sees it. PID 1 is linked with the libblkid of the machine
 * that built it, and releases differ: some fail on a damaged signature where others pass it over, and
 * some report several signatures as a failure like any other. So a failure of libblkid is not one of
 * the device: only an error of reading is.
 */

#include "init/core/jobs.h"

/* Looks at what is on FD, a device or a file; blocks. A damaged signature is none. A negative errno:
 * it cannot be read, now. */
int probe_content(int fd, struct probe *out);
