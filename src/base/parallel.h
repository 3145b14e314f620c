/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs one function over many items on all cores. Items are taken in order, finish in any
 * order, and write to places of their own, so that the result does not depend on the number of
 * threads.
 */

#include <stddef.h>

/* Processors that this process may use, at least 1. */
unsigned parallel_cores(void);

/*
 * Calls FN(item, worker, arg) for each item of 0..COUNT-1; worker is 0..threads-1. A negative
 * return stops the handing out of further items. Returns the result of the failing item with
 * the lowest number, else 0.
 */
int parallel_run(size_t count, unsigned threads, int (*fn)(size_t item, unsigned worker, void *arg),
		 void *arg);

/*
 * Items that many threads make and the caller's takes in order: MAKE(item, worker, arg) is called
 * on any thread, when fewer than WINDOW items before it are not taken yet; TAKE(item, what MAKE
 * returned, arg) on the caller's. So places for WINDOW results, at item % WINDOW, are enough. A
 * negative return of TAKE ends it and is returned, else 0; what was made and not taken by then is
 * the caller's to free.
 */
struct parallel_line {
	size_t count, window;
	unsigned threads;
	int (*make)(size_t item, unsigned worker, void *arg);
	int (*take)(size_t item, int result, void *arg);
	void *arg;
};

int parallel_line(const struct parallel_line *line);
