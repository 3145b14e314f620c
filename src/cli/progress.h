/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What people see while something takes its time: a bar on a terminal, and the steps of a
 * transaction. */

#include <stdbool.h>
#include <stddef.h>

#include "transaction/transaction.h"

/* A bar on a terminal, for what takes more than a second, drawn at most ten times a second. */
struct progress {
	const char *label;
	double next; /* not drawn before this time */
	bool shown;
};

void progress_begin(struct progress *p, const char *label);
void progress_step(size_t done, size_t total, void *progress);
void progress_end(struct progress *p);

/* Tells the steps of one transaction. */
struct teller {
	bool json; /* standard output is for JSON alone */
	bool packing;
	struct progress bar;
	char label[128];
};

/* For struct transaction; TELLER: a struct teller. STEP_KERNEL is left to the caller. */
void teller_tell(const struct step *step, void *teller);

/* The bar goes. */
void teller_end(struct teller *t);
