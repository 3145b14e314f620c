/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rpm's own database file, Packages.db ("ndb"): little-endian, in blocks of 16 bytes. Pages of 4096
 * bytes come first: a header of two blocks ("RpmP", version, generation, number of these pages,
 * next number of a package), and after that only slots of one block ("Slot", number of the package,
 * first block, count of blocks; first block 0: free). A blob is a header ("BlbS", number of the
 * package, time, length), the data, zeros up to its last 12 bytes, and there an Adler-32 of
 * everything before it, the length again and "BlbE". Source: rpm, lib/backend/ndb. Pure; the bytes
 * are hostile.
 */

#include <stdint.h>

#include "format/package/pkgdb.h"

struct rpmndb {
	const uint8_t *data;
	uint32_t blocks, slots;
	uint32_t at;   /* the next slot */
	uint32_t left; /* blocks that do not belong to a blob yet: blobs do not overlap */
};

/* OUT refers to the bytes of DATA. -EBADMSG when this is not such a file or slots are missing,
 * -EPROTONOSUPPORT for another version, -E2BIG. */
int rpmndb_open(const void *data, size_t len, struct rpmndb *out);

/* The next package, in the order of the slots; its header lies within the bytes. 1; 0 at the end;
 * -EBADMSG for one that is damaged, and the next call continues after it. */
int rpmndb_next(struct rpmndb *db, uint32_t *number, struct span *blob);
