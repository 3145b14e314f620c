/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the entries of a plan come from: the package that owns each, and the name of the
 * distribution. This is looked up in the background, while the image is packed.
 */

#include "base/buf.h"
#include "base/err.h"
#include "format/ours/manifest.h"
#include "host/root.h"
#include "plan/plan.h"

struct origin;

/* Starts the search. PLAN and ROOT must not change until origin_free(). */
struct origin *origin_begin(const struct plan *plan, const struct root *root, unsigned threads);

/* Waits for the result. 0, or -errno with a sentence about a damaged package database. To be called
 * before the functions below. */
int origin_wait(struct origin *o, struct err *err);

/* Adds the manifest's facts about the whole. */
void origin_add_facts(const struct origin *o, struct buf *manifest);

/* The package of an entry of the plan; without a name when there is none. */
struct manifest_package origin_package(const struct origin *o, const struct plan_entry *e);

/* Waits, too, if the search is still running. */
void origin_free(struct origin *o);
