/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The whole procedure for the images that a machine boots with: what killed runs have left is
 * cleared up; is it the same already; plan; audit; pack; swap; boot loader; record. For each kernel
 * either all of it is done, or its image and the boot loader's menu are what they were.
 */

#include <stdint.h>

#include "transaction/changes.h"
#include "transaction/transaction.h"

enum { REBUILD_MODE = 0600 }; /* default permissions of an image */

struct rebuild_request {
	struct transaction t; /* its reuse.if_changed and only_look follow from what is below */
	const char *const *versions; /* of the kernels */
	size_t n_versions;
	bool check;	/* change nothing, say what would change */
	bool explain;	/* with CHECK: also in what the image would differ, for which it is packed */
	bool force;	/* also what has not changed */
	bool try_next;	/* let the next boot alone try the image */
	bool no_loader; /* leave the boot loader's menu as it is */
	unsigned lock_seconds, keep, mode;
};

enum rebuild_result {
	REBUILD_UNCHANGED,
	REBUILD_DONE,
	REBUILD_WOULD_CHANGE,
	REBUILD_TO_BE_TRIED, /* the next boot will */
	REBUILD_FAILED,
};

/* What became of the image of one kernel. */
struct rebuild_kernel {
	const char *version, *image; /* IMAGE: below the root */
	enum rebuild_result result;
	uint64_t before, bytes; /* 0: there was none; none was made */
	double seconds;
	struct err err;	   /* of REBUILD_FAILED */
	struct err loader; /* the image is unchanged, but the boot loader is not in line; or it was
			    * rebuilt, but a script of others failed; code 0: neither */
	struct changes changes; /* of REBUILD_WOULD_CHANGE; but for WHY with EXPLAIN alone */
	const char *const *warnings; /* oldest first */
	size_t n_warnings;
};

struct rebuild_outcome {
	struct rebuild_kernel *kernels; /* in the order of the request */
	size_t n, n_failed, n_changed;	/* CHANGED: with --check, would */
	bool loader_failed;  /* for an image that is unchanged */
	bool scripts_failed; /* for one that was rebuilt */
};

/*
 * 0, and the result for each kernel in OUT, which lives in ARENA. -errno if nothing could be
 * started, such as when another run holds the lock. Each kernel's result is reported (STEP_KERNEL)
 * at once.
 */
int transaction_rebuild(const struct rebuild_request *q, struct arena *arena,
			struct rebuild_outcome *out, struct err *err);
