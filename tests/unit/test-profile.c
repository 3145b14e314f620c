/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a run spends its time on, by stage.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/profile.h"
#include "support.h"

#define SPENT 0.02 /* seconds of processor time */

static void *spend(void *clock)
{
	const struct timespec *until = clock;
	struct timespec now;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while (now.tv_sec < until->tv_sec ||
	       (now.tv_sec == until->tv_sec && now.tv_nsec < until->tv_nsec));
	return NULL;
}

/* When this process will have used SPENT more than now. */
static struct timespec after_spent(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	t.tv_nsec += (long)(SPENT * 1e9);
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static void use_processor(void)
{
	struct timespec until = after_spent();

	spend(&until);
}

/* It comes first: profile_start() cannot be taken back. */
static void nothing_is_measured_unless_asked_for(void **state)
{
	const struct profile_stage *stages;

	(void)state;
	profile_stage("a");
	assert_int_equal(profile_end(&stages), 0);
}

static void stages_are_in_the_order_in_which_they_began(void **state)
{
	const struct profile_stage *s;

	(void)state;
	profile_start();
	profile_stage("b");
	profile_stage("a");
	profile_stage("b");
	assert_int_equal(profile_end(&s), 3);
	assert_string_equal(s[0].name, "start");
	assert_string_equal(s[1].name, "b");
	assert_string_equal(s[2].name, "a");
}

static void stages_add_up_to_the_whole_run(void **state)
{
	const struct profile_stage *s;
	double before = clock_now(), inside, sum = 0;
	size_t n;

	(void)state;
	profile_start();
	inside = clock_now();
	profile_stage("a");
	use_processor();
	profile_stage("b");
	use_processor();
	inside = clock_now() - inside;
	n = profile_end(&s);
	for (size_t i = 0; i < n; i++)
		sum += s[i].seconds;
	assert_true(sum >= inside);
	assert_true(sum <= clock_now() - before);
}

static void time_counts_for_the_stage_that_used_it(void **state)
{
	const struct profile_stage *s;
	size_t n;

	(void)state;
	profile_start();
	for (int i = 0; i < 2; i++) {
		profile_stage("busy");
		use_processor();
		profile_stage("idle");
	}
	n = profile_end(&s);
	assert_int_equal(n, 3);
	assert_true(s[1].cpu > 2 * SPENT * 0.9);
	assert_true(s[1].seconds > 2 * SPENT * 0.9);
	assert_true(s[0].cpu < s[1].cpu && s[2].cpu < s[1].cpu);
	assert_true(s[2].memory_kb >= s[1].memory_kb && s[1].memory_kb > 0);
}

static void threads_count_for_the_stage_they_run_in(void **state)
{
	const struct profile_stage *s;
	struct timespec until;
	pthread_t thread;

	(void)state;
	profile_start();
	profile_stage("thread");
	until = after_spent();
	assert_int_equal(pthread_create(&thread, NULL, spend, &until), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(profile_end(&s), 2);
	assert_true(s[1].cpu > SPENT * 0.9);
}

static void bytes_count_where_they_are_read(void **state)
{
	const struct profile_stage *s;
	char buf[1000];
	int from = open("/dev/zero", O_RDONLY | O_CLOEXEC), to = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (access("/proc/self/io", R_OK) < 0)
		skip();
	profile_start();
	profile_stage("read");
	assert_int_equal(read(from, buf, sizeof(buf)), sizeof(buf));
	profile_stage("write");
	assert_int_equal(write(to, buf, sizeof(buf)), sizeof(buf));
	profile_stage("neither");
	assert_int_equal(profile_end(&s), 4);
	assert_int_equal(s[1].read, sizeof(buf));
	assert_int_equal(s[1].written, 0);
	assert_int_equal(s[2].read, 0);
	assert_int_equal(s[2].written, sizeof(buf));
	assert_int_equal(s[3].read + s[3].written, 0);
	close(from);
	close(to);
}

static void what_is_over_the_limit_counts_for_the_last_stage(void **state)
{
	static char names[PROFILE_STAGES_MAX + 2][8];
	const struct profile_stage *s;

	(void)state;
	profile_start();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		profile_stage(names[i]);
	}
	use_processor();
	assert_int_equal(profile_end(&s), PROFILE_STAGES_MAX);
	assert_true(s[PROFILE_STAGES_MAX - 1].cpu > SPENT * 0.9);
	profile_stage("0");
	assert_int_equal(profile_end(&s), PROFILE_STAGES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_measured_unless_asked_for),
		cmocka_unit_test(stages_are_in_the_order_in_which_they_began),
		cmocka_unit_test(stages_add_up_to_the_whole_run),
		cmocka_unit_test(time_counts_for_the_stage_that_used_it),
		cmocka_unit_test(threads_count_for_the_stage_they_run_in),
		cmocka_unit_test(bytes_count_where_they_are_read),
		cmocka_unit_test(what_is_over_the_limit_counts_for_the_last_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
