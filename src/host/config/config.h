/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * dracut's configuration on a machine: which files apply, in which order, and what their keys mean
 * here. The language is format/machine/conf.h's; nothing is run.
 *
 * /etc/dracut.conf is read first, then every *.conf of these folders, sorted by name as versions
 * (GNU "sort -V"), whichever folder they are in:
 *
 *   /etc/dracut.conf.d  /usr/lib/dracut/dracut.conf.d  /run/initramfs/dracut.conf.d
 *
 * If several files have the same name, only the one in the folder listed first here counts; a link
 * to /dev/null there disables the others. Hidden files and links that lead nowhere do not count.
 * What is read later overrides what came before.
 *
 * Where the machine's update-initramfs is preroot, the settings in /etc/initramfs-tools are read as well,
 * whoever asks. The order is then: /usr/lib/dracut/dracut.conf.d, /etc/initramfs-tools, /etc/dracut.conf,
 * the other folders.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "format/machine/conf.h"
#include "host/config/import/import.h"
#include "host/root.h"

enum { CONFIG_FILES_MAX = 1000 };

/* Other places, paths of the calling process. NULL: dracut's own, below the root. */
struct config_places {
	const char *initramfs_tools; /* a folder of its settings, below the root; must be there. "none":
				      * they are not read; NULL: as the machine wants it */
	const char *file;   /* for /etc/dracut.conf; must be there */
	const char *folder; /* for /etc/dracut.conf.d; must be there */
	const char *added;  /* a folder that comes behind that one: a path, or the name of a folder in
			     * it or in /usr/lib/dracut/dracut.conf.d; must be there; NULL: none */
	const struct conf_assignment *given; /* by the command line: they come after all files */
	size_t n_given;
	struct err_list *errors; /* to collect those of files, and read the others; NULL: see below */
};

struct config {
	struct conf values;
	const char **files; /* that were read, in this order */
	size_t n_files;
	struct import_note *lost; /* folders in place of files; what is not obeyed of the settings of
				   * initramfs-tools */
	size_t n_lost;
};

/* KERNEL: the value of $kernel. All of OUT lives in ARENA. A file that cannot be read or is not a
 * valid configuration is an error with its path, or file, line and column; so is a file that was
 * named but does not exist. A folder in place of a file that was not named is passed over, and noted. Where errors are collected, the others are read nevertheless. Messages and assignments name files as they are below the root. */
int config_read(const struct root *root, const struct config_places *places, const char *kernel,
		struct arena *arena, struct config *out, struct err *err);

/* -ENOTSUP if the settings of initramfs-tools ask for what an image of this version would not boot without. */
int config_check_lacks(const struct config *c, struct arena *arena, struct err *err);

/* Do the settings in /etc/initramfs-tools count on this machine? */
bool config_reads_initramfs_tools(const struct root *root, struct arena *arena);

/* ---- what the keys mean ---- */

enum config_effect {
	CONFIG_UNKNOWN,
	CONFIG_HONOURED,
	CONFIG_MET,  /* without effect, and nothing is lost: it is about dracut's own work */
	CONFIG_LOST, /* without effect in this version */
};

enum config_effect config_effect(const char *key);

/* Why KEY=VALUE has no effect; NULL: it has, or it requests what is done anyway. */
const char *config_lost(const char *key, const char *value);

/* Does hostonly= ask for an image for this machine alone? To dracut, only "yes" and "-h", which it makes
 * of that, do; "" does not. */
bool config_is_hostonly(const struct conf_assignment *a);

/* All known keys: that at I, counted from 0; NULL: there are fewer. */
const char *config_key(size_t i);

/* The known key that KEY was most likely meant to be; NULL: none is close enough. */
const char *config_nearest(const char *key);

/* Something that was requested and is not done, or is taken in a way that may surprise. */
struct config_note {
	const struct conf_assignment *from;
	const char *text; /* a sentence, to be preceded by file and line */
};

/* All notes about VALUES, each key once. Their number; *OUT lives in ARENA. */
size_t config_notes(const struct conf *values, struct arena *arena, struct config_note **out);
