/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Superblocks of MD members. The samples are those that mdadm 4.4 wrote, with its checksums.
 */

#include <stdio.h>

#include "base/bytes.h"
#include "format/machine/mdsuper.h"
#include "support.h"

enum {
	V1_MAJOR = 4, V1_FEATURES = 8, V1_NAME = 32, V1_LEVEL = 72, V1_DISKS = 92, V1_NUMBER = 160,
	V1_EVENTS = 200, V1_RESYNC = 208, V1_SUM = 216, V1_MAX = 220, V1_ROLES = 256,
	V1_SIZE = V1_ROLES + 2 * 128, /* mdadm leaves room for 128 members */

	V0_MAJOR = 1, V0_MINOR = 2, V0_LEVEL = 7, V0_DISKS = 10, V0_STATE = 33, V0_SUM = 38, V0_EVENTS = 39,
	V0_TABLE = 128, V0_THIS = 992, V0_ROW = 32, V0_ROLE = 3, V0_ROW_STATE = 4,
};

/* ---- samples ---- */

static void put_le16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
}

static void put_bytes(uint8_t *at, const char *hex)
{
	for (; *hex; hex += 2) {
		unsigned v;

		sscanf(hex, "%2x", &v);
		*at++ = (uint8_t)v;
	}
}

/* Member 1 of the mirror "stacks:one". */
static void make_one(uint8_t p[MDSUPER_SIZE])
{
	memset(p, 0, MDSUPER_SIZE);
	put_bytes(p, "fc4e2ba901000000" "0000000000000000" "c8f182f55f291b2caf1cb77933e0cfd5");
	strcpy((char *)p + V1_NAME, "stacks:one");
	put_bytes(p + 64, "34610d6b00000000" "0100000000000000" "00f8010000000000" "0000000002000000");
	put_bytes(p + 128, "0008000000000000" "00f8010000000000" "0800000000000000");
	put_bytes(p + V1_NUMBER, "0100000000000000" "4d17988e23d99482e8565b138576a2b7" "0000080010000000");
	put_bytes(p + 192, "35610d6b00000000" "0100000000000000" "ffffffffffffffff" "3b2d3f9f80000000");
	memset(p + V1_ROLES, 0xff, V1_SIZE - V1_ROLES);
	put_bytes(p + V1_ROLES, "00000100");
}

/* Member 1 of the parity array "stacks:five". */
static void make_five(uint8_t p[MDSUPER_SIZE])
{
	memset(p, 0, MDSUPER_SIZE);
	put_bytes(p, "fc4e2ba901000000" "0000000000000000" "cbb66fc29b97bbd756edf08be617219a");
	strcpy((char *)p + V1_NAME, "stacks:five");
	put_bytes(p + 64, "36610d6b00000000" "0500000002000000" "00f0010000000000" "0004000003000000");
	put_bytes(p + 128, "0010000000000000" "00f0010000000000" "0800000000000000");
	put_bytes(p + V1_NUMBER, "0100000000000000" "171f87b56a4ea1e741dbddbfd94891dd" "0000080010000000");
	put_bytes(p + 192, "37610d6b00000000" "0300000000000000" "ffffffffffffffff" "9f49284480000000");
	memset(p + V1_ROLES, 0xff, V1_SIZE - V1_ROLES);
	put_bytes(p + V1_ROLES, "000001000200");
}

/* Member 1 of a mirror of version 0.90, md125. */
static void make_old(uint8_t p[MDSUPER_SIZE])
{
	static const struct {
		unsigned word;
		uint32_t value;
	} words[] = {
		{0, 0xa92b4efc}, {2, 0x5a}, {5, 0x94caf668}, {6, 0x6b0d6137}, {7, 1}, {8, 0xffc0},
		{9, 2}, {10, 2}, {11, 125}, {13, 0xbeed7de1}, {14, 0x8ab7e59a}, {15, 0x85036ceb},
		{32, 0x6b0d6138}, {33, 1}, {34, 2}, {35, 2}, {38, 0xe2badd33}, {39, 3}, {41, 3},
		{43, 0xffffffff}, {129, 0xfe}, {130, 0x60}, {132, 6}, {160, 1}, {161, 0xfe}, {162, 0x70},
		{163, 1}, {164, 6}, {992, 1}, {993, 0xfe}, {994, 0x70}, {995, 1}, {996, 6},
	};

	memset(p, 0, MDSUPER_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		put_le32(p + 4 * words[i].word, words[i].value);
}

/* Makes the checksum of LEN bytes right. */
static void seal(uint8_t *p, size_t len, size_t at)
{
	uint64_t total = 0;

	put_le32(p + at, 0);
	for (size_t i = 0; i + 4 <= len; i += 4)
		total += le32(p + i);
	if (len % 4)
		total += le16(p + len - 2);
	put_le32(p + at, (uint32_t)total + (uint32_t)(total >> 32));
}

static void seal_1(uint8_t *p)
{
	seal(p, V1_ROLES + 2 * (size_t)le32(p + V1_MAX), V1_SUM);
}

static void put_word(uint8_t *p, size_t n, uint32_t value)
{
	put_le32(p + 4 * n, value);
	seal(p, MDSUPER_SIZE, (size_t)4 * V0_SUM);
}

static void assert_uuid(const struct mdsuper *s, const char *expected)
{
	char text[MDSUPER_TEXT];

	mdsuper_print_uuid(s->uuid, text);
	assert_string_equal(text, expected);
}

static void assert_own_uuid(const struct mdsuper *s, const char *expected)
{
	char text[MDSUPER_TEXT];

	mdsuper_print_uuid(s->own_uuid, text);
	assert_string_equal(text, expected);
}

static struct mdsuper decode(enum mdsuper_version version, const uint8_t *p)
{
	struct mdsuper s;
	struct err err = {0};

	assert_ok(mdsuper_decode(version, p, MDSUPER_SIZE, &s, &err), 0, &err);
	return s;
}

static void assert_refused(enum mdsuper_version version, const uint8_t *p, int code, const char *why)
{
	struct mdsuper s;
	struct err err = {0};

	assert_fails(mdsuper_decode(version, p, MDSUPER_SIZE, &s, &err), code, &err);
	assert_contains(err.text, why);
}

/* ---- where it is ---- */

static void each_version_has_its_place(void **state)
{
	static const struct {
		uint64_t sectors;
		int64_t places[MDSUPER_VERSIONS]; /* 0.90, 1.0, 1.1, 1.2 */
	} cases[] = {
		{0, {-1, -1, -1, -1}},
		{255, {-1, -1, -1, -1}},
		{256, {128, 240, 0, 8}},
		{257, {128, 240, 0, 8}},
		{263, {128, 240, 0, 8}},
		{264, {128, 248, 0, 8}},
		{383, {128, 360, 0, 8}},
		{384, {256, 368, 0, 8}},
		{131072, {130944, 131056, 0, 8}},
		/* 20 TiB and a bit */
		{42949672961, {42949672832, 42949672944, 0, 8}},
		{INT64_MAX, {INT64_MAX - 255, INT64_MAX - 23, 0, 8}},
		{(uint64_t)INT64_MAX + 1, {-1, -1, -1, -1}},
		{UINT64_MAX, {-1, -1, -1, -1}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned v = 0; v < MDSUPER_VERSIONS; v++)
			if (mdsuper_place(v, cases[i].sectors) != cases[i].places[v])
				fail_msg("version %s on %llu sectors is at %lld, not at %lld",
					 mdsuper_version_name(v), (unsigned long long)cases[i].sectors,
					 (long long)mdsuper_place(v, cases[i].sectors),
					 (long long)cases[i].places[v]);
}

/* ---- what mdadm wrote ---- */

static void a_mirror_of_mdadm_is_read(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s;

	(void)state;
	make_one(p);
	s = decode(MDSUPER_1_2, p);
	assert_int_equal(s.version, MDSUPER_1_2);
	assert_uuid(&s, "c8f182f5:5f291b2c:af1cb779:33e0cfd5");
	assert_own_uuid(&s, "4d17988e:23d99482:e8565b13:8576a2b7");
	assert_string_equal(s.name, "stacks:one");
	assert_string_equal(mdsuper_level_name(s.level), "raid1");
	assert_int_equal(s.disks, 2);
	assert_int_equal(s.role, 1);
	assert_int_equal(s.events, 1);
	assert_true(s.is_clean);
	assert_false(s.is_reshaping || s.is_clustered || s.has_journal);
	assert_int_equal(s.n_present, 2);
	assert_true(mdsuper_has(&s, 0) && mdsuper_has(&s, 1));
	assert_false(mdsuper_has(&s, 2) || mdsuper_has(&s, UINT32_MAX));
}

static void a_parity_array_of_mdadm_is_read(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s;

	(void)state;
	make_five(p);
	s = decode(MDSUPER_1_2, p);
	assert_uuid(&s, "cbb66fc2:9b97bbd7:56edf08b:e617219a");
	assert_string_equal(s.name, "stacks:five");
	assert_string_equal(mdsuper_level_name(s.level), "raid5");
	assert_int_equal(s.disks, 3);
	assert_int_equal(s.role, 1);
	assert_int_equal(s.events, 3);
	assert_int_equal(s.n_present, 3);
}

static void an_old_mirror_of_mdadm_is_read(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s;

	(void)state;
	make_old(p);
	s = decode(MDSUPER_0_90, p);
	assert_int_equal(s.version, MDSUPER_0_90);
	/* As libblkid has it, too. */
	assert_uuid(&s, "94caf668:beed7de1:8ab7e59a:85036ceb");
	assert_own_uuid(&s, "00000000:00000000:00000000:00000000");
	assert_string_equal(s.name, "");
	assert_int_equal(s.preferred, 125);
	assert_int_equal(s.level, 1);
	assert_int_equal(s.disks, 2);
	assert_int_equal(s.role, 1);
	assert_int_equal(s.events, 3);
	assert_true(s.is_clean);
	assert_false(s.is_reshaping);
	assert_int_equal(s.n_present, 2);
}

/* The versions 1.x differ in nothing but their places. */
static void each_version_is_what_its_place_says(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	for (unsigned v = MDSUPER_1_0; v < MDSUPER_VERSIONS; v++)
		assert_int_equal(decode(v, p).version, v);
	assert_refused(MDSUPER_0_90, p, -EPROTONOSUPPORT, "version 1");
	make_old(p);
	assert_refused(MDSUPER_1_0, p, -EPROTONOSUPPORT, "version 0");
	assert_string_equal(mdsuper_version_name(MDSUPER_0_90), "0.90");
	assert_string_equal(mdsuper_version_name(MDSUPER_1_0), "1.0");
	assert_string_equal(mdsuper_version_name(MDSUPER_1_1), "1.1");
	assert_string_equal(mdsuper_version_name(MDSUPER_1_2), "1.2");
}

/* ---- what else it may say ---- */

static void a_name_may_be_as_long_as_its_field(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	memset(p + V1_NAME, 'x', MDSUPER_NAME_MAX);
	seal_1(p);
	assert_string_equal(decode(MDSUPER_1_2, p).name, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	memset(p + V1_NAME, 0, MDSUPER_NAME_MAX);
	seal_1(p);
	assert_string_equal(decode(MDSUPER_1_2, p).name, "");
	memcpy(p + V1_NAME, "\xff\n/../\x1b", 8);
	seal_1(p);
	assert_string_equal(decode(MDSUPER_1_2, p).name, "\xff\n/../\x1b");
}

static void a_member_has_its_role_by_its_number(void **state)
{
	static const struct {
		uint32_t number;
		uint16_t role; /* in the table */
		int32_t expected;
	} cases[] = {
		{1, 0, 0}, {1, 1, 1}, {127, 1, 1}, {1, 0xffff, MDSUPER_SPARE}, {1, 0xfffe, MDSUPER_FAULTY},
		{1, 0xfffd, MDSUPER_JOURNAL}, {128, 1, MDSUPER_SPARE}, {UINT32_MAX, 1, MDSUPER_SPARE},
	};
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_one(p);
		put_le32(p + V1_NUMBER, cases[i].number);
		if (cases[i].number < 128)
			put_le16(p + V1_ROLES + 2 * (size_t)cases[i].number, cases[i].role);
		seal_1(p);
		assert_int_equal(decode(MDSUPER_1_2, p).role, cases[i].expected);
	}
}

static void a_member_of_an_old_array_has_its_role_by_its_state(void **state)
{
	enum { FAULTY = 1, ACTIVE = 2, SYNC = 4, REMOVED = 8 };
	static const struct {
		uint32_t state;
		int32_t expected;
	} cases[] = {
		{ACTIVE | SYNC, 1},
		{0, MDSUPER_SPARE},
		{ACTIVE, MDSUPER_SPARE}, /* it is being filled */
		{FAULTY, MDSUPER_FAULTY},
		{FAULTY | SYNC, MDSUPER_FAULTY},
		{FAULTY | REMOVED, MDSUPER_FAULTY},
	};
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s;

		make_old(p);
		put_le32(p + (size_t)4 * (V0_TABLE + V0_ROW + V0_ROW_STATE), cases[i].state);
		put_word(p, V0_THIS + V0_ROW_STATE, cases[i].state);
		s = decode(MDSUPER_0_90, p);
		assert_int_equal(s.role, cases[i].expected);
		assert_int_equal(s.n_present, cases[i].expected < 0 ? 1 : 2);
		assert_true(mdsuper_has(&s, 0));
		assert_int_equal(mdsuper_has(&s, 1), cases[i].expected >= 0);
	}
}

static void an_array_knows_which_of_its_members_it_had(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s;

	(void)state;
	make_five(p);
	put_le16(p + V1_ROLES, 0xfffe);       /* number 0 failed */
	put_le16(p + V1_ROLES + 6, 0xffff);   /* number 3 is a spare */
	put_le16(p + V1_ROLES + 8, 3);	      /* number 4 has a role that there is not */
	put_le16(p + V1_ROLES + 10, 2);	      /* number 5 is to replace number 2 */
	seal_1(p);
	s = decode(MDSUPER_1_2, p);
	assert_int_equal(s.disks, 3);
	assert_int_equal(s.n_present, 2);
	assert_false(mdsuper_has(&s, 0));
	assert_true(mdsuper_has(&s, 1) && mdsuper_has(&s, 2));
	assert_false(mdsuper_has(&s, 3));
	assert_int_equal(s.n_active, 3);
	assert_int_equal(s.active[0], 1 << 1 | 1 << 2 | 1 << 5);
}

static void a_member_is_disowned_by_what_was_written_without_it(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s, other;

	(void)state;
	make_one(p);
	other = s = decode(MDSUPER_1_2, p);
	assert_int_equal(other.number, 1);
	assert_false(mdsuper_disowns(&s, &other));
	put_le16(p + V1_ROLES + 2, 0xffff);
	seal_1(p);
	s = decode(MDSUPER_1_2, p);
	assert_true(mdsuper_disowns(&s, &other));
	/* Number 2 has its role now. */
	put_le16(p + V1_ROLES + 4, 1);
	seal_1(p);
	s = decode(MDSUPER_1_2, p);
	assert_true(mdsuper_disowns(&s, &other));
	other.number = 2;
	assert_false(mdsuper_disowns(&s, &other));
	other.number = MDSUPER_NUMBERS_MAX; /* such members are known by their roles only */
	assert_false(mdsuper_disowns(&s, &other));
	other.role = 2;
	assert_true(mdsuper_disowns(&s, &other));
	other.role = MDSUPER_SPARE;
	assert_false(mdsuper_disowns(&s, &other));
}

static void a_member_of_an_old_array_is_disowned_likewise(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s, other;

	(void)state;
	make_old(p);
	other = s = decode(MDSUPER_0_90, p);
	assert_int_equal(s.n_active, 2);
	assert_int_equal(other.number, 1);
	assert_false(mdsuper_disowns(&s, &other));
	put_word(p, V0_TABLE + V0_ROW + V0_ROW_STATE, 8);
	s = decode(MDSUPER_0_90, p);
	assert_true(mdsuper_disowns(&s, &other));
}

static void how_often_it_was_written_is_a_number_of_64_bits(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	put_le32(p + V1_EVENTS, 0xfffffffe);
	put_le32(p + V1_EVENTS + 4, 7);
	seal_1(p);
	assert_true(decode(MDSUPER_1_2, p).events == 0x7fffffffeULL);
	make_old(p);
	put_le32(p + (size_t)4 * V0_EVENTS, 5);
	put_word(p, V0_EVENTS + 1, 2);
	assert_true(decode(MDSUPER_0_90, p).events == 0x200000005ULL);
}

static void an_array_may_be_to_be_synchronised(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	put_le32(p + V1_RESYNC + 4, 0x7fffffff);
	seal_1(p);
	assert_false(decode(MDSUPER_1_2, p).is_clean);
	make_old(p);
	put_word(p, V0_STATE, 0);
	assert_false(decode(MDSUPER_0_90, p).is_clean);
	put_word(p, V0_STATE, 1 << 1 | 1); /* it has had errors */
	assert_true(decode(MDSUPER_0_90, p).is_clean);
}

static void what_an_array_can_be_is_told_by_its_features(void **state)
{
	static const struct {
		uint32_t features;
		bool is_rebuilding, is_reshaping, is_replacement, is_clustered, has_journal;
	} cases[] = {
		{1 << 0 /* a bitmap */, false, false, false, false, false},
		{1 << 1, true, false, false, false, false},
		{1 << 2, false, true, false, false, false},
		{1 << 3 /* bad blocks */, false, false, false, false, false},
		{1 << 4, false, false, true, false, false},
		{1 << 8, false, false, false, true, false},
		{1 << 9, false, false, false, false, true},
		{1 << 10 /* PPL */, false, false, false, false, false},
		{1 << 12 /* layout of RAID 0 */, false, false, false, false, false},
	};
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s;

		make_one(p);
		put_le32(p + V1_FEATURES, cases[i].features);
		seal_1(p);
		s = decode(MDSUPER_1_2, p);
		assert_int_equal(s.is_rebuilding, cases[i].is_rebuilding);
		assert_int_equal(s.is_reshaping, cases[i].is_reshaping);
		assert_int_equal(s.is_replacement, cases[i].is_replacement);
		assert_int_equal(s.is_clustered, cases[i].is_clustered);
		assert_int_equal(s.has_journal, cases[i].has_journal);
	}
	make_old(p);
	put_word(p, V0_MINOR, 91);
	assert_true(decode(MDSUPER_0_90, p).is_reshaping);
}

/* As the kernel's LEVEL_* and mdadm have them. */
static void each_level_has_its_name(void **state)
{
	static const struct {
		int32_t level;
		const char *name;
	} cases[] = {
		{-5, "faulty"}, {-4, "multipath"}, {-1, "linear"}, {0, "raid0"}, {1, "raid1"},
		{4, "raid4"}, {5, "raid5"}, {6, "raid6"}, {10, "raid10"}, {7, "an array of an unknown level"},
		{INT32_MIN, "an array of an unknown level"},
	};
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_one(p);
		put_le32(p + V1_LEVEL, (uint32_t)cases[i].level);
		seal_1(p);
		assert_string_equal(mdsuper_level_name(decode(MDSUPER_1_2, p).level), cases[i].name);
	}
}

/* ---- what is none ---- */

static void a_wrong_checksum_is_refused(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	p[V1_SIZE - 1] ^= 1; /* the last byte that it covers */
	assert_refused(MDSUPER_1_2, p, -EBADMSG, "wrong checksum");
	make_one(p);
	p[V1_SIZE] ^= 1;
	decode(MDSUPER_1_2, p);
	make_one(p);
	p[V1_SUM] ^= 1;
	assert_refused(MDSUPER_1_2, p, -EBADMSG, "wrong checksum");
	make_old(p);
	p[MDSUPER_SIZE - 1] ^= 1;
	assert_refused(MDSUPER_0_90, p, -EBADMSG, "wrong checksum");
}

/* The sum then ends with two bytes. */
static void the_table_of_roles_may_have_an_odd_length(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_one(p);
	put_le32(p + V1_MAX, 3);
	seal_1(p);
	assert_int_equal(decode(MDSUPER_1_2, p).n_present, 2);
	p[V1_ROLES + 5] ^= 1;
	assert_refused(MDSUPER_1_2, p, -EBADMSG, "wrong checksum");
}

static void the_other_byte_order_is_named(void **state)
{
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	make_old(p);
	for (size_t i = 0; i < sizeof(p); i += 4) {
		uint32_t v = le32(p + i);

		for (size_t k = 0; k < 4; k++)
			p[i + k] = (uint8_t)(v >> (24 - 8 * k));
	}
	assert_refused(MDSUPER_0_90, p, -EPROTONOSUPPORT, "the other byte order");
}

static void what_is_no_superblock_is_none(void **state)
{
	uint8_t p[MDSUPER_SIZE] = {0};

	(void)state;
	for (unsigned v = 0; v < MDSUPER_VERSIONS; v++)
		assert_refused(v, p, -ENOENT, mdsuper_version_name(v));
	make_one(p);
	put_le32(p + V1_MAJOR, 2);
	seal_1(p);
	assert_refused(MDSUPER_1_2, p, -EPROTONOSUPPORT, "version 2");
	make_old(p);
	put_word(p, V0_MAJOR, 1);
	assert_refused(MDSUPER_0_90, p, -EPROTONOSUPPORT, "version 1");
}

static void absurd_counts_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} cases[] = {
		{V1_DISKS, 0, "0 members"},
		{V1_DISKS, MDSUPER_DISKS_MAX + 1, "1921 members"},
		{V1_DISKS, UINT32_MAX, "4294967295 members"},
		{V1_DISKS, 1, "member 1 of an array of 1"},
	}, old[] = {
		{V0_DISKS, 0, "0 members"},
		{V0_DISKS, 28, "28 members"},
		{V0_DISKS, UINT32_MAX, "4294967295 members"},
		{V0_DISKS, 1, "member 1 of an array of 1"},
	};
	uint8_t p[MDSUPER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_one(p);
		put_le32(p + cases[i].at, cases[i].value);
		seal_1(p);
		assert_refused(MDSUPER_1_2, p, -EBADMSG, cases[i].why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		make_old(p);
		put_word(p, old[i].at, old[i].value);
		assert_refused(MDSUPER_0_90, p, -EBADMSG, old[i].why);
	}
	/* The table may not reach behind the block, whatever it would sum up to. */
	make_one(p);
	put_le32(p + V1_MAX, MDSUPER_DISKS_MAX + 1);
	assert_refused(MDSUPER_1_2, p, -EBADMSG, "1921 members");
	put_le32(p + V1_MAX, 0x80000000);
	assert_refused(MDSUPER_1_2, p, -EBADMSG, "2147483648 members");
}

static void an_array_may_have_as_many_members_as_fit(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	struct mdsuper s;

	(void)state;
	make_one(p);
	put_le32(p + V1_DISKS, MDSUPER_DISKS_MAX);
	put_le32(p + V1_MAX, MDSUPER_DISKS_MAX);
	for (unsigned i = 0; i < MDSUPER_DISKS_MAX; i++)
		put_le16(p + V1_ROLES + 2 * (size_t)i, MDSUPER_DISKS_MAX - 1 - i);
	put_le32(p + V1_NUMBER, 0);
	seal_1(p);
	s = decode(MDSUPER_1_2, p);
	assert_int_equal(s.n_present, MDSUPER_DISKS_MAX);
	assert_int_equal(s.role, MDSUPER_DISKS_MAX - 1);
	assert_true(mdsuper_has(&s, MDSUPER_DISKS_MAX - 1));
	make_old(p);
	put_word(p, V0_DISKS, 27);
	assert_int_equal(decode(MDSUPER_0_90, p).n_present, 2);
}

/* ---- UUIDs ---- */

static void a_uuid_is_read_as_it_is_printed(void **state)
{
	static const char *const good[] = {
		"94caf668:beed7de1:8ab7e59a:85036ceb", "94caf668-beed-7de1-8ab7-e59a85036ceb",
		"94caf668beed7de18ab7e59a85036ceb", "94CAF668:BEED7DE1:8AB7E59A:85036CEB",
		"94:ca:f6:68:be:ed:7d:e1:8a:b7:e5:9a:85:03:6c:eb",
	};
	static const char *const bad[] = {
		"", ":", "94caf668:beed7de1:8ab7e59a:85036ce", "94caf668:beed7de1:8ab7e59a:85036ceb0",
		"94caf668:beed7de1:8ab7e59a:85036ceg", "94caf668:beed7de1:8ab7e59a:85036ce ",
		"94caf668:beed7de1:8ab7e59a:85036ce\x10", "94caf668:beed7de1:8ab7e59a:85036ce\xff",
		"UUID=94caf668:beed7de1:8ab7e59a:85036ceb",
	};
	uint8_t uuid[16];
	char text[MDSUPER_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(uuid, 0xaa, sizeof(uuid));
		assert_true(mdsuper_parse_uuid(good[i], uuid));
		mdsuper_print_uuid(uuid, text);
		assert_string_equal(text, good[0]);
		assert_int_equal(strlen(text), sizeof(text) - 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(mdsuper_parse_uuid(bad[i], uuid));
}

/* ---- the sweep ---- */

static void check(uint8_t *data, size_t len, void *arg)
{
	enum mdsuper_version version = *(enum mdsuper_version *)arg;
	bool again = false;

	do {
		struct mdsuper s;
		struct err err = {0};
		int r = mdsuper_decode(version, data, len, &s, &err);

		assert_true(r == 0 || err.text[0]);
		if (r == 0) {
			assert_between(s.disks, 1, MDSUPER_DISKS_MAX);
			assert_between(s.role, MDSUPER_JOURNAL, (int32_t)s.disks - 1);
			assert_between(s.n_present, 0, s.disks);
			assert_false(mdsuper_has(&s, s.disks));
		}
		/* And with the checksum made right: what is behind it must bear it, too. */
		again = !again && len >= V1_ROLES;
		if (again && version == MDSUPER_0_90 && len == MDSUPER_SIZE)
			seal(data, len, (size_t)4 * V0_SUM);
		else if (again && version != MDSUPER_0_90 && le32(data + V1_MAX) <= (len - V1_ROLES) / 2)
			seal_1(data);
	} while (again);
}

static void damaged_superblocks_are_survived(void **state)
{
	uint8_t p[MDSUPER_SIZE];
	enum mdsuper_version version = MDSUPER_1_2;

	(void)state;
	make_five(p);
	put_le32(p + V1_MAX, 7); /* the rest is but more of the same */
	seal_1(p);
	sweep(p, V1_ROLES + 14, check, &version);
	version = MDSUPER_0_90;
	make_old(p);
	sweep_bytes(p, MDSUPER_SIZE, check, &version);
	for (size_t len = 0; len < MDSUPER_SIZE; len++) {
		struct mdsuper s;
		struct err err = {0};

		assert_true(mdsuper_decode(MDSUPER_0_90, p, len, &s, &err) < 0);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_has_its_place),
		cmocka_unit_test(a_mirror_of_mdadm_is_read),
		cmocka_unit_test(a_parity_array_of_mdadm_is_read),
		cmocka_unit_test(an_old_mirror_of_mdadm_is_read),
		cmocka_unit_test(each_version_is_what_its_place_says),
		cmocka_unit_test(a_name_may_be_as_long_as_its_field),
		cmocka_unit_test(a_member_has_its_role_by_its_number),
		cmocka_unit_test(a_member_of_an_old_array_has_its_role_by_its_state),
		cmocka_unit_test(an_array_knows_which_of_its_members_it_had),
		cmocka_unit_test(a_member_is_disowned_by_what_was_written_without_it),
		cmocka_unit_test(a_member_of_an_old_array_is_disowned_likewise),
		cmocka_unit_test(how_often_it_was_written_is_a_number_of_64_bits),
		cmocka_unit_test(an_array_may_be_to_be_synchronised),
		cmocka_unit_test(what_an_array_can_be_is_told_by_its_features),
		cmocka_unit_test(each_level_has_its_name),
		cmocka_unit_test(a_wrong_checksum_is_refused),
		cmocka_unit_test(the_table_of_roles_may_have_an_odd_length),
		cmocka_unit_test(the_other_byte_order_is_named),
		cmocka_unit_test(what_is_no_superblock_is_none),
		cmocka_unit_test(absurd_counts_are_refused),
		cmocka_unit_test(an_array_may_have_as_many_members_as_fit),
		cmocka_unit_test(a_uuid_is_read_as_it_is_printed),
		cmocka_unit_test(damaged_superblocks_are_survived),
	};

	return RUN_TESTS(tests);
}
