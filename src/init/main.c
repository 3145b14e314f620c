/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 of the initramfs. Its goal is to mount the root filesystem and start its init; it waits
 * only for what leads there. There is one loop for uevents, workers and a timer. Everything that
 * may block runs in workers, so that the loop can always say what it is waiting for, and for how
 * long.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/devices/block.h"
#include "init/boot.h"
#include "init/devices/discover.h"
#include "init/devices/events.h"
#include "init/goal/handover.h"
#include "init/core/leave.h"
#include "init/core/log.h"
#include "init/devices/modprobe.h"
#include "init/devices/modules.h"
#include "init/rescue/rescue.h"
#include "init/core/settings.h"
#include "init/stages.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum { SHELL_POLL_MS = 60000, FAILED_WAIT_US = 100000 };

static struct rooms rooms;

/* Hands work to idle workers. */
static void dispatch(struct boot *b)
{
	while (jobs_ready(&b->jobs) && !b->goal->left) {
		int device = jobs_has_place(&b->jobs, JOB_PROBE) ? block_next(b) : -1;
		uint32_t module = MODINDEX_NONE;
		struct job job = {0};

		if (device >= 0) {
			job.kind = JOB_PROBE;
			job.generation = b->devices->list[device].generation;
			job.links = b->devices->probe_links;
			job.had_no_size = b->devices->list[device].probe.has_no_size;
			memcpy(job.name, b->devices->list[device].name, sizeof(job.name));
		} else if (b->modules->has_index) {
			modules_request_late(b);
			if (jobs_has_place(&b->jobs, JOB_LOAD))
				module = modules_next(b, stages_loads(b));
			job.kind = JOB_LOAD;
			job.module = module;
		}
		if (device < 0 && module == MODINDEX_NONE)
			return;
		if (jobs_start(&b->jobs, b, &job) < 0)
			return;
		if (device >= 0) {
			block_begun(b, (size_t)device);
			timeline_device_begins(job.name);
		} else {
			b->modules->status[module].state = MODULE_LOADING;
			timeline_module_begins(module);
		}
	}
}

/* ---- the loop ---- */

static void reap(struct boot *b, void *context)
{
	struct signalfd_siginfo info;
	int pid, status;

	(void)context;
	while (read(b->signals, &info, sizeof(info)) == sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		jobs_reaped(b, pid);
		program_reaped(b, pid, status);
		shell_child_ended(b, pid, status);
	}
}

/* Milliseconds until something is due. */
static int next_due(const struct boot *b)
{
	int64_t now = log_now(), due = b->shell->pid	? now + SHELL_POLL_MS
				       : b->flow.failed ? rescue_due(b)
							: stages_due(b);

	if (block_due(b) < due)
		due = block_due(b);
	if (watchdog_due(b) < due)
		due = watchdog_due(b);
	if (program_due(b) < due)
		due = program_due(b);
	if (prompt_due(b, now) < due)
		due = prompt_due(b, now);
	if (log_due(now) < due)
		due = log_due(now);
	return due <= now ? 0 : (int)(due - now);
}

static void go_on(struct boot *b)
{
	stages_advance(b);
	if (b->shell->pid)
		return;
	if (b->flow.failed)
		rescue_tick(b, log_now());
	else if (b->flow.stage != STAGE_DONE)
		stages_tick(b, log_now());
}

static void run(struct boot *b)
{
	watchdog_tick(b, log_now());
	go_on(b);
	while (b->flow.stage != STAGE_DONE) {
		dispatch(b);
		log_flush();
		prompt_tick(b, log_now());
		if (sources_wait(b, next_due(b)) < 0) /* it could not be made: at least do not spin */
			usleep(FAILED_WAIT_US);
		watchdog_tick(b, log_now());
		program_tick(b, log_now());
		block_tick(b, log_now());
		go_on(b);
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
			log_show("mounting %s: %s", mounts[i].path, strerror(-r));
	}
}

/* The kernel opens the initramfs's own /dev/console as 0, 1 and 2, or nothing at all. The root's
 * init must get the one of devtmpfs, which stays. */
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

	if (b->settings.kernel && uname(&u) == 0 && strcmp(u.release, b->settings.kernel) != 0)
		log_show("this image is for kernel %s, but kernel %s runs: modules will not load",
			 b->settings.kernel, u.release);
}

static void open_sources(struct boot *b)
{
	sigset_t set;
	int r;

	sources_open(&b->sources);
	b->events->netlink = events_open();
	if (b->events->netlink < 0)
		log_show("no events from the kernel: %s", strerror(-b->events->netlink));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = b->signals < 0 ? -errno : sources_add(&b->sources, b->signals, reap, NULL);
	if (r < 0)
		log_show("PID 1 does not hear of programs that end: %s", strerror(-r));
	jobs_init(&b->jobs, &b->sources, rooms_jobs);
	b->jobs.enter_worker = parts_enter_worker;
	prompt_init(b);
	watchdog_init(b);
}

/* Hands over to the root's init. Returns only if that failed, which is then explained. */
static void hand_over(struct boot *b, char **argv, char **envp)
{
	struct handover h = {
		.argv = argv, .envp = envp, .left = parts_left, .initramfs = -1};
	struct timeline_end end = goal_timeline_end(b);
	sigset_t none, old;

	parts_leave(b);
	prompt_leave(b);
	jobs_dismiss(&b->jobs);
	watchdog_leave(b);
	log_info("%s takes over", b->goal->init);
	timeline_save(&end);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &old);
	handover_switch(b, &h);
	sigprocmask(SIG_SETMASK, &old, NULL);
	flow_hand_back(b, h.why);
}

static void prepare(struct boot *b)
{
	timeline_open();
	mount_basics();
	open_console();
	log_open();
	log_info("version " PREROOT_VERSION);
	settings_load(b);
	open_sources(b);
	modules_map(b);
	modules_request_listed(b);
	check_kernel(b);
	b->start = log_now();
	flow_go(b, STAGE_CMDLINE);
	block_want_named(b);
	dispatch(b);
}

int main(int argc, char **argv, char **envp)
{
	struct boot *b = rooms_join(&rooms);
	const char *name = strrchr(argc ? argv[0] : "", '/');

	name = name ? name + 1 : argc ? argv[0] : "";
	if (getpid() != 1 && leave_run(name))
		return 1;
	if (strcmp(name, "modprobe") == 0)
		return modprobe_run(b, argc, argv);
	if (getpid() != 1) {
		log_show("this is PID 1 of an initramfs; it does nothing as another process");
		return 2;
	}
	/* From here on PID 1 must not exit, or the kernel panics. */
	prepare(b);
	for (;;) {
		run(b);
		hand_over(b, argv, envp);
	}
}
