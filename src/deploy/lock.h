/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One run at a time: whoever changes what a machine boots from holds a lock on var/lib/preroot/lock
 * below its root. The lock ends with the process that holds it, however that ends. The file itself
 * is empty and means nothing; only its owner can open it. It stays, unless its folder was made for it
 * and nothing else was put there.
 */

#include "base/err.h"
#include "host/root.h"

#define LOCK_PATH STATE_DIR "/lock"
#define STATE_DIR "var/lib/preroot"

enum { LOCK_SECONDS = 120, LOCK_SECONDS_MAX = 24 * 3600 };

struct lock {
	const struct root *root; /* NULL: not held */
	int fd;
	unsigned made; /* which parts of STATE_DIR were made for it, see folder_make() */
};

/*
 * Waits at most SECONDS. After the first one WAITING is called once, with a sentence that names the
 * holder. 0, or -errno: -ETIMEDOUT, with the holder in the message. ROOT must outlive OUT.
 */
int lock_take(const struct root *root, unsigned seconds,
	      void (*waiting)(const char *text, void *arg), void *arg, struct lock *out,
	      struct err *err);

void lock_release(struct lock *l);
#define _cleanup_lock_ __attribute__((cleanup(lock_release)))
