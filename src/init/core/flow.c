/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/flow.h"

#include <errno.h>
#include <stdio.h>

#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/memory.h"
#include "init/core/timeline.h"

enum stage_step flow_go(struct boot *b, enum boot_stage stage)
{
	const char *name = stage == STAGE_DONE ? NULL : b->flow.table[stage].name;

	timeline_stage(name);
	b->flow.stage = stage;
	b->flow.entered = false;
	b->flow.since = log_now();
	b->flow.task.state = TASK_NONE;
	b->flow.wake = 0;
	b->flow.next_show = b->flow.since + FLOW_SHOW_FIRST_MS;
	if (name)
		log_debug("stage %s", name);
	memory_log(b->params.memdebug, name ? name : "done");
	return STAGE_MOVED;
}

enum stage_step flow_fail(struct boot *b, const char *why)
{
	snprintf(b->flow.failure, sizeof(b->flow.failure), "%s", why);
	b->flow.is_missing = !*why;
	b->flow.hint = NULL;
	b->flow.failed = true;
	b->flow.failed_at = log_now();
	return STAGE_MOVED;
}

void flow_hand_back(struct boot *b, const char *why)
{
	flow_go(b, STAGE_CHECK);
	flow_fail(b, why);
}

bool flow_is_late(const struct boot *b, int64_t now)
{
	return b->flow.deadline != PARAMS_FOREVER && now >= b->flow.deadline;
}

/* ---- work for a stage ---- */

enum stage_step flow_task(struct boot *b, const struct job *job)
{
	struct job own = *job;
	int r;

	own.ticket = ++b->flow.task.ticket;
	r = jobs_start(&b->jobs, b, &own);
	if (r < 0 && r != -EAGAIN)
		return flow_fail(b, "no process can be made for it (the machine has too little "
				    "memory)");
	if (r == 0)
		b->flow.task.state = TASK_RUNS;
	return STAGE_STAYS;
}

void flow_task_done(struct boot *b, const struct job_result *r)
{
	if (b->flow.task.state != TASK_RUNS || r->ticket != b->flow.task.ticket)
		return; /* the boot has gone on elsewhere */
	b->flow.task.result = *r;
	b->flow.task.state = TASK_ENDED;
}
