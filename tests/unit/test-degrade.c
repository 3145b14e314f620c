/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When boot parts are told to do with less: in which waits, after which time, and how often.
 */

#include <stdio.h>

#include "format/ours/degraded.h"
#include "init/rescue/rescue.h"
#include "init/stages.h"
#include "made_up.h"
#include "support.h"

/* What was said of it by AT; each is only logged once. */
static bool is_degraded(struct fixture *f, int64_t at)
{
	world.now = at;
	stages_advance(f->boot);
	stages_tick(f->boot, world.now);
	return strstr(said(), "degrade\n");
}

static void the_time_to_do_with_less_comes_once_in_each_wait(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1 rd.timeout=90");
	said();
	assert_int_equal(parts_due(f.boot), 160000); /* two thirds of the time */
	assert_false(is_degraded(&f, 159999));
	assert_true(is_degraded(&f, 160000));
	assert_false(is_degraded(&f, 160000));
	assert_int_equal(parts_due(f.boot), INT64_MAX);
	parts_retry(f.boot);
	assert_string_equal(said(), "retry\n");
	/* Another wait has its own time. */
	world.now = 500000;
	flow_go(f.boot, STAGE_WAIT);
	assert_false(is_degraded(&f, 500000));
	assert_int_equal(parts_due(f.boot), 560000);
	parts_leave(f.boot);
	assert_string_equal(said(), "leave\n");
}

/* An array may hold both swap with an image of the machine, and the root. */
static void the_wait_for_a_hibernated_machine_counts_from_the_start(void **state)
{
	static const struct {
		const char *cmdline;
		int64_t due;
	} cases[] = {{"root=UUID=1 rd.waiting rd.timeout=90", 160000},
		     {"root=UUID=1 rd.waiting rootwait", 220000}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\nfeature=waiting\n", cases[i / 2].cmdline);
		said();
		assert_int_equal(f.boot->flow.stage, STAGE_RESUME);
		assert_true(part_may_resume(f.part));
		assert_int_equal(parts_due(f.boot), cases[i / 2].due);
		if (i % 2) { /* it ends before: the root is waited for since then, too */
			world.is_over = true;
			assert_false(is_degraded(&f, 150000));
			assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
			assert_false(part_may_resume(f.part));
			assert_int_equal(parts_due(f.boot), cases[i / 2].due);
		}
		assert_false(is_degraded(&f, cases[i / 2].due - 1));
		assert_true(is_degraded(&f, cases[i / 2].due));
		world.is_over = true;
		assert_false(is_degraded(&f, cases[i / 2].due + 1));
		assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
		/* When the boot is tried again, it is a wait of its own. */
		world.is_over = false;
		world.now = 900000;
		flow_go(f.boot, STAGE_RESUME);
		stages_advance(f.boot);
		assert_int_equal(parts_due(f.boot), 900000 + cases[i / 2].due - 100000);
	}
}

static void what_covers_the_root_is_waited_for_in_the_same_way(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=waiting\n", "root=UUID=1 rd.timeout=90");
	((struct made_up_state *)f.boot->parts->list[1].state)->word = true;
	said();
	world.now = 130000;
	flow_go(f.boot, STAGE_OVERLAY_WAIT);
	assert_false(is_degraded(&f, 189999));
	assert_int_equal(parts_due(f.boot), 190000);
	assert_true(is_degraded(&f, 190000));
	assert_int_equal(f.boot->flow.stage, STAGE_OVERLAY_WAIT);
}

/* A part may take its time over something else there, as a program does. */
static void a_stage_without_a_limit_is_no_wait_for_devices(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1 rd.timeout=90");
	for (int i = 0; i < STAGE_DONE; i++) {
		f.boot->flow.stage = i;
		assert_int_equal(parts_due(f.boot) < INT64_MAX,
				 i == STAGE_WAIT || i == STAGE_MOUNTS_WAIT);
	}
	f.boot->flow.stage = STAGE_WAIT;
}

/* /usr may be on an array, too. */
static void a_filesystem_that_must_be_mounted_is_waited_for_as_the_root_is(void **state)
{
	(void)state;
	for (unsigned optional = 0; optional < 2; optional++) {
		_cleanup_fixture_ struct fixture f;
		char fstab[] = "UUID=2 /usr ext4 defaults 0 0\n",
		     nofail[] = "UUID=2 /data ext4 nofail,x-initrd.mount 0 0\n";

		fixture_make(&f, "feature=madeup\n", "root=UUID=1 rd.timeout=90");
		mounts_parse(f.boot, optional ? nofail : fstab);
		assert_int_equal(f.boot->mounts->n, 1);
		world.now += 10000;
		flow_go(f.boot, STAGE_MOUNTS_WAIT);
		stages_advance(f.boot);
		assert_int_equal(f.boot->flow.stage, STAGE_MOUNTS_WAIT);
		said();
		stages_tick(f.boot, world.now);
		assert_null(strstr(said(), "degrade"));
		assert_int_equal(parts_due(f.boot), optional ? INT64_MAX : world.now + 60000);
		world.now += 60000;
		parts_tick(f.boot, world.now);
		parts_tick(f.boot, world.now);
		assert_string_equal(said(), optional ? "" : "degrade\n");
	}
}

/* ---- rd.degraded= ---- */

static void a_rule_has_a_kind_a_time_and_an_end(void **state)
{
	static const struct {
		const char *text, *kind;
		int64_t wait;
		bool fails;
	} cases[] = {
		{"wait:30s,then:start", "", 30000, false},
		{"wait:30,then:fail", "", 30000, true},
		{"wait:0", "", 0, false},
		{"then:start", "", -1, false},
		{"then:fail", "", -1, true},
		{"mdraid:wait:30s,then:start", "mdraid", 30000, false},
		{"mdraid:then:fail", "mdraid", -1, true},
		{"a-b_9:wait:86400s", "a-b_9", 86400000, false},
	};
	static const char *const wrong[] = {
		"", ":", "wait", "wait:", "wait:s", "wait:30m", "wait:30ss", "wait:-1", "wait:86401", "wait:30s,",
		"wait:30s,then:", "wait:30s,then:stop", "then:start,wait:30s", "then:fail ", "start", "mdraid",
		"mdraid:", ":then:fail", "a b:then:fail", "mdraid:wait:30s,wait:30s", "mdraid:md:then:fail",
		"wait:99999999999999999999,then:fail", "wait:30s;then:fail",
		"abcdefghijklmnopqrstuvwxyzabcdefghi:then:fail",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct degraded d;

		assert_true(degraded_parse(cases[i].text, &d));
		assert_string_equal(d.kind, cases[i].kind);
		assert_int_equal(d.wait, cases[i].wait);
		assert_int_equal(d.fails, cases[i].fails);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct degraded d = {.wait = 7};

		if (degraded_parse(wrong[i], &d))
			fail_msg("\"%s\" is taken", wrong[i]);
		assert_int_equal(d.wait, 7);
	}
}

/* Both times from the start of the wait. */
static void the_last_rule_that_fits_counts(void **state)
{
	static const struct {
		const char *rules;
		int64_t first, second; /* 0: never */
	} cases[] = {
		{"", 60, 60},
		{"rd.degraded=wait:30s,then:start", 30, 30},
		{"rd.degraded=wait:0", 0, 0},
		{"rd.degraded=wait:30 rd.degraded=then:start", 60, 60},
		{"rd.degraded=second:wait:30s", 60, 30},
		{"rd.degraded=wait:30s rd.degraded=second:wait:40s", 30, 40},
		{"rd.degraded=second:wait:40s rd.degraded=wait:30s", 30, 30},
		{"rd.degraded=then:fail", -1, -1},
		{"rd.degraded=second:then:fail", 60, -1},
		{"rd.degraded=then:fail rd.degraded=madeup:wait:20s,then:start", 20, -1},
		{"rd.degraded=wait:20s,then:fail", -1, -1}, /* see below */
		{"rd.degraded=wait:20s rd.degraded=nonsense rd.degraded=other:wait:1s", 20, 20},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		int64_t first = -1, second = -1;
		char cmdline[256];

		snprintf(cmdline, sizeof(cmdline), "root=UUID=1 rd.timeout=90 %s", cases[i].rules);
		fixture_make(&f, "feature=madeup\nfeature=second\n", cmdline);
		for (int64_t s = 0; s < 90; s++) {
			const char *text;

			world.now = 100000 + s * 1000;
			said();
			stages_tick(f.boot, world.now);
			text = said();
			first = strstr(text, "degrade\n") ? s : first;
			second = strstr(text, "degrade the second\n") ? s : second;
		}
		if (first != cases[i].first || second != cases[i].second)
			fail_msg("%s: %lld %lld", cases[i].rules, (long long)first, (long long)second);
	}
}

static void of_many_rules_the_last_ones_are_kept(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char cmdline[1024] = "root=UUID=1 rd.degraded=second:wait:5s";

	(void)state;
	for (int i = 0; i < PARAMS_LISTS_MAX; i++)
		strcat(cmdline, " rd.degraded=madeup:wait:7s");
	strcat(cmdline, " rd.degraded=madeup:wait:6s");
	fixture_make(&f, "feature=madeup\nfeature=second\n", cmdline);
	assert_int_equal(parts_due(f.boot), 106000);
}

static void a_rule_without_effect_is_named(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1 rd.degraded rd.degraded=30 rd.degraded=second:then:fail "
					      "rd.degraded=wait:30s,then:start");
	assert_string_equal(said(),
			    "begin\nrd.degraded= has no effect: it is [KIND:][wait:SECONDS,]then:start or then:fail\n"
			    "rd.degraded=30 has no effect: it is [KIND:][wait:SECONDS,]then:start or then:fail\n");
}

/* Whoever wants it to fail is not kept waiting. */
static void a_wait_ends_early_where_less_is_not_enough(void **state)
{
	(void)state;
	for (unsigned lacks = 0; lacks < 2; lacks++) {
		_cleanup_fixture_ struct fixture f;
		const char *text;

		fixture_make(&f, "feature=madeup\n", "root=UUID=1 rootwait rd.degraded=wait:30s,then:fail");
		assert_string_equal(part_is_strict(f.part), "wait:30s,then:fail");
		world.claim = PART_HOLDS;
		if (lacks)
			appears(&f, "zza", "crypto_LUKS", "crypto", "1");
		said();
		assert_int_equal(parts_due(f.boot), 130000);
		world.now = 130000;
		stages_advance(f.boot);
		stages_tick(f.boot, world.now);
		text = said();
		assert_null(strstr(text, "degrade\n"));
		assert_int_equal(!!strstr(text, "LUKS to be unlocked; by rd.degraded=wait:30s,then:fail the wait "
						"is over\n"), lacks);
		assert_int_equal(stages_due(f.boot) == world.now + 1, lacks);
		world.now++;
		stages_advance(f.boot);
		assert_int_equal(f.boot->flow.failed, lacks);
		assert_false(part_is_running_out(f.part));
		if (!lacks)
			continue;
		/* It comes after all. */
		assert_true(f.boot->flow.is_missing);
		rescue_tick(f.boot, world.now);
		assert_int_equal(parts_due(f.boot), INT64_MAX);
		is_degraded(&f, 400000);
		assert_null(strstr(said(), "degrade"));
	}
}

/* One member comes after the other, or what is being started fails. */
static void what_lacks_something_later_has_a_little_time(void **state)
{
	(void)state;
	for (unsigned comes = 0; comes < 2; comes++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", "root=UUID=1 rootwait rd.degraded=wait:30s,then:fail");
		world.claim = PART_HOLDS;
		world.is_starting = true;
		appears(&f, "zza", "crypto_LUKS", "crypto", "1");
		for (int64_t now = 130000; now < 200000; now += 5000)
			assert_false(is_degraded(&f, now));
		world.is_starting = false;
		is_degraded(&f, 200000);
		is_degraded(&f, 205000);
		is_degraded(&f, 209999);
		assert_int_equal(f.boot->flow.deadline, PARAMS_FOREVER);
		if (comes)
			((struct made_up_state *)f.part->state)->held.generation = 0;
		is_degraded(&f, 210000);
		is_degraded(&f, 210001);
		assert_int_equal(f.boot->flow.failed, !comes);
	}
}

/* The boot would go on without these, and may do harm: they are waited for as ever. */
static void a_hibernated_machine_is_not_given_up_earlier(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=waiting\n",
		     "root=UUID=1 rd.waiting rd.timeout=90 rd.degraded=wait:30s,then:fail");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	assert_int_equal(f.boot->flow.stage, STAGE_RESUME);
	assert_false(is_degraded(&f, 189999));
	assert_int_equal(f.boot->flow.stage, STAGE_RESUME);
	/* The time is over for the root then. */
	assert_false(is_degraded(&f, 190000));
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	world.now++;
	stages_advance(f.boot);
	assert_true(f.boot->flow.failed);
}

static void what_is_to_be_waited_for_beyond_the_limit_may_come_after_it(void **state)
{
	(void)state;
	for (unsigned given = 0; given < 2; given++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n",
			     given ? "root=UUID=1 rd.timeout=90 rd.degraded=wait:120s"
				   : "root=UUID=1 rd.retry=0");
		world.now = 190000;
		stages_advance(f.boot);
		assert_true(f.boot->flow.is_missing);
		said();
		rescue_tick(f.boot, world.now);
		assert_int_equal(parts_due(f.boot), given ? 220000 : INT64_MAX);
		world.now = 220000;
		rescue_tick(f.boot, world.now);
		assert_int_equal(!!strstr(said(), "degrade\n"), given);
		assert_int_equal(part_is_running_out(f.part), given);
	}
}

static void time_is_running_out_until_the_wait_ends(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=waiting\n", "root=UUID=1 rd.waiting rd.degraded=wait:10s");
	assert_false(part_is_running_out(f.part));
	assert_true(is_degraded(&f, 110000));
	assert_true(part_is_running_out(f.part));
	world.is_over = true;
	stages_advance(f.boot);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_true(part_is_running_out(f.part)); /* the same one */
	flow_fail(f.boot, "");
	assert_true(part_is_running_out(f.part));
	f.boot->flow.failed = f.boot->flow.is_missing = false;
	f.boot->flow.stage = STAGE_FSCK;
	assert_false(part_is_running_out(f.part));
	world.now = 150000;
	f.boot->mounts->n = 1;
	flow_go(f.boot, STAGE_MOUNTS_WAIT);
	assert_false(part_is_running_out(f.part));
	flow_fail(f.boot, "");
	parts_retry(f.boot);
	assert_false(part_is_running_out(f.part));
}

static void some_do_with_less_only_on_request(void **state)
{
	static const struct {
		const char *cmdline;
		int64_t due;
	} cases[] = {
		{"", INT64_MAX},
		{" rd.degraded=madeup:wait:1,then:start", INT64_MAX},
		{" rd.degraded=then:fail", INT64_MAX},
		{" rd.degraded=then:start", 160000},
		{" rd.degraded=careful:wait:5,then:start", 105000},
		{" rd.degraded=careful:wait:5,then:start rd.degraded=then:fail", INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		char cmdline[256];

		snprintf(cmdline, sizeof(cmdline), "root=UUID=1 rd.timeout=90%s", cases[i].cmdline);
		fixture_make(&f, "feature=careful\n", cmdline);
		assert_int_equal(parts_due(f.boot), cases[i].due);
		said();
		world.now = 189999;
		stages_tick(f.boot, world.now);
		assert_int_equal(strstr(said(), "degrade the careful one\n") != NULL,
				 cases[i].due != INT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_a_kind_a_time_and_an_end),
		cmocka_unit_test(the_last_rule_that_fits_counts),
		cmocka_unit_test(of_many_rules_the_last_ones_are_kept),
		cmocka_unit_test(a_rule_without_effect_is_named),
		cmocka_unit_test(a_wait_ends_early_where_less_is_not_enough),
		cmocka_unit_test(what_lacks_something_later_has_a_little_time),
		cmocka_unit_test(a_hibernated_machine_is_not_given_up_earlier),
		cmocka_unit_test(what_is_to_be_waited_for_beyond_the_limit_may_come_after_it),
		cmocka_unit_test(time_is_running_out_until_the_wait_ends),
		cmocka_unit_test(the_time_to_do_with_less_comes_once_in_each_wait),
		cmocka_unit_test(the_wait_for_a_hibernated_machine_counts_from_the_start),
		cmocka_unit_test(what_covers_the_root_is_waited_for_in_the_same_way),
		cmocka_unit_test(a_stage_without_a_limit_is_no_wait_for_devices),
		cmocka_unit_test(a_filesystem_that_must_be_mounted_is_waited_for_as_the_root_is),
		cmocka_unit_test(some_do_with_less_only_on_request),
	};

	return RUN_TESTS(tests);
}
