/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Attributes of block devices in sysfs, by the kernel's name of the device.
 */

#include <stdbool.h>
#include <stddef.h>

#include "init/core/jobs.h"

enum { ATTRIBUTE_PATH_MAX = JOBS_NAME_MAX + 64 };

/* The file of it; a longer name is cut off, and leads nowhere. */
void attribute_path(const char *device, const char *attribute, char path[ATTRIBUTE_PATH_MAX]);

/* Its first line. False, and OUT is empty, when there is none. */
bool attribute_read(const char *device, const char *attribute, char *out, size_t size);

bool attribute_is_writable(const char *device, const char *attribute);
