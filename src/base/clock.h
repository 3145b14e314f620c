/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long something takes. */

#include <time.h>

/* Seconds that only ever grow. */
static inline double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
