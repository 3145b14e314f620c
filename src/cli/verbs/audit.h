/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The audit as a part of a rebuild.
 */

#include "host/root.h"
#include "plan/plan.h"
#include "plan/request.h"

/*
 * Before the image of REQUEST's kernel is packed: what is wrong with that kernel or with the
 * machine, and would not be found or mended anyway, becomes warnings of PLAN. -ENOEXEC: the image
 * would not boot. What is looked at is not noted in the trace of ROOT.
 */
int audit_rebuild(const struct request *request, struct root *root, struct plan *plan,
		  struct err *err);
