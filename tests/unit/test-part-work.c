/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1's side of the seam for boot parts of features: what they start (jobs, programs, questions,
 * descriptors, timers), how its end comes back to them, and what becomes of it when the boot fails or
 * ends.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "init/core/log.h"
#include "init/rescue/diagnose.h"
#include "init/rescue/rescue.h"
#include "init/stages.h"
#include "made_up.h"
#include "recorder.h"
#include "support.h"

static void its_jobs_are_done_by_workers(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job_result r = {0};

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_true(part_job(f.part, 5, "this", 5, PART_QUIET));
	assert_int_equal(world.n_jobs, 1);
	assert_int_equal(world.job.kind, JOB_PART);
	assert_int_equal(stages_loads(f.boot), RANK_NONE); /* nothing loads beside a quiet job */
	r.kind = JOB_PART;
	r.ticket = world.job.ticket;
	r.part = world.job.part;
	r.tag = world.job.tag;
	r.result = rooms_jobs[JOB_PART].run(f.boot, &world.job, &r);
	jobs_done(f.boot, &r);
	assert_string_equal(said(), "done 5: 0 7 did this\n");
	assert_int_not_equal(stages_loads(f.boot), RANK_NONE);
	jobs_done(f.boot, &r); /* there is none any more */
	assert_string_equal(said(), "");
	for (int i = 0; i < PARTS_JOBS_MAX; i++)
		assert_true(part_job(f.part, 6, "", 1, 0));
	assert_false(part_job(f.part, 6, "", 1, 0));
}

static void a_job_that_could_not_start_is_not_started_by_another_try(void **state)
{
	static const int results[] = {-ENOMEM, -EAGAIN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		world.jobs_result = results[i];
		assert_true(part_job(f.part, 5, "this", 5, PART_QUIET));
		assert_int_equal(f.boot->flow.failed, results[i] == -ENOMEM);
		assert_int_equal(part_has(f.part, PART_JOB, 5), results[i] == -EAGAIN);
		world.jobs_result = 0;
		world.n_jobs = 0;
		parts_retry(f.boot);
		assert_false(part_has(f.part, PART_JOB, 5));
		parts_start_jobs(f.boot);
		assert_int_equal(world.n_jobs, 0);
	}
}

static void its_questions_and_programs_come_back_with_their_tags(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;
	const struct prompt *q;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_int_equal(part_ask(f.part, 3, &(struct prompt_request){.text = "passphrase"}), 0);
	q = &f.boot->prompts.list[0];
	assert_string_equal(q->text, "passphrase");
	assert_int_equal(q->handler(f.boot, q->tag, PROMPT_ANSWERED, "secret", 6), PROMPT_PENDING);
	assert_string_equal(said(), "answer 3: 0 secret\n");
	part_cancel(f.part, PART_QUESTION, 3);
	assert_int_equal(q->state, PROMPT_FREE);
	recorder_start_with(100);
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	program_reaped(f.boot, 100, 2 << 8);
	assert_string_equal(said(), "done 4: 2 0 ended with status 2\n");
	prompt_leave(f.boot);
}

/* The worker that was at JOB comes back. */
static void job_ends(struct fixture *f, const struct job *job)
{
	struct job_result r = {
		.kind = JOB_PART, .ticket = job->ticket, .part = job->part, .tag = job->tag};

	jobs_done(f->boot, &r);
}

/* A disk that comes late is still taken: also what has to be made of it. */
static void it_goes_on_while_the_machine_waits_after_a_failure(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	flow_fail(f.boot, "");
	rescue_tick(f.boot, world.now);
	said();
	part_wake(f.part, world.now + 500);
	assert_true(rescue_due(f.boot) <= world.now + 500);
	world.now += 500;
	rescue_tick(f.boot, world.now);
	assert_contains(said(), "tick 100500\n");
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "this", 5, 0));
	world.jobs_result = world.n_jobs = 0;
	stages_advance(f.boot);
	assert_int_equal(world.n_jobs, 1);
	/* Nor does a job that cannot be started hide why the boot had failed. */
	world.jobs_result = -ENOMEM;
	assert_true(part_job(f.part, 6, "that", 5, 0));
	assert_true(f.boot->flow.is_missing);
	/* It is not lost either, but waits for memory. */
	assert_true(part_has(f.part, PART_JOB, 6));
	f.boot->rescue->explained = true;
	f.boot->rescue->next_remind = f.boot->rescue->reboot_at = world.now + 60000;
	assert_true(rescue_due(f.boot) <= world.now + 1000);
	world.jobs_result = world.n_jobs = 0;
	stages_advance(f.boot);
	assert_int_equal(world.n_jobs, 1);
	assert_int_equal(world.job.tag, 6);
}

static void a_boot_that_failed_is_explained_by_the_feature_too(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const char *text, *devices;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	said();
	flow_fail(f.boot, "for a test");
	diagnose(f.boot);
	text = said();
	devices = strstr(text, "  found:\n    zza");
	assert_non_null(devices);
	assert_non_null(strstr(devices, "\n  made up: holds one\n"));
	/* It knows of nothing before it begins, and has forgotten it all in the end. */
	f.boot->parts->begun = false;
	parts_account(f.boot);
	assert_string_equal(said(), "");
}

static void a_job_can_be_cancelled(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job first;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	/* Before a worker takes it: nobody ever does. */
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "this", 5, 0));
	assert_true(part_has(f.part, PART_JOB, 5));
	assert_false(part_has(f.part, PART_JOB, 6));
	part_cancel(f.part, PART_JOB, 5);
	assert_false(part_has(f.part, PART_JOB, 5));
	world.jobs_result = 0;
	world.n_jobs = 0;
	parts_start_jobs(f.boot);
	assert_int_equal(world.n_jobs, 0);
	/* While one is at it: that is killed, and no module loads before it is gone. */
	assert_true(part_job(f.part, 5, "this", 5, PART_QUIET));
	first = world.job;
	f.boot->jobs.workers[1] = (struct jobs_worker){.pid = 77, .job = first};
	part_cancel(f.part, PART_JOB, 5);
	assert_string_equal(recorder_calls(), "kill 77 9\n");
	assert_true(f.boot->jobs.workers[1].is_killed); /* nobody else gets that one */
	assert_false(part_has(f.part, PART_JOB, 5));
	assert_int_equal(stages_loads(f.boot), RANK_NONE);
	/* Its result is not taken for that of the next one with this tag. */
	assert_true(part_job(f.part, 5, "that", 5, 0));
	job_ends(&f, &first);
	assert_string_equal(said(), "");
	assert_int_not_equal(stages_loads(f.boot), RANK_NONE);
	assert_true(part_has(f.part, PART_JOB, 5));
	job_ends(&f, &world.job);
	assert_string_equal(said(), "done 5: 0 0 \n");
	f.boot->jobs.workers[1].pid = 0;
}

static void a_program_and_a_question_can_be_cancelled(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	recorder_start_with(100, 0, 101);
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	assert_true(part_has(f.part, PART_PROGRAM, 4));
	part_cancel(f.part, PART_PROGRAM, 3);
	assert_true(part_has(f.part, PART_PROGRAM, 4));
	part_cancel(f.part, PART_PROGRAM, 4);
	assert_false(part_has(f.part, PART_PROGRAM, 4));
	assert_contains(recorder_calls(), "kill -100 9\n");
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	program_reaped(f.boot, 100, 9);
	assert_string_equal(said(), "");
	program_reaped(f.boot, 101, 0);
	assert_string_equal(said(), "done 4: 0 0 ended with status 0\n");
	assert_int_equal(part_ask(f.part, 3, &(struct prompt_request){.text = "passphrase"}), 0);
	assert_true(part_has(f.part, PART_QUESTION, 3));
	part_cancel(f.part, PART_QUESTION, 3);
	assert_false(part_has(f.part, PART_QUESTION, 3));
	assert_string_equal(said(), "");
	prompt_leave(f.boot);
}

static void what_a_feature_has_started_ends_before_the_root_takes_over(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_true(part_job(f.part, 1, "this", 5, PART_QUIET));
	f.boot->jobs.workers[0] = (struct jobs_worker){.pid = 77, .job = world.job};
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 2, "that", 5, 0));
	recorder_start_with(100);
	part_run(f.part, 3, &(struct program_request){.argv = argv, .envp = envp});
	assert_int_equal(part_ask(f.part, 4, &(struct prompt_request){.text = "passphrase"}), 0);
	parts_leave(f.boot);
	assert_contains(recorder_calls(), "kill 77 9\nkill -100 9\n");
	assert_false(part_has(f.part, PART_JOB, 1));
	assert_false(part_has(f.part, PART_JOB, 2));
	assert_false(part_has(f.part, PART_PROGRAM, 3));
	assert_false(part_has(f.part, PART_QUESTION, 4));
	assert_false(parts_are_quiet(f.boot));
	assert_string_equal(said(), "leave\n");
	f.boot->jobs.workers[0].pid = 0;
	prompt_leave(f.boot);
}

/* The start of an array, say: what is half done would stay so. */
static void the_root_does_not_take_over_in_the_middle_of_a_job(void **state)
{
	static const struct {
		unsigned how;
		int64_t ends; /* after so long; 0: never */
		int64_t takes;
	} cases[] = {{0, 0, 0}, {PART_WHOLE, 5000, 5000}, {PART_WHOLE, 0, JOBS_HANG_MS}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		struct job job;
		char text[128];

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		assert_true(part_job(f.part, 1, "this", 5, cases[i].how));
		job = world.job;
		f.boot->jobs.workers[0] = (struct jobs_worker){.pid = 77, .job = job};
		flow_go(f.boot, STAGE_SETTLE);
		for (int64_t ms = 0; ms < cases[i].takes; ms += 500, world.now += 500) {
			if (cases[i].ends && ms == cases[i].ends)
				break;
			stages_advance(f.boot);
			assert_int_equal(f.boot->flow.stage, STAGE_SETTLE);
			assert_true(stages_due(f.boot) <= f.boot->flow.since + JOBS_HANG_MS);
		}
		stages[STAGE_SETTLE].what(f.boot, text, sizeof(text));
		assert_string_equal(text, "what has been started to finish");
		if (cases[i].ends)
			job_ends(&f, &job);
		/* Nothing is begun any more. */
		world.n_jobs = 0;
		assert_true(part_job(f.part, 2, "that", 5, PART_WHOLE));
		stages_advance(f.boot);
		assert_int_equal(world.n_jobs, 0);
		assert_int_equal(f.boot->flow.stage, STAGE_DONE);
		parts_leave(f.boot);
		assert_int_equal(!!strstr(recorder_calls(), "kill 77 9\n"), !cases[i].ends);
		/* The root's init could not be started: the job is done after all. */
		flow_hand_back(f.boot, "for a test");
		parts_retry(f.boot);
		assert_true(part_job(f.part, 2, "that", 5, PART_WHOLE));
		assert_int_equal(world.n_jobs, 1);
		f.boot->jobs.workers[0].pid = 0;
	}
}

static void it_goes_on_after_a_hand_over_that_failed(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const struct made_up_state *s;
	int ends[2];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	assert_int_equal(sources_open(&f.boot->sources), 0);
	assert_int_equal(pipe(ends), 0);
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	s = f.part->state;
	said();
	parts_leave(f.boot);
	assert_string_equal(said(), "leave\n");
	assert_int_not_equal(s->held.generation, 0);
	parts_retry(f.boot);
	assert_string_equal(said(), "retry\n");
	part_wake(f.part, world.now);
	assert_true(part_job(f.part, 5, "this", 5, 0));
	job_ends(&f, &world.job);
	assert_string_equal(said(), "done 5: 0 0 \n");
	assert_int_equal(part_watch(f.part, ends[0]), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	/* It does not when there is no way back, and leaves nothing in memory. */
	parts_leave(f.boot);
	said();
	parts_left(f.boot);
	assert_int_equal(s->held.generation, 0);
	assert_int_equal(f.part->wake, 0);
	assert_int_equal(sources_wait(f.boot, 0), 0);
	parts_tick(f.boot, world.now);
	block_remove(f.boot, "zza");
	parts_retry(f.boot);
	assert_string_equal(said(), "");
	f.boot->parts->n = 1; /* for its memory */
	close(ends[0]);
	close(ends[1]);
	close(f.boot->sources.epoll);
}

static void what_a_job_was_to_know_is_wiped(void **state)
{
	static const unsigned char nothing[JOBS_DATA_MAX];
	_cleanup_fixture_ struct fixture f;
	const struct parts_job *first;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	first = &f.boot->parts->jobs[0];
	assert_true(part_job(f.part, 5, "secret", 7, 0));
	assert_int_equal(first->state, PARTS_JOB_RUNS);
	assert_string_equal((const char *)world.job.data, "secret");
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
	job_ends(&f, &world.job);
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "secret", 7, 0));
	assert_string_equal((const char *)first->job.data, "secret");
	part_cancel(f.part, PART_JOB, 5);
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
	/* One that waits is none of the business of a worker that is forked for another. */
	assert_true(part_job(f.part, 5, "secret", 7, 0));
	parts_enter_worker(f.boot);
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
}

static void a_descriptor_is_watched_until_it_is_given_up(void **state)
{
	_cleanup_fixture_ struct fixture f;
	int ends[2];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_int_equal(sources_open(&f.boot->sources), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(part_watch(f.part, ends[0]), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	assert_int_equal(sources_wait(f.boot, 0), 0);
	close(ends[1]);
	assert_int_equal(sources_wait(f.boot, 0), 0);
	assert_string_equal(said(), "ready hello\nready end\n");
	assert_int_equal(sources_wait(f.boot, 0), 0);
	assert_string_equal(said(), "");
	close(ends[0]);
	close(f.boot->sources.epoll);
}

static void its_timer_comes_once(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	part_wake(f.part, world.now + 500);
	assert_int_equal(parts_due(f.boot), world.now + 500);
	world.now += 500;
	stages_tick(f.boot, world.now);
	stages_tick(f.boot, world.now);
	assert_string_equal(said(), "tick 100500\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_jobs_are_done_by_workers),
		cmocka_unit_test(a_job_that_could_not_start_is_not_started_by_another_try),
		cmocka_unit_test(its_questions_and_programs_come_back_with_their_tags),
		cmocka_unit_test(it_goes_on_while_the_machine_waits_after_a_failure),
		cmocka_unit_test(a_boot_that_failed_is_explained_by_the_feature_too),
		cmocka_unit_test(a_job_can_be_cancelled),
		cmocka_unit_test(a_program_and_a_question_can_be_cancelled),
		cmocka_unit_test(what_a_feature_has_started_ends_before_the_root_takes_over),
		cmocka_unit_test(the_root_does_not_take_over_in_the_middle_of_a_job),
		cmocka_unit_test(it_goes_on_after_a_hand_over_that_failed),
		cmocka_unit_test(what_a_job_was_to_know_is_wiped),
		cmocka_unit_test(a_descriptor_is_watched_until_it_is_given_up),
		cmocka_unit_test(its_timer_comes_once),
	};

	return RUN_TESTS(tests);
}
