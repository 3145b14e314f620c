/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the module files of one kernel say about themselves: the firmware that they ask for, the
 * modules that they optionally use (weak dependencies), the kernel that they were made for, and what
 * they provide, judging by the symbols that they import from the kernel. Reading
 * them means decompressing them, so this happens once for each file, on all cores; with a cache
 * (root->cache) only for files that are not known by their identity.
 */

#include "base/arena.h"
#include "base/err.h"
#include "host/remembered/trace.h"
#include "host/root.h"

enum facts_provides {
	FACTS_DISKS = 1 << 0,	   /* registers disks, or controllers of disks */
	FACTS_FILESYSTEM = 1 << 1, /* registers a filesystem */
	FACTS_INPUT = 1 << 2,	   /* registers an input device, or its bus */
	FACTS_BUS = 1 << 3,	   /* drives devices of a virtual machine's bus */
};

struct facts {
	struct file_identity id; /* of the file that says so */
	bool racy;		 /* it may have changed again without that showing */
	unsigned provides;
	const char *firmware;  /* names, NUL-terminated each */
	size_t firmware_len;
	const char *weakdeps;  /* the same: names of modules */
	size_t weakdeps_len;
	const char *vermagic; /* the kernel that it was made for, a blank, and how that is configured;
			       * "": it does not say */
};

struct facts_table;

/* A file below the root, which will be packed if it provides one of these, or in any case (0). */
struct facts_file {
	const char *name;
	unsigned provides;
};

/* NAME distinguishes this kernel's table from others in the cache. ROOT and ARENA must outlive the
 * result. LEVEL: at which zstd compresses those modules that are not compressed yet; 0: they will
 * be packed as they are. */
struct facts_table *facts_new(const struct root *root, const char *name, int level,
			      struct arena *arena);

/* Keeps what was learned. T may be NULL. */
void facts_free(struct facts_table *t);

/*
 * Reads those of the COUNT FILES that were not read before. What will be packed is compressed from
 * the same bytes, and kept in root->stored: it is not read a second time. The names must live as
 * long as the table. A file that is damaged or missing is an error that names it.
 */
int facts_read(struct facts_table *t, const struct facts_file *files, size_t count,
	       struct err *err);

/* Keeps what was learned, for another run. */
void facts_keep(struct facts_table *t);

/* The facts of a file that was read. */
const struct facts *facts_of(const struct facts_table *t, const char *file);
