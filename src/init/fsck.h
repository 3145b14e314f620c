/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Filesystems are checked before they are mounted, by the checkers of the machine that the image
 * was built on: /usr/sbin/fsck.TYPE. An image without the checker leaves the check to the root's
 * own init.
 *
 *   fsck.mode=auto|force|skip, fastboot, rd.skipfsck (skip), forcefsck (force)
 *   fsck.repair=preen|yes|no   mend what is safe; all; nothing
 *
 * Exit status (fsck(8)): 1: errors were mended; 2: the machine must start again; 4: errors are
 * left; 8 and more: the checker itself has failed. There is no time limit: to kill a repair would
 * do harm.
 */

#include "init/core/boot.h"
#include "init/devices/block.h"

struct fsck {
	enum { FSCK_IDLE, FSCK_RUNS, FSCK_ENDED } state;
	/* ENDED: as in struct program */
	int status;
	char path[PROGRAM_PATH_MAX], why[PROGRAM_WHY_MAX];
	bool clean; /* the last one went well */
	char left[FLOW_TEXT_MAX]; /* why its filesystem must not be mounted; "": it may be */
};

enum stage_step fsck_root(struct boot *b);

/* The same of the next one of b->mounts. */
enum stage_step fsck_next(struct boot *b);

/* Checks the device that is held, with a filesystem of TYPE; called again and again for the same
 * one: STAGE_STAYS until it is done, STAGE_ENDS when it may be mounted, is gone, or must not be
 * mounted (b->fsck->left), STAGE_MOVED when no process can be made. */
enum stage_step fsck_device(struct boot *b, struct device_ref device, const char *type);
