/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/goal/runnable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "format/program/elfhead.h"
#include "format/program/shebang.h"

enum {
	HEAD_MAX = 16 * 1024, /* the part of a file that names its interpreter */
	DEPTH_MAX = 5,	      /* of interpreters, as in the kernel */
	EXIT_UNKNOWN = 255,   /* the kernel cannot be asked; lower: the errno of execve() */
};

/* ---- asking the kernel ---- */

static _Noreturn void start_traced(const char *path)
{
	char *argv[] = {(char *)path, NULL}, *envp[] = {NULL};

	/* Even if the parent dies, the program must not run. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(EXIT_UNKNOWN);
	execve(path, argv, envp);
	_exit(errno < EXIT_UNKNOWN ? errno : EIO);
}

/* 0 if the kernel can execute it, -errno if not, 1 if that cannot be found out. */
static int ask_kernel(const char *path)
{
	int status, pid = fork();

	if (pid == 0)
		start_traced(path);
	if (pid < 0)
		return 1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return 0;
	}
	if (WIFSIGNALED(status)) /* its segments cannot be mapped */
		return -ENOEXEC;
	return WEXITSTATUS(status) == EXIT_UNKNOWN ? 1 : -WEXITSTATUS(status);
}

/* ---- explaining why ---- */

struct text {
	char *out;
	size_t size, used;
};

static void say(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used = t->used + (size_t)n < t->size ? t->used + (size_t)n : t->size - 1;
}

static bool is_program(const char *path, struct stat *st)
{
	return stat(path, st) == 0 && S_ISREG(st->st_mode) && (st->st_mode & 0111);
}

static void explain_absence(struct text *t, const char *path, int r)
{
	char target[128];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0) {
		say(t, "%s: %s", path, strerror(-r));
		return;
	}
	target[n] = '\0';
	say(t, "%s is a link to %s: %s", path, target, strerror(-r));
}

/* Says what the file is; NEXT gets the interpreter it needs, or "". True for an ELF file. */
static bool explain_content(struct text *t, const char *head, size_t len, char *next)
{
	struct elfhead elf;
	struct shebang script;
	struct err err = {0};
	struct utsname u;
	int r = elfhead_decode(head, len, &elf, &err);

	if (r == 0) {
		say(t, "is a %d-bit program for %s (this kernel: %s)", elf.bits,
		    elfhead_machine_name(elf.machine), uname(&u) < 0 ? "unknown" : u.machine);
		snprintf(next, ELFHEAD_INTERP_MAX, "%s", elf.interpreter);
		return true;
	}
	err = (struct err){0};
	r = shebang_decode(head, len, &script, &err);
	if (r < 0)
		say(t, "is a script, but %s", err.text);
	else if (r == 0)
		say(t, "%s", len ? "is neither a program nor a script that begins with #!"
				 : "is empty");
	else
		say(t, "is a script");
	if (r > 0)
		snprintf(next, ELFHEAD_INTERP_MAX, "%s", script.interpreter);
	return false;
}

/* Says why PATH cannot be executed: R is execve()'s error. The reason may be its interpreter, which
 * is explained in turn. */
static void explain(struct text *t, const char *path, int r, int depth)
{
	char head[HEAD_MAX], next[ELFHEAD_INTERP_MAX] = "";
	_cleanup_fd_ int fd = -1;
	struct stat st;
	bool is_elf;
	int needed;
	ssize_t n;

	if (stat(path, &st) < 0) {
		explain_absence(t, path, -errno);
		return;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		say(t, "%s is %s", path,
		    S_ISREG(st.st_mode) ? "not executable (its mode has no x)" : "not a file");
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -errno : read_full(fd, head, sizeof(head));
	if (n < 0) {
		say(t, "%s: %s", path, strerror((int)-n));
		return;
	}
	say(t, "%s ", path);
	is_elf = explain_content(t, head, (size_t)n, next);
	if (!*next || (is_elf && r == -ENOEXEC)) {
		say(t, ": %s", strerror(-r));
		return;
	}
	say(t, ", which needs %s", next);
	needed = is_program(next, &st) ? ask_kernel(next) : -EACCES;
	if (needed >= 0 || needed == -ELOOP || depth == DEPTH_MAX) {
		say(t, ": %s", strerror(-r));
	} else {
		say(t, "; ");
		explain(t, next, needed, depth + 1);
	}
}

int runnable_check(const char *path, char *why, size_t size)
{
	struct text t = {.out = why, .size = size};
	struct stat st;
	int r = is_program(path, &st) ? ask_kernel(path) : -EACCES;

	if (r >= 0)
		return 0;
	if (stat(path, &st) < 0)
		r = -errno;
	explain(&t, path, r, 0);
	return r;
}
