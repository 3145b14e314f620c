/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The superblock of a member of an MD array, from the kernel's uapi/linux/raid/md_p.h. Pure.
 *
 *   version  its place on the member
 *   0.90     in the last whole 64 KiB but one; of the byte order of the machine that made it
 *   1.0      8 KiB before the end, at a multiple of 4 KiB
 *   1.1      at the start
 *   1.2      4 KiB behind the start
 *
 * Units: sectors of 512 bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	MDSUPER_SIZE = 4096,	  /* what is to be read at each place */
	MDSUPER_NAME_MAX = 32,
	MDSUPER_DISKS_MAX = 1920, /* roles that fit into a superblock */
	MDSUPER_NUMBERS_MAX = 1024, /* of members that are told apart even where they had one role */
	MDSUPER_TEXT = 36,	  /* a UUID as mdadm prints it, with its end */
};

/* Roles that are none in the array. */
enum { MDSUPER_SPARE = -1, MDSUPER_FAULTY = -2, MDSUPER_JOURNAL = -3 };

/* The kinds of arrays that are numbered below 0: those with a name of their own. */
enum { MDSUPER_MULTIPATH = -4, MDSUPER_LINEAR = -1, MDSUPER_LEVEL_FAULTY = -5 };

enum mdsuper_version { MDSUPER_0_90, MDSUPER_1_0, MDSUPER_1_1, MDSUPER_1_2, MDSUPER_VERSIONS };

struct mdsuper {
	enum mdsuper_version version;
	uint8_t uuid[16];		 /* of the array */
	uint8_t own_uuid[16];		 /* of this member; 0.90: zeros */
	char name[MDSUPER_NAME_MAX + 1]; /* "host:name" or "name", any bytes; 0.90: "" */
	uint32_t preferred;		 /* 0.90: the array's number */
	int32_t level;			 /* 0, 1, 4, 5, 6, 10, or one of those above */
	uint32_t disks;			 /* roles that the array has */
	uint32_t number;		 /* of this member: unlike its role, no other one had it */
	int32_t role;			 /* from 0; or one of those above */
	uint64_t events;		 /* it was written so often; of all members the same */
	bool is_clean;			 /* nothing is to be synchronised */
	bool is_reshaping, is_clustered, has_journal;
	bool is_rebuilding;  /* it has its role, but not yet all of its data; 0.90: a spare */
	bool is_replacement; /* it is being filled to take the place of another one of its role */
	uint32_t n_present;		 /* roles that were filled when it was written */
	uint8_t present[MDSUPER_DISKS_MAX / 8]; /* which: bit ROLE % 8 of byte ROLE / 8 */
	uint32_t n_active;			/* members that had one, replacements included */
	uint8_t active[MDSUPER_NUMBERS_MAX / 8]; /* which, by their numbers */
};

/* Where the superblock of VERSION begins on a member of SECTORS; -1: it is too small. */
int64_t mdsuper_place(enum mdsuper_version version, uint64_t sectors);

/* DATA was read at the place of VERSION; LEN may be less than MDSUPER_SIZE at the end of a member. -ENOENT:
 * there is none. -EBADMSG: its checksum or its numbers are wrong. -EPROTONOSUPPORT: of another byte order or
 * version. */
int mdsuper_decode(enum mdsuper_version version, const void *data, size_t len, struct mdsuper *out,
		   struct err *err);

bool mdsuper_has(const struct mdsuper *s, uint32_t role);

/* S was written when the member OTHER had no role in the array, or another member had its role. Never true of a
 * spare. */
bool mdsuper_disowns(const struct mdsuper *s, const struct mdsuper *other);

/* "1.2" and "raid5"; in a message. */
const char *mdsuper_version_name(enum mdsuper_version version);
const char *mdsuper_level_name(int32_t level);

/* As mdadm prints it: four groups of eight digits. */
void mdsuper_print_uuid(const uint8_t uuid[16], char out[MDSUPER_TEXT]);

/* TEXT is such a UUID; dashes and colons may be anywhere, or nowhere. False: it is none. */
bool mdsuper_parse_uuid(const char *text, uint8_t uuid[16]);
