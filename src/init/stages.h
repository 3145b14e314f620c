/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot is a table of stages, passed from top to bottom. A stage is a function that is called
 * after every event and says whether the boot stays in it; what blocks it hands to a worker
 * (stages_task) or to a program (program.h). Any of them may give up: stages_fail().
 */

#include "init/boot.h"

enum stage_step {
	STAGE_STAYS, /* it is not over yet */
	STAGE_ENDS,  /* the next one begins */
	STAGE_MOVED, /* the boot goes on elsewhere: stages_go(), stages_fail() */
};

struct stage {
	const char *name;
	enum stage_step (*step)(struct boot *b); /* b->entered: called before in this stage */
	/* What is waited for, for a message; NULL: nothing that is worth one. */
	void (*what)(const struct boot *b, char *out, size_t size);
	bool limited; /* it gives up by itself at b->deadline; others take as long as it takes */
	unsigned breaks; /* enum params_break: which of them come right before it */
};

/* Goes on as far as possible; called after every event. */
void stages_advance(struct boot *b);

/* Goes to another stage, instead of the next one. STAGE_MOVED. */
enum stage_step stages_go(struct boot *b, enum boot_stage stage);

/* The boot cannot go on; WHY: the reason, empty when the root device did not appear.
 * STAGE_MOVED. */
enum stage_step stages_fail(struct boot *b, const char *why);

/* Is the time over that the present stage has? */
bool stages_is_late(const struct boot *b, int64_t now);

/* Has a worker do JOB for the present stage: b->task tells how it goes on. When no worker is
 * free, the task does not begin: it is to be asked for again. STAGE_STAYS, or STAGE_MOVED when
 * no process can be made. */
enum stage_step stages_task(struct boot *b, const struct job *job);

/* Such a job has ended. */
void stages_task_done(struct boot *b, const struct job_result *r);

/* Up to which rank may modules be loaded now? Once the root is there, what it does not need is
 * its init's affair. */
enum module_rank stages_loads(const struct boot *b);

/* Deadlines and what is told while time passes. */
void stages_tick(struct boot *b, int64_t now);

/* When stages_tick() has something to do. */
int64_t stages_due(const struct boot *b);
