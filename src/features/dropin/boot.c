/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the programs of drop-in features that boot.conf names for each stage, one after the other.
 * Each gets:
 *
 *   PATH, HOME=/, TERM=linux
 *   NEWROOT=/sysroot
 *   PREROOT_STAGE=pre-trigger|pre-mount|post-mount|pre-pivot
 *   PREROOT_ROOT=/dev/NAME and PREROOT_FSTYPE=TYPE, once the root device is there
 */

#include <stdio.h>
#include <string.h>

#include "format/ours/bootconf.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"

enum {
	ENV_TEXT_MAX = PART_NAME_MAX + 32,
	ERROR_MAX = 256,
	LOADS_MS = 10000, /* how long the first program waits for modules to load */
};

struct state {
	struct bootconf_run list[BOOTCONF_RUNS_MAX];
	size_t n;
	bool takes_arguments;	   /* lines of boot.conf may be about the last one */
	bool active;		   /* programs of STAGE are running */
	enum bootconf_stage stage; /* the current stage, or the last one */
	bool begun[RUN_STAGES];
	size_t next;			    /* index in the list */
	const struct bootconf_run *current; /* the running one, or NULL */
	char error[ERROR_MAX];		    /* why a required one failed, or "" */
};

static bool setting(struct part *p, const char *key, char *value)
{
	struct state *s = p->state;
	struct bootconf_run *last = s->takes_arguments ? &s->list[s->n - 1] : NULL;

	if (strcmp(key, "argument") == 0)
		return last && bootconf_argument(value, last);
	if (strcmp(key, "if") == 0 && last) {
		last->param = value;
		return true;
	}
	if (strcmp(key, "run") != 0)
		return false;
	/* The arguments of a program that is left out are not another one's. */
	s->takes_arguments = s->n < BOOTCONF_RUNS_MAX && bootconf_run(value, &s->list[s->n]);
	s->n += s->takes_arguments;
	return s->takes_arguments;
}

static bool has(const struct state *s, enum bootconf_stage stage)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].stage == stage)
			return true;
	return false;
}

/* False if nothing runs at STAGE, or it was begun before. */
static bool begin_stage(struct state *s, enum bootconf_stage stage)
{
	if (!has(s, stage) || s->begun[stage])
		return false;
	s->begun[stage] = s->active = true;
	s->stage = stage;
	s->next = 0;
	return true;
}

static void done(struct part *p, const struct part_end *end)
{
	struct state *s = p->state;
	const struct bootconf_run *run = &s->list[end->tag];

	if (s->current != run)
		return;
	s->current = NULL;
	if (end->result == 0)
		log_info("%s is done", run->path);
	else if (run->required)
		snprintf(s->error, sizeof(s->error), "%.120s, which is required at %s, %.100s",
			 run->path, bootconf_stage_name(run->stage), end->text);
	else
		log_show("%s (%s) %s; the boot goes on without it", run->path,
			 bootconf_stage_name(run->stage), end->text);
}

static void start(struct part *p, const struct bootconf_run *run)
{
	struct state *s = p->state;
	char stage[ENV_TEXT_MAX], root[ENV_TEXT_MAX], type[ENV_TEXT_MAX];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		       (char *)"HOME=/",
		       (char *)"TERM=linux",
		       (char *)"NEWROOT=/sysroot",
		       stage,
		       NULL,
		       NULL,
		       NULL};
	char *argv[1 + BOOTCONF_ARGUMENTS_MAX + 1] = {(char *)run->path};
	struct part_mount m;

	for (size_t i = 0; i < run->n_arguments; i++)
		argv[1 + i] = (char *)run->arguments[i];
	snprintf(stage, sizeof(stage), "PREROOT_STAGE=%s", bootconf_stage_name(run->stage));
	if (run->stage != RUN_PRE_TRIGGER) {
		bool is_there = part_mount(p, &m);

		snprintf(root, sizeof(root), "PREROOT_ROOT=%s%s", m.is_device ? "/dev/" : "",
			 m.device);
		snprintf(type, sizeof(type), "PREROOT_FSTYPE=%s", m.type);
		/* Left out if the device has been removed meanwhile. */
		env[5] = is_there || !m.is_device ? root : NULL;
		env[6] = is_there || !m.is_device ? type : NULL;
	}
	log_info("%s: running %s", bootconf_stage_name(run->stage), run->path);
	s->current = run;
	part_run(p, (unsigned)(run - s->list),
		 &(struct program_request){.argv = argv,
					   .envp = env,
					   .seconds = run->seconds,
					   .reason = bootconf_stage_name(run->stage)});
}

static enum stage_step run_stage(struct part *p, enum bootconf_stage stage)
{
	struct state *s = p->state;

	if (!s->active && !begin_stage(s, stage))
		return STAGE_ENDS;
	part_will_ask(p); /* a program may want something typed */
	while (!s->current && !s->error[0] && s->next < s->n) {
		const struct bootconf_run *run = &s->list[s->next++];

		if (run->stage != s->stage)
			continue;
		if (run->param && !part_has_param(p, run->param))
			log_info("%s: %s does not run: the kernel has no parameter %s",
				 bootconf_stage_name(s->stage), run->path, run->param);
		else
			start(p, run);
	}
	s->active = s->current != NULL;
	if (s->error[0])
		return part_fail(p, s->error,
				 "an image without that drop-in feature, or with required=no in "
				 "it; what the program said is in the kernel's log");
	return s->active ? STAGE_STAYS : STAGE_ENDS;
}

/* The first programs may need the modules that boot.conf loads by name. */
static enum stage_step pre_trigger(struct part *p)
{
	const struct state *s = p->state;
	int64_t limit = part_started(p) + LOADS_MS;

	part_step_at(p, limit);
	if (!s->active && has(s, RUN_PRE_TRIGGER) && part_is_busy(p) && log_now() < limit)
		return STAGE_STAYS;
	return run_stage(p, RUN_PRE_TRIGGER);
}

static enum stage_step pre_mount(struct part *p)
{
	bool ran = ((const struct state *)p->state)->active;
	enum stage_step step = run_stage(p, RUN_PRE_MOUNT);

	/* A program may have changed what is on the device, so find the root again. */
	return step == STAGE_ENDS && ran ? part_go(p, STAGE_WAIT) : step;
}

static enum stage_step post_mount(struct part *p)
{
	return run_stage(p, RUN_POST_MOUNT);
}

static enum stage_step pre_pivot(struct part *p)
{
	return run_stage(p, RUN_PRE_PIVOT);
}

/* Lets a stage begin again that has failed, or that the failure of something else has ended. */
static void retry(struct part *p)
{
	struct state *s = p->state;

	if (s->current)
		part_cancel(p, PART_PROGRAM, (unsigned)(s->current - s->list));
	if (s->error[0] || s->active)
		s->begun[s->stage] = false;
	s->error[0] = '\0';
	s->active = false;
	s->current = NULL;
}

static const struct part_stage stages[] = {
	{STAGE_PRE_TRIGGER, pre_trigger, NULL, false},
	{STAGE_PRE_MOUNT, pre_mount, NULL, false},
	{STAGE_POST_MOUNT, post_mount, NULL, false},
	{STAGE_PRE_PIVOT, pre_pivot, NULL, false},
	{0},
};

const struct feature_boot dropin_boot = {
	.name = "dropin",
	.state_size = sizeof(struct state),
	.stages = stages,
	.setting = setting,
	.done = done,
	.retry = retry,
};
