/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * boot.conf: what the builder tells PID 1. Lines KEY=VALUE; keys may come again.
 *
 *   kernel=VERSION   the kernel that the image is for
 *   mode=hostonly|generic
 *   load=MODULE      load at once, without waiting for a device that asks for it
 *
 * Pure, in place.
 */

#include <stdbool.h>

#define BOOTCONF_PATH "etc/preroot/boot.conf"
#define MODINDEX_PATH "usr/lib/preroot/modules.index"
#define MODINDEX_KNOWN_PATH "usr/lib/preroot/modules.known"

enum { BOOTCONF_SIZE_MAX = 1024 * 1024 };

/* Takes the next pair from *CURSOR, a writable, NUL-terminated text. False at the end. Lines
 * without "=" and comments (#) are passed over. */
bool bootconf_next(char **cursor, char **key, char **value);
