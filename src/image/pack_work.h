/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a new image asks of its readers: they read all of it and decompress its base, and stop at a limit
 * (image/open.h). No image is written that they would not read to its end.
 */

#include <stdint.h>

#include "base/err.h"

enum { PACK_WORK_LARGEST = 3 };

struct pack_work {
	uint64_t unpacked; /* bytes that a reader decompresses */
	struct pack_work_file {
		const char *path;
		uint64_t size;
	} largest[PACK_WORK_LARGEST]; /* the largest first; path NULL: there are no more */
};

/* Considers a file of the base, whose PATH is borrowed, for LARGEST. Its bytes are not counted. */
void pack_work_add_file(struct pack_work *w, const char *path, uint64_t size);

/* Is an image of BYTES within MAX bytes of work, or image_work_max() for 0? 0; -E2BIG, and the hint names the
 * largest files. */
int pack_work_check(const struct pack_work *w, uint64_t bytes, uint64_t max, struct err *err);
