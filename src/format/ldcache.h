/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /etc/ld.so.cache of glibc 2.2 and newer: "glibc-ld.so.cache1.1", counts, fixed records of
 * (flags, key, value, os version, hwcap), strings. Source: sysdeps/generic/dl-cache.h. Pure.
 */

#include <stddef.h>

/* Path of library SONAME for an ELF file of CLASS and MACHINE; NULL when the cache does not
 * know it, is of another format or is malformed. Variants for special processors are passed
 * over. The result points into DATA. */
const char *ldcache_find(const void *data, size_t len, const char *soname, int class, int machine);
