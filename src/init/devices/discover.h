/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The root without a name: the partition whose GPT entry has the type of a root for this kind of
 * machine. It counts on the disk that the boot loader came from, if EFI says which one that is;
 * else only if no other disk has one. Source: The Discoverable Partitions Specification
 * (uapi-group.org).
 */

#include "init/devices/block.h"

enum discover_flags {
	DISCOVER_NO_AUTO,
	DISCOVER_READ_ONLY,
	DISCOVER_GROW,
};

struct discovery {
	bool is_known;		    /* what EFI says of the boot loader */
	bool is_silent;		    /* it did not answer */
	int64_t until;		    /* when that is so; 0: it is not being asked */
	char loader[JOBS_NAME_MAX]; /* PARTUUID of its partition; "" */
};

/* From now on block_find() knows which device has no name (SPEC_AUTO): such a partition, on the
 * right disk. */
void discover_register(struct boot *b);

bool discover_has_flag(const struct block_device *d, enum discover_flags flag);

/* Another wait for the root begins: if EFI has not answered in the last one, it is asked again. */
void discover_again(struct boot *b);

/* Finds out what EFI says. STAGE_ENDS when that is known, or when EFI has not answered in time. */
enum stage_step discover_loader(struct boot *b);

/* Several disks have one, and nothing says which counts: WHY says it. */
bool discover_is_doubtful(const struct boot *b, char *why, size_t size);

/* Reads the variable of the boot loader, into OUT->text; "" when there is none. Blocks. */
int discover_read_loader(struct job_result *out);
