/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/stages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "init/rescue/ask.h"
#include "init/devices/events.h"
#include "init/core/log.h"
#include "init/core/memory.h"
#include "init/devices/modules.h"
#include "init/core/mount.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/rescue/rescue.h"
#include "init/rescue/shell.h"
#include "init/seam/parts.h"
#include "init/goal/goal.h"
#include "init/core/timeline.h"

enum {
	SETTLE_MS = 2000, /* for modules that are loading when the root is ready */
	SHOW_AGAIN_MS = 10000,
	STUCK_POLL_MS = 100,
};

/* From here on no more parameters come. Programs of STAGE_PRE_TRIGGER are a boot part's. */
static enum stage_step cmdline(struct boot *b)
{
	enum stage_step step = ask_step(b);

	if (step == STAGE_ENDS)
		parts_begin(b);
	return step;
}

/* From here on devices request their drivers. Earlier events are still queued in the socket. */
static enum stage_step trigger(struct boot *b)
{
	b->start = log_now();
	events_start(b);
	return STAGE_ENDS;
}

/* The root is about to take over: modules that are loading may finish, and jobs that must not be interrupted,
 * such as the start of an array, have longer, unless they hang. */
static enum stage_step settle(struct boot *b)
{
	bool is_working = parts_must_finish(b);
	bool is_busy = is_working || jobs_busy(&b->jobs, JOB_LOAD) || program_is_dying(b);

	b->flow.deadline = b->flow.since + (is_working ? JOBS_HANG_MS : SETTLE_MS);
	b->flow.limited_by = "then the root takes over";
	return is_busy && !flow_is_late(b, log_now()) ? STAGE_STAYS : STAGE_ENDS;
}

static void settle_what(const struct boot *b, char *out, size_t size)
{
	(void)b;
	snprintf(out, size, "what has been started to finish");
}

enum { HOPELESS_MS = 10000 };

/* ---- the table ---- */

const struct stage stages[] = {
	[STAGE_CMDLINE] = {"cmdline", cmdline, NULL, false, BREAK_CMDLINE},
	[STAGE_PRE_TRIGGER] = {"pre-trigger", parts_step, parts_what, false,
			       BREAK_PRE_UDEV | BREAK_PRE_TRIGGER},
	[STAGE_TRIGGER] = {"trigger", trigger, NULL, false, 0},
	[STAGE_RESUME] = {"resume", parts_step, parts_what, false, BREAK_INITQUEUE},
	[STAGE_WAIT] = {"wait", goal_wait, goal_wait_what, true, 0},
	[STAGE_PRE_MOUNT] = {"pre-mount", parts_step, parts_what, false, BREAK_PRE_MOUNT},
	[STAGE_DRIVER] = {"driver", goal_driver, goal_driver_what, true, BREAK_MOUNT},
	[STAGE_FSCK] = {"fsck", parts_step, parts_what, false, 0},
	[STAGE_MOUNT] = {"mount", goal_mount, goal_mount_what, false, 0},
	[STAGE_OVERLAY_WAIT] = {"overlay-wait", parts_step, parts_what, false, 0},
	[STAGE_OVERLAY] = {"overlay", parts_step, parts_what, false, 0},
	[STAGE_POST_MOUNT] = {"post-mount", parts_step, parts_what, false, 0},
	[STAGE_FSTAB] = {"fstab", mounts_fstab, NULL, false, 0},
	[STAGE_MOUNTS_WAIT] = {"mounts-wait", mounts_wait, mounts_what, true, 0},
	[STAGE_MOUNTS_DRIVER] = {"mounts-driver", mounts_driver, mounts_what, true, 0},
	[STAGE_MOUNTS_FSCK] = {"mounts-fsck", parts_step, parts_what, false, 0},
	[STAGE_MOUNTS] = {"mounts", mounts_mount, mounts_what, false, 0},
	[STAGE_PRE_PIVOT] = {"pre-pivot", parts_step, parts_what, false, BREAK_PRE_PIVOT},
	[STAGE_CHECK] = {"check", goal_check, goal_check_what, false, BREAK_CLEANUP},
	[STAGE_SETTLE] = {"settle", settle, settle_what, true, BREAK_SWITCH},
};

/* ---- rd.break= ---- */

/* Stops at a breakpoint, once each, even if the boot goes back. True if a shell runs. */
static bool stop_here(struct boot *b)
{
	unsigned due = b->params.breaks & stages[b->flow.stage].breaks;
	char why[64];

	if (!due || b->flow.entered)
		return false;
	b->params.breaks &= ~due;
	snprintf(why, sizeof(why), "break before %s", params_break_name(due & -due));
	return shell_start(b, why, "the boot goes on");
}

/* The user of the shell may have mounted the root. */
static void go_on_after_shell(struct boot *b)
{
	b->flow.next_show = log_now() + FLOW_SHOW_FIRST_MS;
	if (b->flow.stage > STAGE_MOUNT || !shell_has_mounted())
		return;
	log_info("a root filesystem was mounted on " SYSROOT " by hand");
	parts_begin(b); /* in case no stage has done so */
	flow_go(b, STAGE_MOUNT + 1);
}

/* While somebody is asked for what the root may depend on, its limit does not run: to come and type a
 * passphrase may take longer than a disk takes to appear. rd.timeout= is for machines that have nobody, and a
 * machine without a terminal asks nobody. Other limits go on: what lacks members is started without them. */
static void hold_limits(struct boot *b, int64_t now)
{
	int64_t held = b->flow.asked ? now - b->flow.asked : 0;

	b->flow.asked = prompt_holds(b) && !b->params.waits.timeout ? now : 0;
	if (b->flow.failed || !held)
		return;
	if (b->flow.deadline != PARAMS_FOREVER)
		b->flow.deadline += held;
}

static const struct spec *awaited(const struct boot *b)
{
	if (b->flow.stage == STAGE_WAIT)
		return &b->params.root;
	return b->flow.stage == STAGE_MOUNTS_WAIT ? &b->mounts->list[b->mounts->next].spec : NULL;
}

/* What is waited for will not come: a little later, in case it comes in another way after all, the wait ends. */
static void end_hopeless_wait(struct boot *b, int64_t now)
{
	const struct spec *spec = b->flow.failed || !b->flow.entered ? NULL : awaited(b);
	const char *why = spec ? parts_hopeless(b, spec) : NULL;

	if (!why || (b->flow.deadline != PARAMS_FOREVER && b->flow.deadline <= now + HOPELESS_MS))
		return;
	b->flow.deadline = now + HOPELESS_MS;
	b->flow.limited_by = why;
}

void stages_advance(struct boot *b)
{
	b->flow.stepped = log_now();
	hold_limits(b, b->flow.stepped);
	if (b->shell->pid)
		return;
	end_hopeless_wait(b, b->flow.stepped);
	if (!b->flow.failed && shell_next_end(b->shell))
		go_on_after_shell(b);
	parts_start_jobs(b);
	while (!b->flow.failed && b->flow.stage != STAGE_DONE) {
		enum stage_step step;

		if (stop_here(b))
			return;
		step = stages[b->flow.stage].step(b);
		if (step == STAGE_MOVED)
			continue;
		b->flow.entered = true;
		if (step == STAGE_STAYS)
			return;
		flow_go(b, b->flow.stage + 1);
	}
}

enum module_rank stages_loads(const struct boot *b)
{
	bool waits;

	if (parts_are_quiet(b))
		return RANK_NONE;
	if (b->flow.failed || b->shell->pid)
		return RANK_LATE;
	/* Other mounts may be on devices that still need drivers. */
	waits = b->goal->is_covered || b->mounts->next < b->mounts->n;
	if (b->flow.stage > STAGE_MOUNTS || (b->flow.stage > STAGE_MOUNT && !waits))
		return RANK_NONE;
	if (b->flow.stage > STAGE_MOUNT)
		return b->modules->late ? RANK_LATE : RANK_DEVICE;
	/* The root is there: its own init takes care of other devices. */
	if (b->flow.stage >= STAGE_DRIVER)
		return RANK_GOAL;
	return b->modules->late ? RANK_LATE : RANK_DEVICE;
}

/* ---- time ---- */

/* Does the current stage have a time limit? */
static bool is_limited(const struct boot *b)
{
	const struct stage *s = &stages[b->flow.stage];

	return s->step == parts_step ? parts_are_limited(b) : s->limited;
}

static void show_waiting(struct boot *b, int64_t now)
{
	unsigned loading = jobs_busy(&b->jobs, JOB_LOAD), reading = jobs_busy(&b->jobs, JOB_PROBE);
	const struct stage *s = &stages[b->flow.stage];
	const char *limited_by = b->flow.limited_by ? b->flow.limited_by : b->params.timeout_by;
	int64_t left = b->flow.deadline > now ? b->flow.deadline - now : 0;
	char until[128], what[FLOW_TEXT_MAX];

	s->what(b, what, sizeof(what));
	b->flow.next_show = now + SHOW_AGAIN_MS;
	if (!*what)
		return;
	/* Some stages must not give up: killing a repair would make things worse. */
	if (!is_limited(b))
		snprintf(until, sizeof(until), "as long as it takes");
	else if (b->flow.asked)
		snprintf(until, sizeof(until), "as long as a question is asked");
	else if (b->flow.deadline == PARAMS_FOREVER)
		snprintf(until, sizeof(until), "without a time limit (%s)", limited_by);
	else
		snprintf(until, sizeof(until), "for %lld more second%s (%s)",
			 (long long)(left + 999) / 1000, text_plural((left + 999) / 1000),
			 limited_by);
	log_show("waiting for %s, %s; %u module%s loading, %u disk%s being read", what, until,
		 loading, loading == 1 ? " is" : "s are", reading, reading == 1 ? " is" : "s are");
}

void stages_tick(struct boot *b, int64_t now)
{
	modules_tick(b, now);
	parts_tick(b, now);
	if (stages[b->flow.stage].what && now >= b->flow.next_show)
		show_waiting(b, now);
}

int64_t stages_due(const struct boot *b)
{
	const struct stage *s = &stages[b->flow.stage];
	int64_t now = log_now(), due = now + SHOW_AGAIN_MS;

	if (s->what && b->flow.next_show < due)
		due = b->flow.next_show;
	/* Ignore a deadline that has passed before the stage's last step: the stage may stay a
	 * little longer, and sets `wake` itself. */
	if (is_limited(b) && b->flow.deadline != PARAMS_FOREVER &&
	    b->flow.deadline > b->flow.stepped && b->flow.deadline < due)
		due = b->flow.deadline;
	if (b->flow.wake > b->flow.stepped && b->flow.wake < due)
		due = b->flow.wake;
	if (modules_due(b) < due)
		due = modules_due(b);
	if (parts_due(b) < due)
		due = parts_due(b);
	/* All workers are busy: check again soon whether they are stuck. */
	if (!jobs_ready(&b->jobs) && now + STUCK_POLL_MS < due)
		due = now + STUCK_POLL_MS;
	return due;
}
