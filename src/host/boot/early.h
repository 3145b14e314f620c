/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Early archives, which the kernel reads before it unpacks an image: microcode, ACPI tables. */

#include <stdbool.h>

#include "host/root.h"

/* Does the file at PATH hold only such archives? If it cannot be read, its name decides. */
bool boot_image_is_early(const struct root *r, const char *path);
