/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/boot.h"

#include <string.h>

#include "init/core/log.h"
#include "init/core/mount.h"
#include "init/goal/handover.h"
#include "init/rescue/failure.h"
#include "init/stages.h"

/* ---- what workers do ---- */

static int load(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)out;
	return modules_load(b, job->module);
}

static void loaded(struct boot *b, const struct job_result *r)
{
	modules_done(b, r->module, r->result);
}

static int probe(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b;
	return block_probe(job, &out->probe);
}

static int mount_it(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b;
	return mount_device(job, out);
}

static int read_loader(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b, (void)job;
	return discover_read_loader(out);
}

static int copy_fstab(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b, (void)job;
	return mounts_copy_fstab(out);
}

static int check(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)job;
	return handover_check(b, out);
}

static int record(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b, (void)job, (void)out;
	return failure_copy(FAILURE_EFIVARS, FAILURE_PATH);
}

static void recorded(struct boot *b, const struct job_result *r)
{
	(void)b;
	log_debug("record of the failure: %s", strerror(-r->result));
}

const struct jobs_kind rooms_jobs[JOB_KINDS] = {
	[JOB_LOAD] = {load, loaded, false},
	[JOB_PROBE] = {probe, block_done, false},
	[JOB_MOUNT] = {mount_it, NULL, false},
	[JOB_LOADER] = {read_loader, NULL, false},
	[JOB_FSTAB] = {copy_fstab, NULL, false},
	[JOB_CHECK] = {check, NULL, true},
	[JOB_PART] = {parts_work, parts_worked, false},
	[JOB_RECORD] = {record, recorded, false},
};

/* ---- the rooms ---- */

static void parse_setting(struct boot *b, const char *key, char *value)
{
	if (strcmp(key, "shell") == 0)
		shell_allow(b->shell, value);
	else if (strcmp(key, "feature") == 0)
		parts_open(b, value);
	else
		parts_setting(b, key, value);
}

struct boot *rooms_join(struct rooms *all)
{
	struct boot *b = &all->boot;

	b->flow.table = stages;
	b->sources.epoll = b->signals = -1;
	b->events = &all->events;
	b->events->netlink = -1;
	b->modules = &all->modules;
	b->devices = &all->devices;
	b->discovery = &all->discovery;
	b->goal = &all->goal;
	b->mounts = &all->mounts;
	b->rescue = &all->rescue;
	b->shell = &all->shell;
	b->watchdog = &all->watchdog;
	b->watchdog->fd = -1;
	b->parts = &all->parts;
	b->settings.other = parse_setting;
	discover_register(b);
	parts_init(b, parts_table);
	return b;
}
