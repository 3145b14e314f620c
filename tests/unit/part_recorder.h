/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * In place of src/init/seam/part.c: a boot part of a feature runs without PID 1. Each request is
 * recorded as a line, and the answers come from here. Its job is done when the
 * test calls recorded_work().
 */

#include "base/buf.h"
#include "init/core/part_calls.h"
#include "support.h"

enum { RECORDED_DEVICES = 140, RECORDED_JOBS = 16 /* as PID 1 has room for */ };

struct part_recorder {
	struct buf said; /* a line each, what goes to the log included */
	int64_t now;
	bool is_busy; /* modules are loading */
	bool is_unsettled; /* devices are still to be read */
	bool has_root;
	bool may_resume;
	bool mistaken_is_gone;	/* what was mistaken is gone, as for what a part has claimed */
	bool is_mistaken_again; /* a device was another one too often */
	bool cannot_find;    /* whatever device is named */
	bool cannot_resume;  /* this kernel */
	const char *param;   /* of the kernel's command line; NULL */
	const char *loading; /* a modalias whose module is on its way; NULL */
	const char *strict;  /* what forbids it to do with less; NULL */
	bool is_another_wait; /* than that in which it was told to do with less */
	const char *root;    /* the device that is named as the root; NULL */
	const char *awaited; /* the path of something that is waited for, without /dev/; NULL */
	const char *doubt;   /* why a device is not to be taken; NULL */
	const char *wanted[8]; /* names that something waits for; ends with NULL */
	bool lacks;	       /* what is waited for now may be any device */
	bool lacks_any;	       /* or something else may be */
	struct {
		char name[PART_NAME_MAX];
		const char *value; /* that a specification names it by */
		unsigned generation; /* 0: its place + 1 */
		bool is_partitioned, needs_partition;
		bool is_held, is_member, is_wanted;
		enum part_claim claim; /* part_set_claim(); with */
		char why[PART_TEXT_MAX];
		const char *option; /* part_set_mount_option() */
		unsigned disk; /* others with the same one are paths to it that will do; 0: none is */
		struct probe probe;
	} devices[RECORDED_DEVICES];
	const char *mounted_with; /* an option by the user's wish, of all devices; NULL */
	struct part_mount mount; /* what is mounted next; is_device says that there is something */
	bool mount_is_gone;	 /* its device */
	int64_t limit;		 /* that it has set for its stage */
	struct job jobs[RECORDED_JOBS]; /* the oldest one first */
	unsigned n_jobs;
	unsigned how;	 /* the last one was to be done: PART_QUIET, PART_WHOLE */
	unsigned jobs_max; /* further ones find no place; 0: the part has never more than one */
	uint64_t programs, questions; /* a bit for each tag: its program runs, its question is asked */
};

extern struct part_recorder told;

/* Opens FEATURE with the kernel parameters CMDLINE; part_close() frees it. Forgets what was said.
 */
void part_open(struct part *p, const struct feature_boot *feature, const char *cmdline);
void part_close(struct part *p);

/* A device that VALUE names is there, in place N; VALUE NULL: no longer. */
void part_device(unsigned n, const char *name, const char *value, const char *type);

/* What it has said since the last call. */
const char *part_said(void);

/* Calls its step at STAGE. */
enum stage_step part_step(struct part *p, enum boot_stage stage, bool entered);

/* Does its oldest job, and hands it the result; or RESULT, TEXT and FOUND in place of doing it, for that
 * one or the one with TAG. */
int recorded_work(struct part *p);
void recorded_done(struct part *p, int result, int found, const char *text);
void recorded_job_done(struct part *p, unsigned tag, int result, const char *text);

/* Its question TAG is answered with TEXT; NULL: it ends as END. What it makes of the answer; the
 * question is asked again after PROMPT_WRONG. */
enum prompt_verdict recorded_answer(struct part *p, unsigned tag, enum prompt_end end,
				    const char *text);

/* The program that it has started with TAG ends. */
void recorded_end(struct part *p, unsigned tag, int status, const char *why);
