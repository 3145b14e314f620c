/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a kernel module says about itself: its .modinfo section, NUL-separated "key=value", and the
 * symbols that it imports from the kernel and from other modules. Pure; the bytes are hostile.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Finds the section in a module's ELF bytes. -ENOENT when there is none, -EBADMSG. */
int modinfo_find(const void *data, size_t len, const char **section, size_t *section_len,
		 struct err *err);

/* The next value of KEY after *OFFSET (start with 0); NULL at the end. A last value without its NUL
 * is not returned. */
const char *modinfo_next(const char *section, size_t len, const char *key, size_t *offset);

enum { MODINFO_SYMBOLS_MAX = 32 };

/* Which of the COUNT SYMBOLS (sorted, at most MODINFO_SYMBOLS_MAX) a module imports: bit i of *MASK
 * for symbol i. A module without a symbol table imports none. -EBADMSG. */
int modinfo_imports(const void *data, size_t len, const char *const *symbols, size_t count,
		    uint32_t *mask, struct err *err);
