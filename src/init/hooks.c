/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/hooks.h"

#include <stdio.h>
#include <string.h>

#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/goal/goal.h"
#include "init/devices/block.h"

enum { ENV_TEXT_MAX = JOBS_NAME_MAX + 32 };

bool hooks_add(struct hooks *h, char *value)
{
	return h->n < BOOTCONF_RUNS_MAX && bootconf_run(value, &h->list[h->n]) && ++h->n;
}

bool hooks_has(const struct hooks *h, enum bootconf_stage stage)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].stage == stage)
			return true;
	return false;
}

bool hooks_begin(struct hooks *h, enum bootconf_stage stage)
{
	if (!hooks_has(h, stage) || h->begun[stage])
		return false;
	h->begun[stage] = h->active = true;
	h->stage = stage;
	h->next = 0;
	return true;
}

void hooks_retry(struct hooks *h)
{
	if (h->error[0])
		h->begun[h->stage] = false;
	h->error[0] = '\0';
	h->active = false;
	h->current = NULL;
}

static void take_end(struct boot *b, const struct program *p)
{
	struct hooks *h = b->hooks;
	const struct bootconf_run *run = &h->list[p->tag];

	if (h->current != run)
		return;
	h->current = NULL;
	if (p->status == 0)
		log_info("%s is done", run->path);
	else if (run->required)
		snprintf(h->error, sizeof(h->error), "%.*s, which is required at %s, %s",
			 (int)(sizeof(h->error) - sizeof(p->why) - 64), run->path,
			 bootconf_stage_name(run->stage), p->why);
	else
		log_tell("%s (%s) %s; the boot goes on without it", run->path,
			 bootconf_stage_name(run->stage), p->why);
}

static void start(struct boot *b, const struct bootconf_run *run)
{
	char stage[ENV_TEXT_MAX], root[ENV_TEXT_MAX], type[ENV_TEXT_MAX];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"HOME=/",
		       (char *)"TERM=linux", (char *)"NEWROOT=/sysroot", stage, NULL, NULL, NULL};
	char *argv[] = {(char *)run->path, NULL};

	snprintf(stage, sizeof(stage), "PREROOT_STAGE=%s", bootconf_stage_name(run->stage));
	if (run->stage != RUN_PRE_TRIGGER) {
		snprintf(root, sizeof(root), "PREROOT_ROOT=%s%s",
			 b->params.root.kind == SPEC_TMPFS ? "" : "/dev/", goal_name(b));
		snprintf(type, sizeof(type), "PREROOT_FSTYPE=%.*s",
			 (int)strcspn(b->goal->fstype ? b->goal->fstype : "", ","),
			 b->goal->fstype ? b->goal->fstype : "");
		env[5] = root;
		env[6] = type;
	}
	log_info("%s: running %s", bootconf_stage_name(run->stage), run->path);
	b->hooks->current = run;
	program_start(b, &(struct program_request){
				 .argv = argv,
				 .envp = env,
				 .seconds = run->seconds,
				 .reason = bootconf_stage_name(run->stage),
				 .ended = take_end,
				 .tag = (unsigned)(run - b->hooks->list),
			 });
}

enum hooks_state hooks_step(struct boot *b)
{
	struct hooks *h = b->hooks;

	while (!h->current && !h->error[0] && h->next < h->n) {
		const struct bootconf_run *run = &h->list[h->next++];

		if (run->stage == h->stage)
			start(b, run);
	}
	h->active = h->current != NULL;
	if (h->error[0])
		return HOOKS_FAILED;
	return h->active ? HOOKS_BUSY : HOOKS_DONE;
}
