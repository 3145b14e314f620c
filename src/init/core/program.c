/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum {
	TELL_FIRST_MS = 3000,
	TELL_MS = 10000,
	CHUNK = 1024,
	DRAIN_MAX = 128, /* chunks: a child of the program may print for ever */
};

/* ---- its output ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void end_line(struct program *p)
{
	p->line[p->line_len] = '\0';
	if (p->line_len && !(p->take_line && p->take_line(p, p->line)))
		log_info("%s: %s", base_name(p->path), p->line);
	p->line_len = 0;
}

static void take_output(struct program *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			p->line[p->line_len++] = text[i];
		if (text[i] == '\n' || p->line_len == sizeof(p->line) - 1)
			end_line(p);
	}
}

/* Closing alone would not do: a worker that was forked meanwhile holds the descriptor, too. */
static void drop_output(struct boot *b)
{
	if (b->program.fd >= 0)
		epoll_ctl(b->epoll, EPOLL_CTL_DEL, b->program.fd, NULL);
	b->program.fd = close_fd(b->program.fd);
}

/* True when there may be more. */
static bool read_chunk(struct boot *b)
{
	struct program *p = &b->program;
	char text[CHUNK];
	ssize_t n = p->fd < 0 ? 0 : read(p->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0) {
		take_output(p, text, (size_t)n);
		return true;
	}
	drop_output(b);
	return false;
}

void program_output(struct boot *b)
{
	if (b->program.state == PROGRAM_RUNS)
		read_chunk(b);
}

/* ---- from start to end ---- */

static void __attribute__((format(printf, 3, 4))) finish(struct boot *b, int status,
							  const char *fmt, ...)
{
	struct program *p = &b->program;
	va_list ap;

	for (int i = 0; i < DRAIN_MAX && read_chunk(b); i++)
		;
	end_line(p);
	drop_output(b);
	p->pid = 0;
	p->state = PROGRAM_ENDED;
	p->status = status;
	timeline_program_ends(status);
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}

void program_start(struct boot *b, char **argv, char **envp, unsigned seconds)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &b->program};
	struct program *p = &b->program;
	int64_t now = log_now();

	*p = (struct program){
		.state = PROGRAM_RUNS,
		.fd = -1,
		.killed = p->killed,
		.deadline = seconds ? now + (int64_t)seconds * 1000 : PARAMS_FOREVER,
		.next_tell = now + TELL_FIRST_MS,
		.seconds = seconds,
	};
	snprintf(p->path, sizeof(p->path), "%s", argv[0]);
	timeline_program_begins(argv[0]);
	p->pid = sys_spawn(argv[0], argv, envp, &p->fd);
	if (p->pid < 0)
		finish(b, -1, "cannot be started: %s", strerror(-p->pid));
	else if (p->fd >= 0)
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, p->fd, &ev);
}

void program_ended(struct boot *b, int pid, int status)
{
	struct program *p = &b->program;

	if (pid == p->killed)
		p->killed = 0;
	if (p->state != PROGRAM_RUNS || pid != p->pid)
		return;
	if (WIFSIGNALED(status))
		finish(b, -1, "was killed by signal %d", WTERMSIG(status));
	else
		finish(b, WEXITSTATUS(status), "ended with status %d", WEXITSTATUS(status));
}

/* ---- time ---- */

static void tell_waiting(const struct program *p, const char *reason, int64_t now)
{
	char limit[64] = "as long as it takes";

	if (p->deadline != PARAMS_FOREVER)
		snprintf(limit, sizeof(limit), "for %lld more seconds",
			 (long long)(p->deadline - now + 999) / 1000);
	log_tell("waiting for %s (%s), %s%s%s", p->path, reason, limit, p->progress[0] ? ": " : "",
		 p->progress);
}

void program_tick(struct boot *b, const char *reason, int64_t now)
{
	struct program *p = &b->program;

	if (p->state != PROGRAM_RUNS)
		return;
	if (p->deadline != PARAMS_FOREVER && now >= p->deadline) {
		/* It is not waited for: it may hang in the kernel. */
		sys_kill(-p->pid, SIGKILL);
		p->killed = p->pid;
		finish(b, -1, "did not end within %u seconds and was killed", p->seconds);
		return;
	}
	if (now < p->next_tell)
		return;
	tell_waiting(p, reason, now);
	p->next_tell = now + TELL_MS;
}

int64_t program_due(const struct program *p)
{
	return p->deadline != PARAMS_FOREVER && p->deadline < p->next_tell ? p->deadline
									    : p->next_tell;
}
