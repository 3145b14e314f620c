/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes the image of a plan: [early][store][base], see docs/image-format.md. A pure function of
 * the plan, the codec and the libraries: times, inodes, directory order and the number of threads
 * do not affect the bytes.
 */

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "host/root.h"
#include "image/verify.h"
#include "plan/plan.h"

struct pack {
	const struct plan *plan; /* sorted */
	const struct root *root; /* of the sources. No byte of the image depends on root->stored */
	enum codec codec;	 /* of the base segment, with this level: */
	int level;               /* see encode() */
	bool x86_filter;
	unsigned threads;
	bool to_disk; /* FD will be synced: the disk is to begin as soon as there is something to write */
	uint64_t work_max; /* bytes that readers may have to read and decompress; 0: image_work_max() */
	/* May be NULL. DONE and TOTAL count files. */
	void (*progress)(size_t done, size_t total, void *arg);
	void *progress_arg;
};

struct pack_result {
	uint64_t bytes;
	size_t files; /* regular files */
	struct buf manifest;
	struct verify_extent *extents; /* the data of files that lie uncompressed in the image */
	size_t n_extents;
	uint8_t sha256[DIGEST_SIZE]; /* of the whole image */
	struct err packages; /* a sentence when the package database is damaged, code 0 otherwise */
};

/* Writes to FD, from its start. OUT is the caller's to clear, even after an error. A source that
 * cannot be read is an error; what was written by then is useless. -E2BIG: readers would not read
 * the image to its end. */
int pack_write(const struct pack *p, int fd, struct pack_result *out, struct err *err);

void pack_result_clear(struct pack_result *r);
