/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * --remove: removes from the plan what matches the user's patterns, but nothing that the rest
 * needs. A pattern is a glob, as in a shell: "*" stops at a slash; a folder is removed with
 * everything below it. Paths of the merged /usr match with and without "usr/".
 */

#include "features/features.h"

/* Does PATTERN remove PATH (without a leading slash)? */
bool remove_matches(const char *pattern, const char *path);

/* Does --remove of the struct build ARG remove PATH (without a leading slash)? For use from
 * remove_modules() on: patterns that match are noted. */
bool remove_takes(const char *path, void *arg);

/* Removes the modules, before their dependencies are added. -EBUSY for one that is needed. */
int remove_modules(struct build *b, struct err *err);

/* Removes everything else, once the plan is sorted. -EBUSY for what PID 1, a program to be run at
 * boot, or another file needs. For a pattern that never matched there is a warning. */
int remove_files(struct build *b, struct err *err);
