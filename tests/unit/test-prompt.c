/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions of PID 1, on pseudo-terminals in place of two consoles; /dev/console is another name of
 * the first. The clock is made up.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init/boot.h"
#include "init/core/log.h"
#include "init/core/prompt.h"
#include "recorder.h"
#include "support.h"
#include "pty.h"

enum { START = 100000, TEXT_MAX = 4096 };

static struct {
	int64_t now;
	struct boot *boot;
	char *folder;
	char active[256], dev[256], console[300];
	struct pty a, b;
	struct termios before;
	struct buf got; /* a line each: tag, end, the answer */
	enum prompt_verdict verdict[8]; /* by tag */
	void (*then)(void); /* in the handler */
} world;

int64_t __wrap_log_now(void);

int64_t __wrap_log_now(void)
{
	return world.now;
}

/* ---- a boot with two consoles ---- */

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = START;
	world.boot = recorder_boot();
	world.folder = make_folder();
	pty_open(&world.a);
	pty_open(&world.b);
	put_link(world.folder, "dev/ttyA", world.a.path);
	put_link(world.folder, "dev/console", world.a.path);
	put_link(world.folder, "dev/ttyB", world.b.path);
	put_text(world.folder, "active", "nowhere0 ../x ttyB ttyA\n");
	snprintf(world.active, sizeof(world.active), "%s/active", world.folder);
	snprintf(world.dev, sizeof(world.dev), "%s/dev", world.folder);
	snprintf(world.console, sizeof(world.console), "%s/console", world.dev);
	assert_int_equal(sources_open(&world.boot->sources), 0);
	prompt_init(world.boot);
	world.boot->prompts.kmsg = "/nowhere";
	world.boot->prompts.terminals.active = world.active;
	world.boot->prompts.terminals.folder = world.dev;
	log_set_console(world.console);
	tcgetattr(world.a.slave, &world.before);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prompt_leave(world.boot);
	close(world.boot->sources.epoll);
	log_set_console(NULL);
	pty_close(&world.a);
	pty_close(&world.b);
	remove_folder(world.folder);
	free(world.boot);
	buf_clear(&world.got);
	return 0;
}

static enum prompt_verdict take(struct boot *b, unsigned tag, enum prompt_end end,
				const char *answer, size_t len)
{
	static const char *const ends[] = {"answered", "late", "refused"};

	assert_ptr_equal(b, world.boot);
	buf_printf(&world.got, "%u %s", tag, ends[end]);
	if (end == PROMPT_ANSWERED) {
		buf_add_str(&world.got, " ");
		buf_add(&world.got, answer, len);
	} else {
		assert_null(answer);
	}
	buf_add_str(&world.got, "\n");
	if (world.then)
		world.then();
	return world.verdict[tag];
}

/* With three tries and a time limit of a minute. */
static void ask(const char *text, unsigned tag)
{
	assert_int_equal(prompt_ask(world.boot, &(struct prompt_request){.text = text,
									 .secret = true,
									 .tries = 3,
									 .seconds = 60,
									 .handler = take,
									 .tag = tag}),
			 0);
}

static void tick(void)
{
	prompt_tick(world.boot, world.now);
}

static void type(struct pty *t, const char *keys)
{
	pty_type(t, keys, strlen(keys));
	prompt_input(world.boot);
	tick();
}

/* What was said since the last call; "" for nothing. */
static const char *got(void)
{
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s", world.got.len ? buf_cstr(&world.got) : "");
	buf_clear(&world.got);
	return text;
}

/* What a terminal has shown since the last call, without CR. */
static const char *seen(struct pty *t)
{
	static char text[sizeof(t->text)];
	size_t n = 0;

	for (const char *c = pty_read(t); *c; c++)
		if (*c != '\r')
			text[n++] = *c;
	text[n] = '\0';
	return text;
}

static void assert_restored(struct pty *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->slave, &now), 0);
	assert_int_equal(now.c_lflag, world.before.c_lflag);
	assert_int_equal(now.c_iflag, world.before.c_iflag);
	assert_int_equal(now.c_oflag, world.before.c_oflag);
}

/* ---- question and answer ---- */

static void it_is_shown_on_all_consoles_and_the_first_line_wins(void **state)
{
	(void)state;
	ask("passphrase of \x1b[2Jx", 1);
	tick();
	assert_string_equal(seen(&world.a), "\npassphrase of ?[2Jx: ");
	assert_string_equal(seen(&world.b), "\npassphrase of ?[2Jx: ");
	type(&world.a, "half of i");
	type(&world.b, "right \xc3\xa4x\x7f one\n");
	assert_string_equal(got(), "1 answered right \xc3\xa4 one\n");
	assert_string_equal(seen(&world.a), "\n(answered on ttyB)\n");
	assert_string_equal(seen(&world.b), "\n"); /* nothing of it was shown */
	assert_restored(&world.a);
	assert_restored(&world.b);
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
	/* The half line is gone. */
	ask("another", 2);
	tick();
	type(&world.a, "whole\n");
	assert_string_equal(got(), "2 answered whole\n");
}

static void what_is_no_secret_is_shown_as_it_is_typed(void **state)
{
	(void)state;
	prompt_ask(world.boot, &(struct prompt_request){
				       .text = "parameters", .handler = take, .tag = 1});
	tick();
	seen(&world.a);
	type(&world.a, "roo");
	type(&world.a, "t=x\n");
	assert_string_equal(seen(&world.a), "root=x\n");
	assert_string_equal(got(), "1 answered root=x\n");
}

static void questions_come_one_after_the_other(void **state)
{
	(void)state;
	ask("one", 1);
	ask("two", 2);
	tick();
	assert_string_equal(seen(&world.b), "\none: ");
	type(&world.b, "1\n");
	assert_string_equal(got(), "1 answered 1\n");
	assert_string_equal(seen(&world.b), "\n\ntwo: ");
	prompt_cancel(world.boot, take, 1); /* that is over */
	type(&world.b, "2\n");
	assert_string_equal(got(), "2 answered 2\n");
}

static void one_answer_goes_to_all_who_ask_the_same(void **state)
{
	(void)state;
	ask("all", 1);
	ask("other", 2);
	ask("all", 3);
	assert_int_equal(prompt_ask(world.boot, &(struct prompt_request){.text = "all",
									 .key = "other",
									 .secret = true,
									 .handler = take,
									 .tag = 4}),
			 0);
	world.verdict[3] = PROMPT_WRONG;
	tick();
	type(&world.a, "x\n");
	assert_string_equal(got(), "1 answered x\n3 answered x\n");
	type(&world.a, "y\n");
	assert_string_equal(got(), "2 answered y\n");
	assert_contains(seen(&world.a), "That was wrong; tries that are left: 2.\nall: ");
	world.verdict[3] = PROMPT_RIGHT;
	type(&world.a, "z\n");
	assert_string_equal(got(), "3 answered z\n");
	type(&world.a, "k\n");
	assert_string_equal(got(), "4 answered k\n");
}

static void it_is_asked_again_until_the_tries_are_used_up(void **state)
{
	(void)state;
	world.verdict[1] = PROMPT_WRONG;
	ask("x", 1);
	tick();
	type(&world.a, "a\n");
	type(&world.b, "\n"); /* an empty one counts */
	assert_string_equal(got(), "1 answered a\n1 answered \n");
	assert_contains(seen(&world.b), "tries that are left: 1.\n");
	type(&world.a, "c\n");
	assert_string_equal(got(), "1 answered c\n1 refused\n");
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
	assert_restored(&world.a);
}

static void what_it_is_worth_may_be_found_out_later(void **state)
{
	(void)state;
	world.verdict[1] = PROMPT_PENDING;
	ask("x", 1);
	tick();
	type(&world.a, "a\n");
	assert_string_equal(got(), "1 answered a\n");
	/* Who asks the same meanwhile waits: perhaps the answer will do. */
	ask("x", 2);
	seen(&world.a);
	tick();
	assert_string_equal(seen(&world.a), "");
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
	prompt_set_verdict(world.boot, take, 1, false);
	tick();
	assert_contains(seen(&world.a), "That was wrong; tries that are left: 2.\nx: ");
	type(&world.a, "b\n");
	assert_string_equal(got(), "1 answered b\n2 answered b\n");
	prompt_set_verdict(world.boot, take, 1, true);
	tick();
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
}

static void it_may_be_taken_back(void **state)
{
	(void)state;
	ask("x", 1);
	ask("x", 2);
	tick();
	seen(&world.a);
	prompt_cancel(world.boot, take, 1);
	assert_string_equal(seen(&world.a), ""); /* the other one still wants to know */
	prompt_cancel(world.boot, take, 2);
	assert_string_equal(seen(&world.a), "\n(this is not needed any more)\n");
	assert_restored(&world.a);
	assert_restored(&world.b);
	type(&world.a, "x\n");
	assert_string_equal(got(), "");
}

static void ask_more_and_cancel(void)
{
	world.then = NULL;
	prompt_cancel(world.boot, take, 1);
	prompt_cancel(world.boot, take, 2);
	ask("next", 3);
}

static void a_handler_may_ask_and_cancel(void **state)
{
	(void)state;
	world.verdict[1] = PROMPT_WRONG;
	world.then = ask_more_and_cancel;
	ask("x", 1);
	ask("x", 2);
	tick();
	type(&world.a, "a\n");
	assert_string_equal(got(), "1 answered a\n");
	type(&world.a, "b\n");
	assert_string_equal(got(), "3 answered b\n");
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
}

static void there_is_a_limit_to_their_number(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROMPTS_MAX; i++)
		ask("x", i);
	assert_int_equal(prompt_ask(world.boot, &(struct prompt_request){.text = "x",
									 .handler = take}),
			 -ENOSPC);
}

/* ---- time ---- */

static void the_time_limit_runs_while_it_is_shown(void **state)
{
	(void)state;
	ask("one", 1);
	ask("two", 2);
	tick();
	world.now += 59000;
	tick();
	assert_string_equal(got(), "");
	assert_true(prompt_due(world.boot, world.now) <= START + 60000);
	world.now += 1000;
	tick();
	assert_string_equal(got(), "1 late\n");
	assert_contains(seen(&world.b), "\n(no answer within 60 seconds)\n\ntwo: ");
	/* A shell has the console; the question is shown again afterwards. */
	prompt_hush(world.boot, true);
	assert_restored(&world.a);
	seen(&world.b);
	world.now += 600000;
	tick();
	assert_string_equal(seen(&world.b), "");
	assert_true(prompt_due(world.boot, world.now) == INT64_MAX);
	prompt_hush(world.boot, false);
	tick();
	assert_string_equal(got(), "");
	assert_string_equal(seen(&world.b), "\ntwo: ");
	type(&world.b, "x\n");
	assert_string_equal(got(), "2 answered x\n");
}

/* ---- among other lines ---- */

static void it_is_shown_again_below_other_lines(void **state)
{
	(void)state;
	ask("x", 1);
	tick();
	seen(&world.a);
	seen(&world.b);
	log_show("one");
	log_show("two");
	tick();
	tick();
	assert_string_equal(seen(&world.a), "\npreroot: one\npreroot: two\nx: ");
	assert_string_equal(seen(&world.b), ""); /* the lines go to /dev/console alone */
	type(&world.a, "a\n");
	log_show("three");
	assert_string_equal(seen(&world.a), "\npreroot: three\n");
}

static void it_is_shown_again_below_what_the_kernel_prints(void **state)
{
	static const char printed[] = "6,100,9000000,-;usb 1-1: new device\n";
	static const char quiet[] = "7,101,9000001,-;preroot: x\n";
	char kmsg[300], printk[300];
	int fd;

	(void)state;
	snprintf(kmsg, sizeof(kmsg), "%s/kmsg", world.folder);
	snprintf(printk, sizeof(printk), "%s/printk", world.folder);
	put_text(world.folder, "printk", "7 4 1 7\n");
	assert_int_equal(mkfifo(kmsg, 0600), 0);
	world.boot->prompts.kmsg = kmsg;
	world.boot->prompts.printk = printk;
	ask("x", 1);
	tick();
	fd = open(kmsg, O_WRONLY);
	seen(&world.a);
	seen(&world.b);
	assert_int_equal(write(fd, quiet, sizeof(quiet) - 1), sizeof(quiet) - 1);
	prompt_input(world.boot);
	assert_int_equal(prompt_due(world.boot, world.now), START + 1000);
	assert_int_equal(write(fd, printed, sizeof(printed) - 1), sizeof(printed) - 1);
	prompt_input(world.boot);
	tick();
	assert_int_equal(prompt_due(world.boot, world.now), START + 300);
	assert_string_equal(seen(&world.b), "");
	world.now += 300;
	tick();
	assert_string_equal(seen(&world.a), "x: ");
	assert_string_equal(seen(&world.b), "x: ");
	assert_int_equal(prompt_due(world.boot, world.now), START + 1000);
	prompt_cancel(world.boot, take, 1);
	close(fd);
}

/* ---- hostile and broken terminals ---- */

static void the_longest_answer_is_whole_and_a_longer_one_is_refused(void **state)
{
	char line[3 * PROMPT_ANSWER_MAX];

	(void)state;
	memset(line, 'y', sizeof(line));
	ask("x", 1);
	tick();
	for (size_t len = PROMPT_ANSWER_MAX + 1; len < sizeof(line); len += 511) {
		seen(&world.a);
		pty_type(&world.a, line, len);
		type(&world.a, "\n");
		assert_string_equal(got(), "");
		assert_contains(seen(&world.a), "This is too long (more than 1024 bytes).\nx: ");
	}
	line[PROMPT_ANSWER_MAX] = '\0';
	pty_type(&world.a, line, PROMPT_ANSWER_MAX);
	type(&world.a, "\n");
	assert_int_equal(strlen(got()), strlen("1 answered ") + PROMPT_ANSWER_MAX + 1);
}

static void any_byte_may_be_typed(void **state)
{
	(void)state;
	ask("x", 1);
	tick();
	pty_type(&world.a, "a\0b\xff\x1b[A\n", 8);
	prompt_input(world.boot);
	assert_int_equal(world.got.len, strlen("1 answered ") + 8);
	assert_memory_equal(world.got.data + strlen("1 answered "), "a\0b\xff\x1b[A\n", 8);
	buf_clear(&world.got);
	ask("y", 2);
	tick();
	type(&world.a, "wrong\x15nor this\x03half\x04"); /* ^U, ^C, ^D in place of the end */
	assert_string_equal(got(), "2 answered half\n");
	ask("z", 3);
	tick();
	type(&world.a, "\x04");
	assert_string_equal(got(), "3 answered \n");
}

static void a_console_that_vanishes_does_no_harm_and_may_come_again(void **state)
{
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/ttyB", world.dev);
	ask("x", 1);
	tick();
	pty_close(&world.b);
	prompt_input(world.boot);
	prompt_input(world.boot);
	world.now += 1000;
	tick(); /* its name leads nowhere */
	unlink(path);
	pty_open(&world.b);
	put_link(world.folder, "dev/ttyB", world.b.path);
	world.now += 1000;
	tick();
	assert_string_equal(seen(&world.b), "\nx: ");
	type(&world.b, "y\n");
	assert_string_equal(got(), "1 answered y\n");
}

static void a_console_that_is_stopped_holds_up_no_other(void **state)
{
	(void)state;
	tcflow(world.a.slave, TCOOFF);
	log_show("kept back");
	ask("x", 1);
	tick();
	assert_string_equal(seen(&world.a), "");
	assert_string_equal(seen(&world.b), "\nx: ");
	assert_between(prompt_due(world.boot, world.now), world.now + 1, world.now + 100);
	tcflow(world.a.slave, TCOON);
	log_flush();
	tick();
	assert_string_equal(seen(&world.a), "preroot: kept back\n\nx: ");
	tcflow(world.a.slave, TCOOFF);
	type(&world.b, "y\n");
	assert_string_equal(got(), "1 answered y\n");
	assert_restored(&world.a);
}

static void without_any_console_it_waits_for_one(void **state)
{
	(void)state;
	world.boot->prompts.terminals.active = "/nowhere";
	world.boot->prompts.terminals.folder = "/nowhere";
	ask("x", 1);
	tick();
	assert_int_equal(prompt_due(world.boot, world.now), world.now + 1000);
	world.now += 60000;
	tick();
	assert_string_equal(got(), "1 late\n");
}

/* ---- where the answer is ---- */

static bool is_wiped(void)
{
	for (int i = 0; i <= PROMPT_ANSWER_MAX; i++)
		if (world.boot->prompts.terminals.line[i])
			return false;
	return true;
}

/* In the handler. */
static void look_from_a_child(void)
{
	int status, pid = fork();

	if (pid == 0)
		_exit(is_wiped() ? 0 : 1);
	assert_false(is_wiped());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void it_is_gone_after_the_handler_and_never_in_a_child(void **state)
{
	(void)state;
	world.then = look_from_a_child;
	ask("x", 1);
	tick();
	type(&world.a, "secret\n");
	assert_string_equal(got(), "1 answered secret\n");
	assert_true(is_wiped());
}

static void nothing(struct boot *b, void *context)
{
	(void)b, (void)context;
}

/* Nobody would hear what is typed on it: it must not look as if somebody did. */
static void a_terminal_that_cannot_be_waited_for_is_left_alone(void **state)
{
	struct termios now;

	(void)state;
	for (int i = 0; i < SOURCES_MAX; i++)
		world.boot->sources.list[i] = (struct source){.ready = nothing, .fd = -1};
	ask("one", 1);
	tick();
	tcgetattr(world.a.slave, &now);
	assert_int_equal(now.c_lflag, world.before.c_lflag);
	assert_string_equal(seen(&world.a), "");
	memset(world.boot->sources.list, 0, sizeof(world.boot->sources.list));
	world.now += 60000;
	tick();
	assert_string_equal(got(), "1 late\n"); /* it has an end all the same */
	ask("two", 2);
	tick();
	type(&world.a, "x\n");
	assert_string_equal(got(), "2 answered x\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_shown_on_all_consoles_and_the_first_line_wins),
		TEST(what_is_no_secret_is_shown_as_it_is_typed),
		TEST(questions_come_one_after_the_other),
		TEST(one_answer_goes_to_all_who_ask_the_same),
		TEST(it_is_asked_again_until_the_tries_are_used_up),
		TEST(what_it_is_worth_may_be_found_out_later),
		TEST(it_may_be_taken_back),
		TEST(a_handler_may_ask_and_cancel),
		TEST(there_is_a_limit_to_their_number),
		TEST(the_time_limit_runs_while_it_is_shown),
		TEST(it_is_shown_again_below_other_lines),
		TEST(it_is_shown_again_below_what_the_kernel_prints),
		TEST(the_longest_answer_is_whole_and_a_longer_one_is_refused),
		TEST(any_byte_may_be_typed),
		TEST(a_console_that_vanishes_does_no_harm_and_may_come_again),
		TEST(a_console_that_is_stopped_holds_up_no_other),
		TEST(without_any_console_it_waits_for_one),
		TEST(it_is_gone_after_the_handler_and_never_in_a_child),
		TEST(a_terminal_that_cannot_be_waited_for_is_left_alone),
	};

	return RUN_TESTS(tests);
}
