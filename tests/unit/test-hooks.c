/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and the programs of drop-in features: which run when, and what their end means. And what
 * boot.conf says besides.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "init/boot.h"
#include "init/core/log.h"
#include "init/core/settings.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

enum { EXIT_3 = 3 << 8, PIPE = 2 };

struct fixture {
	struct boot *boot;
	char *text;
};

/* CONF: lines of boot.conf, after the one that opens the feature. */
static void fixture_make(struct fixture *f, const char *conf)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "feature=dropin\n%s", conf);
	*f = (struct fixture){recorder_boot(), strdup(buf_cstr(&text))};
	f->boot->sources.epoll = -1;
	f->boot->goal->fstype = "ext4,xfs";
	snprintf(f->boot->devices->list[0].name, sizeof(f->boot->devices->list[0].name), "vda1");
	f->boot->devices->list[0].generation = f->boot->goal->device.generation = 1;
	settings_parse(f->boot, f->text);
}

static void fixture_clear(struct fixture *f)
{
	for (size_t i = 0; i < f->boot->parts->n; i++)
		free(f->boot->parts->list[i].state);
	free(f->boot->settings.loads);
	free(f->boot);
	free(f->text);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

/* The programs of STAGE begin, or go on. */
static enum stage_step step(struct fixture *f, enum boot_stage stage)
{
	enum stage_step r;

	if (f->boot->flow.stage != stage)
		flow_go(f->boot, stage);
	r = stages[stage].step(f->boot);
	f->boot->flow.entered = true;
	return r;
}

static void boot_conf_is_obeyed(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "kernel=6.1\nload=a\nnew=x\nload=b\ncmdline=ro root=x\ncmdline=quiet\n"
			 "dropin.run=pre-mount 5 required /bin/x\ndropin.run=nonsense\n");
	assert_string_equal(f.boot->settings.kernel, "6.1");
	assert_int_equal(f.boot->settings.n_loads, 2);
	assert_string_equal(f.boot->settings.loads[1], "b");
	assert_string_equal(f.boot->settings.embedded, "ro root=x quiet ");
	recorder_start_with(100);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/x ");
}

static void too_many_kernel_parameters_are_left_out_as_a_whole(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char conf[2 * BOOTCONF_CMDLINE_MAX], word[BOOTCONF_CMDLINE_MAX];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	snprintf(conf, sizeof(conf), "cmdline=a=b\ncmdline=%s\ncmdline=c\n", word);
	fixture_make(&f, conf);
	assert_string_equal(f.boot->settings.embedded, "a=b c ");
	fixture_clear(&f);
	snprintf(conf, sizeof(conf), "cmdline=%s\ncmdline=c\n", word);
	fixture_make(&f, conf);
	assert_int_equal(strlen(f.boot->settings.embedded), BOOTCONF_CMDLINE_MAX);
}

static void too_many_programs_are_left_out(void **state)
{
	_cleanup_buf_ struct buf conf = BUF_INIT;
	_cleanup_fixture_ struct fixture f;
	char last[32];

	(void)state;
	for (int i = 0; i < BOOTCONF_RUNS_MAX + 3; i++)
		buf_printf(&conf, "dropin.run=pre-mount 1 required /%d\n", i);
	fixture_make(&f, buf_cstr(&conf));
	recorder_start_with(0);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	for (int i = 1; i < BOOTCONF_RUNS_MAX; i++) {
		program_reaped(f.boot, 0, 0); /* as the recorder numbers them */
		assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	}
	snprintf(last, sizeof(last), "spawn /%d ", BOOTCONF_RUNS_MAX - 1);
	assert_contains(recorder_calls(), last);
	program_reaped(f.boot, 0, 0);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	snprintf(last, sizeof(last), "spawn /%d ", BOOTCONF_RUNS_MAX);
	assert_null(strstr(recorder_calls(), last));
}

static void a_stage_without_programs_does_not_begin(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "dropin.run=pre-mount 5 required /bin/x\n");
	recorder_start_with(100);
	assert_int_equal(step(&f, STAGE_PRE_TRIGGER), STAGE_ENDS);
	assert_int_equal(step(&f, STAGE_PRE_PIVOT), STAGE_ENDS);
	assert_string_equal(recorder_calls() ? recorder_calls() : "", "");
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	program_reaped(f.boot, 100, 0);
	/* The root is looked for again; the programs of the stage do not run twice. */
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_ENDS);
}

static void programs_run_one_after_the_other(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "dropin.run=pre-mount 5 optional /bin/b\n"
			 "dropin.run=pre-pivot 5 optional /bin/p\n"
			 "dropin.run=pre-mount 5 required /bin/a\n");
	recorder_start_with(100, 200, 300);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_string_equal(recorder_calls(),
			    "spawn /bin/b NEWROOT=/sysroot PREROOT_STAGE=pre-mount "
			    "PREROOT_ROOT=/dev/vda1 PREROOT_FSTYPE=ext4\n");
	program_reaped(f.boot, 99, 0); /* some other child */
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	program_reaped(f.boot, 100, 0);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/a ");
	program_reaped(f.boot, 200, 0);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_null(strstr(recorder_calls(), "/bin/p"));
	assert_int_equal(step(&f, STAGE_PRE_PIVOT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/p ");
}

static void before_the_devices_there_is_no_root(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "dropin.run=pre-trigger 5 optional /bin/x\n");
	recorder_start_with(100);
	assert_int_equal(step(&f, STAGE_PRE_TRIGGER), STAGE_STAYS);
	assert_string_equal(recorder_calls(),
			    "spawn /bin/x NEWROOT=/sysroot PREROOT_STAGE=pre-trigger\n");
}

static void an_optional_one_may_fail_and_a_required_one_may_not(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(
		&f,
		"dropin.run=pre-mount 5 optional /bin/a\ndropin.run=pre-mount 5 optional /bin/b\n"
		"dropin.run=pre-mount 5 required /bin/c\ndropin.run=pre-mount 5 optional /bin/d\n");
	recorder_start_with(100, -ENOMEM, 300);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	program_reaped(f.boot, 100, SIGSEGV);
	/* The second cannot be started at all: the third runs. */
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/c ");
	assert_false(f.boot->flow.failed);
	program_reaped(f.boot, 300, EXIT_3);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_contains(f.boot->flow.failure, "/bin/c");
	assert_contains(f.boot->flow.failure, "status 3");
	assert_contains(f.boot->flow.failure, "pre-mount");
	assert_null(strstr(recorder_calls(), "/bin/d"));
}

static void a_required_one_stops_the_boot_at_each_stage(void **state)
{
	static const struct {
		enum boot_stage stage;
		const char *name;
	} cases[] = {{STAGE_PRE_TRIGGER, "pre-trigger"},
		     {STAGE_PRE_MOUNT, "pre-mount"},
		     {STAGE_POST_MOUNT, "post-mount"},
		     {STAGE_PRE_PIVOT, "pre-pivot"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_fixture_ struct fixture f;
		char conf[64];

		snprintf(conf, sizeof(conf), "dropin.run=%s 5 required /bin/a\n", cases[i].name);
		fixture_make(&f, conf);
		recorder_start_with(100);
		assert_int_equal(step(&f, cases[i].stage), STAGE_STAYS);
		program_reaped(f.boot, 100, EXIT_3);
		assert_int_equal(step(&f, cases[i].stage), STAGE_MOVED);
		assert_contains(f.boot->flow.failure, cases[i].name);
	}
}

static void a_program_gets_its_own_arguments_and_no_other(void **state)
{
	_cleanup_buf_ struct buf conf = BUF_INIT;
	_cleanup_fixture_ struct fixture f;
	const char *calls;

	(void)state;
	buf_printf(&conf, "dropin.argument=early\ndropin.run=post-mount 5 required /bin/a\n"
			  "dropin.argument=/new root\ndropin.run=whenever 5 required /bin/b\n"
			  "dropin.argument=not-mine\n");
	fixture_make(&f, buf_cstr(&conf));
	recorder_start_with(100);
	assert_int_equal(step(&f, STAGE_POST_MOUNT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/a /new root NEWROOT");
	fixture_clear(&f);
	buf_clear(&conf);
	buf_printf(&conf, "dropin.run=post-mount 5 required /bin/a\n");
	for (int i = 0; i < BOOTCONF_ARGUMENTS_MAX + 1; i++)
		buf_printf(&conf, "dropin.argument=%d\n", i);
	fixture_make(&f, buf_cstr(&conf));
	recorder_start_with(100);
	assert_int_equal(step(&f, STAGE_POST_MOUNT), STAGE_STAYS);
	calls = recorder_calls();
	assert_contains(calls, "spawn /bin/a 0 1 2 3 4 5 6 7 NEWROOT");
}

static void after_a_failure_its_stage_begins_again(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "dropin.run=pre-trigger 5 optional /bin/t\n"
			 "dropin.run=pre-mount 5 required /bin/a\n");
	parts_begin(f.boot);
	recorder_start_with(100, 200, 300);
	assert_int_equal(step(&f, STAGE_PRE_TRIGGER), STAGE_STAYS);
	program_reaped(f.boot, 100, 0);
	assert_int_equal(step(&f, STAGE_PRE_TRIGGER), STAGE_ENDS);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	program_reaped(f.boot, 200, EXIT_3);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_contains(f.boot->flow.hint, "required=no");
	parts_retry(f.boot);
	f.boot->flow.failed = false;
	assert_int_equal(step(&f, STAGE_PRE_TRIGGER), STAGE_ENDS);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	program_reaped(f.boot, 300, 0);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_false(f.boot->flow.failed);
}

static void a_required_one_that_cannot_be_started_fails(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "dropin.run=pre-mount 5 required /bin/a\n");
	recorder_start_with(-ENOMEM);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	assert_contains(f.boot->flow.failure, "cannot be started");
}

static void one_that_hangs_is_killed_and_left_behind(void **state)
{
	_cleanup_fixture_ struct fixture f;
	int64_t now = log_now();

	(void)state;
	fixture_make(&f, "dropin.run=pre-mount 30 optional /bin/a\ndropin.run=pre-mount 5 optional "
			 "/bin/b\n");
	recorder_start_with(100, 0, 200);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_between(program_due(f.boot), now + 3000, now + 4000);
	program_tick(f.boot, now + 2900);
	assert_between(program_due(f.boot), now + 3000, now + 4000);
	program_tick(f.boot, now + 11000);
	assert_between(program_due(f.boot), now + 21000, now + 21000);
	program_tick(f.boot, now + 22000);
	assert_between(program_due(f.boot), now + 30000, now + 31000);
	assert_null(strstr(recorder_calls(), "/bin/b"));
	program_tick(f.boot, now + 31000);
	assert_contains(recorder_calls(), "kill -100 9\n");
	assert_true(program_is_dying(f.boot));
	/* It is not waited for; when it ends after all, that means nothing. */
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_contains(recorder_calls(), "spawn /bin/b ");
	program_reaped(f.boot, 100, SIGKILL);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS); /* the second still runs */
	assert_false(program_is_dying(f.boot));
}

static void output_is_taken_until_the_end(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char big[2 * PROGRAM_LINE_MAX];
	int ends[PIPE];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	fixture_make(&f, "dropin.run=pre-mount 5 optional /bin/a\n");
	recorder_start_with(100);
	recorder.output = ends[0];
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_STAYS);
	assert_int_equal(write(ends[1], "one\ntw", 6), 6);
	program_output(f.boot);
	assert_int_equal(f.boot->programs.list[0].line_len, 2);
	assert_int_equal(write(ends[1], big, sizeof(big)), sizeof(big));
	assert_int_equal(write(ends[1], "\n\nend", 5), 5);
	program_output(f.boot);
	assert_true(f.boot->programs.list[0].line_len < PROGRAM_LINE_MAX);
	/* The end of the program is the end of its output, even if a child of it lives on. */
	program_reaped(f.boot, 100, 0);
	assert_int_equal(f.boot->programs.list[0].fd, -1);
	assert_int_equal(fcntl(ends[0], F_GETFD), -1);
	program_output(f.boot);
	assert_int_equal(step(&f, STAGE_PRE_MOUNT), STAGE_MOVED);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_conf_is_obeyed),
		cmocka_unit_test(too_many_kernel_parameters_are_left_out_as_a_whole),
		cmocka_unit_test(too_many_programs_are_left_out),
		cmocka_unit_test(a_stage_without_programs_does_not_begin),
		cmocka_unit_test(programs_run_one_after_the_other),
		cmocka_unit_test(before_the_devices_there_is_no_root),
		cmocka_unit_test(an_optional_one_may_fail_and_a_required_one_may_not),
		cmocka_unit_test(a_required_one_stops_the_boot_at_each_stage),
		cmocka_unit_test(a_program_gets_its_own_arguments_and_no_other),
		cmocka_unit_test(after_a_failure_its_stage_begins_again),
		cmocka_unit_test(a_required_one_that_cannot_be_started_fails),
		cmocka_unit_test(one_that_hangs_is_killed_and_left_behind),
		cmocka_unit_test(output_is_taken_until_the_end),
	};

	return RUN_TESTS(tests);
}
