/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/rescue.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "init/devices/block.h"
#include "init/rescue/diagnose.h"
#include "init/devices/events.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/goal/goal.h"
#include "init/rescue/failure.h"
#include "init/rescue/shell.h"
#include "init/seam/parts.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum {
	EXPLAIN_MS = 3000, /* to read all disks before explaining */
	REBOOT_MS = 30000, /* the default, after the explanation */
	REMIND_MS = 60000,
	UNSETTLED_MS = 1000, /* to check again whether workers are stuck */
	RECORD_MS = 5000,    /* for the firmware to store the account */
};

/* Indexed by enum params_emergency. */
static const struct {
	const char *doing;
	int (*leave)(void);
} ways[] = {
	[EMERGENCY_NONE] = {"rebooting", sys_reboot},
	[EMERGENCY_REBOOT] = {"rebooting", sys_reboot},
	[EMERGENCY_POWEROFF] = {"switching off", sys_power_off},
	[EMERGENCY_HALT] = {"halting", sys_halt},
};

static void start(struct boot *b)
{
	timeline_stage("rescue");
	*b->rescue = (struct rescue){.begun = true};
	events_start(b); /* the account lists the devices */
	block_want_all(b);
	/* After the initramfs was left, its modules are gone, and no more disks can be read. */
	b->rescue->explain_by = b->flow.failed_at + (b->goal->left ? 0 : EXPLAIN_MS);
}

/* ---- what comes next ---- */

/* panic=N reboots after N seconds, never if N is 0, at once if it is negative. rd.emergency=
 * without panic= acts at once. */
static void count_down(struct boot *b, int64_t now)
{
	const struct params *p = &b->params;
	const char *doing = ways[p->emergency].doing;
	int64_t wait = p->emergency ? 0 : REBOOT_MS;

	if (p->panic_given)
		wait = p->panic < 0 ? 0 : p->panic * 1000;
	b->rescue->next_remind = now + REMIND_MS;
	if (p->panic_given && p->panic == 0 && !p->emergency) {
		b->rescue->reboot_at = PARAMS_FOREVER;
		log_show("panic=0: staying here%s",
			 b->flow.is_missing ? "; a disk that appears is still taken" : "");
		return;
	}
	b->rescue->reboot_at = now + wait;
	log_show("%s in %lld second%s (%s)%s", doing, (long long)wait / 1000, text_plural(wait / 1000),
		 p->panic_given ? "panic="
		 : p->emergency ? "rd.emergency="
				: "panic=0 would stay here",
		 b->flow.is_missing ? "; a disk that appears until then is still taken" : "");
}

/* As in initramfs-tools, panic= means that nobody gets a shell, except for panic=0. */
static bool wants_shell(const struct boot *b)
{
	const struct params *p = &b->params;

	if (b->goal->left) /* the image's shell is gone; the root's would ask for no password */
		return false;
	if (p->shell == SHELL_IF_ANY)
		return !p->panic_given || p->panic == 0;
	return p->shell == SHELL_YES;
}

static void decide(struct boot *b, int64_t now)
{
	const struct params *p = &b->params;
	char then[64];

	b->rescue->explained = true;
	b->rescue->next_remind = b->rescue->explain_by;
	snprintf(then, sizeof(then), "%s",
		 p->emergency ? ways[p->emergency].doing : "the boot is tried again");
	b->rescue->reboot_at = PARAMS_FOREVER;
	if (!wants_shell(b) || (p->shell == SHELL_IF_ANY && b->shell->policy == SHELL_ABSENT) ||
	    !shell_start(b, "rescue", then))
		count_down(b, now);
}

static void explain(struct boot *b, int64_t now)
{
	static struct log_kept account;
	struct timeline_end end = goal_timeline_end(b);

	account.len = 0;
	log_keep(&account);
	diagnose(b);
	log_keep(NULL);
	timeline_save(&end);
	if (failure_save(account.text, account.len) == 0)
		b->rescue->record_wanted = true;
	decide(b, now);
}

/* After the shell the boot is tried again. If something is mounted on /sysroot, it is the root. */
static void try_again(struct boot *b)
{
	log_show("trying again");
	parts_retry(b);
	b->flow.failure[0] = '\0';
	b->flow.failed = b->rescue->begun = false;
	if (shell_has_mounted()) {
		parts_begin(b); /* in case no stage has done so */
		flow_go(b, STAGE_MOUNT + 1);
	} else {
		flow_go(b, b->flow.stage <= STAGE_TRIGGER ? b->flow.stage : STAGE_TRIGGER + 1);
	}
}

static void leave(struct boot *b)
{
	log_show("%s", ways[b->params.emergency].doing);
	log_drain();
	log_show("the kernel refuses it: %s; staying here",
		 strerror(-ways[b->params.emergency].leave()));
	b->rescue->reboot_at = PARAMS_FOREVER;
}

/* In a worker, since the firmware may be slow. */
static void record(struct boot *b)
{
	const struct job job = {.kind = JOB_RECORD};

	if (b->rescue->record_wanted && jobs_start(&b->jobs, b, &job) == 0)
		b->rescue->record_wanted = false;
}

void rescue_tick(struct boot *b, int64_t now)
{
	bool unsettled;

	if (!b->rescue->begun)
		start(b);
	parts_tick(b, now); /* the root may still come of what they do */
	if (!b->rescue->explained && wants_shell(b) && !shell_refusal(b))
		shell_prepare(b);
	unsettled = jobs_busy(&b->jobs, JOB_PROBE) || block_next(b) >= 0 || modules_busy(b);
	if (b->flow.is_missing && goal_is_there(b)) {
		b->flow.failed = b->rescue->begun = false;
		flow_go(b, STAGE_RESUME);
		return;
	}
	if (!b->rescue->explained) {
		if (!unsettled || now >= b->rescue->explain_by)
			explain(b, now);
		return;
	}
	record(b);
	if (shell_next_end(b->shell)) {
		if (b->params.emergency || b->shell->broken)
			count_down(b, now);
		else
			try_again(b);
		return;
	}
	/* Wait a little for the worker that stores the account. */
	if (b->rescue->reboot_at != PARAMS_FOREVER && now >= b->rescue->reboot_at &&
	    !(jobs_busy(&b->jobs, JOB_RECORD) && now < b->rescue->reboot_at + RECORD_MS))
		leave(b);
	if (now >= b->rescue->next_remind) {
		log_show("still waiting: %s (the reasons are above)", diagnose_summary(b));
		b->rescue->next_remind = now + REMIND_MS;
	}
}

int64_t rescue_due(const struct boot *b)
{
	const struct rescue *r = b->rescue;
	int64_t due = r->explained ? r->next_remind : r->explain_by;

	if (!r->explained && log_now() + UNSETTLED_MS < due)
		due = log_now() + UNSETTLED_MS;
	if (parts_due(b) < due)
		due = parts_due(b);
	if (r->explained && r->reboot_at != PARAMS_FOREVER && r->reboot_at < due)
		due = r->reboot_at + (jobs_busy(&b->jobs, JOB_RECORD) ? RECORD_MS : 0);
	return due;
}
