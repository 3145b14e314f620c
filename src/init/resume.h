/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Resume from hibernation: before anything is mounted, since even a read-only mount replays a
 * journal under the feet of the system that sleeps in the image.
 *
 *   resume=DEVICE    where the image is: a swap area, or the filesystem of a swap file
 *   resume_offset=N  the page at which the swap file begins, in units of 4096 bytes
 *   resumewait       the device is waited for as long as it takes
 *   noresume, hibernate=noresume  no image is looked for
 *
 * The kernel's own format alone (S1SUSPEND), see the kernel's Documentation/power/swsusp.rst. An
 * image that the kernel did not take and left in place is a reason not to go on: to mount the
 * filesystems writable and to resume later would destroy them.
 */

#include "init/core/boot.h"
#include "init/devices/block.h"

struct resume {
	struct device_ref device; /* that is looked at */
	bool decided;
	int64_t until, quiet_until;
};

enum stage_step resume_step(struct boot *b);
void resume_what(const struct boot *b, char *out, size_t size);

/* In a worker: is there an image on /dev/NAME, at page OFFSET? Then hands it to the kernel,
 * which does not come back if it takes it. OUT->resume says what was found. */
int resume_try(const struct job *job, struct job_result *out);
