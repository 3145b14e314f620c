/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A hash database of Berkeley DB, as rpm's older file Packages is one: pages of one size, counted
 * from 0, in the byte order of the machine that made it. Page 0 says how large pages are, which
 * one is the last, and where each bucket starts. A bucket is a chain of pages, which have offsets
 * to items at their start and the items at their end: a key, its value, a key, ... An item's first
 * byte is its type: the bytes themselves follow, or the first of a chain of pages that hold them.
 * Versions 8 to 10, without encryption, checksums and partitions, which rpm does not use.
 * Source: Berkeley DB, dbinc/db_page.h. Pure; the bytes are hostile.
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
	uint32_t left; /* pages to be looked at yet: a page is in one chain only, so chains end */
};

struct bdbhash_item {
	struct span key, value; /* the value with its type: for bdbhash_value() */
};

/* OUT needs the bytes. -EBADMSG when it is no such file, -EPROTONOSUPPORT when it is one that
 * is not read, -E2BIG. */
int bdbhash_open(const void *data, size_t len, struct bdbhash *out);

/* The next item, in the order of the buckets. 1, 0 the end; -EBADMSG for a page or an item that is
 * damaged, and the next call goes on behind it, or behind the page when it is not known where the
 * item lies. A key on pages of its own counts as damaged. */
int bdbhash_next(struct bdbhash *db, struct bdbhash_item *out);

/* Puts the value of an item into OUT, in place of what it holds. To be called once for each. 0,
 * -EBADMSG, -ENOMEM. */
int bdbhash_value(struct bdbhash *db, const struct bdbhash_item *item, struct buf *out);

/* A number in the byte order of the database; P has four bytes. */
uint32_t bdbhash_number(const struct bdbhash *db, const void *p);
