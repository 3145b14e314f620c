/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Superblocks of btrfs. The sample is what mkfs.btrfs 6.2 wrote on the first of two devices, without
 * what lies behind its chunks, with a checksum that btrfs-progs takes for right.
 */

#include <stdio.h>

#include "format/machine/btrfssuper.h"
#include "support.h"

enum {
	PLACE = 48, FLAGS = 56, MAGIC = 64, GENERATION = 72, DEVICES = 136, CHUNKS_SIZE = 160, SUM_TYPE = 196,
	ITEM_ID = 201, CHUNKS = 811, CHUNK_SIZE = 129, KEY_TYPE = 8, STRIPES_COUNT = 61, STRIPES = 65,
	STRIPE_SIZE = 32, ROOT = 80, CHUNK_ROOT = 88, USED = 120, PAST = 2859, PAST_SIZE = 168,
};

static void put(uint8_t *at, const char *hex)
{
	for (; *hex; hex += 2) {
		unsigned v;

		sscanf(hex, "%2x", &v);
		*at++ = (uint8_t)v;
	}
}

static void make(uint8_t p[BTRFSSUPER_SIZE])
{
	memset(p, 0, BTRFSSUPER_SIZE);
	put(p, "cf6ace2d");
	put(p + 32, "11111111222233334444555555555555" "0000010000000000" "0100000000000000");
	put(p + MAGIC, "5f42485266535f4d" "0600000000000000" "00c0d20100000000" "0040500100000000");
	put(p + 112, "0000001000000000" "0040020000000000" "0600000000000000" "0200000000000000"
		     "00100000" "00400000" "00400000" "00100000" "81000000" "0600000000000000");
	put(p + 180, "0300000000000000" "4103000000000000" "0000");
	put(p + ITEM_ID, "0100000000000000" "0000000800000000" "0000800600000000" "00100000" "00100000"
			 "00100000");
	put(p + 267, "cb925c061cdc49ada61ce3ea6faaf37d" "11111111222233334444555555555555" "706f6f6c");
	put(p + CHUNKS, "0001000000000000" "e4" "0000500100000000" "0000800000000000" "0200000000000000"
			"0000010000000000" "1200000000000000" "00000100" "00000100" "00100000" "0200" "0100");
	put(p + CHUNKS + STRIPES, "0100000000000000" "0000500100000000" "cb925c061cdc49ada61ce3ea6faaf37d"
				  "0200000000000000" "0000100000000000" "dbe8c2e3fcf94df98a755cf539a16ace");
}

/* With a checksum that is not looked at, so that a test may change the rest. */
static void make_open(uint8_t p[BTRFSSUPER_SIZE])
{
	make(p);
	p[SUM_TYPE] = 1;
}

static void a_mirror_of_mkfs_is_read(void **state)
{
	uint8_t p[BTRFSSUPER_SIZE];
	struct btrfssuper s;

	(void)state;
	make(p);
	assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
	assert_memory_equal(s.fsid, p + 32, 16);
	assert_memory_equal(s.device, p + 267, 16);
	assert_int_equal(s.generation, 6);
	assert_int_equal(s.devices, 2);
	assert_int_equal(s.id, 1);
	assert_false(s.is_seed);
	assert_int_equal(s.n_named, 2);
	assert_int_equal(s.named[0].id, 1);
	assert_memory_equal(s.named[0].device, s.device, 16);
	assert_int_equal(s.named[1].id, 2);
	assert_int_equal(s.root, 0x1d2c000);
	assert_int_equal(s.chunk_root, 0x1504000);
	assert_int_equal(s.used, 0x24000);
}

static void a_wrong_checksum_is_refused(void **state)
{
	static const size_t places[] = {0, 3, 32, GENERATION, BTRFSSUPER_SIZE - 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t p[BTRFSSUPER_SIZE];
		struct btrfssuper s;
		struct err err = {0};

		make(p);
		p[places[i]] ^= 0x10;
		assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, &err), -EBADMSG);
		assert_string_equal(err.text, "its superblock has a wrong checksum");
	}
}

static void of_other_checksums_the_numbers_are_taken(void **state)
{
	uint8_t p[BTRFSSUPER_SIZE];
	struct btrfssuper s;

	(void)state;
	make_open(p);
	put(p + GENERATION, "0807060504030201");
	put(p + ITEM_ID, "0000000000000000"); /* as during btrfs replace */
	put(p + FLAGS, "0100000001000000");
	assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
	assert_true(s.generation == 0x0102030405060708);
	assert_int_equal(s.id, 0);
	assert_true(s.is_seed);
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
		int error;
		const char *says;
	} cases[] = {
		{MAGIC, "5e", -ENOENT, "no superblock of a btrfs"},
		{PLACE, "0000000400000000", -EBADMSG, "its superblock is that of byte 67108864"},
		{DEVICES, "0000000000000000", -EBADMSG, "the filesystem would have 0 devices"},
		{DEVICES, "ffffffffffffffff", -EBADMSG,
		 "the filesystem would have 18446744073709551615 devices"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t p[BTRFSSUPER_SIZE];
		struct btrfssuper s;
		struct err err = {0};

		make_open(p);
		put(p + cases[i].at, cases[i].bytes);
		assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, &err), cases[i].error);
		assert_string_equal(err.text, cases[i].says);
	}
}

static void devices_are_named_once_and_as_far_as_they_can_be_read(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
		unsigned n;
	} cases[] = {
		{CHUNKS + STRIPES + STRIPE_SIZE, "01", 1},
		{CHUNKS + KEY_TYPE, "d8", 0},
		{CHUNKS + STRIPES_COUNT, "0300", 0}, /* more than the array has room for */
		{CHUNKS + STRIPES_COUNT, "ffff", 0},
		{CHUNKS_SIZE, "80000000", 0},
		{CHUNKS_SIZE, "ffffffff", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t p[BTRFSSUPER_SIZE];
		struct btrfssuper s;

		make_open(p);
		put(p + cases[i].at, cases[i].bytes);
		assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
		assert_int_equal(s.n_named, cases[i].n);
	}
}

static void no_more_devices_are_named_than_there_is_room_for(void **state)
{
	uint8_t p[BTRFSSUPER_SIZE];
	struct btrfssuper s;

	(void)state;
	make_open(p);
	put(p + CHUNKS_SIZE, "00080000");
	p[CHUNKS + STRIPES_COUNT] = 40;
	for (unsigned i = 0; i < 40; i++)
		p[CHUNKS + STRIPES + i * STRIPE_SIZE] = (uint8_t)(i + 1);
	assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
	assert_int_equal(s.n_named, BTRFSSUPER_NAMED_MAX);
	assert_int_equal(s.named[BTRFSSUPER_NAMED_MAX - 1].id, BTRFSSUPER_NAMED_MAX);
}

/* A superblock of generation 40 + N, which remembers the last COMMITS. Each commit has a root of its own; those
 * from generation FORK on have another one than usual. */
static struct btrfssuper with_history(unsigned n, unsigned commits, unsigned fork)
{
	uint8_t p[BTRFSSUPER_SIZE];
	struct btrfssuper s;

	make_open(p);
	p[GENERATION] = (uint8_t)(40 + n);
	p[ROOT] = (uint8_t)(40 + n >= fork ? 200 + n : 40 + n);
	for (unsigned i = 0; i < commits; i++) {
		uint8_t *own = p + PAST + (n + 4 - i) % 4 * PAST_SIZE;
		unsigned generation = 40 + n - i;

		own[0] = (uint8_t)(generation >= fork ? generation + 160 : generation);
		own[8] = (uint8_t)generation;
	}
	assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
	return s;
}

static void what_was_written_without_the_other_does_not_agree(void **state)
{
	static const struct {
		unsigned n, commits, fork, other, other_commits, other_fork;
		bool agree;
	} cases[] = {
		{0, 4, 99, 0, 4, 99, true},
		{0, 4, 99, 1, 4, 99, true},  /* a power cut in a commit */
		{0, 4, 99, 3, 4, 99, true},  /* it was away */
		{0, 4, 99, 3, 4, 41, true},
		{0, 4, 99, 5, 4, 99, true},  /* longer than the other one remembers */
		{0, 4, 40, 5, 4, 99, true},
		{0, 4, 40, 0, 4, 99, false}, /* both were written alone: as often, */
		{0, 4, 40, 1, 4, 99, false}, /* or not */
		{0, 4, 40, 3, 4, 99, false},
		{3, 4, 41, 0, 4, 99, true},
		{3, 4, 40, 0, 4, 99, false},
		{0, 0, 99, 1, 4, 99, true}, /* some tool has cleared it */
		{0, 0, 40, 0, 4, 99, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct btrfssuper s = with_history(cases[i].n, cases[i].commits, cases[i].fork);
		struct btrfssuper other =
			with_history(cases[i].other, cases[i].other_commits, cases[i].other_fork);

		assert_int_equal(btrfssuper_agree(&s, &other), cases[i].agree);
		assert_int_equal(btrfssuper_agree(&other, &s), cases[i].agree);
	}
}

/* New blocks may happen to have the same place on both. */
static void commits_of_one_generation_are_the_same_in_all_that_is_known(void **state)
{
	static const size_t places[] = {ROOT, CHUNK_ROOT, USED, PAST, PAST + 32, PAST + PAST_SIZE - 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct btrfssuper s = with_history(0, 4, 99), other;
		uint8_t p[BTRFSSUPER_SIZE];

		make_open(p);
		p[GENERATION] = p[ROOT] = p[PAST] = p[PAST + 8] = 40;
		assert_int_equal(btrfssuper_decode(p, sizeof(p), &s, NULL), 0);
		p[places[i]] ^= 1;
		assert_int_equal(btrfssuper_decode(p, sizeof(p), &other, NULL), 0);
		assert_true(btrfssuper_agree(&s, &s));
		assert_false(btrfssuper_agree(&s, &other));
	}
}

static void check(uint8_t *data, size_t len, void *arg)
{
	struct btrfssuper s;
	struct err err = {0};
	int r = btrfssuper_decode(data, len, &s, &err);

	(void)arg;
	assert_true(r == 0 || err.text[0]);
	assert_between(s.n_named, 0, BTRFSSUPER_NAMED_MAX);
	if (r == 0)
		assert_between(s.devices, 1, BTRFSSUPER_DEVICES_MAX);
}

static void damaged_superblocks_are_survived(void **state)
{
	uint8_t p[BTRFSSUPER_SIZE];

	(void)state;
	make_open(p);
	sweep_bytes(p, sizeof(p), check, NULL);
	for (size_t len = 0; len < BTRFSSUPER_SIZE; len++) {
		struct btrfssuper s;

		assert_int_equal(btrfssuper_decode(p, len, &s, NULL), -ENOENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mirror_of_mkfs_is_read),
		cmocka_unit_test(a_wrong_checksum_is_refused),
		cmocka_unit_test(of_other_checksums_the_numbers_are_taken),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(devices_are_named_once_and_as_far_as_they_can_be_read),
		cmocka_unit_test(no_more_devices_are_named_than_there_is_room_for),
		cmocka_unit_test(what_was_written_without_the_other_does_not_agree),
		cmocka_unit_test(commits_of_one_generation_are_the_same_in_all_that_is_known),
		cmocka_unit_test(damaged_superblocks_are_survived),
	};

	return RUN_TESTS(tests);
}
