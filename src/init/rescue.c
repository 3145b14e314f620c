/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue.h"

#include <stdio.h>
#include <string.h>

#include "init/block.h"
#include "init/diagnose.h"
#include "init/events.h"
#include "init/log.h"
#include "init/modules.h"
#include "init/stages.h"
#include "init/sys.h"
#include "init/trace.h"

enum {
	EXPLAIN_MS = 3000,  /* time to look at all disks before explaining */
	REBOOT_MS = 30000,  /* after an explanation, where panic= does not say otherwise */
	REMIND_MS = 60000,
	UNSETTLED_MS = 1000, /* look again whether workers are stuck */
};

void rescue_enter(struct boot *b, const char *why)
{
	snprintf(b->failure, sizeof(b->failure), "%s", why);
	trace_stage("rescue");
	b->in_rescue = true;
	events_start(b); /* for the account of it */
	block_want_all(b);
	b->failed_at = log_now();
	b->next_tell = b->failed_at + EXPLAIN_MS;
	b->deadline = 0; /* set when the explanation is out */
}

/* panic=N: reboot after N seconds; 0: never; negative: at once. */
static void explain(struct boot *b, int64_t now)
{
	int64_t wait = REBOOT_MS;

	diagnose(b);
	trace_save(b);
	if (b->params.panic_given)
		wait = b->params.panic < 0 ? 0 : b->params.panic * 1000;
	if (b->params.panic_given && b->params.panic == 0) {
		b->deadline = PARAMS_FOREVER;
		log_tell("panic=0: staying here; a disk that appears is still taken");
	} else {
		b->deadline = now + wait;
		log_tell("rebooting in %lld seconds (%s)%s", (long long)wait / 1000,
			 b->params.panic_given ? "panic=" : "panic=0 would stay here",
			 b->failure[0] ? "" : "; a disk that appears until then is still taken");
	}
	b->next_tell = now + REMIND_MS;
}

void rescue_tick(struct boot *b, int64_t now)
{
	bool unsettled = jobs_busy(&b->jobs, JOB_PROBE) || block_next(b) >= 0 ||
			 modules_busy(b);

	if (!b->failure[0] && block_find(b, &b->params.root) >= 0) {
		b->in_rescue = false;
		stages_go(b, STAGE_RESUME);
		return;
	}
	if (b->deadline == 0) {
		if (!unsettled || now >= b->next_tell)
			explain(b, now);
		return;
	}
	if (b->deadline != PARAMS_FOREVER && now >= b->deadline) {
		log_tell("rebooting");
		log_tell("the kernel refuses to reboot: %s; staying here", strerror(-sys_reboot()));
		b->deadline = PARAMS_FOREVER;
	}
	if (now >= b->next_tell) {
		log_tell("still without a root filesystem (the reasons stand above)");
		b->next_tell = now + REMIND_MS;
	}
}

int64_t rescue_due(const struct boot *b)
{
	int64_t due = b->next_tell;

	if (b->deadline == 0 && log_now() + UNSETTLED_MS < due)
		due = log_now() + UNSETTLED_MS;
	if (b->deadline > 0 && b->deadline < due)
		due = b->deadline;
	return due;
}
