/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The settings of other image builders, as a file of dracut's configuration. What it has no key for,
 * above all scripts, is not dropped in silence: it is noted with its place and what to do.
 */

#include "base/arena.h"
#include "base/err.h"
#include "format/machine/conf.h"
#include "host/root.h"

struct import_place {
	const char *file; /* as messages show it */
	unsigned line;	  /* 0: the whole file */
};

struct import_note {
	struct import_place from;
	const char *text; /* a sentence */
};

struct import {
	const struct root *root;
	struct arena *arena;
	struct conf out; /* the settings; where they come from is their place */
	struct import_note *notes;
	size_t n_notes;
};

struct importer {
	const char *name;
	const char *config; /* the file, below the root, that shows that the builder is used */
	int (*run)(struct import *im, struct err *err);
};

const struct importer *importer_find(const char *name); /* NULL: none has that name */

/* Ends with a row without a name. */
extern const struct importer importers[];

/* What importers call. KEY with "+" at its end is a list: words are added. */
void import_set(struct import *im, struct import_place from, const char *key, const char *value);
void import_note(struct import *im, struct import_place from, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes every file in FOLDER as a script that cannot be imported. */
int import_note_scripts(struct import *im, const char *folder, struct err *err);

/* Reads FILE and the *.conf (SUFFIX) files of FOLDER as assignments, in this order. */
int import_read(struct import *im, const char *file, const char *folder, const char *suffix,
		struct conf *out, struct err *err);

int import_initramfs_tools(struct import *im, struct err *err);
int import_mkinitcpio(struct import *im, struct err *err);
int import_booster(struct import *im, struct err *err);
