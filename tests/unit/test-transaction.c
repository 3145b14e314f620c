/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A rebuild as a call: facts in, outcome out, steps in between; and what is asked of a plan first.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/lock.h"
#include "support.h"
#include "transaction/judge.h"
#include "transaction/pack.h"
#include "transaction/rebuild.h"

struct fixture {
	char *folder;
	struct root root;
	struct arena arena;
	struct runlog log;
	struct request given;
	struct config_places places;
	struct buf key, told;
	struct err err;
};

static void tell(const struct step *step, void *arg)
{
	struct fixture *f = arg;

	buf_printf(&f->told, "%d %s ", step->kind, step->kernel ? step->kernel : "-");
}

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){.folder = make_folder(), .given = {.init = "/nonexistent"}};
	assert_ok(root_open(f->folder, &f->root, &f->err), 0, &f->err);
	assert_int_equal(mkdirat(f->root.fd, "boot", 0755), 0);
	runlog_open(&f->log, &f->root);
}

static void fixture_clear(struct fixture *f)
{
	runlog_close(&f->log);
	root_close(&f->root);
	arena_clear(&f->arena);
	buf_clear(&f->told);
	remove_folder(f->folder);
}
#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static struct rebuild_request request_of(struct fixture *f)
{
	return (struct rebuild_request){.t = {.root = &f->root,
					      .given = &f->given,
					      .places = &f->places,
					      .reuse = {.key = &f->key},
					      .tell = tell,
					      .arg = f},
					.mode = REBUILD_MODE,
					.log = &f->log};
}

static void each_kernel_is_told_and_the_others_go_on(void **state)
{
	static const char *const versions[] = {"1.0", "2.0"};
	_cleanup_fixture_ struct fixture f;
	struct rebuild_outcome out;
	struct rebuild_request q;
	char expected[64];

	(void)state;
	fixture_make(&f);
	q = request_of(&f);
	q.versions = versions;
	q.n_versions = 2;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.n_failed, 2);
	assert_int_equal(out.n_changed, 0);
	for (size_t i = 0; i < out.n; i++) {
		assert_int_equal(out.kernels[i].result, REBUILD_FAILED);
		assert_string_equal(out.kernels[i].version, versions[i]);
		assert_non_null(strstr(out.kernels[i].err.text, versions[i]));
	}
	snprintf(expected, sizeof(expected), "%d 1.0 %d 2.0 ", STEP_KERNEL, STEP_KERNEL);
	assert_string_equal(buf_cstr(&f.told), expected);
}

static void the_lock_is_free_again_afterwards(void **state)
{
	static const char *const versions[] = {"1.0"};
	_cleanup_fixture_ struct fixture f;
	struct rebuild_outcome out;
	struct rebuild_request q;
	int lock;

	(void)state;
	fixture_make(&f);
	q = request_of(&f);
	q.versions = versions;
	q.n_versions = 1;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	lock = lock_take(&f.root, 0, NULL, NULL, &f.err);
	assert_true(lock >= 0);

	/* Another run holds the lock: nothing is started. */
	assert_int_equal(transaction_rebuild(&q, &f.arena, &out, &f.err), -ETIMEDOUT);
	assert_int_equal(out.n, 0);
	/* Who changes nothing needs none. */
	q.check = true;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_int_equal(out.n, 1);
	close(lock);
}

static void an_image_for_all_holds_nothing_that_is_for_root_alone(void **state)
{
	struct plan plan;
	struct err err = {0};

	(void)state;
	plan_init(&plan);
	plan_add_text(&plan, "etc/public", 0644, "x", 1, "r", &err);
	assert_ok(judge_mode(&plan, 0644, &err), 0, &err);
	plan_add_text(&plan, "etc/key", 0600, "x", 1, "r", &err);
	assert_int_equal(judge_mode(&plan, 0644, &err), -EACCES);
	assert_non_null(strstr(err.text, "/etc/key"));
	assert_int_equal(judge_mode(&plan, 0640, &err), -EACCES);
	assert_ok(judge_mode(&plan, 0600, &err), 0, &err);
	plan_clear(&plan);
}

static void notes_are_in_the_order_in_which_they_came(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *const *texts;
	struct plan plan;

	(void)state;
	plan_init(&plan);
	plan_warn(&plan, "first");
	plan_warn(&plan, "second");
	assert_int_equal(transaction_notes(plan.notes, &arena, &texts), 2);
	plan_clear(&plan);
	assert_string_equal(texts[0], "first");
	assert_string_equal(texts[1], "second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kernel_is_told_and_the_others_go_on),
		cmocka_unit_test(the_lock_is_free_again_afterwards),
		cmocka_unit_test(an_image_for_all_holds_nothing_that_is_for_root_alone),
		cmocka_unit_test(notes_are_in_the_order_in_which_they_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
