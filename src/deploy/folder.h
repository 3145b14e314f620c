/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A folder of ours below the root, made when it is not there.
 */

#include <sys/types.h>

#include "base/err.h"
#include "host/root.h"

/* Makes what is missing of PATH: the last part with MODE, those before with 0755. Links are
 * followed, below the root. A file descriptor, or -errno. */
int folder_make(const struct root *root, const char *path, mode_t mode, struct err *err);
