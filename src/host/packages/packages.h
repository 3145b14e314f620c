/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which installed package owns a file, from the machine's package database: dpkg (/var/lib/dpkg,
 * with diversions and architectures), pacman (/var/lib/pacman/local) or rpm (rpmdb.sqlite,
 * Packages.db, Packages), whichever is the first that has packages. They are read directly: no
 * program is run. First all paths are added, then they are looked up at once, so that each file of
 * the database is read once. In a merged /usr, /lib/x and /usr/lib/x are one file. If several
 * packages own a file, always the same one is returned: the first by name, with rpm the one that
 * was installed first. The database is hostile input.
 */

#include "base/arena.h"
#include "base/err.h"
#include "host/root.h"

struct package {
	const char *name, *version;
	const char *arch; /* NULL: not known */
};

struct packages;

/* ROOT must outlive the result. */
struct packages *packages_new(const struct root *root);
void packages_free(struct packages *p);

/* Adds PATH, which need not exist, to those whose owners are looked up. Links are followed; if no
 * package owns the target, the owner of the link itself is returned. */
void packages_want(struct packages *p, const char *path);

/*
 * Looks up all paths. A machine without a database has no packages, which is not an error. 0; or
 * -errno, with the damage described in ERR, in which case everything that could be read is
 * available all the same.
 */
int packages_read(struct packages *p, unsigned threads, struct err *err);

/* The owner of a path that was added, or NULL. Belongs to P. */
const struct package *packages_owner(const struct packages *p, const char *path);

/* "deb", "alpm", "rpm"; NULL when there is no database. */
const char *packages_kind(const struct packages *p);
