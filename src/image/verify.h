/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verifies an image from its bytes alone: every segment can be unpacked by the rules of the kernel;
 * every file is what the manifest says and nothing is missing or added; PID 1 is there; every
 * module that the index lists is there. An image of another builder has no manifest: only its
 * structure is checked.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "image/open.h"

struct verdict {
	bool ours;              /* it has a manifest */
	const char *kernel;     /* that it is for; NULL: not known */
	const char *mode;       /* hostonly or generic; NULL */
	size_t entries, files, modules;
	size_t early;           /* files that the kernel finds before it unpacks */
	struct image_segment *segments;
	size_t n_segments;
	struct verdict_problem *problems; /* newest first */
	size_t n_problems;
};

struct verdict_problem {
	struct verdict_problem *next;
	const char *text;
};

/* Bytes of the file that are known to be there: nobody has to read them. */
struct verify_extent {
	uint64_t offset, size;
	uint8_t sha256[DIGEST_SIZE];
};

/* What the image is known to be. */
struct verify_expected {
	const struct buf *manifest;	     /* it must hold this one */
	const struct verify_extent *extents; /* in the order of the file */
	size_t n_extents;
};

/*
 * Reads the whole image. 0 when it could be checked: OUT then holds the problems, which live in
 * ARENA. -EBADMSG when it is so damaged that reading had to stop, -errno when it cannot be read.
 * EXPECTED: NULL when nothing is.
 */
int image_verify(struct image *image, const struct verify_expected *expected, struct arena *arena,
		 struct verdict *out, struct err *err);
