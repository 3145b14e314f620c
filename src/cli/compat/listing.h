/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is in an image, in one pass, for those who print it in another order. */

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "image/open.h"

struct listing_entry {
	const char *path, *line; /* LINE: as "cpio -tv" and "ls -l" print it */
	uint64_t size;
	unsigned mode, segment;
};

struct listing {
	struct listing_entry *list; /* in the order of the image */
	size_t n;
	bool is_ours;
	struct buf version, arguments, modules, cmdline; /* what dracut's lsinitrd shows of them */
	struct buf boot_conf; /* of an image of ours */
	bool *early; /* by segment: the kernel finds something in it before it unpacks */
	size_t n_segments;
	struct arena arena;
};

/* Also after a failure, OUT holds what was read before it. */
int listing_read(struct image *image, struct listing *out, struct err *err);
void listing_clear(struct listing *l);
#define _cleanup_listing_ __attribute__((cleanup(listing_clear)))

bool listing_is_early(const struct listing *l, const struct listing_entry *e);

/* The line of an entry. To be called before image_next(). */
int listing_line(struct image *image, const struct image_entry *e, struct buf *out, struct err *err);
