/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks filesystems before they are mounted, with the checkers of the machine that the image was
 * built on: /usr/sbin/fsck.TYPE. Without a checker in the image, the root's own init does the
 * check.
 *
 *   fsck.mode=auto|force|skip, fastboot, rd.skipfsck (skip), forcefsck (force)
 *   fsck.repair=preen|yes|no   repair what is safe; everything; nothing
 *
 * Exit status (fsck(8)): 1: errors were corrected; 2: the machine must restart; 4: errors are left;
 * 8 and more: the checker itself failed. There is no time limit, since killing a repair would do
 * harm. A checker is killed only if the root takes over while it runs, which it can do if somebody
 * has mounted a root by hand meanwhile.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "features/fsck/checkers.h"
#include "format/kernel/cmdline.h"
#include "init/core/identity.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"
#include "init/core/sys.h"

/* Debian's systemd and initscripts do not check the root again if this file exists. */
#define MARK_DIR "/run/initramfs"
#define MARK	 MARK_DIR "/fsck-root"

enum {
	CORRECTED = 1,
	RESTART = 2,
	ERRORS_LEFT = 4,
	NOT_STARTED =
		126, /* 126 and 127 are not sums of bits: sys_spawn(), like shells, returns them */
	ARGS_MAX = 8,
	PATH_SIZE = 96,
};

enum mode { MODE_AUTO, MODE_FORCE, MODE_SKIP };
enum repair { REPAIR_PREEN, REPAIR_YES, REPAIR_NO };

struct wishes {
	enum mode mode;
	enum repair repair;
};

struct state {
	struct wishes wishes; /* must be first: set by kernel parameters */
	bool skip_root;	      /* the root's fstab says so; fsck.mode=force overrides it */
	enum { IDLE, HOLDS, HELD, RUNS, ENDED } run;
	struct device_ref ref;	    /* the device being checked */
	int held;		    /* result of the job that opens the device */
	bool clean;		    /* the last check succeeded */
	int status;		    /* exit status of the last check; WHY says more */
	char device[JOBS_NAME_MAX]; /* the device being opened */
	char path[PATH_SIZE], why[PART_NAME_MAX];
};

static const struct checker {
	const char *type;
	const char *repair[3]; /* by enum repair */
	const char *force;
	const char
		*progress; /* makes it report progress on standard output: "PASS DONE ALL DEVICE" */
} checkers[] = {
#define ROW(type, preen, yes, no, force, progress) {type, {preen, yes, no}, force, progress},
	FSCK_CHECKERS(ROW)
#undef ROW
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

/* e2fsck prints "PASS DONE ALL DEVICE" many times a second. Other lines go to the log. */
static bool parse_progress(struct program *p, const char *line)
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

/* The checker opens the device by name, and another device must not get that name meanwhile: a
 * worker opens the device first, and keeps it open. */
struct question {
	char device[JOBS_NAME_MAX];
	struct device_identity identity;
};

static int work(const void *data, struct job_result *out)
{
	const struct question *q = data;

	(void)out;
	return identity_hold(q->device, &q->identity);
}

static void done(struct part *p, const struct part_end *end)
{
	struct state *s = p->state;

	s->run = end->what == PART_JOB ? HELD : ENDED;
	if (end->what == PART_JOB)
		s->held = end->result;
	else
		s->status = end->result;
	snprintf(s->why, sizeof(s->why), "%s", end->text);
}

static void start(struct part *p, const struct checker *c, const char *name)
{
	struct state *s = p->state;
	char device[PART_NAME_MAX + 8];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"TERM=linux", NULL};
	char *argv[ARGS_MAX] = {s->path, (char *)c->repair[s->wishes.repair]};
	size_t n = 2;

	if (c->force && s->wishes.mode == MODE_FORCE && strcmp(argv[1], c->force) != 0)
		argv[n++] = (char *)c->force;
	if (c->progress)
		argv[n++] = (char *)c->progress;
	snprintf(device, sizeof(device), "/dev/%s", name);
	argv[n++] = device;
	log_info("checking %s: %s %s", device, s->path, argv[1]);
	s->run = RUNS;
	part_run(p, 0,
		 &(struct program_request){.argv = argv,
					   .envp = env,
					   .seconds = PROGRAM_NO_LIMIT,
					   .parse_line = c->progress ? parse_progress : NULL});
}

static enum stage_step restart(struct part *p, const char *name)
{
	char why[PART_TEXT_MAX];

	log_show("%s was mended, and the machine has to start again: rebooting", name);
	log_drain();
	snprintf(why, sizeof(why),
		 "%.200s was mended and the machine has to start again, but the kernel refuses to "
		 "reboot: %s",
		 name, strerror(-sys_reboot()));
	return part_refuse_mount(p, why);
}

static enum stage_step judge(struct part *p, const char *name)
{
	struct state *s = p->state;
	int bits = s->status < 0 || s->status == NOT_STARTED || s->status == NOT_STARTED + 1
			   ? 0
			   : s->status;
	char why[PART_TEXT_MAX];

	if (bits & RESTART)
		return restart(p, name);
	if (bits & ERRORS_LEFT) {
		snprintf(
			why, sizeof(why),
			"the check of %.60s left errors (%.60s %.80s): start with %s on the kernel "
			"command line, or run %.60s /dev/%.60s from another system",
			name, s->path, s->why,
			s->wishes.repair == REPAIR_YES ? "fsck.mode=skip" : "fsck.repair=yes",
			s->path, name);
		return part_refuse_mount(p, why);
	}
	if (s->status == CORRECTED)
		log_show("%s had errors, which were mended", name);
	else if (s->status != 0)
		log_show("%s could not be checked: %s %s; the boot goes on", name, s->path, s->why);
	s->clean = s->status == 0 || s->status == CORRECTED;
	return STAGE_ENDS;
}

/* Finds the checker where distributions install it. False if the image has none. */
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

static bool is_asked_for(const struct state *s, const struct part_mount *m)
{
	bool is_due = m->is_root ? !s->skip_root : m->is_checked;

	return s->wishes.mode == MODE_FORCE || (s->wishes.mode == MODE_AUTO && is_due);
}

/* Starts the job that opens the device. False if there is nothing to check. */
static bool hold(struct part *p, const struct part_mount *m)
{
	struct state *s = p->state;
	const struct checker *c = find_checker(m->type);
	struct question q = {0};
	struct part_device d;

	s->clean = false;
	if (!c || !c->repair[s->wishes.repair] || !is_asked_for(s, m) || !part_get(p, m->ref, &d))
		return false;
	if (!find_program(m->type, s->path)) {
		log_info("%s is not checked: no fsck.%s in this image", m->device, m->type);
		return false;
	}
	s->ref = m->ref;
	snprintf(q.device, sizeof(q.device), "%s", d.name);
	q.identity = d.identity;
	memcpy(s->device, q.device, sizeof(s->device));
	if (part_job(p, 0, &q, sizeof(q), 0))
		s->run = HOLDS;
	return true;
}

/* Starts the checker once the job has opened the device. False if the name belongs to another
 * device at each try. */
static bool check(struct part *p, const struct part_mount *m)
{
	struct state *s = p->state;

	s->run = IDLE;
	if (s->held == 0)
		start(p, find_checker(m->type), m->device);
	else if (s->held == -ESTALE)
		return part_mistaken(p, m->ref);
	else
		log_info("%s is not checked: %s", m->device, strerror(-s->held));
	return true;
}

static void leave_mark(void)
{
	_cleanup_fd_ int fd = -1;

	sys_mkdir(MARK_DIR, 0755);
	fd = open(MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		log_info(MARK ": %s", strerror(errno));
}

/* Was the check started for another device, before a retry of the boot? */
static bool is_of_another(const struct state *s, const struct part_mount *m)
{
	return m->ref.slot != s->ref.slot || m->ref.generation != s->ref.generation;
}

static enum stage_step step(struct part *p)
{
	struct state *s = p->state;
	enum stage_step next;
	struct part_mount m;
	bool is_there = part_mount(p, &m);

	if (is_there && (s->run == HELD || s->run == ENDED) && is_of_another(s, &m))
		s->run = IDLE;
	if (s->run == IDLE)
		return is_there && hold(p, &m) ? STAGE_STAYS : STAGE_ENDS;
	if (s->run == HELD && !is_there)
		s->run = IDLE;
	if (s->run == HELD && !check(p, &m))
		return part_refuse_mount(p, "it is another device each time it is opened");
	if (s->run == IDLE)
		return STAGE_ENDS;
	if (s->run == HOLDS || s->run == RUNS)
		return STAGE_STAYS;
	s->run = IDLE;
	/* The result does not matter if the device has been removed. */
	next = is_there ? judge(p, m.device) : STAGE_ENDS;
	if (next == STAGE_ENDS && s->clean && m.is_root)
		leave_mark();
	return next;
}

/* What the check waits for. A running checker is reported elsewhere, as a program. */
static void what(const struct part *p, char *out, size_t size)
{
	const struct state *s = p->state;

	if (s->run == HOLDS)
		snprintf(out, size, "/dev/%s to be opened for its check", s->device);
}

/* The job or the checker may have been cancelled. A checker that still runs goes on. */
static void retry(struct part *p)
{
	struct state *s = p->state;

	if ((s->run == HOLDS && !part_has(p, PART_JOB, 0)) ||
	    (s->run == RUNS && !part_has(p, PART_PROGRAM, 0)))
		s->run = IDLE;
}

/* ---- settings and parameters ---- */

static bool setting(struct part *p, const char *key, char *value)
{
	struct state *s = p->state;

	if (strcmp(key, "root") != 0)
		return false;
	s->skip_root = strcmp(value, "no") == 0;
	return true;
}

static void set_mode(void *out, const char *value)
{
	const char *v = value ? value : "";

	((struct wishes *)out)->mode = strcmp(v, "force") == 0	? MODE_FORCE
				       : strcmp(v, "skip") == 0 ? MODE_SKIP
								: MODE_AUTO;
}

static void set_repair(void *out, const char *value)
{
	const char *v = value ? value : "";

	((struct wishes *)out)->repair = strcmp(v, "yes") == 0	? REPAIR_YES
					 : strcmp(v, "no") == 0 ? REPAIR_NO
								: REPAIR_PREEN;
}

/* initramfs-tools' word for fsck.repair=yes. */
static void set_fsckfix(void *out, const char *value)
{
	if (!value)
		((struct wishes *)out)->repair = REPAIR_YES;
}

static void set_skipfsck(void *out, const char *value)
{
	if (cmdline_switch(value))
		((struct wishes *)out)->mode = MODE_SKIP;
}

static void set_fastboot(void *out, const char *value)
{
	if (!value)
		((struct wishes *)out)->mode = MODE_SKIP;
}

static void set_forcefsck(void *out, const char *value)
{
	if (!value)
		((struct wishes *)out)->mode = MODE_FORCE;
}

static const struct params_rule rules[] = {
	PARAMS_CALL("fastboot", set_fastboot),	  PARAMS_CALL("forcefsck", set_forcefsck),
	PARAMS_CALL("fsck.mode", set_mode),	  PARAMS_CALL("fsck.repair", set_repair),
	PARAMS_CALL("fsckfix", set_fsckfix),	  PARAMS_CALL("rd.skipfsck", set_skipfsck),
	{0},
};

static const struct part_stage stages[] = {
	{STAGE_FSCK, step, what, false},
	{STAGE_MOUNTS_FSCK, step, what, false},
	{0},
};

const struct feature_boot fsck_boot = {
	.name = "fsck",
	.state_size = sizeof(struct state),
	.params = rules,
	.params_size = sizeof(struct wishes),
	.lacks = "this image has no checkers of filesystems",
	.stages = stages,
	.setting = setting,
	.work = work,
	.done = done,
	.retry = retry,
};
