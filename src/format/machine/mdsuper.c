/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/mdsuper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

enum {
	MAGIC = (int)0xa92b4efc,
	MAGIC_SWAPPED = (int)0xfc4e2ba9,
	KIB_64 = 128, /* in sectors */
	SECTOR = 512,

	/* ---- 1.x: struct mdp_superblock_1 ---- */
	V1_MAJOR = 4, V1_FEATURES = 8, V1_UUID = 16, V1_NAME = 32, V1_LEVEL = 72, V1_DISKS = 92,
	V1_NUMBER = 160, V1_OWN_UUID = 168, V1_EVENTS = 200, V1_RESYNC = 208, V1_SUM = 216, V1_MAX = 220, V1_ROLES = 256,
	FEATURE_REBUILDING = 2, FEATURE_RESHAPE = 4, FEATURE_REPLACEMENT = 16, FEATURE_CLUSTERED = 256, FEATURE_JOURNAL = 512,
	ROLE_SPARE = 0xffff, ROLE_FAULTY = 0xfffe, ROLE_JOURNAL = 0xfffd,

	/* ---- 0.90: struct mdp_super, in words of 32 bits ---- */
	V0_MAJOR = 1, V0_MINOR = 2, V0_UUID = 5, V0_LEVEL = 7, V0_DISKS = 10, V0_NUMBER = 11,
	V0_UUID_REST = 13, V0_STATE = 33, V0_SUM = 38, V0_EVENTS = 39, V0_TABLE = 128, V0_THIS = 992,
	V0_WORDS = 1024, V0_ROW = 32, V0_ROWS = 27, V0_ROW_ROLE = 3, V0_ROW_STATE = 4,
	V0_MINOR_RESHAPE = 91, STATE_CLEAN = 1, DISK_FAULTY = 1, DISK_SYNC = 4, DISK_REMOVED = 8,
};

static const struct {
	const char *name;
	int64_t at; /* sectors; -1: at the end */
} versions[MDSUPER_VERSIONS] = {
	[MDSUPER_0_90] = {"0.90", -1},
	[MDSUPER_1_0] = {"1.0", -1},
	[MDSUPER_1_1] = {"1.1", 0},
	[MDSUPER_1_2] = {"1.2", 8},
};

int64_t mdsuper_place(enum mdsuper_version version, uint64_t sectors)
{
	enum { AT_LEAST = 2 * KIB_64 };

	if (sectors < AT_LEAST || sectors > INT64_MAX)
		return -1;
	if (version == MDSUPER_0_90)
		return (int64_t)(sectors / KIB_64 * KIB_64 - KIB_64);
	if (version == MDSUPER_1_0)
		return (int64_t)((sectors - 16) & ~(uint64_t)7);
	return versions[version].at;
}

bool mdsuper_has(const struct mdsuper *s, uint32_t role)
{
	return role < s->disks && (s->present[role / 8] & 1 << role % 8);
}

static void add_present(struct mdsuper *s, uint32_t role)
{
	if (!mdsuper_has(s, role))
		s->n_present++;
	s->present[role / 8] |= (uint8_t)(1 << role % 8);
}

/* The member with NUMBER has a role. */
static void add_active(struct mdsuper *s, uint32_t number)
{
	s->n_active++;
	if (number < MDSUPER_NUMBERS_MAX)
		s->active[number / 8] |= (uint8_t)(1 << number % 8);
}

bool mdsuper_disowns(const struct mdsuper *s, const struct mdsuper *other)
{
	uint32_t number = other->number;

	if (other->role < 0)
		return false;
	return !mdsuper_has(s, (uint32_t)other->role) ||
	       (number < MDSUPER_NUMBERS_MAX && !(s->active[number / 8] & 1 << number % 8));
}

/* The sum that is stored at SKIP, over LEN bytes without itself. */
static uint32_t sum(const uint8_t *p, size_t len, size_t skip)
{
	uint64_t total = 0;

	for (size_t i = 0; i + 4 <= len; i += 4)
		total += i == skip ? 0 : le32(p + i);
	if (len % 4)
		total += le16(p + len - 2);
	return (uint32_t)total + (uint32_t)(total >> 32);
}

static int check_disks(const struct mdsuper *s, struct err *err)
{
	if (s->disks == 0 || s->disks > MDSUPER_DISKS_MAX)
		return err_set(err, -EBADMSG, "the array would have %u members", s->disks);
	if (s->role >= (int32_t)s->disks)
		return err_set(err, -EBADMSG, "it is member %d of an array of %u", s->role, s->disks);
	return 0;
}

/* ---- 1.x ---- */

static int role_of(uint16_t number)
{
	switch (number) {
	case ROLE_SPARE:
		return MDSUPER_SPARE;
	case ROLE_FAULTY:
		return MDSUPER_FAULTY;
	case ROLE_JOURNAL:
		return MDSUPER_JOURNAL;
	}
	return number;
}

static int decode_1(const uint8_t *p, size_t len, struct mdsuper *out, struct err *err)
{
	uint32_t max = le32(p + V1_MAX), number = le32(p + V1_NUMBER), features = le32(p + V1_FEATURES);

	if (le32(p + V1_MAJOR) != 1)
		return err_set(err, -EPROTONOSUPPORT, "a superblock of version %u", le32(p + V1_MAJOR));
	if (max > MDSUPER_DISKS_MAX || V1_ROLES + 2 * (size_t)max > len)
		return err_set(err, -EBADMSG, "a superblock of %u members", max);
	if (sum(p, V1_ROLES + 2 * (size_t)max, V1_SUM) != le32(p + V1_SUM))
		return err_set(err, -EBADMSG, "its superblock has a wrong checksum");
	memcpy(out->uuid, p + V1_UUID, sizeof(out->uuid));
	memcpy(out->own_uuid, p + V1_OWN_UUID, sizeof(out->own_uuid));
	memcpy(out->name, p + V1_NAME, MDSUPER_NAME_MAX);
	out->level = (int32_t)le32(p + V1_LEVEL);
	out->disks = le32(p + V1_DISKS);
	out->events = le64(p + V1_EVENTS);
	out->is_clean = le64(p + V1_RESYNC) == UINT64_MAX;
	out->is_rebuilding = features & FEATURE_REBUILDING;
	out->is_reshaping = features & FEATURE_RESHAPE;
	out->is_replacement = features & FEATURE_REPLACEMENT;
	out->is_clustered = features & FEATURE_CLUSTERED;
	out->has_journal = features & FEATURE_JOURNAL;
	out->number = number;
	out->role = number < max ? role_of(le16(p + V1_ROLES + 2 * (size_t)number)) : MDSUPER_SPARE;
	if (check_disks(out, err) < 0)
		return err->code;
	for (uint32_t i = 0; i < max; i++) {
		uint16_t role = le16(p + V1_ROLES + 2 * (size_t)i);

		if (role >= out->disks)
			continue;
		add_present(out, role);
		add_active(out, i);
	}
	return 0;
}

/* ---- 0.90 ---- */

static uint32_t word(const uint8_t *p, size_t n)
{
	return le32(p + 4 * n);
}

static int32_t role_in_row(const uint8_t *p, size_t row)
{
	uint32_t state = word(p, row + V0_ROW_STATE), role = word(p, row + V0_ROW_ROLE);

	if (state & DISK_FAULTY)
		return MDSUPER_FAULTY;
	return state & DISK_SYNC && role < V0_ROWS ? (int32_t)role : MDSUPER_SPARE;
}

static void decode_rows(const uint8_t *p, struct mdsuper *out)
{
	for (size_t i = 0; i < V0_ROWS; i++) {
		size_t row = V0_TABLE + i * V0_ROW;
		int32_t role = role_in_row(p, row);

		if (role < 0 || role >= (int32_t)out->disks ||
		    word(p, row + V0_ROW_STATE) & DISK_REMOVED)
			continue;
		add_present(out, (uint32_t)role);
		add_active(out, (uint32_t)i);
	}
}

/* Its words are numbers; mdadm and libblkid begin with the highest byte of each. */
static void decode_uuid(const uint8_t *p, uint8_t uuid[16])
{
	for (size_t i = 0; i < 16; i++)
		uuid[i] = p[4 * (i < 4 ? V0_UUID : V0_UUID_REST - 1 + i / 4) + 3 - i % 4];
}

static int decode_0(const uint8_t *p, size_t len, struct mdsuper *out, struct err *err)
{
	if (len < MDSUPER_SIZE)
		return err_set(err, -EBADMSG, "its superblock is cut off");
	if (word(p, V0_MAJOR) != 0)
		return err_set(err, -EPROTONOSUPPORT, "a superblock of version %u", word(p, V0_MAJOR));
	if (sum(p, MDSUPER_SIZE, 4 * V0_SUM) != word(p, V0_SUM))
		return err_set(err, -EBADMSG, "its superblock has a wrong checksum");
	decode_uuid(p, out->uuid);
	out->level = (int32_t)word(p, V0_LEVEL);
	out->disks = word(p, V0_DISKS);
	out->preferred = word(p, V0_NUMBER);
	out->events = le64(p + 4 * V0_EVENTS);
	out->is_clean = word(p, V0_STATE) & STATE_CLEAN;
	out->is_reshaping = word(p, V0_MINOR) == V0_MINOR_RESHAPE;
	out->number = word(p, V0_THIS);
	out->role = role_in_row(p, V0_THIS);
	if (out->disks > V0_ROWS)
		return err_set(err, -EBADMSG, "a superblock of %u members", out->disks);
	if (check_disks(out, err) < 0)
		return err->code;
	decode_rows(p, out);
	return 0;
}

int mdsuper_decode(enum mdsuper_version version, const void *data, size_t len, struct mdsuper *out,
		   struct err *err)
{
	const uint8_t *p = data;
	struct err own;

	*out = (struct mdsuper){.version = version};
	err = err ? err : &own;
	if (len >= 4 && le32(p) == (uint32_t)MAGIC_SWAPPED)
		return err_set(err, -EPROTONOSUPPORT, "a superblock of the other byte order");
	if (len < V1_ROLES || le32(p) != (uint32_t)MAGIC)
		return err_set(err, -ENOENT, "no superblock of version %s", versions[version].name);
	return version == MDSUPER_0_90 ? decode_0(p, len, out, err) : decode_1(p, len, out, err);
}

/* ---- for messages ---- */

const char *mdsuper_version_name(enum mdsuper_version version)
{
	return versions[version].name;
}

const char *mdsuper_level_name(int32_t level)
{
	static const struct {
		int32_t level;
		const char *name;
	} levels[] = {
		{MDSUPER_LINEAR, "linear"}, {0, "raid0"}, {1, "raid1"},	  {4, "raid4"},
		{5, "raid5"},		    {6, "raid6"}, {10, "raid10"}, {MDSUPER_MULTIPATH, "multipath"},
		{MDSUPER_LEVEL_FAULTY, "faulty"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "an array of an unknown level";
}

void mdsuper_print_uuid(const uint8_t uuid[16], char out[MDSUPER_TEXT])
{
	char *end = out;

	for (int i = 0; i < 16; i++)
		end += sprintf(end, "%s%02x", i && i % 4 == 0 ? ":" : "", uuid[i]);
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

	return c && at && (c >= 'A' || (c >= '0' && c <= '9')) ? (int)(at - digits) : -1;
}

bool mdsuper_parse_uuid(const char *text, uint8_t uuid[16])
{
	unsigned n = 0;

	memset(uuid, 0, 16);
	for (; *text; text++) {
		int value = digit(*text);

		if (*text == ':' || *text == '-')
			continue;
		if (value < 0 || n == 32)
			return false;
		uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | value);
		n++;
	}
	return n == 32;
}
