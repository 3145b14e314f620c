/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The account of a failed boot, kept for a later good one (format/ours/failure.h). The firmware's
 * memory wears out, so it is written only if it would change, and holds no time.
 */

#include <stddef.h>

#include "format/ours/failure.h"

/* Writes the account, LEN bytes, where the root's init can find it. 0 or -errno. */
int failure_save(const void *account, size_t len);

/* Copies the begin of the file ACCOUNT to a variable of the firmware, below the folder EFIVARS.
 * Runs in a worker: the firmware may be slow. 0: it is there now; -errno: this machine cannot keep
 * it. */
int failure_copy(const char *efivars, const char *account);
