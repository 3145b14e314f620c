/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The log of what was done to a machine's images: a file, and the machine's system log. A line has
 * time, process, level, kernel, step and text:
 *
 *   2026-11-23T11:35:08Z 1234 info 6.1.0-9-amd64 swap: boot/initrd.img-6.1.0-9-amd64 is in place
 *
 * Nothing is opened before the first line, so that a run that does nothing leaves nothing. A log
 * that cannot be written is never a failure: runlog_problem() has the reason.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "host/root.h"

/* dracut's levels. A line is written to a place if its level is not above the level of that
 * place. */
enum runlog_level {
	RUNLOG_NOTHING,
	RUNLOG_FATAL,
	RUNLOG_ERROR,
	RUNLOG_WARN,
	RUNLOG_INFO,
	RUNLOG_DEBUG,
	RUNLOG_TRACE,
};

#define RUNLOG_PATH "var/log/preroot.log"

struct runlog {
	const struct root *root;
	const char *path;                    /* of the file, below the root */
	enum runlog_level file, system;      /* up to which lines are written there */
	bool is_usual;			     /* nobody asked for a file, or for this one: without a
					      * folder for it, there is none */
	bool has_file, has_system;	     /* they were opened, or opening was tried */
	int fd, socket;
	struct err problem;
};

/* ROOT must outlive L. The default levels are RUNLOG_INFO, the default path is RUNLOG_PATH: to
 * change them, set them before the first line. */
void runlog_open(struct runlog *l, const struct root *root);
void runlog_close(struct runlog *l);
#define _cleanup_runlog_ __attribute__((cleanup(runlog_close)))

/* KERNEL and STEP may be NULL. Bytes that are not text, or not safe on a terminal, are written as
 * \xNN. */
void runlog_line(struct runlog *l, const char *kernel, const char *step, enum runlog_level level,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Why the file is not written, or no longer written; NULL. The system log is written if there is
 * one. */
const char *runlog_problem(const struct runlog *l);

/* "warn" */
const char *runlog_level_name(enum runlog_level level);
