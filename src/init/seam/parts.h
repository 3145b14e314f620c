/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot parts of features (core/part.h) as the rest of PID 1 sees them: which are open, when
 * each is called, and what it has started.
 */

#include "init/core/boot.h"
#include "init/core/part.h"

enum {
	PARTS_MAX = 32,
	PARTS_JOBS_MAX = 16,
	PARTS_REFUSALS_MAX = 8,
	PARTS_WATCHES_MAX = 16,
};

/* A job of a part. */
struct parts_job {
	enum {
		PARTS_JOB_NONE,
		PARTS_JOB_WAITS,
		PARTS_JOB_RUNS,
		PARTS_JOB_CANCELLED, /* and its worker may not be gone yet */
	} state;
	struct job job; /* without its data, once it runs */
	unsigned how; /* it is done: PART_QUIET, PART_WHOLE */
};

/* A descriptor that a part watches. */
struct parts_watch {
	struct part *part; /* NULL: a free place */
	int fd;
};

struct parts {
	const struct feature_boot *const *table; /* that may be opened; ends with NULL */
	struct part list[PARTS_MAX];
	size_t n;
	bool begun;
	bool hears;	  /* of uevents: a part wants them */
	struct params_list rules; /* rd.degraded= */
	size_t current; /* whose step it is, in a stage of the parts */
	struct parts_job jobs[PARTS_JOBS_MAX];
	uint32_t tickets; /* of jobs: the last one */
	struct {
		struct device_ref ref;
		char why[PART_TEXT_MAX];
	} refusals[PARTS_REFUSALS_MAX];
	size_t n_refusals;
	struct parts_watch watches[PARTS_WATCHES_MAX];
};

/* The features of this program that have a boot part; ends with NULL. */
extern const struct feature_boot *const parts_table[];

/* Makes the parameters of TABLE known; nothing is open yet. TABLE outlives B. */
void parts_init(struct boot *b, const struct feature_boot *const *table);

/* Opens the feature NAME of boot.conf. One without a boot part is fine. */
void parts_open(struct boot *b, const char *name);

/* "NAME.KEY=VALUE" of boot.conf. False: it is no such line. */
bool parts_setting(struct boot *b, const char *key, char *value);

/* All parameters are known. Until now the parts have heard of no device. Once; does nothing when
 * called again. */
void parts_begin(struct boot *b);

/* OUT: the device REF, which is there, as parts see it. */
void parts_describe(const struct boot *b, struct device_ref ref, struct part_device *out);

/* Has P claimed the device REF, which is there? */
bool parts_own(const struct part *p, struct device_ref ref);

/* The part whose device REF is, which is there, has come to another CLAIM; WHY is as in core/part.h. */
void parts_set_claim(struct boot *b, struct device_ref ref, enum part_claim claim, const char *why);

/* A stage of the parts, and what is waited for in it; "": nothing. */
enum stage_step parts_step(struct boot *b);
void parts_what(const struct boot *b, char *out, size_t size);
bool parts_are_limited(const struct boot *b);

/* Starts what waits for a worker, unless the root is about to take over. To be called after every event. */
void parts_start_jobs(struct boot *b);

/* Does a job run that the root should not interrupt by taking over? */
bool parts_must_finish(const struct boot *b);

/* When to do so even if there is none; INT64_MAX: nothing waits. */
int64_t parts_jobs_due(const struct boot *b);

/* Jobs that no worker has taken will not be done. */
void parts_forget_waiting_jobs(struct boot *b);

/* Of all parts, what runs is killed, what waits is forgotten, and questions are taken off the
 * consoles: done() and answer() are not called for them. */
void parts_cancel_work(struct boot *b);

/* In a worker, and when it has ended; see jobs.h. */
void parts_enter_worker(const struct boot *b); /* forgets the jobs of others */
int parts_work(const struct boot *b, const struct job *job, struct job_result *out);
void parts_worked(struct boot *b, const struct job_result *r);

/* Does a job run that no module may load beside, or one that was cancelled and may not be gone? */
bool parts_are_quiet(const struct boot *b);

/* Timers, and when they are due. */
void parts_tick(struct boot *b, int64_t now);
int64_t parts_due(const struct boot *b);

/* Why nothing will ever come that SPEC names; NULL: something may. */
const char *parts_hopeless(const struct boot *b, const struct spec *spec);

/* Somebody is about to get a shell. */
void parts_hide(struct boot *b);

/* Has one of them something that is locked? */
bool parts_are_locked(const struct boot *b);

/* Logs what the parts have to say of a boot that has failed. */
void parts_account(const struct boot *b);

/* The boot had failed, and is tried again. */
void parts_retry(struct boot *b);

/* The root is about to take over. What the parts have started ends; they themselves could go on. */
void parts_leave(struct boot *b);

/* There is no way back: no part is open any more, and what they knew is wiped. */
void parts_left(struct boot *b);
