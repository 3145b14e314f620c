/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * boot.conf: what the builder tells PID 1. Lines KEY=VALUE; keys may come again.
 *
 *   kernel=VERSION   the kernel that the image is for
 *   mode=hostonly|generic
 *   load=MODULE      load at once, without waiting for a device that asks for it
 *   feature=NAME     opens the boot part of a feature (init/core/part.h)
 *   NAME.KEY=VALUE   a setting of it, in a line behind that one
 *   fsck.root=no     the fstab of the machine says that / is not to be checked
 *   cmdline=WORDS    kernel parameters that stand in front of those of the kernel; at most
 *                    BOOTCONF_CMDLINE_MAX bytes in all lines together, a blank counted for each
 *   shell=password|open|locked|measured
 *                    the image has a rescue shell, and who gets it: who knows root's password
 *                    (sulogin is in the image), everybody, or nobody, for one of two reasons
 *   secrets=measured secrets of the machine are sealed to what was measured when it started
 *   dropin.run=STAGE SECONDS required|optional /PATH
 *                    run this program at a stage of the boot, for at most so many seconds; at
 *                    most BOOTCONF_RUNS_MAX lines, started in their order
 *
 * STAGE is pre-trigger, pre-mount or pre-pivot. Pure, in place.
 */

#include <stdbool.h>

#define BOOTCONF_PATH "etc/preroot/boot.conf"
#define MODINDEX_PATH "usr/lib/preroot/modules.index"
#define MODINDEX_KNOWN_PATH "usr/lib/preroot/modules.known"

enum {
	BOOTCONF_SIZE_MAX = 1024 * 1024,
	BOOTCONF_CMDLINE_MAX = 2048,
	BOOTCONF_RUNS_MAX = 64,
	BOOTCONF_SECONDS_MAX = 24 * 3600,
};

/* When a program of the image runs. dracut's names. */
enum bootconf_stage {
	RUN_PRE_TRIGGER, /* before the devices are walked */
	RUN_PRE_MOUNT,   /* the root device is there, and not mounted */
	RUN_PRE_PIVOT,   /* the root is mounted on /sysroot */
	RUN_STAGES,
};

struct bootconf_run {
	enum bootconf_stage stage;
	unsigned seconds;
	bool required;
	const char *path; /* with its leading slash */
};

/* Takes the next pair from *CURSOR, a writable, NUL-terminated text. False at the end. Lines
 * without "=" and comments (#) are passed over. */
bool bootconf_next(char **cursor, char **key, char **value);

/* Takes the value of a dropin.run= apart, which it cuts up. False, OUT untouched, when it is
 * malformed. */
bool bootconf_run(char *value, struct bootconf_run *out);

/* "pre-mount" */
const char *bootconf_stage_name(enum bootconf_stage stage);
