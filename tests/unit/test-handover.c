/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and the root's init: whether the kernel would start it is known before the initramfs is
 * left, and no step of the hand-over that fails leaves the boot where it cannot go on.
 */

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "format/program/elfhead.h"
#include "init/goal/handover.h"
#include "init/goal/goal.h"
#include "init/goal/runnable.h"
#include "recorder.h"
#include "support.h"

/* ---- what the kernel starts ---- */

static const char *in(const char *folder, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put_program(const char *folder, const char *name, const void *data, size_t len)
{
	put_file(folder, name, data, len);
	assert_int_equal(chmod(in(folder, name), 0755), 0);
}

static void put_script(const char *folder, const char *name, const char *text)
{
	put_program(folder, name, text, strlen(text));
}

static void starts(const char *folder, const char *name)
{
	char why[512] = "";

	if (runnable_check(in(folder, name), why, sizeof(why)) < 0)
		fail_msg("%s", why);
}

static void does_not_start(const char *folder, const char *name, int expected, const char *because)
{
	char why[512] = "";

	assert_int_equal(runnable_check(in(folder, name), why, sizeof(why)), expected);
	assert_contains(why, in(folder, name));
	assert_contains(why, because);
}

/* This very program, which the kernel does start. */
static void read_own(struct buf *out)
{
	assert_int_equal(read_file_at(AT_FDCWD, "/proc/self/exe", 256 * 1024 * 1024, out), 0);
}

static void a_program_and_a_script_start(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_buf_ struct buf own = BUF_INIT;

	(void)state;
	read_own(&own);
	put_program(folder, "program", own.data, own.len);
	put_script(folder, "script", "#!/bin/sh\nexit 0\n");
	assert_int_equal(symlink("script", in(folder, "link")), 0);
	starts(folder, "program");
	starts(folder, "script");
	starts(folder, "link");
}

static void what_is_asked_about_does_not_run(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	char text[PATH_MAX + 64];

	(void)state;
	snprintf(text, sizeof(text), "#!/bin/sh\n: > %s\n", in(folder, "ran"));
	put_script(folder, "script", text);
	for (int i = 0; i < 20; i++)
		starts(folder, "script");
	assert_int_equal(access(in(folder, "ran"), F_OK), -1);
}

static void a_program_for_another_machine_is_named(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_buf_ struct buf own = BUF_INIT;
	unsigned char *data;

	(void)state;
	read_own(&own);
	data = (unsigned char *)own.data;
	data[offsetof(Elf64_Ehdr, e_machine)] = EM_S390;
	data[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
	put_program(folder, "program", own.data, own.len);
	does_not_start(folder, "program", -ENOEXEC, "is a 64-bit program for s390x (this kernel: ");
	put_program(folder, "cut", own.data, 1000);
	does_not_start(folder, "cut", -ENOEXEC, "Exec format error");
}

static void an_interpreter_that_is_missing_is_named(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_buf_ struct buf own = BUF_INIT;
	struct elfhead head;
	char text[PATH_MAX + 64];
	char *interpreter;

	(void)state;
	read_own(&own);
	assert_int_equal(elfhead_decode(own.data, own.len, &head, NULL), 0);
	interpreter = memmem(own.data, own.len, head.interpreter, strlen(head.interpreter) + 1);
	assert_true(*head.interpreter && interpreter);
	interpreter[1] = '!';
	head.interpreter[1] = '!';
	put_program(folder, "program", own.data, own.len);
	does_not_start(folder, "program", -ENOENT, head.interpreter);
	does_not_start(folder, "program", -ENOENT, "No such file");
	put_script(folder, "script", "#! /nowhere/sh -x\n");
	does_not_start(folder, "script", -ENOENT, "is a script, which needs /nowhere/sh; /nowhere/sh: No");
	snprintf(text, sizeof(text), "#!%s\n", in(folder, "script"));
	put_script(folder, "second", text);
	does_not_start(folder, "second", -ENOENT, "; /nowhere/sh: No such file");
}

static void what_is_no_program_at_all_is_said(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	char text[PATH_MAX + 64];

	(void)state;
	put_script(folder, "text", "hello\n");
	does_not_start(folder, "text", -ENOEXEC, "is neither a program nor a script");
	put_script(folder, "empty", "");
	does_not_start(folder, "empty", -ENOEXEC, "is empty");
	put_script(folder, "dos", "#!/bin/sh\r\n");
	does_not_start(folder, "dos", -ENOENT, "CR LF");
	put_text(folder, "plain", "#!/bin/sh\n");
	assert_int_equal(chmod(in(folder, "plain"), 0644), 0);
	does_not_start(folder, "plain", -EACCES, "is not executable (its mode has no x)");
	does_not_start(folder, "", -EACCES, "is not a file");
	does_not_start(folder, "none", -ENOENT, "No such file");
	assert_int_equal(symlink("/nowhere/systemd", in(folder, "link")), 0);
	does_not_start(folder, "link", -ENOENT, "is a link to /nowhere/systemd: No such file");
	snprintf(text, sizeof(text), "#!%s\n", in(folder, "circle"));
	put_script(folder, "circle", text);
	does_not_start(folder, "circle", -ELOOP, "Too many levels");
}

/* ---- which one is taken ---- */

static void what_the_kernel_would_not_start_is_passed_over_and_told(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	struct job_result r = {0};
	char none[PATH_MAX], text[PATH_MAX], good[PATH_MAX];
	const char *paths[] = {none, text, good};

	(void)state;
	put_script(folder, "text", "hello\n");
	put_script(folder, "good", "#!/bin/sh\n");
	snprintf(none, sizeof(none), "%s", in(folder, "none"));
	snprintf(text, sizeof(text), "%s", in(folder, "text"));
	snprintf(good, sizeof(good), "%s", in(folder, "good"));
	buf_clear(&recorder.log);
	assert_int_equal(handover_choose(paths, 3, &r), 0);
	assert_string_equal(r.text, good);
	assert_contains(r.note, "text is neither a program nor");
	assert_contains(r.note, "good is started in its place");
	assert_int_equal(recorder.log.len, 0); /* it runs in a worker: PID 1 logs it */
	assert_int_equal(handover_choose(paths, 2, &r), -ENOENT);
	assert_contains(r.text, "no init that can be started");
	assert_contains(r.text, "text is neither");
	assert_int_equal(handover_choose(paths, 1, &r), -ENOENT);
	assert_contains(r.text, "is it the right one?");
}

static void nothing_stands_in_for_the_init_that_was_named(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	struct boot *b = recorder_boot();
	struct job_result r = {0};
	char cmdline[PATH_MAX + 8];

	(void)state;
	put_script(folder, "good", "#!/bin/sh\n");
	put_script(folder, "text", "hello\n");
	recorder_start_with(0);
	snprintf(cmdline, sizeof(cmdline), "init=%s", in(folder, "good"));
	params_parse(&b->params, cmdline, strlen(cmdline));
	assert_int_equal(handover_check(b, &r), 0);
	assert_string_equal(r.text, in(folder, "good"));
	snprintf(cmdline, sizeof(cmdline), "init=%s", in(folder, "text"));
	params_parse(&b->params, cmdline, strlen(cmdline));
	assert_int_equal(handover_check(b, &r), -ENOEXEC);
	assert_contains(r.text, "nothing else is tried in its place");
	free(b);
}

/* ---- the steps that fail ---- */

#define MOVE(from, to) "mount " from " " to " - 2000 [-]\n"
#define MOVES                                                                                      \
	MOVE("/dev", "/sysroot/dev") MOVE("/proc", "/sysroot/proc") MOVE("/sys", "/sysroot/sys")   \
	MOVE("/run", "/sysroot/run")
#define BACK                                                                                       \
	MOVE("/sysroot/run", "/run") MOVE("/sysroot/sys", "/sys") MOVE("/sysroot/proc", "/proc")   \
	MOVE("/sysroot/dev", "/dev")
#define PIVOT  "chdir /sysroot\n" MOVES "pivot_root . .\n"
#define OTHERS "exec /etc/init\nexec /bin/init\nexec /bin/sh\n"
#define NO     (-EPERM)

static int n_left;

static void note_left(struct boot *b)
{
	(void)b;
	n_left++;
}

static void no_step_that_fails_is_a_dead_end(void **state)
{
	static const struct {
		const char *cmdline;
		int results[16];
		const char *calls, *why;
		bool left;
	} cases[] = {
		{"", {NO, 1}, "chdir /sysroot\n", "/sysroot: ", false},
		/* A mount that cannot be moved: those before it are moved back. */
		{"",
		 {0, NO, 1},
		 "chdir /sysroot\n" MOVE("/dev", "/sysroot/dev") "chdir /\n",
		 "/dev cannot be moved to /sysroot/dev: ",
		 false},
		{"",
		 {0, 0, 0, 0, NO, 1},
		 "chdir /sysroot\n" MOVES MOVE("/sysroot/sys", "/sys")
			 MOVE("/sysroot/proc", "/proc") MOVE("/sysroot/dev", "/dev") "chdir /\n",
		 "/run cannot be moved to /sysroot/run: ",
		 false},
		/* What is not mounted need not be moved. */
		{"",
		 {0, 0, 0, -EINVAL, 0, 0, 0, 0, -EACCES, NO, NO, NO, 1},
		 PIVOT "umount . 2\nchdir /\nexec /sbin/init\n" OTHERS,
		 "/sbin/init cannot be started: Permission denied",
		 true},
		/* Before Linux 7.2 the root is moved. */
		{"",
		 {0, 0, 0, 0, 0, NO, NO, 1},
		 PIVOT "mount . / - 2000 [-]\n" BACK "chdir /\n",
		 "the root directory cannot be changed to /sysroot: ",
		 false},
		{"",
		 {0, 0, 0, 0, 0, NO, 0, NO, 1},
		 PIVOT "mount . / - 2000 [-]\nchroot .\nchdir /\n",
		 "the root directory cannot be changed to /sysroot: ",
		 true},
		{"",
		 {0, 0, 0, 0, 0, NO, 0, 0, 0, -ENOMEM, NO, NO, NO, 1},
		 PIVOT "mount . / - 2000 [-]\nchroot .\nchdir /\nexec /sbin/init\n" OTHERS,
		 "/sbin/init cannot be started: Cannot allocate memory",
		 true},
		/* A mount of the initramfs that stays, and the folder's name, do no harm. */
		{"",
		 {0, 0, 0, 0, 0, 0, NO, NO, -EACCES, NO, NO, NO, 1},
		 PIVOT "umount . 2\nchdir /\nexec /sbin/init\n" OTHERS,
		 "/sbin/init cannot be started: Permission denied",
		 true},
		/* The kernel would panic: there is no fallback for init=. */
		{"init=/sbin/init",
		 {0, 0, 0, 0, 0, 0, 0, 0, -EACCES, 1},
		 PIVOT "umount . 2\nchdir /\nexec /sbin/init\n",
		 "/sbin/init cannot be started: Permission denied",
		 true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = recorder_boot_with(cases[i].cmdline);
		char *argv[] = {(char *)"/init", NULL}, *envp[] = {NULL};
		struct handover h = {
			.argv = argv, .envp = envp, .left = note_left, .initramfs = -1};

		n_left = 0;
		snprintf(b->goal->init, sizeof(b->goal->init), "/sbin/init");
		recorder_start(cases[i].results);
		handover_leave(b, &h);
		assert_string_equal(recorder_calls(), cases[i].calls);
		assert_contains(h.why, cases[i].why);
		assert_int_equal(b->goal->left, cases[i].left);
		assert_int_equal(n_left, cases[i].left);
		free(b);
	}
}

static void the_initramfs_is_emptied_when_there_is_no_way_back(void **state)
{
	static const struct {
		int results[16];
		bool emptied;
	} cases[] = {
		{{0, 0, 0, 0, 0, NO, NO, 1}, false},
		{{0, 0, 0, 0, 0, NO, 0, NO, 1}, false},
		{{0, 0, 0, 0, 0, NO, 0, 0, 1}, true},
		{{0, 0, 0, 0, 0, 0, 0, 0, 1}, true},
	};
	_cleanup_folder_ char *folder = make_folder();
	char *argv[] = {(char *)"/init", NULL}, *envp[] = {NULL};
	struct stat st;

	(void)state;
	put_text(folder, "init", "x");
	put_text(folder, "bin/sh", "x");
	assert_int_equal(stat(folder, &st), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = recorder_boot();
		struct handover h = {.argv = argv, .envp = envp, .device = st.st_dev,
				     .initramfs = open(folder, O_RDONLY | O_DIRECTORY)};
		const char *exec, *unlinked;

		snprintf(b->goal->init, sizeof(b->goal->init), "/sbin/init");
		recorder_start(cases[i].results);
		handover_leave(b, &h);
		exec = strstr(recorder_calls(), "exec /sbin/init");
		unlinked = strstr(recorder_calls(), "unlink ");
		assert_int_equal(unlinked != NULL, cases[i].emptied);
		assert_int_equal(exec != NULL, cases[i].emptied);
		if (exec) {
			assert_true(unlinked < exec);
			assert_contains(recorder_calls(), "unlink init 0\n");
			assert_contains(recorder_calls(), "unlink sh 0\nunlink bin 200\n");
		}
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_and_a_script_start),
		cmocka_unit_test(what_is_asked_about_does_not_run),
		cmocka_unit_test(a_program_for_another_machine_is_named),
		cmocka_unit_test(an_interpreter_that_is_missing_is_named),
		cmocka_unit_test(what_is_no_program_at_all_is_said),
		cmocka_unit_test(what_the_kernel_would_not_start_is_passed_over_and_told),
		cmocka_unit_test(nothing_stands_in_for_the_init_that_was_named),
		cmocka_unit_test(no_step_that_fails_is_a_dead_end),
		cmocka_unit_test(the_initramfs_is_emptied_when_there_is_no_way_back),
	};

	return RUN_TESTS(tests);
}
