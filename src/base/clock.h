/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Measures how long something takes. */

#include <time.h>

/* Seconds on a clock that never goes back. */
static inline double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
