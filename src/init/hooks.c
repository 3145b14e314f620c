/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/boot.h"
#include "init/log.h"
#include "init/sys.h"

enum {
	TELL_MS = 10000,
	CHUNK = 1024,
	DRAIN_MAX = 128, /* chunks: a child of the program may print for ever */
	ENV_TEXT_MAX = JOBS_NAME_MAX + 32,
};

bool hooks_add(struct hooks *h, char *value)
{
	return h->n < BOOTCONF_RUNS_MAX && bootconf_run(value, &h->list[h->n]) && ++h->n;
}

bool hooks_begin(struct hooks *h, enum bootconf_stage stage)
{
	bool any = false;

	for (size_t i = 0; i < h->n; i++)
		any = any || h->list[i].stage == stage;
	if (!any || h->begun[stage])
		return false;
	h->begun[stage] = true;
	h->stage = stage;
	h->next = 0;
	return true;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* ---- its output ---- */

static void end_line(struct hooks *h)
{
	h->line[h->line_len] = '\0';
	if (h->line_len)
		log_info("%s: %s", base_name(h->current->path), h->line);
	h->line_len = 0;
}

static void take_output(struct hooks *h, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			h->line[h->line_len++] = text[i];
		if (text[i] == '\n' || h->line_len == sizeof(h->line) - 1)
			end_line(h);
	}
}

/* Closing alone would not do: a worker that was forked meanwhile holds the descriptor, too. */
static void drop_output(struct boot *b)
{
	if (b->hooks.fd >= 0)
		epoll_ctl(b->epoll, EPOLL_CTL_DEL, b->hooks.fd, NULL);
	b->hooks.fd = close_fd(b->hooks.fd);
}

/* True when there may be more. */
static bool read_chunk(struct boot *b)
{
	struct hooks *h = &b->hooks;
	char text[CHUNK];
	ssize_t n = h->fd < 0 ? 0 : read(h->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0) {
		take_output(h, text, (size_t)n);
		return true;
	}
	drop_output(b);
	return false;
}

void hooks_output(struct boot *b)
{
	if (b->hooks.current)
		read_chunk(b);
}

/* ---- from start to end ---- */

static void __attribute__((format(printf, 2, 3))) finish(struct boot *b, const char *fmt, ...)
{
	const struct bootconf_run *run = b->hooks.current;
	struct hooks *h = &b->hooks;
	char why[HOOKS_WHY_MAX];
	va_list ap;

	for (int i = 0; i < DRAIN_MAX && read_chunk(b); i++)
		;
	end_line(h);
	drop_output(b);
	h->pid = 0;
	h->current = NULL;
	if (!fmt) {
		log_info("%s is done", run->path);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (run->required)
		snprintf(h->error, sizeof(h->error), "%.*s, which is required at %s, %s",
			 (int)(sizeof(h->error) - sizeof(why) - 64), run->path,
			 bootconf_stage_name(run->stage), why);
	else
		log_tell("%s (%s) %s; the boot goes on without it", run->path,
			 bootconf_stage_name(run->stage), why);
}

static void start(struct boot *b, const struct bootconf_run *run)
{
	char stage[ENV_TEXT_MAX], root[ENV_TEXT_MAX], type[ENV_TEXT_MAX];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"HOME=/",
		       (char *)"TERM=linux", (char *)"NEWROOT=/sysroot", stage, NULL, NULL, NULL};
	char *argv[] = {(char *)run->path, NULL};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &b->hooks};
	struct hooks *h = &b->hooks;
	int64_t now = log_now();

	snprintf(stage, sizeof(stage), "PREROOT_STAGE=%s", bootconf_stage_name(run->stage));
	if (run->stage != RUN_PRE_TRIGGER) {
		snprintf(root, sizeof(root), "PREROOT_ROOT=/dev/%s", b->devices[b->root].name);
		snprintf(type, sizeof(type), "PREROOT_FSTYPE=%.*s",
			 (int)strcspn(b->fstype, ","), b->fstype);
		env[5] = root;
		env[6] = type;
	}
	log_info("%s: running %s", bootconf_stage_name(run->stage), run->path);
	h->current = run;
	h->line_len = 0;
	h->fd = -1;
	h->deadline = now + (int64_t)run->seconds * 1000;
	h->next_tell = now + TELL_MS;
	h->pid = sys_spawn(run->path, argv, env, &h->fd);
	if (h->pid < 0)
		finish(b, "cannot be started: %s", strerror(-h->pid));
	else if (h->fd >= 0)
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, h->fd, &ev);
}

enum hooks_state hooks_step(struct boot *b)
{
	struct hooks *h = &b->hooks;

	while (!h->current && !h->error[0] && h->next < h->n) {
		const struct bootconf_run *run = &h->list[h->next++];

		if (run->stage == h->stage)
			start(b, run);
	}
	if (h->error[0])
		return HOOKS_FAILED;
	return h->current ? HOOKS_BUSY : HOOKS_DONE;
}

void hooks_ended(struct boot *b, int pid, int status)
{
	if (pid == b->hooks.killed)
		b->hooks.killed = 0;
	if (!b->hooks.current || pid != b->hooks.pid)
		return;
	if (WIFSIGNALED(status))
		finish(b, "was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		finish(b, "ended with status %d", WEXITSTATUS(status));
	else
		finish(b, NULL);
}

/* ---- time ---- */

void hooks_tick(struct boot *b, int64_t now)
{
	struct hooks *h = &b->hooks;

	if (!h->current)
		return;
	if (now >= h->deadline) {
		/* It is not waited for: it may hang in the kernel. */
		sys_kill(-h->pid, SIGKILL);
		h->killed = h->pid;
		finish(b, "did not end within %u seconds and was killed", h->current->seconds);
		return;
	}
	if (now < h->next_tell)
		return;
	log_tell("waiting for %s (%s), for %lld more seconds", h->current->path,
		 bootconf_stage_name(h->stage), (long long)(h->deadline - now + 999) / 1000);
	h->next_tell = now + TELL_MS;
}

int64_t hooks_due(const struct hooks *h)
{
	return h->deadline < h->next_tell ? h->deadline : h->next_tell;
}
