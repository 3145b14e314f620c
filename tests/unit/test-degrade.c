/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When boot parts are told to do with less: in which waits, after which time, and how often.
 */

#include <stdio.h>

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
		assert_int_equal(parts_due(f.boot), cases[i / 2].due);
		if (i % 2) { /* it ends before: the root is waited for since then, too */
			world.is_over = true;
			assert_false(is_degraded(&f, 150000));
			assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_to_do_with_less_comes_once_in_each_wait),
		cmocka_unit_test(the_wait_for_a_hibernated_machine_counts_from_the_start),
		cmocka_unit_test(what_covers_the_root_is_waited_for_in_the_same_way),
		cmocka_unit_test(a_stage_without_a_limit_is_no_wait_for_devices),
		cmocka_unit_test(a_filesystem_that_must_be_mounted_is_waited_for_as_the_root_is),
	};

	return RUN_TESTS(tests);
}
