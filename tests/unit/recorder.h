/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * In place of src/init/core/sys.c: no system call changes the machine, each is written down
 * instead. And of identity.c: each device is the one that it was, unless a test says otherwise.
 */

#include "base/buf.h"
#include "init/boot.h"

struct recorder {
	struct buf calls;   /* a line each: the name and its arguments */
	struct buf log;     /* lines of log_show() and log_info(), where --wrap has them come here */
	struct buf content; /* of the last file or memory that was to be loaded as a module; what the last
			     * program had to read */
	int results[16];    /* of the next calls, in order; 0 when they are used up */
	unsigned next_result;
	int identity;	    /* what is found out of a device that is opened: 0 or -errno */
	int content_identity; /* likewise, of what it holds */
	const char *device; /* file in its place; NULL: an empty one */
	int active;	    /* members that an array runs with, or -errno */
	bool has_btrfs;     /* whatever is asked for is mounted */
	const void *chunks; /* items of a chunk tree; NULL */
	size_t chunks_len;
	uint32_t n_chunks;
	int output;         /* descriptor that the next program "prints" to, or of the next new file; -1: none */
};

extern struct recorder recorder;

/* Forgets all calls, and sets what the next ones return; the list ends with 1. */
void recorder_start(const int *results);
#define recorder_start_with(...) recorder_start((const int[]){__VA_ARGS__, 1})

/* A boot with all its rooms and an empty log, to be freed with free(). */
struct boot *recorder_boot(void);
struct boot *recorder_boot_with(const char *cmdline);

/* Name of B's root device, "-": it is not there. */
const char *recorder_root(struct boot *b);

/* The calls since then. */
const char *recorder_calls(void);

/* The log; "" where nothing was logged. */
const char *recorder_log(void);

void __wrap_log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void __wrap_log_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
