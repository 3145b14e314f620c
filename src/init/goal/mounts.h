/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Filesystems that are mounted below the root before its init starts: mount.usr= of the kernel
 * command line, else /usr of the root's fstab; and what that marks with x-initrd.mount. Each waits
 * for its device with the root's time limit; an entry with nofail only for some seconds, and the
 * boot goes on without it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "init/core/boot.h"
#include "init/core/part.h"
#include "init/devices/block.h"

enum { MOUNTS_MAX = 16, MOUNTS_TARGET_MAX = 256, MOUNTS_FSTAB_MAX = 64 * 1024 };

struct mounts_entry {
	struct spec spec;    /* NONE: no device of its own, see SOURCE */
	const char *source;
	const char *target;  /* as fstab has it */
	const char *fstype;
	const char *options;
	bool optional;       /* nofail */
	bool checked;        /* before it is mounted */
	bool writable;       /* unless the options say otherwise */
};

struct mounts {
	struct mounts_entry list[MOUNTS_MAX];
	size_t n, next;
	struct device_ref device; /* of list[next], once it is there */
	char type[64];       /* of its filesystem */
	char *text;          /* of fstab, which the entries point into */
};

/* Adds the entries for an initramfs from TEXT, which is modified and must live as long as B.
 * Malformed lines are logged. */
void mounts_parse(struct boot *b, char *text);

/* The next mount, for boot parts. False if it is not on a device, or on that of the root. */
bool mounts_describe(const struct boot *b, struct part_mount *out);

/* Is D mounted below the root, with OPTION, whatever its value, by the user's wish? */
bool mounts_have_option(const struct boot *b, const struct block_device *d, const char *option);

/* Copies the root's fstab to where PID 1 can read it without blocking. Blocks. 0 even if there is
 * none. */
int mounts_copy_fstab(struct job_result *out);
