/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS_MAX = 64 };

struct job {
	int (*fn)(size_t item, unsigned worker, void *arg);
	void *arg;
	size_t count;
	_Atomic size_t next;
	_Atomic int failed;
	pthread_mutex_t lock;
	size_t failed_item;
	int result;
};

struct worker {
	struct job *job;
	unsigned number;
};

unsigned parallel_cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct job *j = w->job;
	size_t item;

	while (!j->failed && (item = j->next++) < j->count) {
		int r = j->fn(item, w->number, j->arg);

		if (r >= 0)
			continue;
		pthread_mutex_lock(&j->lock);
		if (!j->failed || item < j->failed_item) {
			j->failed_item = item;
			j->result = r;
		}
		j->failed = 1;
		pthread_mutex_unlock(&j->lock);
	}
	return NULL;
}

int parallel_run(size_t count, unsigned threads, int (*fn)(size_t item, unsigned worker, void *arg),
		 void *arg)
{
	struct job job = {.fn = fn, .arg = arg, .count = count};
	struct worker workers[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	unsigned started = 1;

	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	pthread_mutex_init(&job.lock, NULL);
	workers[0] = (struct worker){&job, 0};
	/* A thread that cannot be made is no failure: fewer do the work. */
	for (; started < threads && started < count; started++) {
		workers[started] = (struct worker){&job, started};
		if (pthread_create(&ids[started], NULL, work, &workers[started]))
			break;
	}
	work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(ids[i], NULL);
	pthread_mutex_destroy(&job.lock);
	return job.result;
}
