/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a run spends its time on, stage by stage. One stage ends where the next begins, so that the
 * stages add up to the whole run. Until profile_start() was called, nothing is measured. Like the
 * clocks that are read here, a profile is the process's: its threads count for the stage that the
 * main thread is in, and only that may call these functions.
 */

#include <stddef.h>
#include <stdint.h>

enum { PROFILE_STAGES_MAX = 32 }; /* what is beyond counts for the last */

struct profile_stage {
	const char *name;
	double seconds;
	double cpu;		/* of all threads, and of programs that have ended meanwhile */
	uint64_t read, written; /* bytes, by calls of read() and write() and the like */
	long memory_kb;		/* the most that the process had in memory up to its end */
};

/* Begins with a stage "start". */
void profile_start(void);

/* From here on it is stage NAME, which is borrowed; a name that was there before goes on. */
void profile_stage(const char *name);

/* Ends the last stage. How many there are in *OUT, in the order in which they first began; 0
 * without profile_start(). They are valid until the next call of profile_stage(). */
size_t profile_end(const struct profile_stage **out);
