/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rpm's own database file, Packages.db ("ndb"): little-endian, in blocks of 16 bytes. Pages of
 * 4096 bytes come first: a header of two blocks ("RpmP", version, generation, number of these
 * pages, next number of a package), and then nothing but slots of one block ("Slot", number of
 * the package, first block, count of blocks; first block 0: free). A blob is a header ("BlbS",
 * number of the package, time, length), the data, zeros up to its last 12 bytes, and there an
 * Adler-32 of what is before, the length again and "BlbE". Source: rpm, lib/backend/ndb.
 * Pure; the bytes are hostile.
 */

#include <stdint.h>

#include "format/package/pkgdb.h"

struct rpmndb {
	const uint8_t *data;
	uint32_t blocks, slots;
	uint32_t at;   /* the next slot */
	uint32_t left; /* blocks that no blob has had yet: they do not overlap */
};

/* OUT needs the bytes. -EBADMSG when it is no such file or lacks slots, -EPROTONOSUPPORT for
 * another version, -E2BIG. */
int rpmndb_open(const void *data, size_t len, struct rpmndb *out);

/* The next package, in the order of the slots, with its header inside the bytes. 1, 0 the end;
 * -EBADMSG for one that is damaged, and the next call goes on behind it. */
int rpmndb_next(struct rpmndb *db, uint32_t *number, struct span *blob);
