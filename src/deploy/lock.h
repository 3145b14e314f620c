/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One run at a time: whoever changes what a machine boots from holds a lock on var/lib/preroot/lock
 * below its root. The lock ends with the process that holds it, however that ends. The file itself
 * stays, is empty and means nothing; only its owner can open it.
 */

#include "base/err.h"
#include "host/root.h"

#define LOCK_PATH STATE_DIR "/lock"
#define STATE_DIR "var/lib/preroot"

enum { LOCK_SECONDS = 120, LOCK_SECONDS_MAX = 24 * 3600 };

/*
 * Waits at most SECONDS. After the first one WAITING is called once, with a sentence that names the
 * holder. Returns a file descriptor, to be closed at the end; -ETIMEDOUT, with the holder in the
 * message.
 */
int lock_take(const struct root *root, unsigned seconds,
	      void (*waiting)(const char *text, void *arg), void *arg, struct err *err);
