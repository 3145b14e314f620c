/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The page that dracut's lsinitrd prints of an image, with its headings in its order. */

#include "cli/compat/listing.h"

#define SHOW_LINE "========================================================================\n"

struct show {
	struct image *image; /* after it was read */
	const struct listing *listing;
	const char *path; /* of the image */
	bool by_size;	  /* the list; else by name */
	bool only_modules;
};

int show_image(const struct show *s, struct err *err);
