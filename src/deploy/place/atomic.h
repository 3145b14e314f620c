/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes a file so that its name holds either what it held before or the whole new content,
 * never anything between: a temporary file in the same folder, synced, renamed, the folder
 * synced. Temporary files that a killed run left are removed by the next run.
 */

#include <limits.h>

#include "base/err.h"
#include "host/root.h"

struct atomic {
	int fd;             /* of the temporary file, to be written */
	int dir;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1]; /* empty: none */
};

/* Numbers from this one on are not those of the temporary files that are made here, and those files
 * are not removed here: see deploy/place/exchange.h. */
#define REPLACE_RESERVED 0x80000000u

/* The temporary name of the file NAME that has NUMBER. */
void atomic_temp_name(const char *name, unsigned number, char out[NAME_MAX + 1]);

/* PATH must not exist, or be a regular file. The temporary file has mode 0600. */
int atomic_begin(const char *path, struct atomic *out, struct err *err);

/* The same for a PATH below ROOT (NULL: of the calling process). */
int atomic_begin_below(const struct root *root, const char *path, struct atomic *out,
			struct err *err);

/* SECRET (or NULL) is a file in the image that not everybody may read. -EACCES if the filesystem
 * has no modes, as FAT, and others could read the image. */
int atomic_check_secret(const struct atomic *r, const char *secret, struct err *err);

/* Removes what killed runs have left of PATH below ROOT. atomic_begin() does that, too. */
void atomic_clean(const struct root *root, const char *path);

/* The same for all files in FOLDER. */
void atomic_clean_folder(const struct root *root, const char *folder);

/* All written data reaches the disk. To be called before the content is read back. */
int atomic_sync(struct atomic *r, struct err *err);

/* Renames the temporary file to its name. If only the sync of the folder fails, ERR says so. */
int atomic_commit(struct atomic *r, struct err *err);

/* Somebody else has renamed the temporary file: it is not to be removed any more. */
void atomic_forget(struct atomic *r);

/* Removes the temporary file, unless it was committed. */
void atomic_end(struct atomic *r);

/* Removes the temporary file of the run that is going on. For a signal handler: async-signal
 * safe. */
void atomic_abort_signal(void);
