/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packs an image for whoever writes one: with all processors, and telling how far it is. */

#include "features/make.h"
#include "image/pack.h"
#include "transaction/transaction.h"

struct pack_target {
	int fd;
	const char *folder; /* of that file, for a hint when it is full */
	bool is_cache;      /* that is the cache's, which can be done without */
	bool to_disk;       /* it will be synced */
};

/*
 * Writes the image of B. What is
 * wrong with the database of packages becomes a warning of B's plan. OUT->manifest is the
 * caller's to clear, also after a failure.
 */
int transaction_pack(const struct transaction *t, struct build *b, const struct pack_target *to,
		     struct pack_result *out, struct err *err);

/* Texts of notes, oldest first, in ARENA. Their number. */
size_t transaction_notes(const struct plan_note *newest, struct arena *arena,
			 const char *const **out);
