/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files and programs of the root that somebody requested by path or by name.
 */

#include "features/features.h"

/* WORD with a leading slash: that path, if it exists. A bare name: the program of that name in one
 * of the program folders. 1: *OUT is the path, with a leading slash; 0: there is none; -errno when
 * this cannot be determined. */
int items_find(struct build *b, const char *word, const char **out, struct err *err);

/* The same without a build. *OUT is in ARENA, or is WORD. */
int items_locate(const struct root *root, const char *word, struct arena *arena, const char **out,
		 struct err *err);

/* The paths below ROOT that the pattern WORD, with a leading slash, matches as a shell's; sorted, in ARENA.
 * Their number; 0: WORD is no pattern, or nothing matches. -E2BIG, or -errno of a folder. */
int items_match(const struct root *root, const char *word, struct arena *arena,
		const char ***out, struct err *err);

/* The error for a WORD that is not there, and that ORIGIN asks for: -ENOENT. */
int items_refuse(const struct root *root, const char *word, const char *origin, struct err *err);

/* The folders that items_find() looks into, for messages. */
extern const char items_folders[];

/* Adds what is at PATH, with the links that lead there: a file with everything that it needs to
 * run, or a folder with everything in it. */
int items_add(struct build *b, const char *path, const char *reason, struct err *err);
