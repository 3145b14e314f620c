/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the steps of a boot are made of: which stage it is in, the job that a worker does for that
 * stage, its time limit, and the end of it all when a stage gives up. The table of the stages
 * themselves is in init/stages.c; this module knows only their names.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/core/jobs.h"

enum { FLOW_TEXT_MAX = 512, FLOW_SHOW_FIRST_MS = 3000 };

/* In the order of the boot. */
enum boot_stage {
	STAGE_CMDLINE,	     /* kernel parameters may be typed */
	STAGE_PRE_TRIGGER,   /* programs, before the devices are walked */
	STAGE_TRIGGER,	     /* the devices are walked */
	STAGE_RESUME,	     /* from hibernation, before anything is mounted */
	STAGE_WAIT,	     /* for the root device */
	STAGE_PRE_MOUNT,     /* programs, with the root device there */
	STAGE_DRIVER,	     /* for the driver of its filesystem */
	STAGE_FSCK,	     /* of the root */
	STAGE_MOUNT,	     /* of the root, on /sysroot */
	STAGE_OVERLAY_WAIT,  /* for the device and the driver of what is laid over the root */
	STAGE_OVERLAY,	     /* of it */
	STAGE_POST_MOUNT,    /* programs, which may put another tree in the root's place */
	STAGE_FSTAB,	     /* finds out what else to mount */
	STAGE_MOUNTS_WAIT,   /* for the device of the next one */
	STAGE_MOUNTS_DRIVER, /* for the driver of its filesystem */
	STAGE_MOUNTS_FSCK,   /* of it */
	STAGE_MOUNTS,	     /* of it, and back to STAGE_MOUNTS_WAIT */
	STAGE_PRE_PIVOT,     /* programs, with the root mounted */
	STAGE_CHECK,	     /* can the mounted root take over? */
	STAGE_SETTLE,	     /* what must not be interrupted may finish */
	STAGE_DONE,
};

enum stage_step {
	STAGE_STAYS, /* it is not over yet */
	STAGE_ENDS,  /* the next one begins */
	STAGE_MOVED, /* the boot continues elsewhere: flow_go(), flow_fail() */
};

struct boot;

struct stage {
	const char *name;
	enum stage_step (*step)(struct boot *b); /* b->flow.entered: called before in this stage */
	/* What is waited for, for a message; NULL: nothing that is worth one. */
	void (*what)(const struct boot *b, char *out, size_t size);
	bool limited; /* it gives up by itself at its deadline; others take as long as it takes */
	unsigned breaks; /* enum params_break: which of them come right before it */
};

/* What a worker does for the present stage, one at a time. */
struct task {
	enum { TASK_NONE, TASK_RUNS, TASK_ENDED } state;
	uint32_t ticket; /* of the last one: the result of an earlier one may still come */
	struct job_result result;
};

struct flow {
	const struct stage *table; /* by enum boot_stage */
	enum boot_stage stage;
	bool entered; /* the stage's step has been called before */
	struct task task;
	int64_t since;		/* when the stage began */
	int64_t stepped;	/* when it was last called, or would have been */
	int64_t deadline;	/* of the stage, where it is limited; PARAMS_FOREVER */
	const char *limited_by; /* what set the deadline; NULL: the root's time limit */
	int64_t asked;		/* somebody is asked a question: when that was last seen; 0: not */
	int64_t wake;		/* when the stage wants to be called again; 0: at an event */
	int64_t next_show;	/* when it is next said what the stage waits for */
	bool failed;		/* the boot cannot continue: rescue.h has it */
	int64_t failed_at;
	bool is_missing;	     /* since the root device did not appear */
	char failure[FLOW_TEXT_MAX]; /* why; empty if the root just did not appear */
	const char *hint;	     /* what to try then, where the root is not the reason; NULL */
};

/* Goes to STAGE, instead of the next one. STAGE_MOVED. */
enum stage_step flow_go(struct boot *b, enum boot_stage stage);

/* The boot cannot continue; WHY: the reason, empty when the root device did not appear.
 * STAGE_MOVED. */
enum stage_step flow_fail(struct boot *b, const char *why);

/* The boot was done, but the root's init did not take over: WHY. */
void flow_hand_back(struct boot *b, const char *why);

/* Is the time over that the present stage has? */
bool flow_is_late(const struct boot *b, int64_t now);

/* Has a worker do JOB for the present stage: b->flow.task says how it gets on. When no worker is
 * free, the task does not begin: ask for it again. STAGE_STAYS, or STAGE_MOVED when no process can
 * be made. */
enum stage_step flow_task(struct boot *b, const struct job *job);

/* Such a job has ended. It counts only if it is the present stage's. */
void flow_task_done(struct boot *b, const struct job_result *r);
