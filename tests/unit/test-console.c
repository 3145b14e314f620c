/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What PID 1 writes to a terminal: nothing blocks it, lost lines are counted, and no line is cut.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init/core/console.h"
#include "init/core/log.h"
#include "support.h"
#include "pty.h"

enum { MANY = 3000 };

static struct console console;

/* ---- the width ---- */

static void assert_wrapped(const char *text, unsigned width, const char *expected)
{
	char out[CONSOLE_WRAPPED_MAX + 1];

	out[console_wrap(text, width, out)] = '\0';
	assert_string_equal(out, expected);
}

static void a_line_is_broken_at_a_blank_within_the_width(void **state)
{
	(void)state;
	assert_wrapped("preroot: short", 40, "preroot: short\r\n");
	assert_wrapped("preroot:   that is: root=LABEL=a rw panic=2 quiet", 40,
		       "preroot:   that is: root=LABEL=a rw\r\n                panic=2 quiet\r\n");
	/* A blank in the last column is a good place; the last column itself is left free. */
	assert_wrapped("preroot: 0123456789 0123456789 01234567 x", 40,
		       "preroot: 0123456789 0123456789 01234567\r\n                x\r\n");
	assert_wrapped("preroot: 0123456789 0123456789 012345678 x", 40,
		       "preroot: 0123456789 0123456789\r\n                012345678 x\r\n");
}

static void a_word_that_is_too_long_goes_on_behind_a_mark(void **state)
{
	(void)state;
	assert_wrapped("preroot: 0123456789012345678901234567890123456789 x", 40,
		       "preroot: 01234567890123456789012345678\\\r\n                90123456789 x\r\n");
}

static void characters_are_counted_and_not_divided(void **state)
{
	(void)state;
	assert_wrapped("preroot: \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		       "\xc3\xa4 0123456789 01234567 xxx",
		       40,
		       "preroot: \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		       "\xc3\xa4 0123456789 01234567\r\n                xxx\r\n");
	/* Broken UTF-8 takes no column, and ends all the same. */
	assert_wrapped("\x80\x80\x80", 40, "\x80\x80\x80\r\n");
}

static void any_line_at_any_width_stays_within_both(void **state)
{
	char text[2 * CONSOLE_LINE_MAX], out[CONSOLE_WRAPPED_MAX + 1];
	uint32_t random = 1;

	(void)state;
	for (unsigned width = CONSOLE_WIDTH_MIN; width < 300; width++) {
		size_t len = next_random(&random) % sizeof(text);

		for (size_t i = 0; i < len; i++)
			text[i] = next_random(&random) % 20 ? 'x' : ' ';
		text[len ? len - 1 : 0] = '\0';
		out[console_wrap(text, width, out)] = '\0';
		for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
			assert_between(strcspn(line, "\r"), 0, width - 1);
	}
}

static void the_width_is_that_of_the_terminal_or_80(void **state)
{
	struct pty t;

	(void)state;
	pty_open(&t);
	assert_int_equal(console_width(t.slave), 80);
	pty_resize(&t, 132);
	assert_int_equal(console_width(t.slave), 132);
	pty_resize(&t, 2);
	assert_int_equal(console_width(t.slave), 80);
	assert_int_equal(console_width(-1), 80);
	pty_close(&t);
}

/* ---- terminals that do not take what they get ---- */

static void put_many(int n)
{
	char line[64];

	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "preroot: line %d of many that fill the buffer", i);
		console_line(&console, line);
	}
}

static void a_stopped_terminal_gets_its_lines_later(void **state)
{
	struct pty t;

	(void)state;
	pty_open(&t);
	console_open(&console, t.path);
	console_line(&console, "preroot: before");
	assert_string_equal(pty_read(&t), "preroot: before\r\n");
	tcflow(t.slave, TCOOFF);
	console_line(&console, "preroot: one");
	console_line(&console, "preroot: two");
	assert_false(console_flush(&console));
	console_drain(&console); /* comes back */
	assert_string_equal(pty_read(&t), "");
	tcflow(t.slave, TCOON);
	assert_true(console_flush(&console));
	assert_string_equal(pty_read(&t), "preroot: one\r\npreroot: two\r\n");
	console_close(&console);
	pty_close(&t);
}

static void what_does_not_fit_is_counted_and_the_last_lines_are_kept(void **state)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	int seen = 0, lost = 0, n;
	struct pty t;

	(void)state;
	pty_open(&t);
	console_open(&console, t.path);
	put_many(MANY); /* nobody reads: the kernel takes a few, then PID 1 keeps some */
	for (int i = 0; i < MANY; i++) {
		bool done = console_flush(&console);
		const char *text = pty_read(&t);

		buf_add_str(&all, text);
		if (done && !*text)
			break;
	}
	for (const char *s = buf_cstr(&all); *s; s += strcspn(s, "\n") + 1) {
		assert_int_equal(strncmp(s, "preroot: ", 9), 0);
		seen += strncmp(s, "preroot: line ", 14) == 0;
		lost += sscanf(s, "preroot: (%d line", &n) == 1 ? n : 0;
	}
	assert_int_equal(seen + lost, MANY);
	assert_true(seen > 100 && lost > 0);
	assert_int_equal(strncmp(buf_cstr(&all), "preroot: line 0 of", 18), 0);
	assert_contains(buf_cstr(&all), "\npreroot: line 2999 of many that fill the buffer\r\n");
	console_close(&console);
	pty_close(&t);
}

static void a_terminal_that_is_hung_up_is_opened_again(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	struct pty first, second;
	char path[256];

	(void)state;
	pty_open(&first);
	pty_open(&second);
	put_link(folder, "console", first.path);
	snprintf(path, sizeof(path), "%s/console", folder);
	console_open(&console, path);
	pty_close(&first);
	console_line(&console, "preroot: one"); /* EIO */
	unlink(path);
	console_line(&console, "preroot: two");
	put_link(folder, "console", second.path);
	console_line(&console, "preroot: three");
	assert_string_equal(pty_read(&second),
			    "preroot: one\r\npreroot: two\r\npreroot: three\r\n");
	console_close(&console);
	console_line(&console, "preroot: nobody gets it");
	pty_close(&second);
}

/* ---- the log, which has one ---- */

/* After a hand-over that failed the log opens its console again. */
static void what_a_console_has_not_taken_yet_is_kept_when_it_is_opened_again(void **state)
{
	struct pty t;

	(void)state;
	pty_open(&t);
	log_set_console(t.path);
	tcflow(t.slave, TCOOFF);
	log_show("one");
	log_set_console(t.path);
	log_show("two");
	tcflow(t.slave, TCOON);
	log_flush();
	assert_string_equal(pty_read(&t), "preroot: one\r\npreroot: two\r\n");
	log_set_console(NULL);
	pty_close(&t);
}

/* Its standard error may be a console that is stopped, and would hold it up for ever. */
static void a_worker_writes_to_no_console(void **state)
{
	int pipes[2], status;
	struct pty t;
	char byte;
	pid_t pid;

	(void)state;
	pty_open(&t);
	log_set_console(t.path);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pipes[1], STDERR_FILENO);
		log_show("from a worker");
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	assert_string_equal(pty_read(&t), "");
	close(pipes[0]);
	log_set_console(NULL);
	pty_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_broken_at_a_blank_within_the_width),
		cmocka_unit_test(a_word_that_is_too_long_goes_on_behind_a_mark),
		cmocka_unit_test(characters_are_counted_and_not_divided),
		cmocka_unit_test(any_line_at_any_width_stays_within_both),
		cmocka_unit_test(the_width_is_that_of_the_terminal_or_80),
		cmocka_unit_test(a_stopped_terminal_gets_its_lines_later),
		cmocka_unit_test(what_does_not_fit_is_counted_and_the_last_lines_are_kept),
		cmocka_unit_test(a_terminal_that_is_hung_up_is_opened_again),
		cmocka_unit_test(what_a_console_has_not_taken_yet_is_kept_when_it_is_opened_again),
		cmocka_unit_test(a_worker_writes_to_no_console),
	};

	return RUN_TESTS(tests);
}
