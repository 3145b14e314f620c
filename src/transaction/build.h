/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes an image file, and nothing else of the machine's: planned, packed beside its name, synced,
 * read back, renamed. After a failure the file is what it was.
 */

#include "features/features.h"
#include "transaction/transaction.h"

struct build_outcome {
	bool changed; /* false: OUT holds what would be written; the rest is not known then */
	const char *kernel;
	enum plan_mode mode;
	enum codec codec, store; /* of the base; of modules and firmware */
	uint64_t bytes;
	size_t files, modules;
	const char *const *warnings; /* oldest first */
	size_t n_warnings;
};

/* OUT: path of the calling process. What RESULT names lives in ARENA. */
int transaction_build(const struct transaction *t, const char *out, struct arena *arena,
		      struct build_outcome *result, struct err *err);
