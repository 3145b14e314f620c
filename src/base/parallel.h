/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs one function over many items on all cores. Items are started in order, finish in any order,
 * and each writes to a place of its own, so that the result does not depend on the number of
 * threads.
 */

#include <stddef.h>

/* Processors that this process may use, at least 1. */
unsigned parallel_cores(void);

/*
 * Calls FN(item, worker, arg) for each item of 0..COUNT-1; worker is 0..threads-1. After a negative
 * return no further items are handed out. Returns the result of the failing item with the lowest
 * number, else 0.
 */
int parallel_run(size_t count, unsigned threads, int (*fn)(size_t item, unsigned worker, void *arg),
		 void *arg);

/*
 * Items that many threads make and the caller's thread takes, in order. MAKE(item, worker, arg) is
 * called on any thread, once fewer than WINDOW of the items before it are still to be taken.
 * TAKE(item, what MAKE returned, arg) is called on the caller's thread. So places for WINDOW
 * results, at item % WINDOW, are enough. A negative return of TAKE ends the run and is returned;
 * otherwise the result is 0. Items that were made but not taken by then are the caller's to free.
 */
struct parallel_line {
	size_t count, window;
	unsigned threads;
	int (*make)(size_t item, unsigned worker, void *arg);
	int (*take)(size_t item, int result, void *arg);
	void *arg;
};

int parallel_line(const struct parallel_line *line);
