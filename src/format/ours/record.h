/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record of a build: what was requested, what the machine answered, and which image resulted.
 * "build --if-changed" compares with it. Integers are little-endian; each version has one layout.
 *
 *   "PRRC", u32 version 1
 *   SHA-256 of the request, of the plan (its fingerprint), of the image
 *   u64 device, inode, size, mtime, ctime (nanoseconds) of the image
 *   u32 number of facts, then for each: u32 question, u32 length of the path, u32 length of the
 *   answer, path, NUL, answer
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	RECORD_VERSION = 1,
	RECORD_SIZE_MAX = 64 * 1024 * 1024,
	RECORD_PATH_MAX = 8192,
	RECORD_SUM = 32,
};

struct record {
	uint8_t request[RECORD_SUM], plan[RECORD_SUM], image[RECORD_SUM];
	uint64_t image_file[5]; /* device, inode, size, mtime, ctime */
	uint32_t n_facts;
	const uint8_t *at, *end; /* of the facts, while they are read */
};

struct record_fact {
	uint32_t question;
	const char *path;
	const void *answer;
	size_t len;
};

/* Adds the head, for R->n_facts facts; call record_add() for each of them. */
void record_begin(struct buf *out, const struct record *r);
void record_add(struct buf *out, const struct record_fact *f);

/* -EBADMSG, -EPROTONOSUPPORT for another version. OUT points into DATA. */
int record_decode(const void *data, size_t len, struct record *out, struct err *err);

/* 1: a fact; 0: the end; -EBADMSG. */
int record_next(struct record *r, struct record_fact *out, struct err *err);
