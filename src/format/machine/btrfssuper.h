/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The superblock of a device of a btrfs, from the kernel's uapi/linux/btrfs_tree.h: the first of its
 * copies, which is the one that the kernel goes by. Pure. Of the checksums only crc32c is checked, the
 * default; for the others the kernel needs its ciphers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	BTRFSSUPER_AT = 64 * 1024, /* its place on the device */
	BTRFSSUPER_SIZE = 4096,
	BTRFSSUPER_DEVICES_MAX = 65536,
	BTRFSSUPER_NAMED_MAX = 16,
	BTRFSSUPER_PAST = 4, /* commits that it remembers */
};

/* A device that a chunk is on. */
struct btrfssuper_named {
	uint64_t id;
	uint8_t device[16];
};

/* A commit that it remembers, with a digest of where its trees begin and what they hold. */
struct btrfssuper_commit {
	uint64_t generation; /* 0: none */
	uint64_t digest;
};

struct btrfssuper {
	uint8_t fsid[16];   /* of the filesystem */
	uint8_t device[16]; /* of this device: no other one has the same, but a copy */
	uint64_t generation; /* of its last commit; of all devices the same */
	uint64_t root, chunk_root, used; /* where the trees of that commit begin, and what they hold */
	struct btrfssuper_commit past[BTRFSSUPER_PAST]; /* the last ones, that one included, in any
							 * order */
	uint32_t devices;    /* that it has, this one included; never 0 */
	uint64_t id;	     /* of this one, from 1; 0: it is being filled to replace another one */
	bool is_seed;	     /* read-only, and others may have grown out of it */
	struct btrfssuper_named named[BTRFSSUPER_NAMED_MAX]; /* which may be all devices: those that the
							      * chunk tree is on */
	uint32_t n_named;
};

/* DATA was read at BTRFSSUPER_AT. -ENOENT: there is none. -EBADMSG: its checksum or its numbers are
 * wrong. */
int btrfssuper_decode(const void *data, size_t len, struct btrfssuper *out, struct err *err);

/*
 * Can A and B, of two devices of one filesystem, be two moments of one history? Not if each was written
 * without the other. True, too, if one is so much older that the other one does not remember.
 */
bool btrfssuper_agree(const struct btrfssuper *a, const struct btrfssuper *b);
