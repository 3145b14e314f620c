/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Programs that are run and waited for.
 */

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/process.h"
#include "support.h"

#define SH(text) ((const char *const[]){"/bin/sh", "-c", text, NULL})

static int run(const char *const *argv, unsigned seconds, struct buf *out, struct buf *errors,
	       struct err *err)
{
	return process_run(&(struct process){.argv = argv, .seconds = seconds}, out, errors, err);
}

static void its_status_and_both_its_streams_are_told(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT, errors = BUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run(SH("echo one; echo two >&2; exit 7"), 0, &out, &errors, &err), 7);
	assert_string_equal(buf_cstr(&out), "one\n");
	assert_string_equal(buf_cstr(&errors), "two\n");
	assert_int_equal(run(SH("echo lost; exit 0"), 0, NULL, NULL, &err), 0);
}

static void it_reads_nothing_and_holds_nothing_of_ours(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = {0};
	int open_one = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(open_one >= 3);
	assert_int_equal(run(SH("cat; for f in /proc/self/fd/*; do echo ${f##*/}; done"), 0, &out,
			     NULL, &err),
			 0);
	/* The folder itself is the third. */
	assert_string_equal(buf_cstr(&out), "0\n1\n2\n3\n");
	close(open_one);
}

static void it_is_found_in_the_path_or_missing(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(run((const char *const[]){"true", NULL}, 0, NULL, NULL, &err), 0);
	assert_int_equal(run((const char *const[]){"/nowhere/tool", NULL}, 0, NULL, NULL, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/tool"));
}

static void a_signal_that_ended_it_is_named(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(run(SH("kill -TERM $$"), 0, NULL, NULL, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "signal 15"));
}

static void what_takes_too_long_is_ended_with_its_children(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = {0};
	pid_t child;

	(void)state;
	assert_int_equal(run(SH("sleep 1000 & echo $!; wait"), 1, &out, NULL, &err), -ETIMEDOUT);
	child = (pid_t)strtol(buf_cstr(&out), NULL, 10);
	assert_true(child > 1);
	/* Whoever adopts it may be slow to bury it. */
	for (int i = 0; i < 200 && kill(child, 0) == 0; i++) {
		char path[64], line[256] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		fd = open(path, O_RDONLY);
		if (fd < 0 || (read(fd, line, sizeof(line) - 1) > 0 && strstr(line, ") Z"))) {
			close(fd);
			return;
		}
		close(fd);
		usleep(10000);
	}
	assert_int_not_equal(kill(child, 0), 0);
}

static void streams_that_it_closes_early_do_not_end_the_waiting(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(run(SH("exec >&- 2>&-; sleep 0.2; exit 3"), 20, NULL, NULL, &err), 3);
}

static void too_much_output_is_cut_and_does_not_block(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run(SH("head -c 3000000 /dev/zero"), 0, &out, NULL, &err), 0);
	assert_int_equal(out.len, PROCESS_OUTPUT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_status_and_both_its_streams_are_told),
		cmocka_unit_test(it_reads_nothing_and_holds_nothing_of_ours),
		cmocka_unit_test(it_is_found_in_the_path_or_missing),
		cmocka_unit_test(a_signal_that_ended_it_is_named),
		cmocka_unit_test(what_takes_too_long_is_ended_with_its_children),
		cmocka_unit_test(streams_that_it_closes_early_do_not_end_the_waiting),
		cmocka_unit_test(too_much_output_is_cut_and_does_not_block),
	};

	return RUN_TESTS(tests);
}
