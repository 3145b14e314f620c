/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/sys.h"

enum {
	WORKERS_USUAL_MAX = 16,
	FORK_AGAIN_MS = 1000,
	FORK_FAILS_MS = 10000,
	STUCK_MS = 100, /* a job that takes longer is assumed to wait for hardware, not for a
			   processor */
	WORKER_FD = STDERR_FILENO + 1, /* a worker's socket: see keep_only() */
	FDS_MAX = 1024,
};

void jobs_init(struct jobs *j, struct sources *sources, const struct jobs_kind *kinds)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

	memset(j, 0, sizeof(*j));
	j->sources = sources;
	j->kinds = kinds;
	j->wanted = n > WORKERS_USUAL_MAX ? WORKERS_USUAL_MAX : (unsigned)n;
}

static const struct jobs_kind *kind_of(const struct jobs *j, enum job_kind kind)
{
	return kind > JOB_NONE && kind < JOB_KINDS && j->kinds[kind].run ? &j->kinds[kind] : NULL;
}

/* Copies from JOB what identifies its result. */
static void address(struct job_result *out, const struct job *job)
{
	memset(out, 0, sizeof(*out));
	out->kind = job->kind;
	out->ticket = job->ticket;
	out->module = job->module;
	out->generation = job->generation;
	out->part = job->part;
	out->tag = job->tag;
	memcpy(out->name, job->name, sizeof(out->name));
}

/* The worker's loop: receives jobs and sends results until PID 1 closes the socket. */
static _Noreturn void work(const struct boot *boot, int fd)
{
	const struct jobs_kind *kind;
	struct job_result result;
	bool is_over = false;
	struct job job;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (!is_over && recv(fd, &job, sizeof(job), 0) == sizeof(job)) {
		address(&result, &job);
		kind = kind_of(&boot->jobs, job.kind);
		result.result = kind ? kind->run(boot, &job, &result) : -EINVAL;
		is_over = send(fd, &result, sizeof(result), MSG_NOSIGNAL) != sizeof(result) ||
			  (kind && kind->is_last);
		/* The worker lives on, and either may have held a secret. */
		explicit_bzero(&job, sizeof(job));
		explicit_bzero(&result, sizeof(result));
	}
	_exit(0);
}

/* More running jobs than processors only slow each other down, unless they wait for hardware. */
static bool may_start(const struct jobs *j)
{
	int64_t now = log_now();
	unsigned busy = 0, fresh = 0;

	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		const struct jobs_worker *w = &j->workers[i];

		if (!w->pid || w->job.kind == JOB_NONE)
			continue;
		busy++;
		fresh += now - w->since < STUCK_MS;
	}
	return busy < j->wanted || !fresh;
}

/* An idle worker, or a free slot for a new one. */
static const struct jobs_worker *pick(const struct jobs *j)
{
	const struct jobs_worker *place = NULL;

	if (!may_start(j))
		return NULL;
	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		const struct jobs_worker *w = &j->workers[i];

		if (w->pid && w->job.kind == JOB_NONE)
			return w;
		if (!w->pid && !place)
			place = w;
	}
	if (j->failed_at && log_now() - j->failed_at < FORK_AGAIN_MS)
		return NULL;
	return place;
}

bool jobs_ready(const struct jobs *j)
{
	return pick(j) != NULL;
}

/* Jobs of which there may be as many as there are devices never take all places: the stage that the
 * boot is in, and boot parts, have work to do as well. */
bool jobs_has_place(const struct jobs *j, enum job_kind kind)
{
	static const unsigned most[JOB_KINDS] = {
		[JOB_PROBE] = JOBS_PROBES_MAX, [JOB_LOAD] = JOBS_LOADS_MAX};

	return !most[kind] || jobs_busy(j, kind) < most[kind];
}

/* A worker may hang for ever, even after the root's init has taken over: by then nothing of PID 1
 * may be open in it, such as the kernel's events or the watchdog. Other workers' sockets must close
 * when PID 1 closes them. The worker opens /dev/kmsg for itself afterwards. */
static int keep_only(int fd)
{
	if (fd != WORKER_FD)
		dup3(fd, WORKER_FD, O_CLOEXEC);
	if (close_range(WORKER_FD + 1, ~0U, 0) < 0) /* before Linux 5.9 */
		for (int i = WORKER_FD + 1; i < FDS_MAX; i++)
			close(i);
	return WORKER_FD;
}

static void report(struct boot *b, void *context)
{
	struct job_result result;

	if (jobs_receive(&b->jobs, context, &result) > 0)
		jobs_done(b, &result);
	explicit_bzero(&result, sizeof(result)); /* it may have been a secret */
}

static int spawn(struct jobs *j, struct jobs_worker *w, const struct boot *boot)
{
	int pair[2], pid, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	r = pid < 0 ? -errno : 0;
	if (pid == 0) {
		r = keep_only(pair[1]);
		log_enter_worker();
		if (j->enter_worker)
			j->enter_worker(boot);
		work(boot, r);
	}
	close_fd(pair[1]);
	if (r == 0)
		r = sources_add(j->sources, pair[0], report, w);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	*w = (struct jobs_worker){.pid = pid, .fd = pair[0]};
	return 0;
}

/* Tries again for a while, since the machine may be short of memory for a moment only. */
static int fork_failed(struct jobs *j, int r)
{
	int64_t now = log_now();

	if (!j->failing_since) {
		log_show("no process can be made: %s; trying again", strerror(-r));
		j->failing_since = now;
	}
	j->failed_at = now;
	if (now - j->failing_since < FORK_FAILS_MS)
		return -EAGAIN;
	return r == -EAGAIN ? -ENOMEM : r;
}

static void forget(struct jobs *j, struct jobs_worker *w)
{
	sources_remove(j->sources, w->fd);
	close(w->fd);
	*w = (struct jobs_worker){0};
}

int jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	struct jobs_worker *w = (struct jobs_worker *)pick(j);
	int r;

	if (!w || !jobs_has_place(j, job->kind))
		return -EAGAIN;
	if (!w->pid) {
		r = spawn(j, w, boot);
		if (r < 0)
			return fork_failed(j, r);
		j->failing_since = j->failed_at = 0;
	}
	if (send(w->fd, job, sizeof(*job), MSG_NOSIGNAL) != sizeof(*job)) {
		forget(j, w);
		return -EAGAIN;
	}
	w->job = *job;
	explicit_bzero(w->job.data, sizeof(w->job.data)); /* it may be a secret */
	w->since = log_now();
	return 0;
}

int jobs_receive(struct jobs *j, struct jobs_worker *w, struct job_result *out)
{
	ssize_t n = recv(w->fd, out, sizeof(*out), MSG_DONTWAIT);
	int result = w->is_killed ? -ETIMEDOUT : -EIO;
	bool is_lost = w->is_lost;
	struct job job = w->job;

	if (n == sizeof(*out)) {
		w->job.kind = JOB_NONE;
		if (w->is_killed) { /* just before that: it is of no use for others */
			forget(j, w);
			return 1;
		}
		if (kind_of(j, job.kind) && kind_of(j, job.kind)->is_last) { /* it ends by itself */
			waitpid(w->pid, NULL, 0);
			forget(j, w);
		}
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	forget(j, w);
	if (job.kind == JOB_NONE)
		return 0;
	address(out, &job);
	out->result = result;
	out->is_lost = is_lost;
	snprintf(out->text, sizeof(out->text), "the process that did it died");
	return 1;
}

static void end_worker(struct jobs_worker *w)
{
	w->is_killed = true;
	w->killed_at = log_now();
	sys_kill(w->pid, SIGKILL);
}

void jobs_cancel(struct jobs *j, const struct job *job)
{
	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		struct jobs_worker *w = &j->workers[i];

		if (!w->pid || w->job.kind != job->kind || w->job.ticket != job->ticket)
			continue;
		end_worker(w);
	}
}

void jobs_done(struct boot *b, const struct job_result *r)
{
	const struct jobs_kind *kind = kind_of(&b->jobs, r->kind);

	if (kind && kind->done)
		kind->done(b, r);
	else
		flow_task_done(b, r);
}

unsigned jobs_busy(const struct jobs *j, enum job_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++)
		n += j->workers[i].pid && j->workers[i].job.kind == kind;
	return n;
}

unsigned jobs_moving(const struct jobs *j, enum job_kind kind, int64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++)
		n += j->workers[i].pid && j->workers[i].job.kind == kind &&
		     now < j->workers[i].since + JOBS_HANG_MS;
	return n;
}

static struct jobs_lost *find_lost(const struct jobs *j, int pid)
{
	for (unsigned i = 0; i < JOBS_LOST_MAX; i++)
		if (j->lost[i].pid == pid)
			return (struct jobs_lost *)&j->lost[i];
	return NULL;
}

/* When W is to be killed or given up. */
static int64_t end_due(const struct jobs *j, const struct jobs_worker *w)
{
	if (!w->is_killed)
		return w->since + JOBS_HANG_MS;
	return w->is_lost || !find_lost(j, 0) ? INT64_MAX : w->killed_at + JOBS_GIVE_UP_MS;
}

int64_t jobs_place_due(const struct jobs *j, enum job_kind kind)
{
	int64_t due = INT64_MAX;

	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		const struct jobs_worker *w = &j->workers[i];

		if (w->pid && w->job.kind == kind && end_due(j, w) < due)
			due = end_due(j, w);
	}
	return due;
}

/* The end of its socket is the end of its job. */
static void give_up(struct jobs *j, struct jobs_worker *w)
{
	struct jobs_lost *l = find_lost(j, 0);

	if (!l)
		return;
	*l = (struct jobs_lost){
		.pid = w->pid, .kind = w->job.kind, .generation = w->job.generation};
	memcpy(l->name, w->job.name, sizeof(l->name));
	w->is_lost = true;
	shutdown(w->fd, SHUT_RDWR);
}

void jobs_make_place(struct jobs *j, enum job_kind kind, int64_t now)
{
	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		struct jobs_worker *w = &j->workers[i];

		if (!w->pid || w->job.kind != kind || now < end_due(j, w))
			continue;
		if (w->is_killed)
			give_up(j, w);
		else
			end_worker(w);
	}
}

void jobs_reaped(struct boot *b, int pid)
{
	struct jobs_lost *l = find_lost(&b->jobs, pid);
	struct job_result r = {.was_lost = true};

	if (!l)
		return;
	r.kind = l->kind;
	r.generation = l->generation;
	memcpy(r.name, l->name, sizeof(r.name));
	*l = (struct jobs_lost){0};
	jobs_done(b, &r);
}

void jobs_dismiss(struct jobs *j)
{
	for (unsigned i = 0; i < JOBS_WORKERS_MAX; i++) {
		struct jobs_worker *w = &j->workers[i];
		int pid = w->pid;

		if (!pid || w->job.kind != JOB_NONE)
			continue;
		forget(j, w);
		waitpid(pid, NULL, 0);
	}
}
