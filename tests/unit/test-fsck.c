/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and the check of a filesystem: when there is one, how it is called, what its end means.
 * The checker is only recorded; that one exists is looked up on this machine (e2fsprogs).
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "init/boot.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

enum { PID = 100, WRITE_END = 1 };

static struct {
	struct job job; /* the last one */
	bool has_job;
	int held; /* result of the one that holds the device */
} world;

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	(void)j, (void)boot;
	world.job = *job;
	world.has_job = true;
	return 0;
}

static struct boot *boot_with(const char *cmdline)
{
	struct boot *b = recorder_boot();

	b->sources.epoll = b->events->netlink = -1;
	jobs_init(&b->jobs, &b->sources, rooms_jobs);
	parts_open(b, "fsck");
	params_parse(&b->params, cmdline, strlen(cmdline));
	block_add(b, "zza1", true);
	b->goal->device = block_ref(b, 0);
	world.held = 0;
	return b;
}

static void boot_end(struct boot *b)
{
	free(b->parts->list[0].state);
	free(b);
}

/* One step at STAGE; a worker that is to hold the device does so at once. */
static enum stage_step step_at(struct boot *b, enum boot_stage stage)
{
	enum stage_step step;

	if (b->flow.stage != stage)
		flow_go(b, stage);
	world.has_job = false;
	step = stages[stage].step(b);
	b->flow.entered = true;
	if (world.has_job && step == STAGE_STAYS) {
		struct job_result r = {.kind = JOB_PART,
				       .ticket = world.job.ticket,
				       .part = world.job.part,
				       .tag = world.job.tag,
				       .result = world.held};

		jobs_done(b, &r);
		step = stages[stage].step(b);
	}
	return step;
}

/* The check of the root device, which holds a filesystem of TYPE: once more. */
static enum stage_step check(struct boot *b, const char *type)
{
	b->goal->fstype = type;
	return step_at(b, STAGE_FSCK);
}

/* What is started for CMDLINE, "" when nothing is. */
static const char *started(const char *cmdline, const char *type)
{
	struct boot *b = boot_with(cmdline);
	enum stage_step step;

	recorder_start_with(PID);
	step = check(b, type);
	assert_int_equal(step, recorder.calls.len ? STAGE_STAYS : STAGE_ENDS);
	boot_end(b);
	return recorder.calls.len ? recorder_calls() : "";
}

static void the_command_line_decides_how_it_is_checked(void **state)
{
	static const struct {
		const char *cmdline, *call;
	} cases[] = {
		{"", "fsck.ext4 -p -C1 /dev/zza1\n"},
		{"fsck.mode=auto fsck.repair=preen", "fsck.ext4 -p -C1 /dev/zza1\n"},
		{"fsck.mode=force", "fsck.ext4 -p -f -C1 /dev/zza1\n"},
		{"forcefsck fsck.repair=yes", "fsck.ext4 -y -f -C1 /dev/zza1\n"},
		{"fsckfix", "fsck.ext4 -y -C1 /dev/zza1\n"},
		{"fsck.repair=no", "fsck.ext4 -n -C1 /dev/zza1\n"},
		{"fsck.mode=skip", ""},
		{"fastboot", ""},
		{"rd.skipfsck", ""},
		{"rd.skipfsck=1", ""},
		{"rd.skipfsck=0", "fsck.ext4 -p -C1 /dev/zza1\n"},
		{"fastboot fsck.mode=auto", "fsck.ext4 -p -C1 /dev/zza1\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *call = started(cases[i].cmdline, "ext4");

		if (*cases[i].call ? !strstr(call, cases[i].call) : *call)
			fail_msg("[%s] starts %s", cases[i].cmdline, call);
	}
	/* Their drivers do it, or there is nothing to check. */
	assert_string_equal(started("fsck.mode=force", "xfs"), "");
	assert_string_equal(started("fsck.mode=force", "btrfs"), "");
	assert_string_equal(started("fsck.mode=force", "squashfs"), "");
}

/* The step after the checker has ended with the STATUS of waitpid(2). */
static enum stage_step after(struct boot *b, int status)
{
	recorder_start_with(PID, -EPERM);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	program_reaped(b, PID, status);
	return check(b, "ext4");
}

/* The root's own init learns that it need not check again. */
static bool is_clean(void)
{
	return strstr(recorder_calls(), "mkdir /run/initramfs") != NULL;
}

static void its_end_decides_how_the_boot_goes_on(void **state)
{
	static const struct {
		int status;
		bool may_be_mounted, clean, reboots;
	} cases[] = {
		{0, true, true, false},		{1 << 8, true, true, false},
		{2 << 8, false, false, true},	{3 << 8, false, false, true},
		{4 << 8, false, false, false},	{5 << 8, false, false, false},
		{6 << 8, false, false, true},	{8 << 8, true, false, false},
		{127 << 8, true, false, false}, /* it could not be started */
		{SIGSEGV, true, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with("root=/dev/zza1");
		enum stage_step step;

		b->events->triggered = true; /* no walk over this machine's devices */
		step = after(b, cases[i].status);
		if (step != (cases[i].may_be_mounted ? STAGE_ENDS : STAGE_MOVED) ||
		    is_clean() != cases[i].clean ||
		    (strstr(recorder_calls(), "reboot") != NULL) != cases[i].reboots)
			fail_msg("status %x: step %d, clean %d, %s", (unsigned)cases[i].status,
				 step, is_clean(), recorder_calls());
		boot_end(b);
	}
}

static void errors_that_are_left_are_told_with_what_to_type(void **state)
{
	struct boot *b = boot_with("root=/dev/zza1");

	(void)state;
	b->events->triggered = true;
	after(b, 4 << 8);
	assert_contains(b->flow.failure, "zza1");
	assert_contains(b->flow.failure, "fsck.repair=yes");
	boot_end(b);
	b = boot_with("root=/dev/zza1 fsck.repair=yes");
	b->events->triggered = true;
	after(b, 4 << 8);
	assert_contains(b->flow.failure, "fsck.mode=skip");
	boot_end(b);
}

static void errors_on_what_may_be_missing_do_not_end_the_boot(void **state)
{
	static const char *const lines[] = {"/dev/zza1 /data ext4 x-initrd.mount 0 2",
					    "/dev/zza1 /data ext4 nofail,x-initrd.mount 0 2",
					    "/dev/zza1 /usr ext4 nofail 0 2"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct boot *b = boot_with("root=LABEL=x");
		bool may_be_missing = i == 1;
		char fstab[100];

		strcpy(fstab, lines[i]);
		mounts_parse(b, fstab);
		b->mounts->device = b->goal->device;
		b->goal->device = (struct device_ref){0};
		strcpy(b->mounts->type, "ext4");
		recorder_start_with(PID);
		assert_int_equal(step_at(b, STAGE_MOUNTS_FSCK), STAGE_STAYS);
		program_reaped(b, PID, 4 << 8);
		assert_int_equal(step_at(b, STAGE_MOUNTS_FSCK), STAGE_MOVED);
		assert_int_equal(b->flow.failed, !may_be_missing);
		assert_int_equal(b->mounts->next, may_be_missing);
		if (!may_be_missing)
			assert_contains(b->flow.failure, "the check of zza1 left errors");
		boot_end(b);
	}
}

static void the_check_of_a_device_that_was_pulled_out_decides_nothing(void **state)
{
	struct boot *b = boot_with("root=/dev/zza1");

	(void)state;
	recorder_start_with(PID);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	block_remove(b, "zza1");
	block_add(b, "zza1", true);
	program_reaped(b, PID, 4 << 8);
	assert_int_equal(check(b, "ext4"), STAGE_ENDS);
	assert_false(is_clean());
	recorder_start_with(0);
	assert_int_equal(check(b, "ext4"), STAGE_ENDS);
	assert_int_equal(recorder.calls.len, 0); /* and its successor is not checked */
	boot_end(b);
}

static void a_device_is_held_before_it_is_checked(void **state)
{
	static const int results[] = {0, -ESTALE, -EACCES};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		struct boot *b = boot_with("root=/dev/zza1");

		recorder_start_with(PID);
		world.held = results[i];
		assert_int_equal(check(b, "ext4"), results[i] ? STAGE_ENDS : STAGE_STAYS);
		assert_true(world.has_job);
		assert_int_equal(recorder.calls.len != 0, results[i] == 0);
		/* Another one now: it is not held any more, and is read again. */
		assert_int_equal(block_get(b, b->goal->device) == NULL, results[i] == -ESTALE);
		boot_end(b);
	}
}

static void a_device_that_is_another_one_each_time_ends_the_boot(void **state)
{
	struct boot *b = boot_with("root=/dev/zza1");

	(void)state;
	b->events->triggered = true; /* no walk over this machine's devices */
	for (int i = 0; i < 4; i++) {
		assert_false(b->flow.failed);
		flow_go(b, STAGE_FSCK);
		b->goal->device = block_ref(b, 0); /* found once more */
		world.held = -ESTALE;
		assert_int_equal(check(b, "ext4"), i < 3 ? STAGE_ENDS : STAGE_MOVED);
	}
	assert_string_equal(b->flow.failure, "it is another device each time it is opened");
	boot_end(b);
}

/* The checker of an earlier try may still run: its end says nothing of another device. */
static void the_check_of_one_device_is_not_taken_for_that_of_another(void **state)
{
	struct boot *b = boot_with("root=/dev/zza1");

	(void)state;
	b->events->triggered = true; /* no walk over this machine's devices */
	recorder_start_with(PID, PID + 1);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	block_add(b, "zzb1", true);
	b->goal->device = block_ref(b, 1);
	parts_retry(b);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	assert_null(strstr(recorder_calls(), "/dev/zzb1"));
	program_reaped(b, PID, 4 << 8);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	assert_false(b->flow.failed);
	assert_contains(recorder_calls(), "-C1 /dev/zzb1");
	program_reaped(b, PID + 1, 0);
	assert_int_equal(check(b, "ext4"), STAGE_ENDS);
	boot_end(b);
}

static void progress_is_shown_and_not_logged(void **state)
{
	static const char text[] = "1 50 200 /dev/zza1\nhello\n3 7 0 /dev/zza1\n9 9\n";
	struct boot *b = boot_with("root=/dev/zza1");
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	recorder_start_with(PID);
	recorder.output = ends[0];
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	assert_int_equal(write(ends[WRITE_END], text, sizeof(text) - 1), sizeof(text) - 1);
	program_output(b);
	assert_string_equal(b->programs.list[0].progress, "pass 1, 25%");
	program_reaped(b, PID, 0);
	close(ends[WRITE_END]);
	boot_end(b);
}

static void there_is_no_time_limit(void **state)
{
	struct boot *b = boot_with("root=/dev/zza1");

	(void)state;
	recorder_start_with(PID);
	assert_int_equal(check(b, "ext4"), STAGE_STAYS);
	program_tick(b, INT64_MAX / 2);
	assert_int_equal(b->programs.list[0].state, PROGRAM_RUNS);
	assert_null(strstr(recorder_calls(), "kill"));
	boot_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_line_decides_how_it_is_checked),
		cmocka_unit_test(its_end_decides_how_the_boot_goes_on),
		cmocka_unit_test(errors_that_are_left_are_told_with_what_to_type),
		cmocka_unit_test(errors_on_what_may_be_missing_do_not_end_the_boot),
		cmocka_unit_test(the_check_of_a_device_that_was_pulled_out_decides_nothing),
		cmocka_unit_test(a_device_is_held_before_it_is_checked),
		cmocka_unit_test(a_device_that_is_another_one_each_time_ends_the_boot),
		cmocka_unit_test(the_check_of_one_device_is_not_taken_for_that_of_another),
		cmocka_unit_test(progress_is_shown_and_not_logged),
		cmocka_unit_test(there_is_no_time_limit),
	};

	return RUN_TESTS(tests);
}
