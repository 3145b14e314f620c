/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The settings of other image builders, as a file of dracut's configuration. What it has no key for,
 * above all scripts, is not dropped in silence: it is noted with its place and what to do.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/err_list.h"
#include "format/machine/conf.h"
#include "host/root.h"

/* Where initramfs-tools has its settings, below the root. */
#define IMPORT_INITRAMFS_TOOLS "etc/initramfs-tools"

struct import_place {
	const char *file; /* as messages show it */
	unsigned line;	  /* 0: the whole file */
	const char *key;  /* what is set there; NULL: it has no name */
};

struct import_note {
	struct import_place from;
	const char *text; /* a sentence */
	bool is_script;	  /* it is about a script */
	bool is_lack;	  /* the image would not do without it */
};

struct import {
	const struct root *root;
	struct arena *arena;
	const char *folder; /* of initramfs-tools, below the root */
	bool is_live;	    /* the settings are obeyed as they stand, not written down */
	struct conf out; /* the settings; where they come from is their place */
	struct import_note *notes;
	size_t n_notes;
	const char **files; /* that were read */
	size_t n_files;
	struct err_list *flaws; /* collects what import_read() finds no assignment; NULL: it is an error */
};

struct importer {
	const char *name;
	const char *config; /* the file, below the root, that shows that the builder is used */
	int (*run)(struct import *im, struct err *err);
};

const struct importer *importer_find(const char *name); /* NULL: none has that name */

/* Ends with a row without a name. */
extern const struct importer importers[];

/* Does mkinitramfs read a file of that name in conf.d? It skips hidden ones, and what editors and dpkg
 * leave behind. */
bool import_reads(const char *name);

/* Makes the notes about scripts of initramfs-tools one. */
void import_join_scripts(struct import *im);

/* "FILE:LINE", or "FILE". */
const char *import_place_text(const struct import_place *place, struct arena *arena);

/* update-initramfs.conf. */
struct import_update {
	const struct conf_assignment *update, *backup; /* update_initramfs=, backup_initramfs=; NULL: not set */
	const struct err_list *flaws; /* what only a shell could read; the rest was read all the same */
	bool is_off; /* update_initramfs=no; of a file with flaws, "no" at any place that may set it */
};

/* That of initramfs-tools below ROOT. -errno if there is a file that cannot be read at all. */
int import_update_initramfs(const struct root *root, struct arena *arena, struct import_update *out,
			    struct err *err);

/* RESUME in FOLDER of initramfs-tools, below the root; *OUT is NULL if it is not set. */
int import_resume(const struct root *root, const char *folder, struct arena *arena,
		  const struct conf_assignment **out, struct err *err);

/* ---- what importers call ---- */

/* KEY with "+" at its end is a list: VALUE becomes one element of it. */
void import_set(struct import *im, struct import_place from, const char *key, const char *value);
void import_note(struct import *im, struct import_place from, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes that the script PATH cannot be imported. */
void import_note_script(struct import *im, const char *path);

/* The names in FOLDER, sorted: their number, or -errno. A folder that is not there has none. */
int import_names(struct import *im, const char *folder, char ***names, struct err *err);

/* Reads the file PATH, if it is there, as assignments. The second also gives its TEXT. */
int import_read(struct import *im, const char *path, struct conf *out, struct err *err);
int import_read_text(struct import *im, const char *path, struct conf *out, struct buf *text,
		     struct err *err);

/* Calls TAKE for each line of the file PATH, if it is there, until one returns an error. A line is a
 * copy without its newline. Control characters but tabs are -EBADMSG. */
typedef int import_line(struct import *im, char *line, struct import_place from, void *arg,
			struct err *err);
int import_lines(struct import *im, const char *path, import_line *take, void *arg,
		 struct err *err);

int import_initramfs_tools(struct import *im, struct err *err);
int import_mkinitcpio(struct import *im, struct err *err);
int import_booster(struct import *im, struct err *err);
