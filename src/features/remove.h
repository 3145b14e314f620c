/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * --remove: takes out of the plan what matches the user's patterns, and nothing that the rest
 * cannot do without. A pattern is a glob, as of a shell: "*" stops at a slash; a folder goes with
 * all below it. Paths of the merged /usr match with and without "usr/".
 */

#include "features/features.h"

/* Does PATTERN take out PATH (without a leading slash)? */
bool remove_matches(const char *pattern, const char *path);

/* Does --remove of the struct build ARG take out PATH (without a leading slash)? For use from
 * remove_modules() on: patterns that match are noted. */
bool remove_takes(const char *path, void *arg);

/* The modules, before they are settled. -EBUSY for one that is needed. */
int remove_modules(struct build *b, struct err *err);

/* All else, once the plan is sorted. -EBUSY for what PID 1, a program to be run at boot, or
 * another file needs. A pattern that never matched becomes a warning. */
int remove_files(struct build *b, struct err *err);
