/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Unpacks an image below a folder, and never outside of it, whatever names, links or sizes the
 * archive holds: every path is resolved with the folder as its "/" (openat2, RESOLVE_IN_ROOT),
 * files are always created, and never written through a link. Device nodes, FIFOs and sockets are
 * left out; set-user-ID bits and owners are dropped. What the kernel silently leaves out (an entry
 * without its folder, a file over a folder that is not empty, ...) is left out as well. A later entry
 * replaces an earlier one of its name, as in the kernel, and also what the folder held before, unless
 * the choice keeps that.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "image/open.h"

/* Of all files together. */
#define EXTRACT_BYTES_MAX (16ull << 30)

struct extract_result {
	uint64_t files, bytes;
	uint64_t special;         /* device nodes, FIFOs and sockets that were left out */
	uint64_t impossible;      /* entries that the kernel leaves out, too */
	char why[ERR_TEXT_MAX];   /* the first of those, and what is wrong with it */
	uint64_t kept;            /* entries left out because something of their name was there */
	char first_kept[4 * CPIO_NAME_MAX + 1]; /* the first of those, to be printed */
};

/* Which entries are to be unpacked. */
struct extract_choice {
	bool (*wants)(const struct image_entry *e, void *arg);
	void *arg;
	bool keeps; /* what the folder holds already stays */
};

/* DIR is created if it does not exist; its parent must exist. CHOICE NULL: all entries. */
int image_extract_some(struct image *image, const char *dir, const struct extract_choice *choice,
		       struct extract_result *out, struct err *err);
int image_extract(struct image *image, const char *dir, struct extract_result *out,
		  struct err *err);
