/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files that rpm keeps its headers in, made byte by byte: their content, the errors for damage,
 * and that no file keeps the reader busy. Those that rpm itself writes are in
 * tests/command/test_packages.py.
 */

#include <zlib.h>

#include "format/package/bdbhash.h"
#include "format/package/rpmndb.h"
#include "support.h"

static void put32(uint8_t *p, uint32_t v, bool big)
{
	for (int i = 0; i < 4; i++)
		p[big ? 3 - i : i] = (uint8_t)(v >> 8 * i);
}

static void put16(uint8_t *p, unsigned v, bool big)
{
	p[big] = (uint8_t)v;
	p[!big] = (uint8_t)(v >> 8);
}

/* ---- ndb ---- */

enum { SLOTS = 4096, BLOCK = 16, NDB = SLOTS + 16 * BLOCK };

static void put_slot(uint8_t *data, unsigned slot, uint32_t number, uint32_t first, uint32_t count)
{
	uint8_t *p = data + (size_t)slot * BLOCK;

	put32(p + 4, number, false);
	put32(p + 8, first, false);
	put32(p + 12, count, false);
}

/* Blocks that it takes. */
static uint32_t put_blob(uint8_t *data, uint32_t first, uint32_t number, const char *text)
{
	uint32_t len = (uint32_t)strlen(text), size = (16 + len + 12 + BLOCK - 1) / BLOCK * BLOCK;
	uint8_t *p = data + (size_t)first * BLOCK;

	memcpy(p, "BlbS", 4);
	put32(p + 4, number, false);
	put32(p + 8, 1700000000, false);
	put32(p + 12, len, false);
	memcpy(p + 16, text, len);
	put32(p + size - 12, (uint32_t)adler32(1, p, size - 12), false);
	put32(p + size - 8, len, false);
	memcpy(p + size - 4, "BlbE", 4);
	return size / BLOCK;
}

#define FIRST_TEXT "the header of a package"

/* Number 9 is after number 4 in the file, and before it in the slots, with free slots between. */
static void make_ndb(uint8_t *data)
{
	uint32_t at = SLOTS / BLOCK, count;

	memset(data, 0, NDB);
	memcpy(data, "RpmP", 4);
	put32(data + 8, 7, false);
	put32(data + 12, 1, false);
	put32(data + 16, 10, false);
	for (unsigned i = 2; i < SLOTS / BLOCK; i++)
		memcpy(data + (size_t)i * BLOCK, "Slot", 4);
	count = put_blob(data, at, 4, FIRST_TEXT);
	put_slot(data, 200, 4, at, count);
	at += count + 1;
	count = put_blob(data, at, 9, "");
	put_slot(data, 3, 9, at, count);
}

static void ndb_tells_each_package(void **state)
{
	uint8_t data[NDB];
	struct rpmndb db;
	struct span blob;
	uint32_t number;

	(void)state;
	make_ndb(data);
	assert_int_equal(rpmndb_open(data, sizeof(data), &db), 0);
	assert_int_equal(rpmndb_next(&db, &number, &blob), 1);
	assert_int_equal(number, 9);
	assert_int_equal(blob.len, 0);
	assert_int_equal(rpmndb_next(&db, &number, &blob), 1);
	assert_int_equal(number, 4);
	assert_true(span_is(blob, FIRST_TEXT));
	assert_int_equal(rpmndb_next(&db, &number, &blob), 0);
	assert_int_equal(rpmndb_next(&db, &number, &blob), 0);
}

/* How many packages are read, and how many are damaged. */
static void count_ndb(uint8_t *data, size_t len, int *good, int *bad)
{
	struct rpmndb db;
	struct span blob;
	uint32_t number;
	int r;

	*good = *bad = 0;
	if (rpmndb_open(data, len, &db) < 0) {
		*bad = 1;
		return;
	}
	while ((r = rpmndb_next(&db, &number, &blob)) != 0) {
		*(r > 0 ? good : bad) += 1;
		if (r < 0)
			assert_int_equal(r, -EBADMSG);
		else
			assert_true((uint8_t *)blob.s >= data &&
				    (uint8_t *)blob.s + blob.len <= data + len);
	}
	assert_true((size_t)*good * 2 * BLOCK <= len);
}

static void damage_of_ndb_costs_what_is_damaged(void **state)
{
	static const struct {
		size_t at;
		int good, bad;
	} faults[] = {
		{0, 0, 1},              /* the file's mark */
		{4, 0, 1},              /* its version */
		{12, 0, 1},             /* more slots than there are bytes */
		{5 * BLOCK, 2, 1},      /* the mark of a free slot */
		{3 * BLOCK + 4, 1, 1},  /* a package's number */
		{3 * BLOCK + 8, 1, 1},  /* its first block */
		{3 * BLOCK + 12, 1, 1}, /* its blocks */
		{SLOTS, 1, 1},          /* the blob's mark */
		{SLOTS + 4, 1, 1},      /* its number */
		{SLOTS + 8, 1, 1},      /* its time, by the sum */
		{SLOTS + 12, 1, 1},     /* its length */
		{SLOTS + 20, 1, 1},     /* its bytes */
		{SLOTS + 40, 1, 1},     /* what fills it up */
		{SLOTS + 52, 1, 1},     /* the sum */
		{SLOTS + 56, 1, 1},     /* the length again */
		{SLOTS + 60, 1, 1},     /* the mark at the end */
	};
	uint8_t data[NDB];
	int good, bad;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		make_ndb(data);
		data[faults[i].at] ^= 0x40;
		count_ndb(data, sizeof(data), &good, &bad);
		if (good != faults[i].good || bad != faults[i].bad)
			fail_msg("byte %zu: %d good, %d bad", faults[i].at, good, bad);
	}
}

static void blobs_of_ndb_do_not_overlap(void **state)
{
	uint8_t data[NDB];
	int good, bad;

	(void)state;
	make_ndb(data);
	for (unsigned i = 4; i < 100; i++)
		put_slot(data, i, 9, SLOTS / BLOCK + 5, 2);
	count_ndb(data, SLOTS + 7 * BLOCK, &good, &bad);
	/* 7 blocks: enough for three of two blocks. */
	assert_int_equal(good, 3);
	assert_int_equal(bad, 96 + 2 - 3);
}

static void check_ndb(uint8_t *data, size_t len, void *arg)
{
	int good, bad;

	(void)arg;
	count_ndb(data, len, &good, &bad);
}

static void no_ndb_is_fatal(void **state)
{
	uint8_t data[NDB];

	(void)state;
	make_ndb(data);
	sweep(data, sizeof(data), check_ndb, NULL);
}

/* ---- Berkeley DB ---- */

enum { PAGE = 512, PAGES = 7, HEAD = 26, BDB = PAGE * PAGES, LONG = 600 };

static uint8_t *page(uint8_t *data, unsigned number)
{
	return data + (size_t)number * PAGE;
}

static void start_page(uint8_t *data, unsigned number, uint8_t type, unsigned next, bool big)
{
	uint8_t *p = page(data, number);

	put32(p + 8, number, big);
	put32(p + 16, next, big);
	p[25] = type;
}

static void put_item(uint8_t *data, unsigned number, const void *item, size_t len, bool big)
{
	uint8_t *p = page(data, number);
	unsigned n = p[20] + p[21], end = PAGE;

	if (n)
		end = big ? p[HEAD + 2 * n - 2] * 256u + p[HEAD + 2 * n - 1]
			  : p[HEAD + 2 * n - 1] * 256u + p[HEAD + 2 * n - 2];
	memcpy(p + end - len, item, len);
	put16(p + HEAD + 2 * (size_t)n, end - (unsigned)len, big);
	put16(p + 20, n + 1, big);
}

/* Three buckets: page 1 with page 3 behind it, page 2, and page 6, which was never written. The
 * value in page 3 lies in pages 4 and 5. */
static void make_bdb(uint8_t *data, bool big)
{
	uint8_t far[12] = {3};

	memset(data, 0, BDB);
	put32(data + 12, 0x061561, big);
	put32(data + 16, 9, big);
	put32(data + 20, PAGE, big);
	data[25] = 8;
	put32(data + 32, PAGES - 1, big);
	put32(data + 72, 2, big);
	put32(data + 96, 1, big);
	put32(data + 100, 1, big);
	put32(data + 104, 4, big);
	start_page(data, 1, 13, 3, big);
	start_page(data, 2, 2, 0, big);
	start_page(data, 3, 13, 0, big);
	start_page(data, 4, 7, 5, big);
	start_page(data, 5, 7, 0, big);
	put_item(data, 1, "\1one", 4, big);
	put_item(data, 1, "\1first", 6, big);
	put_item(data, 1, "\1two", 4, big);
	put_item(data, 1, "\1", 1, big);
	put_item(data, 2, "\1three", 6, big);
	put_item(data, 2, "\1third", 6, big);
	put32(far + 4, 4, big);
	put32(far + 8, LONG, big);
	put_item(data, 3, "\1long", 5, big);
	put_item(data, 3, far, sizeof(far), big);
	put16(page(data, 4) + 22, PAGE - HEAD, big);
	memset(page(data, 4) + HEAD, 'a', PAGE - HEAD);
	put16(page(data, 5) + 22, LONG - (PAGE - HEAD), big);
	memset(page(data, 5) + HEAD, 'b', LONG - (PAGE - HEAD));
}

static void berkeley_db_tells_each_item(void **state)
{
	static const struct {
		const char *key;
		size_t len;
		uint8_t first, last;
	} expected[] = {{"one", 5, 'f', 't'}, {"two", 0, 0, 0}, {"long", LONG, 'a', 'b'},
			{"three", 5, 't', 'd'}};
	uint8_t data[BDB];

	(void)state;
	for (int big = 0; big < 2; big++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		struct bdbhash_item item;
		struct bdbhash db;

		make_bdb(data, big);
		assert_int_equal(bdbhash_open(data, sizeof(data), &db), 0);
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
			assert_int_equal(bdbhash_next(&db, &item), 1);
			assert_true(span_is(item.key, expected[i].key));
			assert_int_equal(bdbhash_value(&db, &item, &value), 0);
			assert_int_equal(value.len, expected[i].len);
			if (value.len) {
				assert_int_equal(value.data[0], expected[i].first);
				assert_int_equal(value.data[value.len - 1], expected[i].last);
			}
		}
		assert_int_equal(bdbhash_next(&db, &item), 0);
		assert_int_equal(bdbhash_next(&db, &item), 0);
	}
}

/* How many items are read, and how many pages, items and values are damaged. */
static void count_bdb(const uint8_t *data, size_t len, int *good, int *bad)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct bdbhash_item item;
	struct bdbhash db;
	size_t total = 0;
	int r;

	*good = *bad = 0;
	if (bdbhash_open(data, len, &db) < 0) {
		*bad = 1;
		return;
	}
	while ((r = bdbhash_next(&db, &item)) != 0) {
		if (r > 0)
			r = bdbhash_value(&db, &item, &value);
		assert_true(r >= 0 || r == -EBADMSG);
		*(r >= 0 ? good : bad) += 1;
		total += r >= 0 ? item.key.len + value.len : 0;
		/* As many pages are read as there are, and in each no byte twice. */
		assert_true((size_t)(*good + *bad) <= len && total <= len);
	}
}

static void damage_of_berkeley_db_costs_what_is_damaged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int good, bad;
	} faults[] = {
		{12, 0, 0, 1},                    /* the file's mark */
		{16, 7, 0, 1},                    /* an older version */
		{16, 11, 0, 1},                   /* a newer one */
		{20, 1, 0, 1},                    /* no size of a page */
		{21, 0, 0, 1},                    /* pages of no size */
		{24, 1, 0, 1},                    /* encrypted */
		{26, 1, 0, 1},                    /* with checksums */
		{36, 1, 0, 1},                    /* partitions */
		{72, 6, 0, 1},                    /* more buckets than pages */
		{96, 200, 1, 1},                  /* a bucket outside the file */
		{96, 2, 2, 0},                    /* two buckets with the same pages */
		{PAGE + 8, 9, 1, 1},              /* a page with another's number */
		{PAGE + 16, 200, 3, 1},           /* a chain that leads out */
		{PAGE + 16, 1, 14, 3},            /* and one that leads back */
		{PAGE + 21, 1, 1, 1},             /* more items than fit */
		{PAGE + 25, 7, 1, 1},             /* not a page of items */
		{PAGE + HEAD + 1, 0, 2, 1},       /* items in one another: the page is left */
		{PAGE + HEAD + 2, 0xff, 2, 1},    /* the same */
		{PAGE + HEAD + 7, 0, 3, 1},       /* a value that starts elsewhere */
		{2 * PAGE - 4, 2, 3, 1},          /* the type of a key */
		{3 * PAGE - 12, 4, 3, 1},         /* the type of a value */
		{4 * PAGE - 17 + 4, 200, 3, 1},   /* a value outside the file */
		{4 * PAGE - 17 + 8, 0xff, 3, 1},  /* and one that is longer than its pages */
		{4 * PAGE + 22, 0xff, 3, 1},      /* more bytes than the page */
		{4 * PAGE + 25, 13, 3, 1},        /* not a page of bytes */
		{5 * PAGE + 22, 0, 3, 1},         /* without bytes */
	};
	uint8_t data[BDB];
	int good, bad;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		make_bdb(data, false);
		data[faults[i].at] = faults[i].value;
		count_bdb(data, sizeof(data), &good, &bad);
		if (good != faults[i].good || bad != faults[i].bad)
			fail_msg("byte %zu: %d good, %d bad", faults[i].at, good, bad);
	}
}

/* Items that overlap, which a reader could take for many times what the file holds. */
static void items_of_berkeley_db_do_not_overlap(void **state)
{
	uint8_t data[BDB];
	uint8_t *p;
	int good, bad;

	(void)state;
	make_bdb(data, false);
	p = page(data, 1);
	put16(p + 20, 100, false);
	for (unsigned i = 0; i < 100; i++)
		put16(p + HEAD + 2 * (size_t)i, i % 2 ? PAGE - 1 : PAGE - 200, false);
	count_bdb(data, sizeof(data), &good, &bad);
	assert_int_equal(good, 2);
	assert_int_equal(bad, 1);
}

static void check_bdb(uint8_t *data, size_t len, void *arg)
{
	int good, bad;

	(void)arg;
	count_bdb(data, len, &good, &bad);
}

static void no_berkeley_db_is_fatal(void **state)
{
	uint8_t data[BDB];

	(void)state;
	for (int big = 0; big < 2; big++) {
		make_bdb(data, big);
		sweep(data, sizeof(data), check_bdb, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ndb_tells_each_package),
		cmocka_unit_test(damage_of_ndb_costs_what_is_damaged),
		cmocka_unit_test(blobs_of_ndb_do_not_overlap),
		cmocka_unit_test(no_ndb_is_fatal),
		cmocka_unit_test(berkeley_db_tells_each_item),
		cmocka_unit_test(damage_of_berkeley_db_costs_what_is_damaged),
		cmocka_unit_test(items_of_berkeley_db_do_not_overlap),
		cmocka_unit_test(no_berkeley_db_is_fatal),
	};

	return RUN_TESTS(tests);
}
