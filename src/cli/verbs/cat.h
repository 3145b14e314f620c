/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/err.h"

/* Prints the file PATH of the image FILE: the last one of that name, as the kernel keeps it. -ENOENT: it
 * holds none. */
int cat_file(const char *file, const char *path, struct err *err);
