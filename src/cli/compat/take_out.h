/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unpacks a part of an image. */

#include <stdbool.h>

#include "cli/compat/front.h"
#include "cli/compat/listing.h"

struct take_out {
	const char *file;	       /* the image */
	const struct listing *listing; /* of the same */
	bool early;		       /* take the early segments; else all others */
	int segment;		       /* only this one; -1: all */
	const struct front_words *patterns; /* of paths; NULL or none: everything */
	bool verbose;		       /* print the names to standard error */
};

/* DIR as for image_extract(), but what is in it stays. Warns of what was left out. 1: something was that
 * should not be: it was asked for by name, or a file was in its place. */
int take_out(const struct take_out *t, const char *dir, struct err *err);

/* The error for that: -ENOTSUP. */
int take_out_incomplete(const struct take_out *t, struct err *err);

/* Does PATTERN, as the user typed it, match PATH in the image? */
bool take_out_matches(const char *pattern, const char *path);
