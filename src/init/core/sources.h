/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Descriptors that the loop of PID 1 waits for. Whoever opens one registers it together with what is
 * to be called; the loop knows none of them by name. An event of a descriptor that was removed by a
 * callback of the same moment is dropped, even when another one has taken its place: what is called
 * can rely on there being something to read.
 */

#include <stdint.h>

struct boot;

enum { SOURCES_MAX = 128 };

/* The descriptor can be read, or has come to its end. */
typedef void source_ready(struct boot *b, void *context);

struct source {
	source_ready *ready; /* NULL: a free place */
	void *context;
	int fd;
	uint32_t number; /* no other one has it, before or after */
};

struct sources {
	int epoll; /* -1: nothing is waited for */
	uint32_t numbers;
	struct source list[SOURCES_MAX];
};

/* 0 or -errno. */
int sources_open(struct sources *all);

/* READY is called with CONTEXT, which is the caller's, whenever FD can be read. 0 or -errno;
 * -ENOSPC: there are too many. */
int sources_add(struct sources *all, int fd, source_ready *ready, void *context);

/* To be called before FD is closed: a worker that was forked meanwhile may hold it, too, and it would
 * go on to be reported. Does nothing when it is not registered. */
void sources_remove(struct sources *all, int fd);

/* Waits for at most MS milliseconds, and calls whatever is ready. 0 or -errno. */
int sources_wait(struct boot *b, int ms);
