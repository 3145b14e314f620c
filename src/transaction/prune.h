/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes the images that nothing needs (deploy/prune.h), and brings the boot loader's menu in line;
 * after a failure both are what they were. */

#include "deploy/prune.h"
#include "transaction/transaction.h"

struct prune_request {
	struct transaction t;  /* root, log, steps, and of REUSE the cache, which has the records of
				* builds; the rest does not count */
	const char *version;   /* remove all images of this kernel; NULL: what nothing needs */
	struct prune_rule rule; /* without a version: what is needed */
	bool dry_run;	       /* only choose */
	bool no_loader;	       /* leave the boot loader's menu as it is */
	unsigned lock_seconds;
	/* Is called with what was chosen, also in a dry run. False: it must not be removed. */
	bool (*confirm)(const struct prune *chosen, void *arg);
};

/* 0, with what was chosen, and removed unless it was a dry run, in OUT, which lives in ARENA.
 * -ECANCELED: CONFIRM said no. */
int transaction_prune(const struct prune_request *q, struct arena *arena, struct prune *out,
		      struct err *err);
