/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Back to the previous image of a kernel, with the boot loader's menu brought in line; after a
 * failure both are what they were. */

#include "transaction/transaction.h"

struct restore_request {
	struct transaction t; /* root, log and steps; the rest does not count */
	const char *version;  /* of the kernel */
	bool no_loader;	      /* leave the boot loader's menu as it is */
	unsigned lock_seconds;
};

/* IMAGE: the path, below the root, of what is the previous image again. It lives in ARENA. After a
 * failure it is set, too, if the image is in place and only a script of others has failed. */
int transaction_restore(const struct restore_request *q, struct arena *arena, const char **image,
			struct err *err);
