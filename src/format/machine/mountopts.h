/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mount options as people write them ("noatime,commit=30"), separated into the flags of mount(2)
 * and what is the filesystem's own. What is meant for mount(8) alone ("nofail", "x-...") is left
 * out. A comma between double quotes or after a backslash belongs to its option. Source: mount(8),
 * FILESYSTEM-INDEPENDENT MOUNT OPTIONS, and libmount, whose tables these are. Pure.
 */

#include <stddef.h>

/* The option at *CURSOR, which goes on to the next; NULL: there are no more. */
const char *mountopts_next(const char **cursor, size_t *len);

/* Sets and clears bits in *FLAGS, in the order of the options; those of propagation (MS_SHARED...)
 * want a call of their own. The rest goes to DATA, with commas. -E2BIG when DATA is too small;
 * -ENOTSUP: without what DATA names, which only mount(8) does, something else would be mounted.
 * Then *FLAGS is as before. */
int mountopts_split(const char *options, unsigned long *flags, char *data, size_t size);
