/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
	NOT_STARTED = 127,
	CHUNK = 16 * 1024,
};

/* A pipe: one end is ours, the other one is the child's. */
struct stream {
	int ours, theirs;
	struct buf *to; /* NULL: the output is discarded */
};

/* Runs between fork() and exec(): async-signal-safe calls only. Writes errno to REPORT. */
static void become(const struct process *p, const struct stream *streams, int input, int report)
{
	sigset_t none;
	int e;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	if (dup2(input, 0) >= 0 && dup2(streams[0].theirs, 1) >= 0 &&
	    dup2(streams[1].theirs, 2) >= 0 &&
	    (!p->folder || (chroot(p->folder) == 0 && chdir("/") == 0))) {
		/* Closes what others opened without O_CLOEXEC, but not REPORT, which has it. */
		close_range(3, (unsigned)report - 1, 0);
		close_range((unsigned)report + 1, ~0u, 0);
		execvp(p->argv[0], (char *const *)p->argv);
	}
	e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		_exit(NOT_STARTED + 1);
	_exit(NOT_STARTED);
}

/* False: the stream has ended. */
static bool take(struct stream *s)
{
	char chunk[CHUNK];
	ssize_t n = read(s->ours, chunk, sizeof(chunk));
	size_t room;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	room = s->to && s->to->len < PROCESS_OUTPUT_MAX ? PROCESS_OUTPUT_MAX - s->to->len : 0;
	if (room)
		buf_add(s->to, chunk, (size_t)n < room ? (size_t)n : room);
	return true;
}

/* Reads until both streams have ended. -ETIMEDOUT. */
static int listen_to(struct stream *streams, double until)
{
	while (streams[0].ours >= 0 || streams[1].ours >= 0) {
		struct pollfd fds[] = {{streams[0].ours, POLLIN, 0}, {streams[1].ours, POLLIN, 0}};
		double left = until ? until - clock_now() : 0;
		int n;

		if (until && left <= 0)
			return -ETIMEDOUT;
		n = poll(fds, 2, until ? (int)(left * 1000) + 1 : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; n > 0 && i < 2; i++)
			if (fds[i].revents && !take(&streams[i]))
				streams[i].ours = close_fd(streams[i].ours);
	}
	return 0;
}

/* A program may close its streams long before it ends. -ETIMEDOUT. */
static int wait_for(pid_t pid, double until, int *status)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (;;) {
		pid_t r = waitpid(pid, status, until ? WNOHANG : 0);

		if (r == pid)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (until && clock_now() >= until)
			return -ETIMEDOUT;
		if (r == 0)
			nanosleep(&pause, NULL);
	}
}

/* How the program ended. START: the errno that exec() reported. */
static int judge(const struct process *p, int r, int status, int start, struct err *err)
{
	if (start)
		return err_sys(err, -start, "%s cannot be run", p->argv[0]);
	if (r == -ETIMEDOUT)
		return err_set(err, r, "%s took longer than %u s and was stopped", p->argv[0],
			       p->seconds);
	if (r < 0)
		return err_sys(err, r, "waiting for %s", p->argv[0]);
	if (WIFSIGNALED(status))
		return err_set(err, -ECANCELED, "%s was ended by signal %d (%s)", p->argv[0],
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status);
}

static int supervise(const struct process *p, pid_t pid, struct stream *streams, int report,
		     struct err *err)
{
	double until = p->seconds ? clock_now() + p->seconds : 0;
	int start = 0, status = 0, r;

	/* We wait here until exec() closes its end, or the child reports what went wrong. */
	if (read(report, &start, sizeof(start)) != sizeof(start))
		start = 0;
	r = listen_to(streams, until);
	if (r == 0)
		r = wait_for(pid, until, &status);
	if (r < 0) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return judge(p, r, status, start, err);
}

int process_run(const struct process *p, struct buf *out, struct buf *errors, struct err *err)
{
	struct stream streams[] = {{-1, -1, out}, {-1, -1, errors}};
	int report[2] = {-1, -1}, input = open("/dev/null", O_RDONLY | O_CLOEXEC), r = 0;
	pid_t pid = -1;

	for (int i = 0; i < 2; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) == 0)
			streams[i] = (struct stream){ends[0], ends[1], streams[i].to};
	}
	if (input < 0 || streams[0].ours < 0 || streams[1].ours < 0 ||
	    pipe2(report, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		r = err_sys(err, -errno, "%s cannot be run", p->argv[0]);
	if (pid == 0)
		become(p, streams, input, report[1]);
	if (pid > 0)
		setpgid(pid, pid);
	close_fd(report[1]);
	close_fd(input);
	for (int i = 0; i < 2; i++)
		close_fd(streams[i].theirs);
	if (r == 0)
		r = supervise(p, pid, streams, report[0], err);
	close_fd(report[0]);
	for (int i = 0; i < 2; i++)
		close_fd(streams[i].ours);
	return r;
}
