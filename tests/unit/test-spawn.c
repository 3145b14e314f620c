/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How PID 1 starts a program: what it can read, where its output goes, which processes belong to it.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "init/core/sys.h"
#include "support.h"

/* Runs SCRIPT to its end; what it prints goes to OUT. */
static int run(const char *script, int input, struct buf *out)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	int output = -1, status, pid = sys_spawn(argv, env, &(struct sys_child){.input = input}, &output);

	assert_true(pid > 0);
	assert_true(fcntl(output, F_GETFL) & O_NONBLOCK);
	fcntl(output, F_SETFL, 0);
	assert_int_equal(read_all(output, 65536, out), 0);
	close(output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void it_reads_what_it_is_given_and_else_nothing(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "secret", 6), 6);
	close(ends[1]);
	assert_int_equal(run("cat; echo -n .; cat", ends[0], &out), 0);
	close(ends[0]);
	assert_string_equal(buf_cstr(&out), "secret.");
	buf_clear(&out);
	assert_int_equal(run("cat; readlink /proc/self/fd/0; exit 3", -1, &out), 3 << 8);
	assert_string_equal(buf_cstr(&out), "/dev/null\n");
}

static void it_is_killed_with_its_children(void **state)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"sleep 1000 & echo x; wait", NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	int output = -1, pid = sys_spawn(argv, env, &(struct sys_child){.input = -1}, &output);
	char byte[4];

	(void)state;
	fcntl(output, F_SETFL, 0);
	assert_int_equal(read(output, byte, sizeof(byte)), 2);
	assert_int_equal(sys_kill(-pid, SIGKILL), 0);
	/* The end of the output is that of the last process which holds it. */
	assert_int_equal(read(output, byte, sizeof(byte)), 0);
	close(output);
	waitpid(pid, NULL, 0);
}

static void one_that_is_missing_says_so(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char *argv[] = {(char *)"/nowhere/x", NULL}, *env[] = {NULL};
	int output = -1, status, pid = sys_spawn(argv, env, &(struct sys_child){.input = -1}, &output);

	(void)state;
	fcntl(output, F_SETFL, 0);
	assert_int_equal(read_all(output, 4096, &out), 0);
	assert_string_equal(buf_cstr(&out), "cannot be started: No such file or directory\n");
	close(output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 127);
}

static int open_text(const void *data)
{
	int ends[2];

	dprintf(STDOUT_FILENO, "opens. ");
	if (!data)
		return -65;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], data, strlen(data)), (ssize_t)strlen(data));
	close(ends[1]);
	return ends[0];
}

static int run_prepared(const char *text, struct buf *out)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"cat <&3; ulimit -c", NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	const struct sys_child child = {.input = -1, .prepare = open_text, .data = text};
	int output = -1, status, pid = sys_spawn(argv, env, &child, &output);

	fcntl(output, F_SETFL, 0);
	assert_int_equal(read_all(output, 65536, out), 0);
	close(output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void it_has_what_was_opened_for_it(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(run_prepared("given. ", &out), 0);
	assert_string_equal(buf_cstr(&out), "opens. given. 0\n");
	buf_clear(&out);
	assert_int_equal(run_prepared(NULL, &out), 65 << 8);
	assert_string_equal(buf_cstr(&out), "opens. ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_what_it_is_given_and_else_nothing),
		cmocka_unit_test(it_is_killed_with_its_children),
		cmocka_unit_test(it_has_what_was_opened_for_it),
		cmocka_unit_test(one_that_is_missing_says_so),
	};

	return RUN_TESTS(tests);
}
