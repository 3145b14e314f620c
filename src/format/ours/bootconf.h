/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * boot.conf: the builder's settings for PID 1. Lines KEY=VALUE; a key may be given more than once.
 *
 *   kernel=VERSION   the kernel that the image is for
 *   mode=hostonly|generic
 *   load=MODULE      load at once, without waiting for a device that asks for it
 *   feature=NAME     opens the boot part of a feature (init/core/part.h)
 *   NAME.KEY=VALUE   a setting of that feature, in a later line
 *   mdraid.array=UUID NUMBER NAME
 *                    an array that the image was built for; NUMBER of mdN that it had then, or "-"; NAME in its
 *                    superblock, without that of the machine, or nothing
 *   fsck.root=no     the machine's fstab says not to check /
 *   cmdline=WORDS    kernel parameters that precede the kernel's own; at most
 *                    BOOTCONF_CMDLINE_MAX bytes in all lines together, plus a blank for each
 *   shell=password|open
 *                    the image has a rescue shell, and who gets it: whoever knows root's password
 *                    (sulogin is in the image), or everybody
 *   arrays=none      the image starts no MD arrays, since its machine needed none when it was made: a superblock
 *                    at the end of a disk with partitions is that of a former member
 *   secrets=measured secrets of the machine are sealed to measurements of its boot
 *   mdraid.member=UUID ROLE UUID PATH
 *                    when the image was made, the member with that role of the array with the first UUID
 *                    was PATH, and had the second UUID; "-": none
 *   dropin.run=STAGE SECONDS required|optional /PATH
 *                    run this program at a stage of the boot, for at most that many seconds;
 *                    at most BOOTCONF_RUNS_MAX lines, run in this order
 *   dropin.if=NAME   the program in the last dropin.run= runs only if the kernel's command line has
 *                    this parameter
 *   dropin.argument=WORD
 *                    a further argument of the program in the last dropin.run=; at most
 *                    BOOTCONF_ARGUMENTS_MAX for each
 *
 * STAGE is pre-trigger, pre-mount, post-mount or pre-pivot. Pure, in place.
 */

#include <stdbool.h>
#include <stddef.h>

#define BOOTCONF_PATH "etc/preroot/boot.conf"
#define MODINDEX_PATH "usr/lib/preroot/modules.index"
#define MODINDEX_KNOWN_PATH "usr/lib/preroot/modules.known"

enum {
	BOOTCONF_SIZE_MAX = 1024 * 1024,
	BOOTCONF_CMDLINE_MAX = 2048,
	BOOTCONF_RUNS_MAX = 64,
	BOOTCONF_ARGUMENTS_MAX = 8,
	BOOTCONF_SECONDS_MAX = 24 * 3600,
};

/* When a program of the image runs. dracut's names, but for post-mount. */
enum bootconf_stage {
	RUN_PRE_TRIGGER, /* before the devices are walked */
	RUN_PRE_MOUNT,   /* the root device is there, but not mounted */
	RUN_POST_MOUNT,  /* the root is mounted on /sysroot, and nothing else yet */
	RUN_PRE_PIVOT,   /* all filesystems are mounted */
	RUN_STAGES,
};

struct bootconf_run {
	enum bootconf_stage stage;
	unsigned seconds;
	bool required;
	const char *path;  /* with its leading slash */
	const char *param; /* of the kernel, on which it depends; NULL */
	const char *arguments[BOOTCONF_ARGUMENTS_MAX];
	size_t n_arguments;
};

/* Takes the next pair from *CURSOR, a writable, NUL-terminated text. False at the end. Lines
 * without "=" and comments (#) are skipped. */
bool bootconf_next(char **cursor, char **key, char **value);

/* Parses the value of a dropin.run=, which it cuts up. False, OUT unchanged, when it is
 * malformed. */
bool bootconf_run(char *value, struct bootconf_run *out);

/* Adds the value of a dropin.argument=. False: it has BOOTCONF_ARGUMENTS_MAX already. */
bool bootconf_argument(const char *value, struct bootconf_run *run);

/* "pre-mount" */
const char *bootconf_stage_name(enum bootconf_stage stage);
