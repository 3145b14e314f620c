/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /etc/ld.so.cache of glibc 2.2 and newer: "glibc-ld.so.cache1.1", counts, fixed records of
 * (flags, key, value, os version, hwcap), strings, and since glibc 2.33 an extension with the
 * names of the folders below glibc-hwcaps that records refer to by number. Records are sorted for
 * a binary search, the best variant of a library first. Source: sysdeps/generic/dl-cache.h and
 * elf/cache.c of glibc. Pure.
 */

#include <stddef.h>

#include "base/buf.h"

/* Path of library SONAME for an ELF file of CLASS and MACHINE; NULL when the cache does not list
 * it, has another format or is malformed. Variants for special processors are skipped. The result
 * points into DATA. */
const char *ldcache_find(const void *data, size_t len, const char *soname, int class, int machine);

struct ldcache_entry {
	const char *soname;
	const char *path;
	const char *hwcap; /* "x86-64-v3"; NULL: for every processor */
	int class, machine;
};

/* Appends a cache of ENTRIES, which are put into the order that the dynamic linker searches in.
 * Entries whose class and machine have no number in the format are left out: the linker finds those
 * in its default folders only. OUT must be empty. */
void ldcache_encode(struct ldcache_entry *entries, size_t n, struct buf *out);
