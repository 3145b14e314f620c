/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mount options as people write them ("noatime,commit=30"), parted into the flags of mount(2)
 * and what is the filesystem's own. What is meant for mount(8) alone ("nofail", "x-...") is left
 * out. Source: mount(8), FILESYSTEM-INDEPENDENT MOUNT OPTIONS. Pure.
 */

#include <stddef.h>

/* Sets and clears bits in *FLAGS, in the order of the options; the rest goes to DATA, with
 * commas. -E2BIG when DATA is too small. */
int mountopts_split(const char *options, unsigned long *flags, char *data, size_t size);
