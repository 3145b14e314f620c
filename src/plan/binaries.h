/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs and libraries with everything that they need to run: libraries from the ELF headers
 * (needed, run paths, the dynamic linker's cache, its configuration and default folders), the
 * dynamic linker itself, the interpreters of scripts. Nothing of it is ever run.
 */

#include "base/err.h"
#include "host/root.h"
#include "plan/plan.h"

struct binaries;

struct binaries *binaries_new(const struct root *root, struct plan *plan);
void binaries_free(struct binaries *b);

/* Adds the file at PATH below the root, with the links that lead to it and all it needs. */
int binaries_add(struct binaries *b, const char *path, const char *reason, struct err *err);

/* Adds what the program in DATA needs, but not itself. ORIGIN is its path in the image. Data
 * that is no program needs nothing. */
int binaries_add_needs(struct binaries *b, const void *data, size_t len, const char *origin,
		       struct err *err);
