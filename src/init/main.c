/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 of the initramfs. Its goal is a mounted root filesystem with its init running; only what
 * leads there is waited for. One loop: uevents, workers, a timer. Whatever may block is done by
 * workers, so that the loop always can say what it is waiting for and how long it still will.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/block.h"
#include "init/boot.h"
#include "init/events.h"
#include "init/jobs.h"
#include "init/log.h"
#include "init/modules.h"
#include "init/rescue.h"
#include "init/root.h"
#include "init/settings.h"
#include "init/sys.h"

enum {
	TELL_FIRST_MS = 3000,
	TELL_AGAIN_MS = 10000,
	SETTLE_MS = 2000,       /* modules that load while the root is ready may finish */
	LOADS_MS = 10000,       /* what loads at once is waited for before a program runs */
	EXPLAIN_MS = 3000,      /* time to look at all disks before explaining */
	REBOOT_MS = 30000,      /* after an explanation, where panic= does not say otherwise */
	STUCK_POLL_MS = 1000,
	EVENTS_AT_ONCE = 16,
};

static struct boot boot;

/* ---- what workers do ---- */

void jobs_run(const struct boot *b, const struct job *job, struct job_result *out)
{
	switch (job->kind) {
	case JOB_LOAD:
		out->result = modules_load(b, job->module);
		break;
	case JOB_PROBE:
		out->result = block_probe(job->name, &out->probe);
		break;
	case JOB_MOUNT:
		out->result = root_mount(b, job->name, job->fstype, out);
		break;
	case JOB_CHECK:
		out->result = root_check(b, out);
		break;
	default:
		out->result = -EINVAL;
	}
}

/* ---- stages ---- */

static void fail(struct boot *b, const char *why)
{
	snprintf(b->failure, sizeof(b->failure), "%s", why);
	b->stage = STAGE_RESCUE;
	b->probe_all = true;
	b->failed_at = log_now();
	b->next_tell = b->failed_at + EXPLAIN_MS;
	b->deadline = 0; /* set when the explanation is out */
}

static void watch(struct boot *b, int fd, void *tag)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = tag};

	if (fd >= 0)
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* The time limit for the root begins. */
static void wait_for_root(struct boot *b)
{
	int64_t now = log_now();

	b->stage = STAGE_WAIT;
	b->next_tell = now + TELL_FIRST_MS;
	b->deadline = now + b->params.timeout;
}

/* From here on devices ask for their drivers. The events that came before have been kept. */
static void trigger(struct boot *b)
{
	b->start = log_now();
	wait_for_root(b);
	watch(b, b->netlink, &b->netlink);
	events_coldplug(b);
	if (!b->params.root || b->params.root_kind == ROOT_OTHER)
		fail(b, b->params.root ? "this root= is of a kind that the image cannot reach"
				       : "the kernel command line does not name a root filesystem");
}

static void start_check(struct boot *b)
{
	struct job job = {.kind = JOB_CHECK};

	b->stage = STAGE_CHECK;
	if (jobs_start(&b->jobs, b, &job) < 0)
		fail(b, "no process could be made to look at the root filesystem");
}

/* ---- programs of drop-in features ---- */

static bool still_loading(const struct boot *b)
{
	return jobs_busy(&b->jobs, JOB_LOAD) || (b->has_index && modules_next(b) != MODINDEX_NONE);
}

/* The first programs may want the modules that were asked for by name. */
static bool waits_for_loads(const struct boot *b)
{
	return b->hooks.stage == RUN_PRE_TRIGGER && !b->hooks.next && still_loading(b) &&
	       log_now() < b->start + LOADS_MS;
}

static void run_step(struct boot *b)
{
	enum hooks_state state;

	if (waits_for_loads(b))
		return;
	state = hooks_step(b);
	if (state == HOOKS_BUSY)
		return;
	if (b->hooks.stage == RUN_PRE_TRIGGER)
		trigger(b); /* also after a failure, for the account of it */
	if (state == HOOKS_FAILED)
		fail(b, b->hooks.error);
	else if (b->hooks.stage == RUN_PRE_MOUNT)
		wait_for_root(b); /* a program may have changed what is on the device */
	else if (b->hooks.stage == RUN_PRE_PIVOT)
		start_check(b);
	if (b->stage == STAGE_CHECK)
		b->next_tell = log_now() + TELL_FIRST_MS;
}

/* True when there are any for STAGE: the boot goes on when they are done. */
static bool run_first(struct boot *b, enum bootconf_stage stage)
{
	if (!hooks_begin(&b->hooks, stage))
		return false;
	b->stage = STAGE_RUN;
	return true;
}

/* ---- from the device to the mounted root ---- */

static void start_mount(struct boot *b)
{
	struct job job = {.kind = JOB_MOUNT};
	const struct block_device *d = &b->devices[b->root];

	memcpy(job.name, d->name, sizeof(job.name));
	snprintf(job.fstype, sizeof(job.fstype), "%.*s", (int)strcspn(b->fstype, ","), b->fstype);
	if (jobs_start(&b->jobs, b, &job) == 0)
		b->stage = STAGE_MOUNT;
}

/* The kernel would ask for the driver itself; asking first loads it beside everything else. */
static void want_driver(struct boot *b)
{
	char alias[JOBS_NAME_MAX + 8];

	snprintf(alias, sizeof(alias), "fs-%.*s", (int)strcspn(b->fstype, ","), b->fstype);
	modules_request_alias(b, alias);
	b->stage = STAGE_DRIVER;
	if (!modules_pending(b, alias))
		start_mount(b);
}

static bool is_member(const struct probe *p)
{
	return strcmp(p->usage, "raid") == 0 || strcmp(p->usage, "crypto") == 0 ||
	       strcmp(p->type, "swap") == 0;
}

static void root_found(struct boot *b, size_t n)
{
	const struct block_device *d = &b->devices[n];
	const char *type = b->params.rootfstype ? b->params.rootfstype : d->probe.type;
	char why[BOOT_STATE_TEXT_MAX];

	b->root = n;
	if (is_member(&d->probe)) {
		snprintf(why, sizeof(why), "%s is %s, and this image has no feature for that",
			 d->name, d->probe.type);
		fail(b, why);
		return;
	}
	if (!*type) {
		snprintf(why, sizeof(why), "%s holds no filesystem that is known here%s", d->name,
			 d->probe.ambivalent ? " (signatures of several; rootfstype= decides)" : "");
		fail(b, why);
		return;
	}
	snprintf(b->fstypes, sizeof(b->fstypes), "%s", type);
	b->fstype = b->fstypes;
	if (run_first(b, RUN_PRE_MOUNT))
		return;
	log_info("root is %s (%s)", d->name, b->fstype);
	want_driver(b);
}

/* Looks whether the boot can go a step on; called after every event. */
static void advance(struct boot *b)
{
	bool waiting, delayed;
	int root;

	if (b->stage == STAGE_RUN)
		run_step(b);
	waiting = b->stage == STAGE_WAIT || (b->stage == STAGE_RESCUE && !b->failure[0]);
	delayed = log_now() < b->start + b->params.delay;
	root = waiting && !delayed ? block_find_root(b) : -1;
	if (root >= 0)
		root_found(b, (size_t)root);
	if (b->stage == STAGE_DRIVER)
		want_driver(b);
	if (b->stage == STAGE_SETTLE &&
	    ((!jobs_busy(&b->jobs, JOB_LOAD) && !b->hooks.killed) ||
	     log_now() >= b->settle_until))
		b->stage = STAGE_DONE;
}

static void mount_done(struct boot *b, const struct job_result *r)
{
	if (r->result < 0) {
		const char *next = strchr(b->fstype, ',');

		if (next) { /* rootfstype=ext4,xfs: try the next */
			b->fstype = next + 1;
			want_driver(b);
		} else {
			fail(b, r->text);
		}
		return;
	}
	if (!run_first(b, RUN_PRE_PIVOT))
		start_check(b);
}

static void check_done(struct boot *b, const struct job_result *r)
{
	if (r->result < 0) {
		fail(b, r->text);
		return;
	}
	memcpy(b->init, r->text, sizeof(b->init));
	b->stage = STAGE_SETTLE;
	b->settle_until = log_now() + SETTLE_MS;
}

static void job_done(struct boot *b, const struct job_result *r)
{
	switch (r->kind) {
	case JOB_LOAD:
		modules_done(b, r->module, r->result);
		break;
	case JOB_PROBE:
		block_done(b, r);
		break;
	case JOB_MOUNT:
		mount_done(b, r);
		break;
	case JOB_CHECK:
		check_done(b, r);
		break;
	default:
		break;
	}
}

/* Once the root is mounted, what is still missing is the affair of the root's own init. */
static bool may_load(const struct boot *b)
{
	return b->stage <= STAGE_MOUNT || b->stage == STAGE_RESCUE ||
	       (b->stage == STAGE_RUN && b->hooks.stage != RUN_PRE_PIVOT);
}

/* Gives idle workers something to do. */
static void dispatch(struct boot *b)
{
	while (jobs_ready(&b->jobs)) {
		int device = block_next(b);
		uint32_t module = MODINDEX_NONE;
		struct job job = {0};

		if (device >= 0) {
			job.kind = JOB_PROBE;
			memcpy(job.name, b->devices[device].name, sizeof(job.name));
		} else if (b->has_index && may_load(b)) {
			module = modules_next(b);
			job.kind = JOB_LOAD;
			job.module = module;
		}
		if (device < 0 && module == MODINDEX_NONE)
			return;
		if (jobs_start(&b->jobs, b, &job) < 0)
			return;
		if (device >= 0)
			b->devices[device].state = DEVICE_PROBING;
		else
			b->modules[module].state = MODULE_LOADING;
	}
}

/* ---- time ---- */

/* Does the present stage end by itself? A mount does not, however long it takes. */
static bool has_deadline(const struct boot *b)
{
	if (b->stage == STAGE_RESCUE)
		return b->deadline > 0;
	return b->stage <= STAGE_DRIVER && b->params.timeout != PARAMS_FOREVER;
}

static void tell_waiting(struct boot *b, int64_t now)
{
	char until[128], what[128];
	unsigned loading = jobs_busy(&b->jobs, JOB_LOAD), probing = jobs_busy(&b->jobs, JOB_PROBE);

	if (b->stage >= STAGE_MOUNT)
		snprintf(what, sizeof(what), "%s to be mounted", b->devices[b->root].name);
	else if (b->stage == STAGE_DRIVER)
		snprintf(what, sizeof(what), "the driver of %.64s", b->fstype);
	else
		snprintf(what, sizeof(what), "root=%.100s", b->params.root ? b->params.root : "");
	/* To give up on a disk that is being repaired would make things worse. */
	if (b->stage >= STAGE_MOUNT)
		snprintf(until, sizeof(until), "as long as it takes");
	else if (b->params.timeout == PARAMS_FOREVER)
		snprintf(until, sizeof(until), "without a time limit (%s)", b->params.timeout_by);
	else
		snprintf(until, sizeof(until), "for %lld more seconds (%s)",
			 (long long)(b->deadline - now + 999) / 1000, b->params.timeout_by);
	log_tell("waiting for %s, %s; %u modules are loading, %u disks are being read", what, until,
		 loading, probing);
	b->next_tell = now + TELL_AGAIN_MS;
}

/* panic=N: reboot after N seconds; 0: never; negative: at once. */
static void explain(struct boot *b, int64_t now)
{
	int64_t wait = REBOOT_MS;

	rescue_explain(b);
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
	b->next_tell = now + 6 * TELL_AGAIN_MS;
}

static void rescue_tick(struct boot *b, int64_t now)
{
	bool unsettled = jobs_busy(&b->jobs, JOB_PROBE) || block_next(b) >= 0 ||
			 still_loading(b);

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
		b->next_tell = now + 6 * TELL_AGAIN_MS;
	}
}

static void tick(struct boot *b)
{
	int64_t now = log_now();

	if (b->stage == STAGE_RESCUE) {
		rescue_tick(b, now);
		return;
	}
	if (b->stage == STAGE_RUN) {
		hooks_tick(b, now);
		return;
	}
	if (has_deadline(b) && now >= b->deadline) {
		fail(b, b->stage == STAGE_DRIVER ? "the driver of the filesystem does not finish "
						   "loading"
						 : "");
		return;
	}
	if (b->stage <= STAGE_CHECK && now >= b->next_tell)
		tell_waiting(b, now);
}

/* Milliseconds until something is due. What is over must not count, or the loop would spin. */
static int next_due(const struct boot *b)
{
	int64_t now = log_now(), delayed = b->start + b->params.delay;
	int64_t due = b->stage == STAGE_SETTLE ? b->settle_until : b->next_tell;

	if (b->stage == STAGE_RUN)
		due = b->hooks.current ? hooks_due(&b->hooks)
				       : waits_for_loads(b) ? b->start + LOADS_MS : now;
	if (has_deadline(b) && b->deadline < due)
		due = b->deadline;
	if (b->stage == STAGE_WAIT && delayed > now && delayed < due)
		due = delayed;
	/* All workers busy and work left: look again whether they are stuck. */
	if (due > now + STUCK_POLL_MS &&
	    (!jobs_ready(&b->jobs) || (b->stage == STAGE_RESCUE && b->deadline == 0)))
		due = now + STUCK_POLL_MS;
	return due <= now ? 0 : (int)(due - now);
}

/* ---- the loop ---- */

static void reap(struct boot *b)
{
	struct signalfd_siginfo info;
	int pid, status;

	while (read(b->signals, &info, sizeof(info)) == sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		hooks_ended(b, pid, status);
}

static void handle(struct boot *b, const struct epoll_event *ev)
{
	struct job_result result;

	if (ev->data.ptr == &b->netlink) {
		events_receive(b);
	} else if (ev->data.ptr == &b->signals) {
		reap(b);
	} else if (ev->data.ptr == &b->hooks) {
		hooks_output(b);
	} else {
		struct jobs_worker *w = ev->data.ptr;

		if (w->pid && jobs_receive(&b->jobs, w, &result) > 0)
			job_done(b, &result);
	}
}

static void run(struct boot *b)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (b->stage != STAGE_DONE) {
		int n;

		dispatch(b);
		n = epoll_wait(b->epoll, events, EVENTS_AT_ONCE, next_due(b));
		for (int i = 0; i < n; i++)
			handle(b, &events[i]);
		advance(b);
		tick(b);
	}
}

/* ---- before the loop ---- */

static void mount_basics(void)
{
	static const struct {
		const char *type, *path, *data;
		unsigned long flags;
	} mounts[] = {
		{"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"devtmpfs", "/dev", "mode=0755", MS_NOSUID},
		{"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV | MS_STRICTATIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		int r = sys_mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
				  mounts[i].data);

		if (r < 0 && r != -EBUSY)
			log_tell("mounting %s: %s", mounts[i].path, strerror(-r));
	}
}

/* The kernel gives the initramfs's own /dev/console on 0, 1 and 2, or nothing; the root's init
 * is to get the one of devtmpfs, which stays. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0 && fcntl(STDERR_FILENO, F_GETFD) < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
		dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void check_kernel(const struct boot *b)
{
	struct utsname u;

	if (b->kernel && uname(&u) == 0 && strcmp(u.release, b->kernel) != 0)
		log_tell("this image is for kernel %s, but kernel %s runs: modules will not load",
			 b->kernel, u.release);
}

static void open_sources(struct boot *b)
{
	sigset_t set;

	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->netlink = events_open();
	if (b->netlink < 0)
		log_tell("no events from the kernel: %s", strerror(-b->netlink));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	watch(b, b->signals, &b->signals);
	jobs_init(&b->jobs, b->epoll);
}

static void restore_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void prepare(struct boot *b)
{
	mount_basics();
	open_console();
	log_open();
	log_info("version " PREROOT_VERSION);
	settings_read(b);
	open_sources(b);
	modules_open(b);
	check_kernel(b);
	b->start = log_now();
	dispatch(b);
	if (!run_first(b, RUN_PRE_TRIGGER))
		trigger(b);
}

int main(int argc, char **argv, char **envp)
{
	const char *name = strrchr(argc ? argv[0] : "", '/');

	name = name ? name + 1 : argc ? argv[0] : "";
	if (strcmp(name, "modprobe") == 0)
		return modules_modprobe(&boot, argc, argv);
	if (getpid() != 1) {
		log_tell("this is PID 1 of an initramfs; it does nothing as another process");
		return 2;
	}
	/* From here on it must not die: the kernel would panic. */
	prepare(&boot);
	for (;;) {
		run(&boot);
		jobs_dismiss(&boot.jobs);
		log_info("%s takes over", boot.init);
		restore_signals();
		root_switch(boot.init, argv, envp);
		/* Not reached in a working machine: the way back is gone in part. */
		fail(&boot, "the root filesystem could not take over");
	}
}
