/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text of an ELF note about libraries that a program opens while it runs (dlopen), and so does
 * not list as needed: a JSON array of objects
 *     {"soname": ["libx.so.2", "libx.so.1"], "feature": "x", "description": "...",
 *      "priority": "required" | "recommended" | "suggested"}
 * The first of the names that exists is the one that is opened. Only "soname" is mandatory; the
 * default priority is "recommended". Source: the UAPI group's "ELF dlopen metadata". Unknown keys
 * and priorities come from newer versions: such keys are ignored, and such priorities count as
 * "recommended". Pure; the bytes are hostile.
 */

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum dlopen_priority {
	DLOPEN_RECOMMENDED,
	DLOPEN_REQUIRED,
	DLOPEN_SUGGESTED,
};

struct dlopen_entry {
	const char **sonames;	 /* the best first; ends with NULL; at least one */
	const char *feature;	 /* "" when it is absent */
	const char *description; /* likewise */
	enum dlopen_priority priority;
};

/* Decodes TEXT. *OUT and its strings live in ARENA. Returns the number of entries, at most
 * DLOPEN_ENTRIES_MAX; -EBADMSG when it is malformed, a name empty or with control characters;
 * -E2BIG. */
enum { DLOPEN_ENTRIES_MAX = 256, DLOPEN_NAMES_MAX = 64, DLOPEN_TEXT_MAX = 64 * 1024 };
int dlopen_decode(const char *text, size_t len, struct arena *arena, struct dlopen_entry **out,
		  struct err *err);
