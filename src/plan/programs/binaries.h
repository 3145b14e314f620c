/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs and libraries with everything that they need to run: libraries as the dynamic linker
 * would find them (plan/programs/linker.h), the dynamic linker itself, libraries that are opened
 * with dlopen() according to an ELF note, the interpreters of scripts. Nothing is ever run.
 *
 * The search follows the program's own linker: breadth first, what is loaded already is not
 * searched for again, run paths are those of the chain that led to a library.
 *
 * Libraries that are opened later: "required" ones must exist; for "recommended" ones that do not
 * exist there is a warning; "suggested" ones are left out unless their feature is requested.
 *
 * Variants for newer processors (folders below glibc-hwcaps): the library for every processor is
 * always packed, and it alone in a generic image. A hostonly image has all variants as well: the
 * processor of the building machine does not matter, so that it does not affect the bytes, and the
 * linker chooses at boot among those that the processor there can run. So both images have a
 * library for every processor.
 *
 * The image gets an ld.so.cache of its own, with what was packed and nothing else: the root's own
 * may name variants and libraries that the image lacks, and the linker does not search further for
 * those. It also makes the image independent of the linker's built-in folders.
 */

#include "base/err.h"
#include "host/root.h"
#include "plan/plan.h"

struct binaries;

struct binaries *binaries_new(const struct root *root, struct plan *plan);
void binaries_free(struct binaries *b);

/* Whether variants for newer processors are packed; by default they are not. */
void binaries_set_variants(struct binaries *b, bool variants);

/* The machine that all programs must be for, from the ELF header of PID 1 in DATA (LEN bytes);
 * an i386 program may stand beside x86-64, and arm beside aarch64. Otherwise any may. */
void binaries_set_machine(struct binaries *b, const void *data, size_t len);

/*
 * Features of libraries that are opened later, as dracut's add_dlopen_features and
 * omit_dlopen_features have them: "PATTERN:FEATURE[,FEATURE...]", where the shell pattern is
 * matched against the soname and the file name of what carries the note. What is omitted stays out,
 * whatever its priority. -EINVAL for a malformed WISH. The string must outlive B.
 */
int binaries_add_feature(struct binaries *b, const char *wish, struct err *err);
int binaries_omit_feature(struct binaries *b, const char *wish, struct err *err);
int binaries_check_feature(const char *wish, struct err *err);

/* Adds the file at PATH below the root, with the links that lead to it and everything it needs. */
int binaries_add(struct binaries *b, const char *path, const char *reason, struct err *err);

/* The path below the root of the library SONAME, which the program at PATH opens later, as its linker would find
 * it. NULL: there is none, or PATH is no program that loads libraries. */
const char *binaries_locate(struct binaries *b, const char *path, const char *soname);

/* Adds what the program in DATA needs, but not the program itself. ORIGIN is its path in the image.
 * Data that is not a program needs nothing; for a program of another machine there is a warning. */
int binaries_add_needs(struct binaries *b, const void *data, size_t len, const char *origin,
		       struct err *err);

/* Adds the dynamic linker's cache, if there are any libraries for it, without those for which
 * IS_LEFT_OUT returns true; their paths have no leading slash. To be called once, after everything
 * else was added. */
int binaries_finish(struct binaries *b, bool (*is_left_out)(const char *path, void *arg), void *arg,
		    struct err *err);
