/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mount options as people write them ("noatime,commit=30"), split into the flags of mount(2) and
 * the filesystem's own options. Those meant for mount(8) alone ("nofail", "x-...") are left out. A
 * comma between double quotes or after a backslash belongs to its option. Source: mount(8),
 * FILESYSTEM-INDEPENDENT MOUNT OPTIONS, and the tables of libmount. Pure.
 */

#include <stddef.h>

/* The option at *CURSOR, which moves on to the next; NULL: there are no more. */
const char *mountopts_next(const char **cursor, size_t *len);

/* Sets and clears bits in *FLAGS, in the order of the options; those for propagation (MS_SHARED...)
 * need a mount(2) call of their own. The rest goes to DATA, separated by commas. -E2BIG when DATA
 * is too small. -ENOTSUP, with the option in DATA: only mount(8) implements it, and without it
 * something else would be mounted. On failure *FLAGS is unchanged. */
int mountopts_split(const char *options, unsigned long *flags, char *data, size_t size);
