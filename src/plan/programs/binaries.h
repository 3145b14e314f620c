/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs and libraries with everything that they need to run: libraries as the dynamic linker
 * would find them (plan/programs/linker.h), the dynamic linker itself, libraries that are opened later
 * and that an ELF note tells of, the interpreters of scripts. Nothing of it is ever run.
 *
 * Each program is looked at as its linker does: breadth first, what is loaded already is not
 * looked for again, run paths are those of the chain that led to a library.
 *
 * Libraries that are opened later: "required" ones must exist; "recommended" ones that do not are
 * a warning; "suggested" ones are left out unless their feature is asked for.
 *
 * Variants for newer processors (folders below glibc-hwcaps): the library for every processor is
 * always packed, and it alone in a generic image. A hostonly image has the variants as well, all
 * of them: the processor of the building machine is not asked, so that it does not change the
 * bytes, and the linker chooses at boot among what the processor there can run. So neither image
 * can meet a processor that it has no library for.
 *
 * The image gets an ld.so.cache of its own, with what was packed and nothing else: the root's may
 * name variants and libraries that the image has not, and the linker does not look further for
 * those. It also makes the image independent of which folders the linker was built to know.
 */

#include "base/err.h"
#include "host/root.h"
#include "plan/plan.h"

struct binaries;

struct binaries *binaries_new(const struct root *root, struct plan *plan);
void binaries_free(struct binaries *b);

/* Whether variants for newer processors are packed; they are not at first. */
void binaries_set_variants(struct binaries *b, bool variants);

/* The machine that all programs must be for, from the ELF header of PID 1 in DATA (LEN bytes);
 * an i386 program may stand beside x86-64, and arm beside aarch64. Otherwise any may. */
void binaries_set_machine(struct binaries *b, const void *data, size_t len);

/*
 * Features of libraries that are opened later, as dracut's add_dlopen_features and
 * omit_dlopen_features have them: "PATTERN:FEATURE[,FEATURE...]", where the shell pattern is
 * matched against the soname and the file name of what carries the note. What is omitted stays
 * out, whatever its priority. -EINVAL for a WISH of another form. The string must outlive B.
 */
int binaries_add_feature(struct binaries *b, const char *wish, struct err *err);
int binaries_omit_feature(struct binaries *b, const char *wish, struct err *err);
int binaries_check_feature(const char *wish, struct err *err);

/* Adds the file at PATH below the root, with the links that lead to it and all it needs. */
int binaries_add(struct binaries *b, const char *path, const char *reason, struct err *err);

/* Adds what the program in DATA needs, but not itself. ORIGIN is its path in the image. Data
 * that is no program needs nothing; a program for another machine is a warning. */
int binaries_add_needs(struct binaries *b, const void *data, size_t len, const char *origin,
		       struct err *err);

/* Adds the dynamic linker's cache, when there is anything to find by it, but for libraries of which
 * IS_LEFT_OUT is true; their paths have no leading slash. To be called once, when all else is added. */
int binaries_finish(struct binaries *b, bool (*is_left_out)(const char *path, void *arg), void *arg,
		    struct err *err);
