/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and its stages: in which order they come, when they give up, what is told meanwhile, what
 * happens after the account of a failure, and when no process can be made. The clock is made up;
 * workers are only recorded, but for the tests of those themselves.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/core/mount.h"
#include "init/devices/block.h"
#include "init/devices/discover.h"
#include "init/rescue/rescue.h"
#include "init/core/settings.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

enum { START = 100000 };

static struct {
	int64_t now;
	bool real_jobs;       /* hand them to workers */
	int jobs_result;      /* of the next ones that are only recorded */
	struct job job;       /* the last one */
	unsigned n_jobs;
	bool forks_fail, kernel_is_old;
	unsigned n_forks;
	bool memory_is_out;
	bool has_efi;
} world;

/* ---- in place of the machine; the linker calls these, see meson.build ---- */

int64_t __wrap_log_now(void);
int __real_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);
int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_fork(void);
int __wrap_fork(void);

int64_t __wrap_log_now(void)
{
	return world.now;
}

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	if (world.real_jobs)
		return __real_jobs_start(j, boot, job);
	world.job = *job;
	world.n_jobs++;
	return world.jobs_result;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return world.memory_is_out ? NULL : __real_calloc(n, size);
}

int __wrap_access(const char *path, int mode)
{
	if (strcmp(path, "/sys/firmware/efi/efivars") != 0)
		return __real_access(path, mode);
	errno = ENOENT;
	return world.has_efi ? 0 : -1;
}

int __wrap_fork(void)
{
	world.n_forks++;
	if (!world.forks_fail)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

/* ---- a boot ---- */

static struct boot *boot_with(const char *cmdline)
{
	struct boot *b = recorder_boot_with(cmdline);

	memset(&world, 0, sizeof(world));
	world.now = START;
	recorder_start_with(0);
	assert_int_equal(sources_open(&b->sources), 0);
	b->events->netlink = b->signals = -1;
	b->events->triggered = true; /* no walk over this machine's devices */
	jobs_init(&b->jobs, &b->sources, rooms_jobs);
	block_want(b, &b->params.root);
	return b;
}

static void boot_end(struct boot *b)
{
	close(b->sources.epoll);
	free(b);
}

/* What PID 1 does after every event, and when time has passed. */
static void go_on(struct boot *b)
{
	stages_advance(b);
	if (b->flow.failed)
		rescue_tick(b, world.now);
	else if (b->flow.stage != STAGE_DONE)
		stages_tick(b, world.now);
}

/* Lets MS pass as PID 1 does that sleeps until something is due. The number of times it woke. To
 * wake at once is fine after an event, but not again and again. */
static unsigned pass(struct boot *b, int64_t ms)
{
	int64_t end = world.now + ms;
	unsigned wakes = 0, at_once = 0;

	while (world.now < end) {
		int64_t due = b->flow.failed ? rescue_due(b) : stages_due(b);

		if (block_due(b) < due)
			due = block_due(b);
		at_once = due <= world.now ? at_once + 1 : 0;
		if (at_once > 1)
			fail_msg("stage %d: PID 1 does not sleep", (int)b->flow.stage);
		if (due <= world.now)
			due = world.now + 1; /* the clock of the machine goes on, too */
		world.now = due < end ? due : end;
		block_tick(b, world.now);
		go_on(b);
		wakes++;
	}
	return wakes;
}

static void appears(struct boot *b, const char *name, const char *type, const char *label)
{
	struct job_result r = {.kind = JOB_PROBE};
	int n;

	block_add(b, name, true);
	n = block_next(b);
	assert_true(n >= 0);
	b->devices->list[n].state = DEVICE_PROBING;
	r.generation = b->devices->list[n].generation;
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.probe.type, sizeof(r.probe.type), "%s", type);
	snprintf(r.probe.usage, sizeof(r.probe.usage), "filesystem");
	snprintf(r.probe.label, sizeof(r.probe.label), "%s", label);
	block_done(b, &r);
	go_on(b);
}

/* The job of the present stage ends so. */
static void job_ends(struct boot *b, int result, const char *text)
{
	struct job_result r = {
		.kind = world.job.kind, .ticket = world.job.ticket, .result = result};

	snprintf(r.text, sizeof(r.text), "%s", text);
	flow_task_done(b, &r);
	go_on(b);
}

static void tells(const char *text)
{
	assert_contains(recorder_log(), text);
	buf_clear(&recorder.log);
}

static void tells_nothing(void)
{
	if (recorder.log.len)
		fail_msg("it tells: %s", recorder_log());
}

/* ---- order ---- */

static void a_boot_goes_from_the_device_to_the_init(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	go_on(b);
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	appears(b, "zza", "ext4", "another");
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	assert_int_equal(world.n_jobs, 0);
	appears(b, "zzb", "zzfs", "x");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_int_equal(world.job.kind, JOB_MOUNT);
	assert_string_equal(world.job.name, "zzb");
	assert_string_equal(world.job.fstype, "zzfs");
	go_on(b); /* other events: it is not mounted twice */
	go_on(b);
	assert_int_equal(world.n_jobs, 1);
	job_ends(b, 0, "");
	assert_int_equal(b->flow.stage, STAGE_FSTAB);
	assert_int_equal(world.job.kind, JOB_FSTAB);
	job_ends(b, 0, ""); /* there is none */
	assert_int_equal(b->flow.stage, STAGE_CHECK);
	assert_int_equal(world.job.kind, JOB_CHECK);
	job_ends(b, 0, "/sbin/init");
	assert_int_equal(b->flow.stage, STAGE_DONE);
	assert_string_equal(b->goal->init, "/sbin/init");
	tells_nothing();
	boot_end(b);
}

static void what_ends_after_its_stage_is_not_taken_for_another(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=0");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	job_ends(b, -EIO, "mounting: no");
	assert_true(b->flow.failed);
	job_ends(b, 0, "/sbin/init");
	assert_true(b->flow.failed);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

/* A tmpfs is named in fstab by any word: that is no device. */
static void only_devices_are_compared_with_what_was_probed(void **state)
{
	char fstab[] = "zzb /data zzfs x-initrd.mount\n/dev/zzb /usr zzfs\n"
		       "tmpfs /tmp tmpfs x-initrd.mount\n";
	struct job_result r = {0};
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	appears(b, "zzb", "zzfs", "y");
	mounts_parse(b, fstab);
	flow_go(b, STAGE_MOUNTS_WAIT);
	for (size_t i = 0; i < b->mounts->n; i++) {
		bool on_device = b->mounts->list[i].spec.kind == SPEC_NAME;

		go_on(b);
		assert_int_equal(world.job.kind, JOB_MOUNT);
		assert_int_equal(world.job.on_device, on_device);
		world.job.beneath = false; /* there is no root to mount it in */
		recorder.identity = -ESTALE;
		assert_int_equal(mount_device(&world.job, &r), on_device ? -ESTALE : 0);
		job_ends(b, 0, "");
	}
	boot_end(b);
}

static void types_are_tried_one_after_the_other(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfstype=zzone,zztwo");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	assert_string_equal(world.job.fstype, "zzone");
	job_ends(b, -EINVAL, "mounting: no");
	assert_false(b->flow.failed);
	assert_string_equal(world.job.fstype, "zztwo");
	job_ends(b, -EINVAL, "mounting as zztwo: no");
	assert_true(b->flow.failed);
	assert_string_equal(b->flow.failure, "mounting as zztwo: no");
	boot_end(b);
}

/* Device SLOT is read again, and has not changed. */
static void is_read_again(struct boot *b, int slot)
{
	struct block_device *d = &b->devices->list[slot];
	struct job_result r = {.kind = JOB_PROBE, .probe = d->probe};

	assert_int_equal(block_next(b), slot);
	d->state = DEVICE_PROBING;
	r.generation = d->generation;
	snprintf(r.name, sizeof(r.name), "%s", d->name);
	block_done(b, &r);
	go_on(b);
}

/* A damaged root of ext4, or a server that has forgotten its export. */
static void a_mount_that_says_estale_is_a_failure_and_no_other_device(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=0");
	struct job_result r = {0};

	(void)state;
	appears(b, "zza", "zzfs", "x");
	recorder_start_with(-ESTALE);
	assert_int_equal(mount_device(&world.job, &r), -EIO);
	job_ends(b, -EIO, r.text);
	assert_true(b->flow.failed);
	assert_contains(b->flow.failure, "mounting /dev/zza as zzfs: Stale file handle");
	boot_end(b);
}

static void a_device_that_is_another_one_each_time_ends_the_boot(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=0");
	struct job_result r = {0};

	(void)state;
	appears(b, "zza", "zzfs", "x");
	recorder_start_with(0);
	recorder.identity = -ESTALE;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		assert_false(b->flow.failed);
		assert_int_equal(mount_device(&world.job, &r), -ESTALE);
		job_ends(b, -ESTALE, r.text);
		if (i < 3)
			is_read_again(b, 0);
	}
	assert_true(b->flow.failed);
	assert_contains(b->flow.failure, "opening /dev/zza: it is another device now");
	recorder.identity = 0;
	boot_end(b);
}

/* ---- time ---- */

static void waiting_is_told_after_three_seconds_and_then_every_ten(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=40");

	(void)state;
	go_on(b);
	pass(b, 2999);
	tells_nothing();
	pass(b, 1);
	tells("waiting for root=LABEL=x, for 37 more seconds (rd.timeout=)");
	pass(b, 9999);
	tells_nothing();
	pass(b, 1);
	tells("for 27 more seconds");
	pass(b, 10000);
	tells("for 17 more seconds");
	assert_false(b->flow.failed);
	boot_end(b);
	b = boot_with("root=LABEL=x rd.timeout=4");
	go_on(b);
	pass(b, 3000);
	tells("for 1 more second (rd.timeout=); 0 modules are loading, 0 disks are being read");
	boot_end(b);
}

static void pid_1_sleeps_while_it_waits(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootwait");

	(void)state;
	go_on(b);
	assert_between(pass(b, 1000000), 1, 110);
	boot_end(b);
}

static void the_limit_is_what_the_command_line_says(void **state)
{
	static const struct {
		const char *cmdline;
		int64_t ms; /* 0: never */
	} cases[] = {
		{"", 180000},
		{"rd.retry=20", 20000},
		{"rd.retry=20 rd.timeout=50", 50000},
		{"rootwait=7 rd.timeout=50", 7000},
		{"rd.timeout=50 rootdelay=5", 55000},
		{"rootwait rd.timeout=50", 0},
		{"rd.timeout=0", 0},
		{"rd.timeout=infinity", 0},
		{"rd.retry=0", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char cmdline[100];
		struct boot *b;

		snprintf(cmdline, sizeof(cmdline), "root=LABEL=x %s", cases[i].cmdline);
		b = boot_with(cmdline);
		go_on(b);
		pass(b, cases[i].ms ? cases[i].ms - 1 : 10000000);
		if (b->flow.failed && cases[i].ms > 1)
			fail_msg("[%s]: it gives up too early", cmdline);
		pass(b, 1);
		if (b->flow.failed != (cases[i].ms != 0))
			fail_msg("[%s]: %d", cmdline, b->flow.failed);
		boot_end(b);
	}
}

static enum prompt_verdict ignores(struct boot *b, unsigned tag, enum prompt_end end, const char *answer,
				   size_t len)
{
	(void)b, (void)tag, (void)end, (void)answer, (void)len;
	return PROMPT_RIGHT;
}

/* Whoever is to type a passphrase may come late. */
static void a_question_holds_up_the_limit(void **state)
{
	struct boot *b = boot_with("root=UUID=1 rd.retry=10");

	(void)state;
	prompt_init(b);
	flow_go(b, STAGE_WAIT);
	go_on(b);
	pass(b, 5000);
	assert_int_equal(prompt_ask(b, &(struct prompt_request){.text = "x", .holds = true, .handler = ignores}), 0);
	b->prompts.shown = b->prompts.list[0].number;
	b->prompts.terminals.list[0].name[0] = 't';
	go_on(b);
	pass(b, 600000);
	assert_false(b->flow.failed);
	/* It is answered, and what is made of it takes a while. */
	b->prompts.shown = 0;
	b->prompts.list[0].state = PROMPT_JUDGES;
	pass(b, 60000);
	assert_false(b->flow.failed);
	b->prompts.list[0] = (struct prompt){0};
	go_on(b);
	pass(b, 4000);
	assert_false(b->flow.failed);
	pass(b, 2000);
	assert_true(b->flow.failed);
	boot_end(b);
}

/* Those of others do not, nor does rd.timeout=, which is for machines that have nobody. */
static void other_questions_and_limits_go_on(void **state)
{
	static const struct {
		const char *cmdline;
		bool holds;
	} cases[] = {{"root=UUID=1 rd.retry=10", false}, {"root=UUID=1 rd.timeout=10", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline);

		prompt_init(b);
		flow_go(b, STAGE_WAIT);
		go_on(b);
		assert_int_equal(prompt_ask(b, &(struct prompt_request){.text = "x", .holds = cases[i].holds,
									.handler = ignores}), 0);
		b->prompts.shown = b->prompts.list[0].number;
		b->prompts.terminals.list[0].name[0] = 't';
		pass(b, 5000);
		assert_false(b->flow.failed);
		pass(b, 5500);
		assert_true(b->flow.failed);
		boot_end(b);
	}
}

static const char *says_hopeless(const struct part *p, const char *name)
{
	(void)p;
	return strcmp(name, "mapper/root") == 0 ? "it was not opened" : NULL;
}

/* Only what can come in no other way: a root by its UUID may be on a disk that is still starting. */
static void a_wait_for_what_will_not_come_is_short(void **state)
{
	static const struct feature_boot feature = {.name = "x", .is_hopeless = says_hopeless};
	static const struct {
		const char *cmdline;
		bool ends;
	} cases[] = {{"root=/dev/mapper/root rd.timeout=0", true},
		     {"root=/dev/mapper/other rd.timeout=0", false},
		     {"root=UUID=1 rd.timeout=0", false},
		     {"root=UUID=1", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline);

		b->parts->list[0] = (struct part){.feature = &feature, .boot = b};
		b->parts->n = 1;
		b->parts->begun = true;
		b->devices->has_names = true;
		flow_go(b, STAGE_WAIT);
		go_on(b);
		go_on(b);
		pass(b, 9000);
		assert_false(b->flow.failed);
		pass(b, 1100);
		assert_int_equal(b->flow.failed, cases[i].ends);
		boot_end(b);
	}
}

static void a_question_that_nobody_can_see_holds_nothing_up(void **state)
{
	struct boot *b = boot_with("root=UUID=1 rd.retry=10");

	(void)state;
	prompt_init(b);
	flow_go(b, STAGE_WAIT);
	go_on(b);
	assert_int_equal(prompt_ask(b, &(struct prompt_request){.text = "x", .holds = true, .handler = ignores}), 0);
	b->prompts.shown = b->prompts.list[0].number;
	pass(b, 11000);
	assert_true(b->flow.failed);
	boot_end(b);
}

/* The stage stays beyond its deadline, for a disk that might fit as well. */
static void pid_1_sleeps_after_a_deadline(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5");

	(void)state;
	go_on(b);
	pass(b, 4500);
	b->flow.next_show = world.now + 700;
	buf_clear(&recorder.log);
	appears(b, "zza", "zzfs", "y");
	block_add(b, "zzb", false); /* nobody reads it */
	snprintf(b->devices->list[0].probe.label, sizeof(b->devices->list[0].probe.label), "x");
	go_on(b);
	assert_between(pass(b, 999), 1, 5);
	tells("for 0 more seconds");
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	pass(b, 1);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

static void what_the_check_notes_is_told_by_pid_1(void **state)
{
	struct job_result r = {.kind = JOB_CHECK,
			       .text = "/bin/sh",
			       .note = "/sbin/init is no program; /bin/sh is started in its place"};
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	job_ends(b, 0, "");
	job_ends(b, 0, ""); /* of fstab */
	assert_int_equal(b->flow.stage, STAGE_CHECK);
	r.ticket = world.job.ticket;
	flow_task_done(b, &r);
	go_on(b);
	tells("/bin/sh is started in its place");
	assert_int_equal(b->flow.stage, STAGE_DONE);
	boot_end(b);
}

/* The boot had gone back, and mounts again. */
static void a_late_result_does_not_end_a_later_task(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");
	struct job_result r;

	(void)state;
	appears(b, "zza", "zzfs", "x");
	assert_int_equal(world.job.kind, JOB_MOUNT);
	r = (struct job_result){
		.kind = JOB_MOUNT, .ticket = world.job.ticket, .result = -EIO, .text = "late"};
	flow_go(b, STAGE_MOUNT);
	go_on(b);
	assert_int_equal(world.job.kind, JOB_MOUNT);
	flow_task_done(b, &r);
	go_on(b);
	assert_false(b->flow.failed);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	job_ends(b, 0, "");
	assert_true(b->flow.stage > STAGE_MOUNT);
	boot_end(b);
}

/* The clock goes on between the step of a stage and the sleep. */
static void a_deadline_that_passes_before_the_sleep_is_not_missed(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5 rootdelay=2");

	(void)state;
	go_on(b);
	pass(b, 1999);
	world.now += 1;
	assert_true(stages_due(b) <= world.now); /* the delay */
	go_on(b);
	pass(b, 4999);
	world.now += 1;
	assert_true(stages_due(b) <= world.now);
	go_on(b);
	assert_true(b->flow.failed);
	boot_end(b);
}

/* The job that asks which disk the loader came from hangs. */
static void a_firmware_that_does_not_answer_holds_nothing_up_for_ever(void **state)
{
	struct boot *b = boot_with("root=gpt-auto rd.timeout=5");

	(void)state;
	world.has_efi = true;
	go_on(b);
	assert_int_equal(b->flow.task.state, TASK_RUNS);
	assert_between(pass(b, 4999), 1, 10);
	assert_false(b->flow.failed);
	pass(b, 1);
	assert_true(b->flow.failed);
	boot_end(b);
}

/* Not even for the whole time limit, which may be none. */
static void a_firmware_that_does_not_answer_is_waited_for_ten_seconds(void **state)
{
	struct boot *b = boot_with("root=gpt-auto rootwait");
	char why[FLOW_TEXT_MAX];

	(void)state;
	go_on(b);
	b->discovery->is_known = false;
	b->discovery->until = 0;
	world.has_efi = true;
	world.jobs_result = -EAGAIN; /* its time begins when a worker asks it */
	pass(b, JOBS_HANG_MS * 2);
	assert_int_equal(b->flow.task.state, TASK_NONE);
	assert_false(b->discovery->is_known);
	world.jobs_result = 0;
	go_on(b);
	assert_int_equal(b->flow.task.state, TASK_RUNS);
	pass(b, JOBS_HANG_MS - 1);
	assert_false(b->discovery->is_known);
	assert_true(stages_due(b) <= world.now + 1);
	buf_clear(&recorder.log);
	pass(b, 1);
	assert_true(b->discovery->is_known);
	assert_int_equal(b->flow.task.state, TASK_NONE);
	tells("the firmware does not say which disk");
	for (int i = 0; i < 2; i++) { /* nothing else decides */
		struct block_device *d = &b->devices->list[b->devices->n++];

		snprintf(d->name, sizeof(d->name), "zz%c1", 'a' + i);
		snprintf(d->probe.parttype, sizeof(d->probe.parttype),
			 "4f68bce3-e8cd-4db1-96e7-fbcaf984b709");
		d->probe.disk_major = (uint32_t)i;
		d->state = DEVICE_KNOWN;
	}
#if defined(__x86_64__)
	assert_true(discover_is_doubtful(b, why, sizeof(why)));
	assert_contains(why, "The firmware did not say");
	assert_contains(why, "root= asks for a partition by its type, and several disks");
	b->params.root.text = NULL;
	assert_true(discover_is_doubtful(b, why, sizeof(why)));
	assert_contains(why, "there is no root= on the kernel command line, and several disks");
#endif
	boot_end(b);
}

static void try_again(struct boot *b)
{
	b->flow.failed = b->rescue->begun = false;
	b->flow.failure[0] = '\0';
	flow_go(b, STAGE_WAIT);
	go_on(b);
}

/* Nor has it been silent for ten seconds if it was asked for five in an earlier try. */
static void a_firmware_is_asked_again_in_a_second_try(void **state)
{
	struct boot *b = boot_with("root=gpt-auto rd.timeout=5 panic=0");

	(void)state;
	world.has_efi = true;
	go_on(b);
	pass(b, 8001);
	assert_true(b->flow.failed);
	pass(b, 20000);
	buf_clear(&recorder.log);
	world.n_jobs = 0;
	try_again(b);
	assert_int_equal(world.n_jobs, 1);
	assert_int_equal(world.job.kind, JOB_LOADER);
	assert_int_equal(b->flow.task.state, TASK_RUNS);
	assert_false(b->discovery->is_known);
	flow_task_done(b, &(struct job_result){
		.kind = JOB_LOADER, .ticket = world.job.ticket, .text = "1-2"});
	go_on(b);
	assert_string_equal(b->discovery->loader, "1-2");
	assert_false(b->discovery->is_silent);
	boot_end(b);
}

static void a_root_that_is_there_is_delayed_all_the_same(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootdelay=5");

	(void)state;
	go_on(b);
	appears(b, "zza", "zzfs", "x");
	pass(b, 4999);
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	pass(b, 1);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

static void what_is_waited_for_is_logged_whole(void **state)
{
	char cmdline[300] = "rd.timeout=60 root=/dev/disk/by-path/", expected[300];
	size_t used = strlen(cmdline);
	struct boot *b;
	char text[128];

	(void)state;
	memset(cmdline + used, 'x', 200);
	b = boot_with(cmdline);
	go_on(b);
	pass(b, 3000);
	snprintf(expected, sizeof(expected), "%s, for 57 more seconds (rd.timeout=)",
		 strstr(cmdline, "root="));
	tells(expected);
	stages[STAGE_CHECK].what(b, text, sizeof(text));
	assert_string_equal(text, "the init of the mounted root to be checked");
	boot_end(b);
}

static void mounting_has_no_limit(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	pass(b, 3000);
	tells("waiting for zza to be mounted, as long as it takes");
	pass(b, 10000000);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_false(b->flow.failed);
	boot_end(b);
}

/* ---- after a failure ---- */

static unsigned reboots(void)
{
	unsigned n = 0;

	for (const char *s = recorder_calls(); s && (s = strstr(s, "reboot\n")); s++)
		n++;
	return n;
}

static void a_disk_that_comes_after_the_account_is_taken(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5 panic=0");

	(void)state;
	go_on(b);
	pass(b, 5000);
	pass(b, 3000);
	tells("it did not appear within 5 seconds (rd.timeout=)");
	pass(b, 60000);
	tells("still waiting: the root filesystem cannot be reached (the reasons are above)");
	pass(b, 10000000);
	assert_int_equal(reboots(), 0);
	appears(b, "zza", "zzfs", "x");
	assert_false(b->flow.failed);
	go_on(b);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	job_ends(b, 0, "");
	job_ends(b, 0, ""); /* of fstab */
	job_ends(b, 0, "/sbin/init");
	assert_int_equal(b->flow.stage, STAGE_DONE);
	boot_end(b);
}

static void the_next_root_is_tried_when_one_has_not_appeared(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfallback=nfs:y rootfallback=LABEL=y "
				   "rootfallback=LABEL=z rd.timeout=5");

	(void)state;
	go_on(b);
	appears(b, "zza", "zzfs", "z");
	pass(b, 4900);
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	buf_clear(&recorder.log);
	pass(b, 200);
	assert_contains(recorder_log(), "rootfallback=nfs:y is of a kind");
	tells("trying rootfallback=LABEL=y");
	pass(b, 29000);
	tells("waiting for rootfallback=LABEL=y, for 2 more seconds (rootfallback=)");
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	pass(b, 1100);
	tells("trying rootfallback=LABEL=z");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_string_equal(world.job.name, "zza");
	boot_end(b);
}

/* Of a root with a kernel's name, no other disk was read before. */
static void a_fallback_is_read_when_it_is_tried(void **state)
{
	struct boot *b = boot_with("root=/dev/zzb rootfallback=LABEL=y rd.retry=5");

	(void)state;
	go_on(b);
	block_add(b, "zza", true);
	assert_true(block_next(b) < 0);
	pass(b, 5100);
	tells("trying rootfallback=LABEL=y");
	assert_true(block_next(b) >= 0);
	appears(b, "zza", "zzfs", "y");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

static void when_no_fallback_appears_the_root_itself_is_wanted(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfallback=LABEL=y rd.timeout=5 panic=0");

	(void)state;
	go_on(b);
	pass(b, 35100);
	assert_true(b->flow.failed);
	pass(b, 3000);
	tells("wanted: root=LABEL=x");
	appears(b, "zza", "zzfs", "x");
	assert_false(b->flow.failed);
	go_on(b);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

static void a_fallback_that_is_not_usable_is_passed_over(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfallback=LABEL=y rootfallback=LABEL=z rd.timeout=5");

	(void)state;
	go_on(b);
	appears(b, "zza", "", "y");
	appears(b, "zzb", "zzfs", "z");
	pass(b, 5200);
	assert_contains(recorder_log(), "rootfallback=LABEL=y is not usable: zza holds no filesystem");
	tells("trying rootfallback=LABEL=z");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_string_equal(world.job.name, "zzb");
	boot_end(b);
}

static void when_no_fallback_is_usable_the_root_itself_is_wanted(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfallback=LABEL=y rd.timeout=5 panic=0");

	(void)state;
	go_on(b);
	appears(b, "zza", "", "y");
	pass(b, 5200);
	assert_contains(recorder_log(), "rootfallback=LABEL=y is not usable: zza holds no filesystem");
	assert_true(b->flow.failed);
	pass(b, 3000);
	tells("wanted: root=LABEL=x");
	appears(b, "zzb", "zzfs", "x");
	assert_false(b->flow.failed);
	boot_end(b);
}

static void usr_is_on_the_fallback_where_it_is_on_the_root(void **state)
{
	struct boot *b = boot_with("root=LABEL=x mount.usrflags=subvol=usr rootfallback=LABEL=y "
				   "rd.timeout=5 panic=0");

	(void)state;
	go_on(b);
	appears(b, "zza", "zzfs", "y");
	pass(b, 5200);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	job_ends(b, 0, "");
	job_ends(b, 0, ""); /* of fstab */
	assert_string_equal(world.job.target, "/usr");
	assert_string_equal(world.job.name, "zza");
	job_ends(b, -EINVAL, "no");
	assert_true(b->flow.failed);
	pass(b, 3000);
	tells("wanted: rootfallback=LABEL=y, since root=LABEL=x has not appeared");
	boot_end(b);
}

static void without_a_time_limit_no_fallback_is_tried(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootfallback=LABEL=y rootwait");

	(void)state;
	go_on(b);
	appears(b, "zza", "zzfs", "y");
	pass(b, 1000000);
	assert_int_equal(b->flow.stage, STAGE_WAIT);
	appears(b, "zzb", "zzfs", "x");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_string_equal(world.job.name, "zzb");
	boot_end(b);
}

static uint8_t hold_all(struct boot *b, const struct block_device *d)
{
	(void)b, (void)d;
	return PART_HOLDS;
}

/* A feature had the device until after the deadline. */
static void a_device_that_is_released_after_the_account_is_taken(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5 panic=0");

	(void)state;
	b->devices->known = hold_all;
	go_on(b);
	appears(b, "zza", "zzfs", "x");
	pass(b, 5000);
	assert_true(b->flow.failed);
	assert_contains(b->flow.failure, "nothing has come of it in time");
	pass(b, 4000);
	tells("staying here; a disk that appears is still taken");
	b->devices->list[0].claim = PART_IGNORES;
	go_on(b);
	assert_false(b->flow.failed);
	go_on(b);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

static void after_another_failure_no_disk_changes_anything(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=0");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	job_ends(b, -EIO, "mounting: no");
	pass(b, 4000);
	tells("but: mounting: no");
	world.n_jobs = 0;
	appears(b, "zzb", "zzfs", "x");
	pass(b, 100000);
	assert_true(b->flow.failed);
	assert_int_equal(world.n_jobs, 0);
	boot_end(b);
}

static void the_machine_reboots_once_when_its_time_is_over(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5 panic=7");

	(void)state;
	recorder_start_with(-EPERM); /* it does not work: PID 1 stays */
	go_on(b);
	pass(b, 5001); /* nothing is there to be read */
	tells("rebooting in 7 seconds (panic=)");
	pass(b, 6990);
	assert_int_equal(reboots(), 0);
	pass(b, 20);
	assert_int_equal(reboots(), 1);
	tells("the kernel refuses it");
	assert_between(pass(b, 1000000), 1, 100);
	assert_int_equal(reboots(), 1);
	boot_end(b);
}

/* The loop of PID 1 ends with the last stage: it must not be that any more. */
static void a_root_that_does_not_take_over_gives_one_account(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=7 rd.shell");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	job_ends(b, 0, "");
	job_ends(b, 0, ""); /* of fstab */
	job_ends(b, 0, "/sbin/init");
	assert_int_equal(b->flow.stage, STAGE_DONE);
	b->goal->left = true;
	b->shell->policy = SHELL_OPEN;
	flow_hand_back(b, "/sbin/init cannot be started: no");
	assert_int_not_equal(b->flow.stage, STAGE_DONE);
	world.n_jobs = 0;
	pass(b, 1);
	tells("but: /sbin/init cannot be started: no");
	pass(b, 6990);
	assert_int_equal(reboots(), 0);
	pass(b, 20);
	assert_int_equal(reboots(), 1);
	assert_null(strstr(recorder_calls(), "spawn"));
	assert_int_equal(world.n_jobs, 1); /* the account is kept */
	assert_int_equal(world.job.kind, JOB_RECORD);
	tells("the kernel refuses it");
	pass(b, 100000);
	assert_null(strstr(recorder_log(), "but:"));
	boot_end(b);
}

/* All was undone: the boot can be tried again. */
static void a_hand_over_that_was_undone_leaves_the_shell(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.shell");

	(void)state;
	appears(b, "zza", "zzfs", "x");
	job_ends(b, 0, "");
	job_ends(b, 0, ""); /* of fstab */
	job_ends(b, 0, "/sbin/init");
	b->shell->policy = SHELL_OPEN;
	recorder_start_with(0, 0, 0x7ffffff0);
	flow_hand_back(b, "/dev cannot be moved");
	pass(b, 4000);
	tells("but: /dev cannot be moved");
	assert_contains(recorder_calls(), "spawn on /dev/console /bin/sh");
	boot_end(b);
}

/* ---- processes ---- */

/* Never taken for its beginning, which may be the name of another disk. */
static void a_root_with_a_name_that_is_too_long_is_refused(void **state)
{
	char cmdline[1024] = "root=LABEL=";
	struct boot *b;

	(void)state;
	memset(cmdline + strlen(cmdline), 'x', SPEC_VALUE_MAX);
	b = boot_with(cmdline);
	go_on(b);
	assert_true(b->flow.failed);
	assert_contains(b->flow.failure, "this root= is too long");
	boot_end(b);
}

static void a_process_that_cannot_be_made_is_tried_again(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	world.real_jobs = world.forks_fail = true;
	appears(b, "zza", "zzfs", "x");
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	tells("no process can be made");
	assert_between(pass(b, 9000), 5, 110);
	assert_between(world.n_forks, 5, 20);
	assert_false(b->flow.failed);
	world.forks_fail = false;
	pass(b, 2000);
	assert_int_equal(b->flow.task.state, TASK_RUNS);
	jobs_dismiss(&b->jobs);
	boot_end(b);
}

static void when_that_does_not_end_there_is_an_account(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=3");

	(void)state;
	world.real_jobs = world.forks_fail = true;
	appears(b, "zza", "zzfs", "x");
	pass(b, 9000);
	assert_false(b->flow.failed);
	pass(b, 2500);
	assert_true(b->flow.failed);
	assert_contains(b->flow.failure, "no process can be made");
	pass(b, 7000);
	assert_int_equal(reboots(), 1);
	boot_end(b);
}

static void no_process_at_all_is_no_reason_to_spin(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootwait");
	struct job probe = {.kind = JOB_PROBE, .name = "zza"};
	unsigned tries = 0;

	(void)state;
	world.real_jobs = world.forks_fail = true;
	go_on(b);
	block_add(b, "zza", false);
	for (int i = 0; i < 100; i++) {
		while (jobs_ready(&b->jobs) && tries < 1000) {
			assert_true(jobs_start(&b->jobs, b, &probe) < 0);
			tries++;
		}
		pass(b, 1000);
	}
	assert_between(tries, 90, 101);
	boot_end(b);
}

/* Two pipes that can be read: what is called for the first gives up the second, whose place another
 * one takes at once. */
static struct {
	int pipes[3][2];
	unsigned calls[3];
} sourced;

static void pipe_is_ready(struct boot *b, void *context)
{
	unsigned n = (unsigned)((int(*)[2])context - sourced.pipes);

	sourced.calls[n]++;
	if (n < 2) {
		sources_remove(&b->sources, sourced.pipes[!n][0]);
		assert_int_equal(sources_add(&b->sources, sourced.pipes[2][0], pipe_is_ready,
					     sourced.pipes[2]), 0);
	}
	sources_remove(&b->sources, sourced.pipes[n][0]); /* not before: its place is not the one */
}

static void an_event_of_what_was_given_up_is_dropped(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	memset(&sourced, 0, sizeof(sourced));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pipe(sourced.pipes[i]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(sourced.pipes[i][1], "x", 1), 1);
		assert_int_equal(sources_add(&b->sources, sourced.pipes[i][0], pipe_is_ready,
					     sourced.pipes[i]), 0);
	}
	assert_int_equal(sources_wait(b, 0), 0);
	assert_int_equal(sourced.calls[0] + sourced.calls[1], 1);
	assert_int_equal(sourced.calls[2], 0);
	assert_int_equal(write(sourced.pipes[2][1], "x", 1), 1);
	assert_int_equal(sources_wait(b, 0), 0);
	assert_int_equal(sourced.calls[2], 1);
	assert_int_equal(sources_add(&b->sources, -1, pipe_is_ready, NULL), -EBADF);
	for (int i = 0; i < 6; i++)
		close(sourced.pipes[i / 2][i % 2]);
	boot_end(b);
}

/* The worker's end of the socket is in a process that dies. */
static int hang(const struct boot *b, const struct job *job, struct job_result *out)
{
	(void)b, (void)job, (void)out;
	pause();
	return 0;
}

static void a_worker_that_dies_is_the_failure_of_its_job(void **state)
{
	static const struct jobs_kind hanging[JOB_KINDS] = {[JOB_MOUNT] = {hang, NULL, false}};
	struct boot *b = boot_with("root=LABEL=x");
	struct job_result r;
	int status;

	(void)state;
	world.real_jobs = true;
	b->jobs.kinds = hanging;
	appears(b, "zza", "zzfs", "x");
	assert_int_equal(b->flow.task.state, TASK_RUNS);
	assert_int_equal(kill(b->jobs.workers[0].pid, SIGKILL), 0);
	assert_int_equal(waitpid(b->jobs.workers[0].pid, &status, 0), b->jobs.workers[0].pid);
	assert_int_equal(jobs_receive(&b->jobs, &b->jobs.workers[0], &r), 1);
	flow_task_done(b, &r);
	go_on(b);
	assert_true(b->flow.failed);
	assert_string_equal(b->flow.failure, "the process that did it died");
	assert_int_equal(jobs_busy(&b->jobs, JOB_MOUNT), 0);
	boot_end(b);
}

/* As many disks as may be are being read, and none of them answers. */
static void disks_hang(struct boot *b)
{
	world.real_jobs = true;
	b->jobs.wanted = JOBS_WORKERS_MAX;
	for (int i = 0; i < JOBS_PROBES_MAX; i++)
		b->jobs.workers[i] = (struct jobs_worker){
			.pid = 1000000 + i, .fd = -1, .job.kind = JOB_PROBE, .since = world.now};
}

static void disks_that_hang_leave_places_for_other_work(void **state)
{
	static const struct jobs_kind hanging[JOB_KINDS] = {[JOB_MOUNT] = {hang, NULL, false}};
	struct boot *b = boot_with("root=LABEL=x");
	struct job probe = {.kind = JOB_PROBE}, mount = {.kind = JOB_MOUNT};

	(void)state;
	disks_hang(b);
	b->jobs.kinds = hanging;
	assert_true(jobs_ready(&b->jobs));
	assert_false(jobs_has_place(&b->jobs, JOB_PROBE));
	assert_true(jobs_has_place(&b->jobs, JOB_LOAD));
	assert_int_equal(jobs_start(&b->jobs, b, &probe), -EAGAIN);
	assert_int_equal(jobs_start(&b->jobs, b, &mount), 0);
	kill(b->jobs.workers[JOBS_PROBES_MAX].pid, SIGKILL);
	boot_end(b);
}

/* The root may be among those that are still to be read. */
static void disks_that_hang_give_way_to_others(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");
	struct job_result r;
	int pair[2];

	(void)state;
	disks_hang(b);
	assert_int_equal(block_due(b), INT64_MAX);
	pass(b, JOBS_HANG_MS);
	assert_string_equal(recorder_calls(), ""); /* nobody wants their places */
	block_add(b, "zza", false);
	assert_int_equal(block_due(b), START + JOBS_HANG_MS);
	pass(b, 1);
	assert_contains(recorder_calls(), "kill 1000000 9\n");
	assert_contains(recorder_calls(), "kill 1000031 9\n");
	assert_int_equal(block_due(b), world.now + JOBS_GIVE_UP_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	b->jobs.workers[0].fd = pair[0];
	close(pair[1]); /* it dies */
	assert_int_equal(jobs_receive(&b->jobs, &b->jobs.workers[0], &r), 1);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_false(r.is_lost);
	assert_true(jobs_has_place(&b->jobs, JOB_PROBE));
	boot_end(b);
}

/* They cannot even be killed (state D). */
static void disks_that_hang_in_the_kernel_give_way_to_others(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");
	struct jobs_worker *w = &b->jobs.workers[0];
	struct job_result r;
	int pair[2];

	(void)state;
	disks_hang(b);
	block_add(b, "zza", false);
	w->job.generation = b->devices->list[0].generation;
	strcpy(w->job.name, "zza");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	w->fd = pair[0];
	pass(b, JOBS_HANG_MS);
	pass(b, JOBS_GIVE_UP_MS - 1);
	assert_int_equal(jobs_receive(&b->jobs, w, &r), 0);
	pass(b, 1);
	assert_int_equal(block_due(b), INT64_MAX);
	assert_int_equal(jobs_receive(&b->jobs, w, &r), 1);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_true(r.is_lost);
	assert_true(jobs_has_place(&b->jobs, JOB_PROBE));
	/* No second process is to hang for this disk, whatever happens to it: it is read again when the
	 * first has ended. */
	b->devices->list[0].state = DEVICE_AGAIN;
	b->devices->list[0].probe.has_no_size = true;
	jobs_done(b, &r);
	block_add(b, "zza", false);
	block_want(b, &b->params.root);
	assert_true(block_next(b) < 0);
	assert_int_equal(b->devices->list[0].read_at, 0);
	assert_true(b->devices->list[0].probe.has_no_size);
	jobs_reaped(b, 999);
	assert_int_equal(b->devices->list[0].read_at, 0);
	jobs_reaped(b, 1000000);
	assert_int_not_equal(b->devices->list[0].read_at, 0);
	close(pair[1]);
	boot_end(b);
}

/* Too many processes that hang are not left behind: the places that they have are kept. */
static void processes_that_are_given_up_are_counted(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");

	(void)state;
	for (int i = 0; i < JOBS_LOST_MAX - 1; i++)
		b->jobs.lost[i].pid = 2000000 + i;
	disks_hang(b);
	block_add(b, "zza", false);
	pass(b, JOBS_HANG_MS + 1);
	pass(b, JOBS_GIVE_UP_MS);
	assert_true(b->jobs.workers[0].is_lost);
	assert_false(b->jobs.workers[1].is_lost);
	assert_int_equal(block_due(b), INT64_MAX);
	boot_end(b);
}

static void a_disk_that_hangs_does_not_keep_late_modules_back(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rootwait");

	(void)state;
	go_on(b);
	disks_hang(b);
	pass(b, JOBS_HANG_MS - 1000);
	assert_false(b->modules->late);
	pass(b, 12000);
	assert_true(b->modules->late);
	boot_end(b);
}

int __real_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags);

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
	if (!world.kernel_is_old)
		return __real_close_range(first, last, flags);
	errno = ENOSYS;
	return -1;
}

static int list_descriptors(const struct boot *b, const struct job *job, struct job_result *out)
{
	char text[16];

	(void)b, (void)job;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			snprintf(text, sizeof(text), "%d ", fd);
			strcat(out->text, text);
		}
	return 0;
}

static char listed[JOBS_TEXT_MAX];

static void keep_list(struct boot *b, const struct job_result *r)
{
	(void)b;
	memcpy(listed, r->text, sizeof(listed));
}

/* It may hang for ever, while the root's init wants the watchdog and PID 1's sockets are closed. */
static void a_worker_holds_no_descriptor_of_pid_1(void **state)
{
	static const struct jobs_kind lists[JOB_KINDS] = {
		[JOB_MOUNT] = {hang, NULL, false}, [JOB_PROBE] = {list_descriptors, keep_list, false}};
	struct job job = {.kind = JOB_MOUNT};

	(void)state;
	for (int old = 0; old < 2; old++) {
		struct boot *b = boot_with("root=LABEL=x");
		int high = fcntl(b->sources.epoll, F_DUPFD, 700);

		world.real_jobs = true;
		world.kernel_is_old = old;
		b->jobs.kinds = lists;
		b->jobs.wanted = 2;
		job.kind = JOB_MOUNT;
		assert_int_equal(jobs_start(&b->jobs, b, &job), 0);
		job.kind = JOB_PROBE;
		assert_int_equal(jobs_start(&b->jobs, b, &job), 0);
		*listed = '\0';
		assert_int_equal(sources_wait(b, -1), 0);
		assert_string_equal(listed, "0 1 2 3 ");
		kill(b->jobs.workers[0].pid, SIGKILL);
		jobs_dismiss(&b->jobs);
		close(high);
		boot_end(b);
	}
}

/* Else a disk that was being read would never be looked at again. */
static void a_job_of_a_hand_over_that_failed_is_not_lost(void **state)
{
	static const struct jobs_kind lists[JOB_KINDS] = {
		[JOB_PROBE] = {list_descriptors, keep_list, false}};
	struct boot *b = boot_with("root=LABEL=x");
	struct job job = {.kind = JOB_PROBE};

	(void)state;
	world.real_jobs = true;
	b->jobs.kinds = lists;
	assert_int_equal(jobs_start(&b->jobs, b, &job), 0);
	jobs_dismiss(&b->jobs);
	assert_int_equal(jobs_busy(&b->jobs, JOB_PROBE), 1);
	*listed = '\0';
	assert_int_equal(sources_wait(b, -1), 0);
	assert_int_not_equal(*listed, '\0');
	jobs_dismiss(&b->jobs);
	assert_int_equal(b->jobs.workers[0].pid, 0);
	boot_end(b);
}

/* The worker that has the device to read comes back with R. */
static void read_ends(struct boot *b, struct job_result *r)
{
	assert_int_equal(block_next(b), 0);
	b->devices->list[0].state = DEVICE_PROBING;
	r->generation = b->devices->list[0].generation;
	block_done(b, r);
	go_on(b);
}

/* A disk may have to start, and a path may be passive. */
static void a_disk_that_cannot_be_read_is_read_again_after_growing_pauses(void **state)
{
	static const int64_t pauses[] = {500, 1000, 2000, 4000, 8000, 10000, 10000, 10000};
	struct boot *b = boot_with("root=/dev/zza");
	struct job_result r = {.kind = JOB_PROBE, .name = "zza", .result = -EIO};

	(void)state;
	go_on(b);
	block_add(b, "zza", false);
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		read_ends(b, &r);
		assert_int_equal(b->flow.stage, STAGE_WAIT);
		assert_false(b->flow.failed);
		pass(b, pauses[i] - 1);
		assert_int_equal(block_next(b), -1);
		pass(b, 1);
	}
	block_add(b, "zza", false); /* it has changed: from the beginning */
	read_ends(b, &r);
	pass(b, 500);
	r.result = 0;
	snprintf(r.probe.type, sizeof(r.probe.type), "zzfs");
	read_ends(b, &r);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	boot_end(b);
}

/* Such as the root that somebody names at the prompt, or a mount of the root's fstab. */
static void when_something_else_is_wanted_unreadable_disks_are_read_at_once(void **state)
{
	struct boot *b = boot_with("root=/dev/zza");
	struct job_result r = {.kind = JOB_PROBE, .name = "zza", .result = -EIO};
	struct spec other;

	(void)state;
	spec_parse("LABEL=y", &other);
	go_on(b);
	block_add(b, "zza", false);
	for (int i = 0; i < 5; i++) {
		read_ends(b, &r);
		pass(b, 500 << i);
	}
	read_ends(b, &r);
	assert_int_equal(block_next(b), -1);
	block_want(b, &other);
	assert_int_equal(block_due(b), INT64_MAX);
	read_ends(b, &r);
	assert_int_equal(block_due(b), world.now + 500);
	boot_end(b);
}

static void a_disk_that_cannot_be_read_in_time_is_in_the_account(void **state)
{
	struct boot *b = boot_with("root=/dev/zza rd.timeout=5 panic=0");
	struct job_result r = {.kind = JOB_PROBE, .name = "zza", .result = -EIO};

	(void)state;
	go_on(b);
	block_add(b, "zza", false);
	read_ends(b, &r);
	pass(b, 4999);
	assert_false(b->flow.failed);
	pass(b, 3001);
	tells("but: zza is there and could not be read within 5 seconds (rd.timeout=)");
	r.result = 0; /* after all */
	snprintf(r.probe.type, sizeof(r.probe.type), "zzfs");
	read_ends(b, &r);
	assert_false(b->flow.failed);
	boot_end(b);
}

static void a_second_try_waits_for_other_candidates_too(void **state)
{
	struct boot *b = boot_with("root=LABEL=x panic=0");
	struct job_result r = {
		.kind = JOB_PROBE, .name = "zzb", .probe = {.type = "zzfs", .label = "x"}};

	(void)state;
	block_add(b, "zza", false); /* it is not read yet */
	block_add(b, "zzb", false);
	b->devices->list[1].state = DEVICE_PROBING;
	r.generation = b->devices->list[1].generation;
	block_done(b, &r);
	go_on(b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(b->flow.stage, STAGE_WAIT);
		pass(b, 999);
		assert_int_equal(b->flow.stage, STAGE_WAIT);
		pass(b, 1);
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		job_ends(b, -EINVAL, "mounting: no");
		assert_true(b->flow.failed);
		try_again(b);
	}
	boot_end(b);
}

static void the_account_names_the_time_of_the_last_wait(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.timeout=5 panic=0");

	(void)state;
	b->start = world.now;
	go_on(b);
	for (int i = 0; i < 2; i++) {
		pass(b, 8001);
		tells("it did not appear within 5 seconds (rd.timeout=)");
		pass(b, 20000);
		b->flow.limited_by = "something else";
		try_again(b);
		pass(b, 3000);
		tells("more seconds (rd.timeout=)");
	}
	boot_end(b);
}

static void what_needs_no_memory_is_taken_without_any(void **state)
{
	struct boot *b = boot_with("root=LABEL=x");
	char text[] = "load=zzmodule\nkernel=6.1.0\ncmdline=quiet\n";

	(void)state;
	world.memory_is_out = true;
	settings_parse(b, text);
	world.memory_is_out = false;
	tells("too little memory");
	assert_int_equal(b->settings.n_loads, 0);
	assert_string_equal(b->settings.kernel, "6.1.0");
	assert_string_equal(b->settings.embedded, "quiet ");
	boot_end(b);
}

/* Three times in its seconds; and no more after the end. */
static void a_watchdog_is_fed_in_time(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.watchdog=30");
	unsigned n = 0;

	(void)state;
	*b->watchdog = (struct watchdog){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
					 .seconds = 30,
					 .next = world.now,
					 .state = WATCHDOG_FED};
	for (int i = 0; i < 1000; i++) {
		assert_between(watchdog_due(b), world.now, world.now + 10000);
		world.now = watchdog_due(b);
		watchdog_tick(b, world.now);
	}
	for (const char *s = recorder_calls(); (s = strstr(s, "feed ")); s++)
		n++;
	assert_int_equal(n, 1000);
	assert_int_equal(world.now, START + 999 * 10000);
	watchdog_leave(b);
	assert_int_equal(b->watchdog->fd, -1);
	assert_true(watchdog_due(b) == INT64_MAX);
	boot_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_boot_goes_from_the_device_to_the_init),
		cmocka_unit_test(what_ends_after_its_stage_is_not_taken_for_another),
		cmocka_unit_test(only_devices_are_compared_with_what_was_probed),
		cmocka_unit_test(types_are_tried_one_after_the_other),
		cmocka_unit_test(a_mount_that_says_estale_is_a_failure_and_no_other_device),
		cmocka_unit_test(a_device_that_is_another_one_each_time_ends_the_boot),
		cmocka_unit_test(waiting_is_told_after_three_seconds_and_then_every_ten),
		cmocka_unit_test(pid_1_sleeps_while_it_waits),
		cmocka_unit_test(the_limit_is_what_the_command_line_says),
		cmocka_unit_test(a_question_holds_up_the_limit),
		cmocka_unit_test(other_questions_and_limits_go_on),
		cmocka_unit_test(a_wait_for_what_will_not_come_is_short),
		cmocka_unit_test(a_question_that_nobody_can_see_holds_nothing_up),
		cmocka_unit_test(pid_1_sleeps_after_a_deadline),
		cmocka_unit_test(a_late_result_does_not_end_a_later_task),
		cmocka_unit_test(a_deadline_that_passes_before_the_sleep_is_not_missed),
		cmocka_unit_test(what_the_check_notes_is_told_by_pid_1),
		cmocka_unit_test(a_firmware_that_does_not_answer_holds_nothing_up_for_ever),
		cmocka_unit_test(a_firmware_that_does_not_answer_is_waited_for_ten_seconds),
		cmocka_unit_test(a_firmware_is_asked_again_in_a_second_try),
		cmocka_unit_test(a_root_that_is_there_is_delayed_all_the_same),
		cmocka_unit_test(what_is_waited_for_is_logged_whole),
		cmocka_unit_test(mounting_has_no_limit),
		cmocka_unit_test(a_disk_that_comes_after_the_account_is_taken),
		cmocka_unit_test(the_next_root_is_tried_when_one_has_not_appeared),
		cmocka_unit_test(a_fallback_is_read_when_it_is_tried),
		cmocka_unit_test(when_no_fallback_appears_the_root_itself_is_wanted),
		cmocka_unit_test(a_fallback_that_is_not_usable_is_passed_over),
		cmocka_unit_test(when_no_fallback_is_usable_the_root_itself_is_wanted),
		cmocka_unit_test(usr_is_on_the_fallback_where_it_is_on_the_root),
		cmocka_unit_test(without_a_time_limit_no_fallback_is_tried),
		cmocka_unit_test(a_device_that_is_released_after_the_account_is_taken),
		cmocka_unit_test(after_another_failure_no_disk_changes_anything),
		cmocka_unit_test(the_machine_reboots_once_when_its_time_is_over),
		cmocka_unit_test(a_root_that_does_not_take_over_gives_one_account),
		cmocka_unit_test(a_hand_over_that_was_undone_leaves_the_shell),
		cmocka_unit_test(a_root_with_a_name_that_is_too_long_is_refused),
		cmocka_unit_test(a_process_that_cannot_be_made_is_tried_again),
		cmocka_unit_test(when_that_does_not_end_there_is_an_account),
		cmocka_unit_test(no_process_at_all_is_no_reason_to_spin),
		cmocka_unit_test(an_event_of_what_was_given_up_is_dropped),
		cmocka_unit_test(a_worker_that_dies_is_the_failure_of_its_job),
		cmocka_unit_test(a_worker_holds_no_descriptor_of_pid_1),
		cmocka_unit_test(a_job_of_a_hand_over_that_failed_is_not_lost),
		cmocka_unit_test(disks_that_hang_leave_places_for_other_work),
		cmocka_unit_test(disks_that_hang_give_way_to_others),
		cmocka_unit_test(disks_that_hang_in_the_kernel_give_way_to_others),
		cmocka_unit_test(processes_that_are_given_up_are_counted),
		cmocka_unit_test(a_disk_that_hangs_does_not_keep_late_modules_back),
		cmocka_unit_test(a_disk_that_cannot_be_read_is_read_again_after_growing_pauses),
		cmocka_unit_test(when_something_else_is_wanted_unreadable_disks_are_read_at_once),
		cmocka_unit_test(a_disk_that_cannot_be_read_in_time_is_in_the_account),
		cmocka_unit_test(a_second_try_waits_for_other_candidates_too),
		cmocka_unit_test(the_account_names_the_time_of_the_last_wait),
		cmocka_unit_test(what_needs_no_memory_is_taken_without_any),
		cmocka_unit_test(a_watchdog_is_fed_in_time),
	};

	return RUN_TESTS(tests);
}
