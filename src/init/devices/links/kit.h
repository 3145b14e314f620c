/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What links.c and its parts, array.c, id.c and path.c, share: reading sysfs, text as udev writes it in file
 * names, and the list of names.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One device, and the list that its names are added to. */
struct links {
	char sys[PATH_MAX];  /* sysfs, without links */
	const char *dev;     /* where devices have their nodes */
	char disk[PATH_MAX]; /* the whole disk's folder in it */
	const char *name;    /* of the disk, as sysfs has it */
	char suffix[24];     /* "-part1"; "" for a whole disk */
	char *out;
	size_t size, used;
};

/* Adds a name; the suffix comes by itself. */
void links_add(struct links *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes of PATH/ATTRIBUTE, -1 when it cannot be read. */
ssize_t links_read(const char *path, const char *attribute, void *out, size_t size);

/* Its first line without blanks at its end; false when that is empty. */
bool links_attribute(const char *path, const char *attribute, char *out, size_t size);

/* Where PATH/LINK leads to. */
bool links_resolve(const char *path, const char *link, char out[PATH_MAX]);

/* Does PATH/LINK lead to something called NAME? */
bool links_ends_with(const char *path, const char *link, const char *name);

/* What may not stand in a name becomes "_". */
void links_clean(char *s);

/* Without blanks at both ends, runs of others as one "_". */
void links_squeeze(const char *in, size_t len, char *out, size_t size);

void links_by_id(struct links *l);
void links_by_array(struct links *l);
void links_by_path(struct links *l);
