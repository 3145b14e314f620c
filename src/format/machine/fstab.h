/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /etc/fstab: lines of SOURCE TARGET FSTYPE [OPTIONS [FREQ [PASS]]], separated by blanks and tabs;
 * inside a field those are \040 and \011, a backslash is \134. Lines may end in CR LF, and what
 * follows the sixth field is a comment. Source: fstab(5), and libmount, which is followed here.
 * libmount drops a line whose type is missing or whose numbers are not numbers; getmntent(3) does
 * not. Such an entry is returned with its flaw, since some program may mount it. Pure, in place.
 */

#include <stdbool.h>
#include <stddef.h>

struct fstab_entry {
	char *source;     /* UUID="x" as UUID=x */
	char *target;     /* "none" and "swap" for what has no place in the tree; "" if missing */
	char *fstype;     /* "auto" if missing */
	char *options;    /* "defaults" if missing */
	int pass;         /* order of checks; 0: none */
	unsigned line;    /* counted from 1 */
	const char *flaw; /* why libmount drops it, a sentence; NULL: it does not */
};

/* CURSOR is set to the text, LINE to 0. The text is cut up; entries point into it. */
struct fstab {
	char *cursor; /* NULL: no text */
	unsigned line;
};

/* Skips empty lines and comments. False: there are no more entries. */
bool fstab_next(struct fstab *f, struct fstab_entry *out);

/* Is NAME among OPTIONS, a list with commas, with or without a value? */
bool fstab_has(const char *options, const char *name);

/* Is the entry mounted at TARGET, which begins with a slash? Repeated slashes count as one, and a
 * trailing one is ignored. */
bool fstab_is_at(const struct fstab_entry *e, const char *target);

/* Should an initramfs mount it? That is /usr, whatever its options say about later mounts, or an
 * entry with x-initrd.mount and without noauto; never the root or swap. */
bool fstab_is_early(const struct fstab_entry *e);
