/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/profile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* What the process has used so far. */
struct usage {
	double seconds, cpu;
	uint64_t read, written;
	uint64_t own; /* bytes that were read to learn this, and not counted yet */
	long memory_kb;
};

static bool is_started;
static struct usage last; /* when the current stage began */
static struct profile_stage stages[PROFILE_STAGES_MAX];
static size_t n_stages, current;

static double seconds_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* A kernel without CONFIG_TASK_IO_ACCOUNTING does not count bytes. */
static void read_io(struct usage *u)
{
	_cleanup_fd_ int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	u->read = number_after(text, "rchar: ");
	u->own = n > 0 ? (uint64_t)n : 0;
	u->written = number_after(text, "wchar: ");
}

static struct usage usage_now(void)
{
	struct usage u = {.seconds = clock_now()};
	struct rusage own, children;

	if (getrusage(RUSAGE_SELF, &own) == 0 && getrusage(RUSAGE_CHILDREN, &children) == 0) {
		u.cpu = seconds_of(&own) + seconds_of(&children);
		u.memory_kb = own.ru_maxrss;
	}
	read_io(&u);
	return u;
}

static void begin_stage(const struct usage *now)
{
	last = *now;
	last.read += now->own;
}

static void end_stage(void)
{
	struct usage now = usage_now();
	struct profile_stage *s = &stages[current];

	s->seconds += now.seconds - last.seconds;
	s->cpu += now.cpu - last.cpu;
	s->read += now.read - last.read;
	s->written += now.written - last.written;
	s->memory_kb = now.memory_kb;
	begin_stage(&now);
}

void profile_start(void)
{
	struct usage now;

	is_started = true;
	stages[0] = (struct profile_stage){.name = "start"};
	n_stages = 1;
	current = 0;
	now = usage_now();
	begin_stage(&now);
}

void profile_stage(const char *name)
{
	if (!is_started)
		return;
	end_stage();
	for (current = 0; current < n_stages; current++)
		if (strcmp(stages[current].name, name) == 0)
			return;
	if (n_stages == PROFILE_STAGES_MAX) {
		current--;
		return;
	}
	stages[n_stages++] = (struct profile_stage){.name = name};
}

size_t profile_end(const struct profile_stage **out)
{
	*out = stages;
	if (!is_started)
		return 0;
	end_stage();
	return n_stages;
}
