/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/seam/degrade.h"

#include "init/goal/goal.h"
#include "init/seam/parts.h"

enum { FOREVER_MS = 120000 /* if there is no time limit for the root */ };

/* When the present wait for a device began: for the root, for one that a part waits for, or for a filesystem
 * without which the boot fails; -1: there is none. The first waits count from the start of the boot. */
static int64_t wait_began(const struct boot *b)
{
	if (b->flow.failed)
		return -1;
	switch (b->flow.stage) {
	case STAGE_RESUME:
		if (!parts_are_limited(b))
			return -1;
		return b->goal->waiting_since ? b->flow.since : b->start;
	case STAGE_WAIT:
		return b->goal->waiting_since;
	case STAGE_OVERLAY_WAIT:
		return parts_are_limited(b) ? b->flow.since : -1;
	case STAGE_MOUNTS_WAIT:
		return b->flow.limited_by ? -1 : b->flow.since;
	default:
		return -1;
	}
}

int64_t degrade_due(const struct boot *b)
{
	int64_t since = wait_began(b);
	bool wanted = false;

	for (size_t i = 0; i < b->parts->n; i++)
		wanted = wanted || b->parts->list[i].feature->degrade;
	if (!wanted || since < 0 || b->parts->degraded == since)
		return INT64_MAX;
	return since +
	       (b->params.timeout == PARAMS_FOREVER ? FOREVER_MS : b->params.timeout / 3 * 2);
}

void degrade_tick(struct boot *b, int64_t now)
{
	if (now < degrade_due(b))
		return;
	b->parts->degraded = wait_began(b);
	for (size_t i = 0; i < b->parts->n; i++)
		if (b->parts->list[i].feature->degrade)
			b->parts->list[i].feature->degrade(&b->parts->list[i]);
}
