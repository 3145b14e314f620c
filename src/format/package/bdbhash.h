/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Berkeley DB hash database, such as rpm's older file Packages: pages of one size, counted from
 * 0, in the byte order of the machine that made it. Page 0 says how large pages are, which one is
 * the last, and where each bucket starts. A bucket is a chain of pages, which have offsets to items
 * at their start and the items at their end: a key, its value, a key, ... An item's first byte is
 * its type: the bytes themselves follow, or the first of a chain of pages that hold them. Versions
 * 8 to 10, without encryption, checksums or partitions, which rpm does not use. Source: Berkeley
 * DB, dbinc/db_page.h. Pure; the bytes are hostile.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/package/pkgdb.h"

enum { BDBHASH_SPARES = 32 };

struct bdbhash {
	const uint8_t *data;
	bool big_endian;
	uint32_t page_size, pages;
	uint32_t max_bucket;
	uint32_t spares[BDBHASH_SPARES];

	uint32_t bucket;     /* the next one */
	uint32_t page, item; /* where we are; page 0: in no bucket */
	uint32_t left; /* pages still to be read: a page is in one chain only, so chains end */
};

struct bdbhash_item {
	struct span key, value; /* the value with its type: for bdbhash_value() */
};

/* OUT refers to the bytes of DATA. -EBADMSG when this is not such a file, -EPROTONOSUPPORT when it
 * is of a kind that is not supported, -E2BIG. */
int bdbhash_open(const void *data, size_t len, struct bdbhash *out);

/* The next item, in the order of the buckets. 1; 0 at the end; -EBADMSG for a page or an item that
 * is damaged. The next call continues after it, or after the page when the place of the item is not
 * known. A key on pages of its own counts as damaged. */
int bdbhash_next(struct bdbhash *db, struct bdbhash_item *out);

/* Puts the value of an item into OUT, replacing its content. To be called once for each item. 0,
 * -EBADMSG, -ENOMEM. */
int bdbhash_value(struct bdbhash *db, const struct bdbhash_item *item, struct buf *out);

/* A number in the byte order of the database; P points to four bytes. */
uint32_t bdbhash_number(const struct bdbhash *db, const void *p);
