/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The log of runs: what a line looks like, where it is written, and what is not written to.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "deploy/runlog.h"
#include "support.h"

#define V "6.1.0-9-amd64"

struct fixture {
	char *folder;
	struct root root;
	struct runlog log;
	struct err err;
	char text[16384]; /* of the file */
};

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){.folder = make_folder()};
	put_dir(f->folder, "var");
	put_dir(f->folder, "var/log");
	put_dir(f->folder, "dev");
	assert_ok(root_open(f->folder, &f->root, &f->err), 0, &f->err);
	runlog_open(&f->log, &f->root);
}

static void fixture_clear(struct fixture *f)
{
	runlog_close(&f->log);
	root_close(&f->root);
	remove_folder(f->folder);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static const char *read_log(struct fixture *f)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	assert_int_equal(root_read(&f->root, RUNLOG_PATH, sizeof(f->text) - 1, &text), 0);
	snprintf(f->text, sizeof(f->text), "%s", buf_cstr(&text));
	return f->text;
}

static void a_line_tells_time_process_level_kernel_and_step(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char expected[256], *rest;
	struct stat st;
	int year, n = 0;

	(void)state;
	fixture_make(&f);
	runlog_line(&f.log, V, "swap", RUNLOG_WARN, "%d of %s", 3, "x");
	runlog_line(&f.log, NULL, NULL, RUNLOG_INFO, "end");
	assert_null(runlog_problem(&f.log));
	assert_int_equal(root_stat(&f.root, RUNLOG_PATH, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	rest = (char *)read_log(&f);
	assert_int_equal(sscanf(rest, "%4d-%*2d-%*2dT%*2d:%*2d:%*2dZ %n", &year, &n), 1);
	assert_true(year >= 2024 && n == 21);
	snprintf(expected, sizeof(expected), "%d warn " V " swap: 3 of x\n", getpid());
	assert_memory_equal(rest + n, expected, strlen(expected));
	snprintf(expected, sizeof(expected), "%d info - -: end\n", getpid());
	assert_true(str_ends(rest, expected));
}

static void lines_are_added_to_what_is_there(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, RUNLOG_PATH, "before\n");
	runlog_line(&f.log, V, "plan", RUNLOG_INFO, "one");
	assert_memory_equal(read_log(&f), "before\n", 7);
	assert_contains(f.text, "plan: one\n");
}

static void no_byte_of_a_text_makes_a_line_or_drives_a_terminal(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char far[3000];

	(void)state;
	fixture_make(&f);
	runlog_line(&f.log, "6.1\n2", "a b", RUNLOG_INFO, "%s", "x\n2026 fatal\033[2J\xff\\");
	assert_contains(read_log(&f), " info 6.1\\x0a2 a_b: x\\x0a2026 fatal\\x1b[2J\\xff\\x5c\n");
	assert_ptr_equal(strchr(f.text, '\n') + 1, f.text + strlen(f.text));
	memset(far, 0x07, sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	runlog_line(&f.log, far, far, RUNLOG_INFO, "%s", far);
	runlog_line(&f.log, NULL, NULL, RUNLOG_INFO, "last");
	assert_true(str_ends(read_log(&f), " info - -: last\n"));
}

static void lines_above_the_level_leave_nothing(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	runlog_line(&f.log, V, "x", RUNLOG_DEBUG, "no");
	runlog_line(&f.log, V, "x", RUNLOG_NOTHING, "no");
	assert_int_equal(type_of(f.folder, RUNLOG_PATH), 0);
	f.log.file = RUNLOG_ERROR;
	runlog_line(&f.log, V, "x", RUNLOG_INFO, "no"); /* for the system's */
	assert_int_equal(type_of(f.folder, RUNLOG_PATH), 0);
	f.log.file = RUNLOG_TRACE;
	runlog_line(&f.log, V, "x", RUNLOG_TRACE, "yes");
	assert_contains(read_log(&f), " trace ");
	assert_null(strstr(f.text, "no\n"));
}

/* A problem with the first line must be reported, and no other line be written. */
static void assert_refused(struct fixture *f, const char *part)
{
	runlog_line(&f->log, V, "x", RUNLOG_INFO, "one");
	runlog_line(&f->log, V, "x", RUNLOG_INFO, "two");
	assert_non_null(runlog_problem(&f->log));
	assert_contains(runlog_problem(&f->log), part);
	runlog_close(&f->log);
	runlog_open(&f->log, &f->root);
}

static void what_is_not_our_own_file_is_not_written_to(void **state)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_free_ char *a = NULL, *b = NULL;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "victim", "");
	put_link(f.folder, RUNLOG_PATH, "/victim");
	assert_refused(&f, "not written");
	assert_true(asprintf(&a, "%s/" RUNLOG_PATH, f.folder) > 0);
	assert_true(asprintf(&b, "%s/victim", f.folder) > 0);
	assert_int_equal(unlink(a), 0);
	assert_int_equal(link(b, a), 0);
	assert_refused(&f, "not a regular file of this user");
	assert_content(f.folder, "victim", "");
	assert_int_equal(unlink(a), 0);
	assert_int_equal(mkfifo(a, 0600), 0);
	assert_refused(&f, "not written");
	assert_int_equal(unlink(a), 0);
	put_dir(f.folder, RUNLOG_PATH);
	assert_refused(&f, "not written");
}

static void without_the_folder_there_is_one_problem(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	f.log.path = "var/none/preroot.log";
	assert_refused(&f, "var/none/preroot.log");
}

static void the_system_log_gets_the_same_in_its_own_form(void **state)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[1024] = "", end[128], month[4];
	int severity;

	(void)state;
	fixture_make(&f);
	assert_true((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/dev/real",
				     f.folder) < sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	put_link(f.folder, "dev/log", "/dev/real"); /* as with systemd: within the root */
	f.log.file = RUNLOG_NOTHING;
	runlog_line(&f.log, V, "boot loader", RUNLOG_ERROR, "a\nb");
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(sscanf(text, "<%d>%3s %*d %*d:%*d:%*d ", &severity, month), 2);
	assert_int_equal(severity, 8 | 3);
	snprintf(end, sizeof(end), " preroot[%d]: " V " boot_loader: a\\x0ab", getpid());
	assert_true(str_ends(text, end));
	assert_int_equal(type_of(f.folder, RUNLOG_PATH), 0);
	runlog_line(&f.log, V, "x", RUNLOG_DEBUG, "not this");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_tells_time_process_level_kernel_and_step),
		cmocka_unit_test(lines_are_added_to_what_is_there),
		cmocka_unit_test(no_byte_of_a_text_makes_a_line_or_drives_a_terminal),
		cmocka_unit_test(lines_above_the_level_leave_nothing),
		cmocka_unit_test(what_is_not_our_own_file_is_not_written_to),
		cmocka_unit_test(without_the_folder_there_is_one_problem),
		cmocka_unit_test(the_system_log_gets_the_same_in_its_own_form),
	};

	return RUN_TESTS(tests);
}
