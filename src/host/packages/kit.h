/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by packages.c, which has the wanted paths, and the readers of the databases.
 */

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strset.h"
#include "format/package/pkgdb.h"
#include "host/packages/packages.h"

enum {
	PACKAGES_MAX = 1024 * 1024,
	PACKAGES_FILE_MAX = 256 * 1024 * 1024,
	PACKAGES_NOBODY = UINT32_MAX,
	PACKAGES_FILTER_BITS = 16,
	PACKAGES_TAIL = 8, /* bytes at the end of a path that the filter looks at */
};

/* A path whose owner is wanted, or that matters because of a diversion. */
struct wanted {
	struct wanted *next; /* in its slot */
	struct wanted *before; /* the one that was made before it */
	const char *key;     /* see packages_key() */
	size_t len;
	uint32_t hash;
	uint32_t owner;             /* number of the package; PACKAGES_NOBODY */
	const char *diverter;       /* the package that has this very path; NULL: not diverted */
	struct wanted *diverted_to; /* the place of the other packages' file, or NULL */
};

struct asked {
	struct wanted *file, *link;
};

struct packages {
	const struct root *root;
	struct arena arena;
	const char *kind;
	struct strset asked; /* path -> struct asked */
	struct strset folders; /* path of a folder -> the same with links resolved */
	struct wanted **slots;
	size_t n_slots;
	struct wanted *all;  /* in no order */
	uint64_t *filter;
	size_t n_wanted;
	bool merged[8]; /* which top folders are links into /usr */

	const char **names; /* of packages, by number; the reader's own names */
	size_t n_names;
	struct package *owners; /* by number, filled for those that own something */

	pthread_mutex_t lock; /* of owner and of the damage */
	struct err damage;
	size_t n_damaged;
};

/* Fills merged. */
void packages_find_merged(struct packages *p);

/* PATH for comparison: without a leading slash, and without "usr/" before a merged folder. */
struct span packages_key(const struct packages *p, struct span path);

/* The entry of a key; NULL. WANT: create it if needed. */
struct wanted *packages_entry(struct packages *p, struct span key, bool want);

/* Package NUMBER lists PATH. Thread-safe. */
void packages_claim(struct packages *p, struct span path, uint32_t number);

/* Notes damage, of which one message is reported. Thread-safe. */
void packages_damaged(struct packages *p, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets name, version and architecture of a package; false, and noted as damage, when one of them is
 * not a valid word. ARCH may be empty. */
bool packages_is(struct packages *p, uint32_t number, struct span name, struct span version,
		 struct span arch);

/* Lists the names in a folder that end with SUFFIX, sorted: names and n_names. False: no such
 * folder. */
bool packages_list(struct packages *p, const char *folder, const char *suffix);

/* Adds a package from its rpm header, with the files that it owns. 0, -EBADMSG, -ENOMEM. */
int packages_rpm_header(struct packages *p, const void *blob, size_t len);

/* The readers. False: there is no such database. */
bool packages_read_dpkg(struct packages *p, unsigned threads);
bool packages_read_pacman(struct packages *p, unsigned threads);
bool packages_read_rpm(struct packages *p, unsigned threads);

/* The databases of rpm in FOLDER that are not SQLite: Packages.db, Packages. */
bool packages_read_rpm_file(struct packages *p, const char *folder);
