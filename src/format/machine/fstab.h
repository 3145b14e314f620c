/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One line of /etc/fstab: SOURCE TARGET FSTYPE [OPTIONS [FREQ [PASS]]], parted by blanks and tabs;
 * inside a field those are \040 and \011, a backslash is \134. Source: fstab(5). Pure, in place.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct fstab_entry {
	char *source;
	char *target;  /* "none" and "swap" for what has no place in the tree */
	char *fstype;
	char *options; /* "defaults" where there are none */
	unsigned pass; /* order of checks; 0: none */
};

/* LINE is cut up; the result points into it. 1: an entry; 0: an empty line or a comment, OUT
 * untouched; -EBADMSG: a field is missing or is no number. */
int fstab_decode(char *line, struct fstab_entry *out, struct err *err);

/* Is NAME among OPTIONS, a list with commas, with or without a value? */
bool fstab_has(const char *options, const char *name);

/* Is it to be mounted by an initramfs: /usr, or an entry with x-initrd.mount? Not if it is the
 * root, swap, or noauto. */
bool fstab_is_early(const struct fstab_entry *e);
