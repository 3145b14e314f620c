/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/fsck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/devices/block.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/goal/goal.h"

/* Debian's systemd and initscripts do not check the root again when this file is there. */
#define MARK_DIR "/run/initramfs"
#define MARK     MARK_DIR "/fsck-root"

enum {
	MENDED = 1,
	RESTART = 2,
	ERRORS_LEFT = 4,
	NOT_STARTED = 126, /* this and the next: as sys_spawn() and shells have it, no sum of bits */
	ARGS_MAX = 8,
	PATH_SIZE = 96,
};

/* What each checker calls the three ways to repair; NULL: it has no such way. Others than these are
 * not checked before the mount: their drivers or their own tools do it. */
static const struct checker {
	const char *type;
	const char *repair[3]; /* by enum fsck_repair */
	const char *force;
	const char *progress;  /* to tell it on standard output: "PASS DONE ALL DEVICE" */
} checkers[] = {
	{"ext2", {"-p", "-y", "-n"}, "-f", "-C1"},
	{"ext3", {"-p", "-y", "-n"}, "-f", "-C1"},
	{"ext4", {"-p", "-y", "-n"}, "-f", "-C1"},
	{"exfat", {"-p", "-y", "-n"}, NULL, NULL},
	{"f2fs", {"-a", "-f", "--dry-run"}, "-f", NULL},
	{"jfs", {"-p", "-p", "-n"}, "-f", NULL},
	{"minix", {"-a", "-a", NULL}, "-f", NULL},
	{"msdos", {"-a", "-y", "-n"}, NULL, NULL},
	{"vfat", {"-a", "-y", "-n"}, NULL, NULL},
};

static const struct checker *find_checker(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(checkers); i++)
		if (strcmp(checkers[i].type, type) == 0)
			return &checkers[i];
	return NULL;
}

/* ---- its progress ---- */

static const char *number(const char *s, unsigned long *out)
{
	char *end;

	*out = strtoul(s, &end, 10);
	return end == s || *end != ' ' ? NULL : end + 1;
}

/* e2fsck's "PASS DONE ALL DEVICE", many times a second; other lines go to the log. */
static bool take_progress(struct program *p, const char *line)
{
	unsigned long pass, done, all;
	const char *s = number(line, &pass);

	s = s ? number(s, &done) : NULL;
	s = s ? number(s, &all) : NULL;
	if (!s || !all || done > all)
		return false;
	snprintf(p->progress, sizeof(p->progress), "pass %lu, %lu%%", pass, done * 100 / all);
	return true;
}

/* ---- the check ---- */

static void take_end(struct boot *b, const struct program *p)
{
	struct fsck *f = b->fsck;

	f->state = FSCK_ENDED;
	f->status = p->status;
	memcpy(f->path, p->path, sizeof(f->path));
	memcpy(f->why, p->why, sizeof(f->why));
}

static void start(struct boot *b, const struct checker *c, const char *path, const char *name)
{
	char device[JOBS_NAME_MAX + 8];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"TERM=linux", NULL};
	char *argv[ARGS_MAX] = {(char *)path, (char *)c->repair[b->params.fsck_repair]};
	size_t n = 2;

	if (c->force && b->params.fsck_mode == FSCK_FORCE && strcmp(argv[1], c->force) != 0)
		argv[n++] = (char *)c->force;
	if (c->progress)
		argv[n++] = (char *)c->progress;
	snprintf(device, sizeof(device), "/dev/%s", name);
	argv[n++] = device;
	log_info("checking %s: %s %s", device, path, argv[1]);
	b->fsck->state = FSCK_RUNS;
	program_start(b, &(struct program_request){
				 .argv = argv,
				 .envp = env,
				 .seconds = PROGRAM_NO_LIMIT,
				 .reason = b->flow.table[b->flow.stage].name,
				 .take_line = c->progress ? take_progress : NULL,
				 .ended = take_end,
			 });
}

static enum stage_step restart(struct boot *b, const char *name)
{
	log_tell("%s was mended, and the machine has to start again: rebooting", name);
	log_drain();
	snprintf(b->fsck->left, sizeof(b->fsck->left),
		 "%s was mended and the machine has to start again, but the kernel refuses to "
		 "reboot: %s",
		 name, strerror(-sys_reboot()));
	return STAGE_ENDS;
}

static enum stage_step judge(struct boot *b, const char *name)
{
	const struct fsck *p = b->fsck;
	int bits = p->status < 0 || p->status == NOT_STARTED || p->status == NOT_STARTED + 1
			   ? 0
			   : p->status;

	if (bits & RESTART)
		return restart(b, name);
	if (bits & ERRORS_LEFT) {
		snprintf(b->fsck->left, sizeof(b->fsck->left),
			 "the check of %s left errors (%.60s %.80s): start with %s on the kernel "
			 "command line, or run %.60s /dev/%s from another system",
			 name, p->path, p->why,
			 b->params.fsck_repair == FSCK_YES ? "fsck.mode=skip" : "fsck.repair=yes",
			 p->path, name);
		return STAGE_ENDS;
	}
	if (p->status == MENDED)
		log_tell("%s had errors, which were mended", name);
	else if (p->status != 0)
		log_tell("%s could not be checked: %s %s; the boot goes on", name, p->path, p->why);
	b->fsck->clean = p->status == 0 || p->status == MENDED;
	return STAGE_ENDS;
}

/* Where distributions have it; false: not in this image. */
static bool find_program(const char *type, char path[PATH_SIZE])
{
	static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, PATH_SIZE, "%s/fsck.%.40s", folders[i], type);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* A checker opens the device by its name, which nothing else may have got meanwhile: a worker opens
 * it before, and keeps it open. STAGE_ENDS: there is nothing to be checked. */
static enum stage_step begin(struct boot *b, struct device_ref device, const char *type)
{
	const struct block_device *d = block_get(b, device);
	const struct checker *c = find_checker(type);
	const struct task *task = &b->flow.task;
	struct job job = {.kind = JOB_HOLD};
	char path[PATH_SIZE];

	if (!d || !c || !c->repair[b->params.fsck_repair] || b->params.fsck_mode == FSCK_SKIP)
		return STAGE_ENDS;
	if (!find_program(type, path)) {
		log_info("%s is not checked: no fsck.%s in this image", d->name, type);
		return STAGE_ENDS;
	}
	if (task->state == TASK_NONE) {
		block_into_job(d, &job);
		return flow_task(b, &job);
	}
	if (task->state == TASK_RUNS)
		return STAGE_STAYS;
	if (task->result.result == 0)
		start(b, c, path, d->name);
	else if (task->result.result == -ESTALE)
		block_mistaken(b, device);
	else
		log_info("%s is not checked: %s", d->name, strerror(-task->result.result));
	return STAGE_ENDS;
}

enum stage_step fsck_device(struct boot *b, struct device_ref device, const char *type)
{
	const struct block_device *d = block_get(b, device);

	if (b->fsck->state == FSCK_IDLE) {
		enum stage_step step = begin(b, device, type);

		b->fsck->clean = false;
		b->fsck->left[0] = '\0';
		if (b->fsck->state == FSCK_IDLE)
			return step;
	}
	if (b->fsck->state == FSCK_RUNS)
		return STAGE_STAYS;
	b->fsck->state = FSCK_IDLE;
	/* What the checker says of a device that was pulled out counts for nothing. */
	return d ? judge(b, d->name) : STAGE_ENDS;
}

static void leave_mark(void)
{
	_cleanup_fd_ int fd = -1;

	sys_mkdir(MARK_DIR, 0755);
	fd = open(MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		log_info(MARK ": %s", strerror(errno));
}

enum stage_step fsck_root(struct boot *b)
{
	char type[JOBS_NAME_MAX];
	enum stage_step step;

	if (b->settings.skip_fsck && b->params.fsck_mode != FSCK_FORCE)
		return STAGE_ENDS;
	snprintf(type, sizeof(type), "%.*s", (int)strcspn(b->goal->fstype, ","), b->goal->fstype);
	step = fsck_device(b, b->goal->device, type);
	if (step == STAGE_ENDS && b->fsck->left[0])
		return flow_fail(b, b->fsck->left);
	if (step == STAGE_ENDS && b->fsck->clean)
		leave_mark();
	return step;
}

enum stage_step fsck_next(struct boot *b)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];

	enum stage_step step;

	b->flow.limited_by = NULL;
	if (e->spec.kind == SPEC_NONE ||
	    b->mounts->device.generation == b->goal->device.generation ||
	    (!e->checked && b->params.fsck_mode != FSCK_FORCE))
		return STAGE_ENDS;
	step = fsck_device(b, b->mounts->device, b->mounts->type);
	return step == STAGE_ENDS && b->fsck->left[0] ? mounts_cannot(b, b->fsck->left) : step;
}
