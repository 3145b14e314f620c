/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is asked of a plan before anything is changed for it. */

#include "features/features.h"

/* Others than root may read an image with permissions MODE: then it holds nothing that they may not
 * read on this machine. -EACCES names the file. */
int judge_mode(const struct plan *plan, unsigned mode, struct err *err);

/*
 * Runs the audit for the image of REQUEST. Findings that would make it useless are -ENOEXEC, other
 * errors become warnings of PLAN.
 */
int judge_machine(const struct request *request, struct root *root, struct plan *plan,
		  struct err *err);

/* A generic image that settings make smaller is to boot this machine all the same, if what the root is on
 * can be found out here: -EBUSY for what they must not leave out. What they do not name becomes a
 * warning of B's plan. */
int judge_reach(const struct build *b, struct root *root, struct plan *plan, struct err *err);

/* Whether the modules in the image were made for its kernel. The kernel's own that were not are
 * -ENOEXEC, foreign ones become warnings of PLAN. */
int judge_modules(const struct build *b, struct plan *plan, struct err *err);
