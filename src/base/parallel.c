/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"

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
	/* A thread that cannot be started is no failure: fewer threads do the work. */
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

/* ---- items in order ---- */

struct flow {
	const struct parallel_line *line;
	pthread_mutex_t lock;
	pthread_cond_t made, taken; /* an item was made, or taken */
	size_t next, done;	    /* handed out, taken */
	unsigned waiting;	    /* threads that found the window full */
	bool is_over;
	struct flow_result {
		int result;
		bool is_made;
	} *results; /* of item i at i % window */
};

struct maker {
	struct flow *flow;
	unsigned number;
};

/* Makes one item. The lock is held on entry and on return. */
static void make_next(struct flow *f, unsigned worker)
{
	size_t item = f->next++;
	struct flow_result *r = &f->results[item % f->line->window];
	int result;

	pthread_mutex_unlock(&f->lock);
	result = f->line->make(item, worker, f->line->arg);
	pthread_mutex_lock(&f->lock);
	*r = (struct flow_result){result, true};
	if (item == f->done)
		pthread_cond_signal(&f->made);
}

static void *make_items(void *arg)
{
	struct maker *m = arg;
	struct flow *f = m->flow;

	pthread_mutex_lock(&f->lock);
	while (!f->is_over && f->next < f->line->count) {
		if (f->next - f->done < f->line->window)
			make_next(f, m->number);
		else {
			f->waiting++;
			pthread_cond_wait(&f->taken, &f->lock);
			f->waiting--;
		}
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* Takes the items that are ready, in order. The lock is held on entry and on return. */
static int take_items(struct flow *f, bool alone)
{
	int r = 0;

	while (r >= 0 && f->done < f->line->count) {
		struct flow_result *result = &f->results[f->done % f->line->window];

		if (alone)
			make_next(f, 0);
		while (!result->is_made)
			pthread_cond_wait(&f->made, &f->lock);
		result->is_made = false;
		r = result->result;
		pthread_mutex_unlock(&f->lock);
		r = f->line->take(f->done, r, f->line->arg);
		pthread_mutex_lock(&f->lock);
		f->done++;
		if (f->waiting && f->next - f->done <= f->line->window / 2)
			pthread_cond_broadcast(&f->taken);
	}
	f->is_over = true;
	pthread_cond_broadcast(&f->taken);
	return r < 0 ? r : 0;
}

int parallel_line(const struct parallel_line *line)
{
	struct flow f = {.line = line};
	struct maker makers[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	unsigned started = 0;
	int r;

	f.results = xrealloc(NULL, line->window, sizeof(*f.results));
	for (size_t i = 0; i < line->window; i++)
		f.results[i] = (struct flow_result){0};
	pthread_mutex_init(&f.lock, NULL);
	pthread_cond_init(&f.made, NULL);
	pthread_cond_init(&f.taken, NULL);
	/* With one thread, the caller's thread makes everything itself. */
	while (line->threads > 1 && started < line->threads && started < THREADS_MAX &&
	       started < line->count) {
		makers[started] = (struct maker){&f, started};
		if (pthread_create(&ids[started], NULL, make_items, &makers[started]))
			break;
		started++;
	}
	pthread_mutex_lock(&f.lock);
	r = take_items(&f, started == 0);
	pthread_mutex_unlock(&f.lock);
	for (unsigned i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	pthread_cond_destroy(&f.taken);
	pthread_cond_destroy(&f.made);
	pthread_mutex_destroy(&f.lock);
	free(f.results);
	return r;
}
