/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Programs that PID 1 runs, several at once: their ends, their time limits, what they print, and a
 * secret for one of them. They are only recorded, and the clock is made up.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "init/boot.h"
#include "init/core/log.h"
#include "recorder.h"
#include "support.h"

enum { START = 100000, EXIT_3 = 3 << 8 };

static struct {
	int64_t now;
	struct buf ended; /* a line each: tag, status, why */
	bool again;       /* the handler starts another one, with the next tag */
	struct boot *boot;
} world;

int64_t __wrap_log_now(void);

int64_t __wrap_log_now(void)
{
	return world.now;
}

/* ---- a boot ---- */

static void start(const char *path, unsigned seconds, unsigned tag);

static void take_end(struct boot *b, const struct program *p)
{
	assert_ptr_equal(b, world.boot);
	buf_printf(&world.ended, "%u %d %s\n", p->tag, p->status, p->why);
	if (world.again) {
		world.again = false;
		start("/bin/next", 0, p->tag + 1);
	}
}

static void start(const char *path, unsigned seconds, unsigned tag)
{
	char *argv[] = {(char *)path, (char *)"-x", NULL}, *env[] = {NULL};

	program_start(world.boot, &(struct program_request){.argv = argv,
							    .envp = env,
							    .seconds = seconds,
							    .reason = "for a test",
							    .ended = take_end,
							    .tag = tag});
}

static int setup(void **state)
{
	(void)state;
	buf_clear(&world.ended);
	world.now = START;
	world.again = false;
	world.boot = recorder_boot();
	return sources_open(&world.boot->sources);
}

static int teardown(void **state)
{
	(void)state;
	close(world.boot->sources.epoll);
	free(world.boot);
	buf_clear(&world.ended);
	return 0;
}

static const char *ended(void)
{
	return world.ended.len ? buf_cstr(&world.ended) : "";
}

/* ---- the tests ---- */

static void each_ends_for_itself(void **state)
{
	(void)state;
	recorder_start_with(100, 200, 300);
	start("/bin/a", 0, 1);
	start("/bin/b", 0, 2);
	start("/bin/a", 0, 3);
	assert_string_equal(recorder_calls(), "spawn /bin/a -x\nspawn /bin/b -x\nspawn /bin/a -x\n");
	program_reaped(world.boot, 999, 0);
	program_reaped(world.boot, 200, EXIT_3);
	assert_string_equal(ended(), "2 3 ended with status 3\n");
	program_reaped(world.boot, 200, 0); /* the number may be used again by another child */
	program_reaped(world.boot, 300, SIGSEGV);
	program_reaped(world.boot, 100, 0);
	assert_string_equal(ended(), "2 3 ended with status 3\n3 -1 was killed by signal 11\n"
				     "1 0 ended with status 0\n");
	assert_true(program_due(world.boot) == INT64_MAX);
}

static void each_has_its_own_time_limit(void **state)
{
	(void)state;
	recorder_start_with(100, 200, 300);
	start("/bin/long", 60, 1);
	start("/bin/short", 5, 2);
	start("/bin/endless", PROGRAM_NO_LIMIT, 3);
	assert_int_equal(program_due(world.boot), START + 3000);
	program_tick(world.boot, START + 3000);
	assert_contains(recorder_log(),
			"waiting for /bin/short (for a test), for 2 more seconds\n");
	assert_contains(recorder_log(),
			"waiting for /bin/endless (for a test), as long as it takes\n");
	assert_int_equal(program_due(world.boot), START + 5000);
	program_tick(world.boot, START + 5000);
	assert_string_equal(ended(), "2 -1 did not end within 5 seconds and was killed\n");
	assert_contains(recorder_calls(), "kill -200 9\n");
	assert_true(program_is_dying(world.boot));
	program_reaped(world.boot, 200, SIGKILL);
	assert_false(program_is_dying(world.boot));
	program_tick(world.boot, START + 60000);
	assert_contains(ended(), "1 -1 did not end within 60 seconds");
	assert_null(strstr(ended(), "3 "));
}

static void one_without_a_session_yet_is_killed_alone(void **state)
{
	(void)state;
	recorder_start_with(100, -ESRCH);
	start("/bin/a", 1, 1);
	program_tick(world.boot, START + 1000);
	assert_contains(recorder_calls(), "kill -100 9\nkill 100 9\n");
}

static void there_is_a_limit_to_their_number(void **state)
{
	(void)state;
	recorder_start_with(100, 101, 102, 103, 104, 105, 106, 107, 0, 109);
	for (unsigned i = 0; i < PROGRAMS_MAX; i++)
		start("/bin/a", i ? 0 : 1, i);
	start("/bin/b", 0, 50);
	assert_string_equal(ended(), "50 -1 cannot be started: too many programs run\n");
	/* One that was killed and hangs does not take a place for ever. */
	program_tick(world.boot, START + 1000);
	start("/bin/b", 0, 51);
	assert_contains(recorder_calls(), "spawn /bin/b -x\n");
	program_reaped(world.boot, 109, 0);
	assert_contains(ended(), "51 0 ");
}

static void one_that_was_called_off_does_not_report(void **state)
{
	(void)state;
	recorder_start_with(100, 200);
	start("/bin/a", 0, 1);
	start("/bin/a", 0, 2);
	program_cancel(world.boot, take_end, 3);
	assert_null(strstr(recorder_calls(), "kill"));
	strcpy(world.boot->programs.list[1].line, "secret");
	strcpy(world.boot->programs.list[1].progress, "secret");
	world.boot->programs.list[1].line_len = 6;
	program_cancel(world.boot, take_end, 2);
	assert_contains(recorder_calls(), "kill -200 9\n");
	assert_string_equal(world.boot->programs.list[1].line, "");
	assert_string_equal(world.boot->programs.list[1].progress, "");
	program_reaped(world.boot, 200, SIGKILL);
	assert_string_equal(ended(), "");
	program_reaped(world.boot, 100, 0);
	assert_contains(ended(), "1 0 ");
}

static void the_next_one_may_start_at_the_end_of_one(void **state)
{
	(void)state;
	recorder_start_with(100, 200);
	start("/bin/a", 0, 1);
	world.again = true;
	program_reaped(world.boot, 100, 0);
	program_reaped(world.boot, 200, EXIT_3);
	assert_string_equal(ended(), "1 0 ended with status 0\n2 3 ended with status 3\n");
}

static void what_cannot_be_read_at_once_is_read_at_the_end(void **state)
{
	int a[2];

	(void)state;
	assert_int_equal(pipe2(a, O_NONBLOCK), 0);
	close(world.boot->sources.epoll);
	world.boot->sources.epoll = -1; /* no room for it is the same */
	recorder_start_with(100);
	recorder.output = a[0];
	start("/usr/bin/aa", 0, 1);
	assert_contains(recorder_log(), "/usr/bin/aa: its output is not read before it ends");
	assert_int_equal(write(a[1], "one\n", 4), 4);
	program_reaped(world.boot, 100, 0);
	assert_contains(recorder_log(), "aa: one\n");
	close(a[1]);
}

static void what_they_print_is_logged_by_line_with_the_name(void **state)
{
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe2(a, O_NONBLOCK), 0);
	assert_int_equal(pipe2(b, O_NONBLOCK), 0);
	recorder_start_with(100, 200);
	recorder.output = a[0];
	start("/usr/bin/aa", 0, 1);
	recorder.output = b[0];
	start("/usr/bin/bb", 0, 2);
	assert_int_equal(write(a[1], "one\ntw", 6), 6);
	assert_int_equal(write(b[1], "1\r\n2", 4), 4);
	program_output(world.boot);
	assert_int_equal(write(a[1], "o\n", 2), 2);
	assert_int_equal(write(b[1], "\0\x1b", 2), 2);
	program_output(world.boot);
	program_reaped(world.boot, 200, 0);
	program_reaped(world.boot, 100, 0);
	assert_string_equal(recorder_log(), "aa: one\nbb: 1\naa: two\nbb: 2\n");
	close(a[1]);
	close(b[1]);
}

static void a_secret_is_there_to_read_and_nowhere_else(void **state)
{
	static const char secret[] = "correct\0horse";
	char *argv[] = {(char *)"/bin/a", NULL}, *env[] = {NULL};
	struct program_request r = {.argv = argv, .envp = env, .ended = take_end,
				    .secret = secret, .secret_len = sizeof(secret)};
	char big[PROGRAM_SECRET_MAX + 1] = "";

	(void)state;
	recorder_start_with(100, 200);
	program_start(world.boot, &r);
	assert_string_equal(recorder_calls(), "spawn /bin/a\n");
	assert_int_equal(recorder.content.len, sizeof(secret));
	assert_memory_equal(recorder.content.data, secret, sizeof(secret));
	r.secret = big;
	r.secret_len = PROGRAM_SECRET_MAX;
	program_start(world.boot, &r);
	assert_int_equal(recorder.content.len, PROGRAM_SECRET_MAX);
	r.secret_len++;
	program_start(world.boot, &r);
	assert_contains(ended(), "0 -1 cannot be started: Argument list too long\n");
}

static char answer[PROGRAM_LINE_MAX + 2];

static bool keep_answer(struct program *p, const char *line)
{
	(void)p;
	assert_true(strlen(line) <= PROGRAM_LINE_MAX);
	strcpy(answer, line);
	return true;
}

/* Neither is a beginning of it taken for the whole, nor does the log show parts of it. */
static void an_answer_is_whole_or_none(void **state)
{
	static char text[PROGRAM_LINE_MAX + 2];
	char *argv[] = {(char *)"/bin/key", NULL}, *env[] = {NULL};

	(void)state;
	for (int over = 0; over < 2; over++) {
		size_t len = PROGRAM_LINE_MAX + (size_t)over;
		int ends[2];

		memset(text, 'k', len);
		text[len] = '\n';
		answer[0] = '\0';
		buf_clear(&recorder.log);
		assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
		recorder_start_with(100);
		recorder.output = ends[0];
		program_start(world.boot, &(struct program_request){.argv = argv,
								    .envp = env,
								    .reason = "for a test",
								    .parse_line = keep_answer,
								    .ended = take_end});
		assert_int_equal(write(ends[1], text, len + 1), len + 1);
		assert_int_equal(write(ends[1], "x\n", 2 * (size_t)over), 2 * over);
		close(ends[1]);
		program_reaped(world.boot, 100, 0);
		assert_int_equal(strlen(answer), over ? 1 : PROGRAM_LINE_MAX);
		assert_string_equal(recorder_log(),
				    over ? "key: a line of more than 4096 bytes is left out\n" : "");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_ends_for_itself),
		TEST(each_has_its_own_time_limit),
		TEST(one_without_a_session_yet_is_killed_alone),
		TEST(there_is_a_limit_to_their_number),
		TEST(one_that_was_called_off_does_not_report),
		TEST(the_next_one_may_start_at_the_end_of_one),
		TEST(what_cannot_be_read_at_once_is_read_at_the_end),
		TEST(what_they_print_is_logged_by_line_with_the_name),
		TEST(a_secret_is_there_to_read_and_nowhere_else),
		TEST(an_answer_is_whole_or_none),
	};

	return RUN_TESTS(tests);
}
