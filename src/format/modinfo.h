/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The .modinfo section of a kernel module: NUL-separated "key=value". Pure.
 */

#include <stddef.h>

#include "base/err.h"

/* Finds the section in a module's ELF bytes. -ENOENT when there is none, -EBADMSG. */
int modinfo_find(const void *data, size_t len, const char **section, size_t *section_len,
		 struct err *err);

/* The next value of KEY behind *OFFSET (start with 0); NULL at the end. A last value without
 * its NUL is not returned. */
const char *modinfo_next(const char *section, size_t len, const char *key, size_t *offset);
