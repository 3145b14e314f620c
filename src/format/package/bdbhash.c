/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/package/bdbhash.h"

#include <errno.h>

#include "base/bytes.h"

enum {
	MAGIC = 0x061561,
	PAGE_SIZE_MIN = 512,
	PAGE_SIZE_MAX = 65536,
	VERSION_MIN = 8,
	VERSION_MAX = 10,
	FLAG_CHECKSUM = 1,

	PAGE_HEAD = 26,
	PAGE_HASH_UNSORTED = 2,
	PAGE_OVERFLOW = 7,
	PAGE_HASH = 13,

	ITEM_DATA = 1,
	ITEM_OFF_PAGE = 3,
	OFF_PAGE_SIZE = 12,
};

static uint32_t u32(const struct bdbhash *db, const uint8_t *p)
{
	return db->big_endian ? __builtin_bswap32(le32(p)) : le32(p);
}

static uint32_t u16(const struct bdbhash *db, const uint8_t *p)
{
	return db->big_endian ? __builtin_bswap16(le16(p)) : le16(p);
}

uint32_t bdbhash_number(const struct bdbhash *db, const void *p)
{
	return u32(db, p);
}

int bdbhash_open(const void *data, size_t len, struct bdbhash *out)
{
	struct bdbhash db = {.data = data};
	uint32_t version, last;
	size_t there;

	if (len < PAGE_SIZE_MIN)
		return -EBADMSG;
	db.big_endian = le32(db.data + 12) != MAGIC;
	if (u32(&db, db.data + 12) != MAGIC)
		return -EBADMSG;
	version = u32(&db, db.data + 16);
	if (version < VERSION_MIN || version > VERSION_MAX || db.data[24] ||
	    db.data[26] & FLAG_CHECKSUM || u32(&db, db.data + 36))
		return -EPROTONOSUPPORT;
	db.page_size = u32(&db, db.data + 20);
	if (db.page_size < PAGE_SIZE_MIN || db.page_size > PAGE_SIZE_MAX ||
	    db.page_size & (db.page_size - 1))
		return -EBADMSG;
	last = u32(&db, db.data + 32);
	there = len / db.page_size;
	if (there > INT32_MAX)
		return -E2BIG;
	db.pages = last < there ? last + 1 : (uint32_t)there;
	db.left = db.pages;
	db.max_bucket = u32(&db, db.data + 72);
	/* Each bucket has a page, and page 0 is none of them. */
	if (db.max_bucket + 1ull >= db.pages)
		return -EBADMSG;
	for (size_t i = 0; i < BDBHASH_SPARES; i++)
		db.spares[i] = u32(&db, db.data + 96 + 4 * i);
	*out = db;
	return 0;
}

/* A page; NULL as well once more pages were read than there are. */
static const uint8_t *page_at(struct bdbhash *db, uint64_t number)
{
	if (!number || number >= db->pages || !db->left)
		return NULL;
	db->left--;
	return db->data + number * db->page_size;
}

/* Goes to a page of a bucket. */
static int enter(struct bdbhash *db, uint64_t number)
{
	const uint8_t *p = page_at(db, number);

	if (!p)
		return -EBADMSG;
	/* Pages that are reserved and were never used. */
	if (!u32(db, p + 8) && !p[25])
		return 0;
	if (u32(db, p + 8) != number || (p[25] != PAGE_HASH && p[25] != PAGE_HASH_UNSORTED) ||
	    PAGE_HEAD + 2 * u16(db, p + 20) > db->page_size)
		return -EBADMSG;
	db->page = (uint32_t)number;
	db->item = 0;
	return 0;
}

/* Buckets are added by doubling: those of one doubling are stored one after another. */
static uint64_t first_page(const struct bdbhash *db, uint32_t bucket)
{
	uint32_t doubling = 0;

	while (bucket >> doubling) /* there are fewer than 2^31 */
		doubling++;
	return (uint64_t)bucket + db->spares[doubling];
}

/* Item NUMBER of a page; empty when it is damaged. Each item ends where the one before it
 * starts. */
static struct span item_at(const struct bdbhash *db, const uint8_t *p, uint32_t number)
{
	const uint8_t *offset = p + PAGE_HEAD + 2 * (size_t)number;
	uint32_t start = u16(db, offset), end = number ? u16(db, offset - 2) : db->page_size;

	if (start < PAGE_HEAD + 2 * u16(db, p + 20) || start >= end || end > db->page_size)
		return (struct span){0};
	return (struct span){(const char *)p + start, end - start};
}

int bdbhash_next(struct bdbhash *db, struct bdbhash_item *out)
{
	const uint8_t *p = NULL;
	struct span key, value;
	uint32_t next;
	int r;

	for (;;) {
		next = 0;
		if (db->page) {
			p = db->data + (size_t)db->page * db->page_size;
			if (db->item + 1 < u16(db, p + 20))
				break;
			next = u32(db, p + 16);
		}
		db->page = 0;
		if (!next && db->bucket > db->max_bucket)
			return 0;
		r = enter(db, next ? next : first_page(db, db->bucket++));
		if (r < 0)
			return r;
	}
	key = item_at(db, p, db->item);
	value = item_at(db, p, db->item + 1);
	/* After an item without a valid place, others could repeat the same bytes without end. */
	db->item = key.len && value.len ? db->item + 2 : u16(db, p + 20);
	if (!key.len || !value.len || *key.s != ITEM_DATA)
		return -EBADMSG;
	*out = (struct bdbhash_item){.key = {key.s + 1, key.len - 1}, .value = value};
	return 1;
}

/* Appends LEN bytes from a chain of pages. */
static int add_chain(struct bdbhash *db, uint32_t number, uint32_t len, struct buf *out)
{
	while (len) {
		const uint8_t *p = page_at(db, number);
		uint32_t n = p ? u16(db, p + 22) : 0;

		if (!n || n > len || n > db->page_size - PAGE_HEAD || u32(db, p + 8) != number ||
		    p[25] != PAGE_OVERFLOW)
			return -EBADMSG;
		buf_add(out, p + PAGE_HEAD, n);
		len -= n;
		number = u32(db, p + 16);
	}
	return buf_status(out);
}

int bdbhash_value(struct bdbhash *db, const struct bdbhash_item *item, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)item->value.s;
	size_t len = item->value.len;

	out->len = 0;
	if (p[0] == ITEM_DATA) {
		buf_add(out, p + 1, len - 1);
		return buf_status(out);
	}
	if (p[0] != ITEM_OFF_PAGE || len != OFF_PAGE_SIZE)
		return -EBADMSG;
	return add_chain(db, u32(db, p + 4), u32(db, p + 8), out);
}
