/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum {
	SHOW_FIRST_MS = 3000,
	SHOW_MS = 10000,
	CHUNK = 1024,
	DRAIN_MAX = 128, /* chunks: a child of the program may keep printing */
};

/* ---- its output ---- */

static void log_line(const struct program *p)
{
	for (size_t at = 0; at < p->line_len; at += PROGRAM_LOG_MAX - 1)
		log_info("%s: %.*s", base_name(p->path), PROGRAM_LOG_MAX - 1, p->line + at);
}

static void end_line(struct program *p)
{
	p->line[p->line_len] = '\0';
	if (p->line_len && !(p->parse_line && p->parse_line(p, p->line)))
		log_line(p);
	explicit_bzero(p->line, p->line_len); /* the program may have printed a secret */
	p->line_len = 0;
}

/* The beginning of an answer would be a wrong answer, and parts of it do not belong into the log. */
static void leave_line_out(struct program *p)
{
	log_info("%s: a line of more than %d bytes is left out", base_name(p->path),
		 PROGRAM_LINE_MAX);
	explicit_bzero(p->line, p->line_len);
	p->line_len = 0;
	p->skips = true;
}

static void add_byte(struct program *p, char c)
{
	size_t limit = p->parse_line ? PROGRAM_LINE_MAX : PROGRAM_LOG_MAX - 1;

	if (c == '\n') {
		end_line(p);
		p->skips = false;
		return;
	}
	if (c == '\r' || p->skips)
		return;
	if (p->line_len == limit && p->parse_line)
		leave_line_out(p);
	else
		p->line[p->line_len++] = c;
	if (p->line_len == limit && !p->parse_line)
		end_line(p);
}

static void add_output(struct program *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		add_byte(p, text[i]);
}

static void drop_output(struct boot *b, struct program *p)
{
	if (p->fd >= 0)
		sources_remove(&b->sources, p->fd);
	p->fd = close_fd(p->fd);
}

/* True if there may be more. */
static bool read_chunk(struct boot *b, struct program *p)
{
	char text[CHUNK];
	ssize_t n = p->fd < 0 ? 0 : read(p->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0) {
		add_output(p, text, (size_t)n);
		explicit_bzero(text, (size_t)n);
		return true;
	}
	drop_output(b, p);
	return false;
}

void program_output(struct boot *b)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (b->programs.list[i].state == PROGRAM_RUNS)
			read_chunk(b, &b->programs.list[i]);
}

static void has_output(struct boot *b, void *context)
{
	(void)context;
	program_output(b);
}

/* ---- from start to end ---- */

/* NEXT is the state of the slot afterwards. */
static void __attribute__((format(printf, 5, 6))) finish(struct boot *b, struct program *p,
							  enum program_state next, int status,
							  const char *fmt, ...)
{
	va_list ap;

	for (int i = 0; i < DRAIN_MAX && read_chunk(b, p); i++)
		;
	end_line(p);
	drop_output(b, p);
	p->state = PROGRAM_ENDED;
	p->status = status;
	timeline_program_ends(p->path, status);
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	p->ended(b, p);
	p->state = next;
}

/* A free slot, or that of a killed program that has not exited; NULL if all are running. */
static struct program *free_place(struct programs *all)
{
	struct program *dying = NULL;

	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		if (all->list[i].state == PROGRAM_NONE)
			return &all->list[i];
		if (all->list[i].state == PROGRAM_KILLED)
			dying = &all->list[i];
	}
	return dying;
}

/* The read end of a pipe that holds the secret, or -errno. */
static int secret_pipe(const void *secret, size_t len)
{
	int ends[2], r;

	if (len > PROGRAM_SECRET_MAX)
		return -E2BIG;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	r = write_full(ends[1], secret, len);
	close_fd(ends[1]);
	if (r < 0)
		close_fd(ends[0]);
	return r < 0 ? r : ends[0];
}

static int spawn(struct program *p, const struct program_request *r)
{
	_cleanup_fd_ int input = r->secret ? secret_pipe(r->secret, r->secret_len) : -1;

	if (r->secret && input < 0)
		return input;
	return sys_spawn(r->argv, r->envp,
			 &(struct sys_child){.input = input, .prepare = r->prepare, .data = r->data}, &p->fd);
}

static struct program prepare(const struct program_request *r, int64_t now)
{
	struct program p = {
		.state = PROGRAM_RUNS,
		.fd = -1,
		.deadline = r->seconds ? now + (int64_t)r->seconds * 1000 : INT64_MAX,
		.next_show = now + SHOW_FIRST_MS,
		.seconds = r->seconds,
		.tag = r->tag,
		.reason = r->reason,
		.parse_line = r->parse_line,
		.ended = r->ended,
	};

	snprintf(p.path, sizeof(p.path), "%s", r->argv[0]);
	return p;
}

void program_start(struct boot *b, const struct program_request *r)
{
	struct program *p = free_place(&b->programs), none = prepare(r, log_now());
	int e;

	timeline_program_begins(r->argv[0]);
	if (!p) {
		finish(b, &none, PROGRAM_NONE, -1, "cannot be started: too many programs run");
		return;
	}
	*p = none;
	p->pid = spawn(p, r);
	if (p->pid < 0) {
		finish(b, p, PROGRAM_NONE, -1, "cannot be started: %s", strerror(-p->pid));
		return;
	}
	e = p->fd < 0 ? 0 : sources_add(&b->sources, p->fd, has_output, NULL);
	if (e < 0)
		log_show("%s: its output is not read before it ends: %s", p->path, strerror(-e));
}

void program_reaped(struct boot *b, int pid, int status)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		struct program *p = &b->programs.list[i];

		if (p->pid != pid)
			continue;
		if (p->state == PROGRAM_KILLED)
			p->state = PROGRAM_NONE;
		if (p->state != PROGRAM_RUNS)
			continue;
		if (WIFSIGNALED(status))
			finish(b, p, PROGRAM_NONE, -1, "was killed by signal %d", WTERMSIG(status));
		else
			finish(b, p, PROGRAM_NONE, WEXITSTATUS(status), "ended with status %d",
			       WEXITSTATUS(status));
		return;
	}
}

/* Kills the whole session, which a program that was just started may not have created yet. */
static void kill_all_of(const struct program *p)
{
	if (sys_kill(-p->pid, SIGKILL) < 0)
		sys_kill(p->pid, SIGKILL);
}

static struct program *find(const struct boot *b,
			    void (*ended)(struct boot *, const struct program *), unsigned tag)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		const struct program *p = &b->programs.list[i];

		if (p->state == PROGRAM_RUNS && p->ended == ended && p->tag == tag)
			return (struct program *)p;
	}
	return NULL;
}

bool program_runs(const struct boot *b, void (*ended)(struct boot *, const struct program *),
		  unsigned tag)
{
	return find(b, ended, tag);
}

void program_cancel(struct boot *b, void (*ended)(struct boot *, const struct program *),
		    unsigned tag)
{
	struct program *p;

	while ((p = find(b, ended, tag))) {
		kill_all_of(p);
		drop_output(b, p);
		/* As in end_line(). */
		explicit_bzero(p->line, sizeof(p->line));
		explicit_bzero(p->progress, sizeof(p->progress));
		p->line_len = 0;
		timeline_program_ends(p->path, -1);
		p->state = PROGRAM_KILLED;
	}
}

bool program_is_dying(const struct boot *b)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (b->programs.list[i].state == PROGRAM_KILLED)
			return true;
	return false;
}

/* ---- time ---- */

static void show_waiting(const struct program *p, int64_t now)
{
	const long long left = (p->deadline - now + 999) / 1000;
	char limit[64] = "as long as it takes";

	if (p->deadline != INT64_MAX)
		snprintf(limit, sizeof(limit), "for %lld more second%s", left, text_plural(left));
	log_show("waiting for %s (%s), %s%s%s", p->path, p->reason, limit,
		 p->progress[0] ? ": " : "", p->progress);
}

static void tick(struct boot *b, struct program *p, int64_t now)
{
	if (p->state != PROGRAM_RUNS)
		return;
	if (now >= p->deadline) {
		/* Do not wait for it to exit: it may hang in the kernel. */
		kill_all_of(p);
		finish(b, p, PROGRAM_KILLED, -1, "did not end within %u second%s and was killed",
		       p->seconds, text_plural(p->seconds));
		return;
	}
	if (now < p->next_show)
		return;
	show_waiting(p, now);
	p->next_show = now + SHOW_MS;
}

void program_tick(struct boot *b, int64_t now)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		tick(b, &b->programs.list[i], now);
}

int64_t program_due(const struct boot *b)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		const struct program *p = &b->programs.list[i];

		if (p->state != PROGRAM_RUNS)
			continue;
		if (p->deadline < due)
			due = p->deadline;
		if (p->next_show < due)
			due = p->next_show;
	}
	return due;
}
