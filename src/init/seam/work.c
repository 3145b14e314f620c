/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Jobs for workers, programs and prompts that boot parts start, and how their results get back.
 * Each is recorded with its part, so that the part can cancel it, and PID 1 can cancel all of them.
 */

#include <errno.h>
#include <string.h>

#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"
#include "init/seam/parts.h"

/* The tag of a program or prompt is the number of its part and the part's own tag. */
enum { TAG_BITS = 16 };

enum { START_AGAIN_MS = 1000 /* a job for which there was no process */ };

static unsigned number(const struct part *p)
{
	return (unsigned)(p - p->boot->parts->list);
}

static unsigned long_tag(const struct part *p, unsigned tag)
{
	return number(p) << TAG_BITS | tag;
}

static struct part *part_of(const struct boot *b, unsigned long_tag)
{
	return &b->parts->list[long_tag >> TAG_BITS];
}

static unsigned tag_of(unsigned long_tag)
{
	return long_tag & ((1U << TAG_BITS) - 1);
}

/* ---- jobs ---- */

bool part_job(struct part *p, unsigned tag, const void *data, size_t len, unsigned how)
{
	struct parts *s = p->boot->parts;
	struct parts_job *j = s->jobs;

	while (j < s->jobs + PARTS_JOBS_MAX && j->state != PARTS_JOB_NONE)
		j++;
	if (j == s->jobs + PARTS_JOBS_MAX || len > JOBS_DATA_MAX)
		return false;
	*j = (struct parts_job){.state = PARTS_JOB_WAITS, .how = how};
	j->job.kind = JOB_PART;
	j->job.ticket = ++s->tickets;
	j->job.part = (uint8_t)number(p);
	j->job.tag = tag;
	memcpy(j->job.data, data, len);
	parts_start_jobs(p->boot);
	return true;
}

/* Its data may be a secret. */
static void forget_job(struct parts_job *j)
{
	explicit_bzero(j, sizeof(*j));
}

void parts_start_jobs(struct boot *b)
{
	if (b->flow.stage >= STAGE_SETTLE && !b->flow.failed)
		return;
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++) {
		struct parts_job *j = &b->parts->jobs[i];
		int r = j->state == PARTS_JOB_WAITS ? jobs_start(&b->jobs, b, &j->job) : -EAGAIN;

		if (r == 0) {
			j->state = PARTS_JOB_RUNS;
			explicit_bzero(j->job.data, sizeof(j->job.data));
		}
		/* While the machine waits after a failure, the job waits for memory: the account
		 * has been given, and the part is to hear of its end. */
		if (r == 0 || r == -EAGAIN || b->flow.failed)
			continue;
		/* A retry of the boot must not start it, since the part will begin again. */
		forget_job(j);
		flow_fail(b, "no process can be made for it (the machine has too little memory)");
	}
}

int64_t parts_jobs_due(const struct boot *b)
{
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++)
		if (b->parts->jobs[i].state == PARTS_JOB_WAITS)
			return log_now() + START_AGAIN_MS;
	return INT64_MAX;
}

int parts_work(const struct boot *b, const struct job *job, struct job_result *out)
{
	const struct parts *s = b->parts;

	if (job->part >= s->n || !s->list[job->part].feature->work)
		return -EINVAL;
	return s->list[job->part].feature->work(job->data, out);
}

void parts_worked(struct boot *b, const struct job_result *r)
{
	struct part_end end = {.what = PART_JOB,
			       .tag = r->tag,
			       .result = r->result,
			       .found = r->found,
			       .text = r->text};

	for (size_t i = 0; i < PARTS_JOBS_MAX; i++) {
		struct parts_job *j = &b->parts->jobs[i];
		struct part *p = &b->parts->list[j->job.part];
		bool is_wanted = j->state == PARTS_JOB_RUNS;

		if (j->state < PARTS_JOB_RUNS || j->job.ticket != r->ticket)
			continue;
		forget_job(j);
		if (is_wanted)
			p->feature->done(p, &end);
		return;
	}
}

bool parts_are_quiet(const struct boot *b)
{
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++)
		if (b->parts->jobs[i].state >= PARTS_JOB_RUNS &&
		    b->parts->jobs[i].how & PART_QUIET)
			return true;
	return false;
}

bool parts_must_finish(const struct boot *b)
{
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++)
		if (b->parts->jobs[i].state == PARTS_JOB_RUNS && b->parts->jobs[i].how & PART_WHOLE)
			return true;
	return false;
}

void parts_forget_waiting_jobs(struct boot *b)
{
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++)
		if (b->parts->jobs[i].state == PARTS_JOB_WAITS)
			forget_job(&b->parts->jobs[i]);
}

void parts_enter_worker(const struct boot *b)
{
	explicit_bzero(b->parts->jobs, sizeof(b->parts->jobs));
}

static struct parts_job *find_job(const struct part *p, unsigned tag)
{
	struct parts_job *j = p->boot->parts->jobs;

	for (size_t i = 0; i < PARTS_JOBS_MAX; i++)
		if ((j[i].state == PARTS_JOB_WAITS || j[i].state == PARTS_JOB_RUNS) &&
		    j[i].job.part == number(p) && j[i].job.tag == tag)
			return &j[i];
	return NULL;
}

/* One that runs keeps its place until its worker is gone: a quiet one may still be at work. */
static void cancel_job(struct boot *b, struct parts_job *j)
{
	if (j->state != PARTS_JOB_RUNS) {
		forget_job(j);
		return;
	}
	jobs_cancel(&b->jobs, &j->job);
	j->state = PARTS_JOB_CANCELLED;
}

/* ---- programs ---- */

static void ended(struct boot *b, const struct program *program)
{
	struct part *p = part_of(b, program->tag);
	struct part_end end = {.what = PART_PROGRAM,
			       .tag = tag_of(program->tag),
			       .result = program->status,
			       .text = program->why};

	p->feature->done(p, &end);
}

void part_run(struct part *p, unsigned tag, const struct program_request *r)
{
	struct program_request own = *r;

	own.ended = ended;
	own.tag = long_tag(p, tag);
	if (!own.reason)
		own.reason = p->boot->flow.table[p->boot->flow.stage].name;
	program_start(p->boot, &own);
}

/* ---- questions ---- */

static enum prompt_verdict answered(struct boot *b, unsigned tag, enum prompt_end end,
				    const char *answer, size_t len)
{
	struct part *p = part_of(b, tag);

	return p->feature->answer(p, tag_of(tag), end, answer, len);
}

int part_ask(struct part *p, unsigned tag, const struct prompt_request *r)
{
	struct prompt_request own = *r;

	own.handler = answered;
	own.tag = long_tag(p, tag);
	return prompt_ask(p->boot, &own);
}

void part_set_verdict(struct part *p, unsigned tag, bool right)
{
	prompt_set_verdict(p->boot, answered, long_tag(p, tag), right);
}

/* ---- all of them ---- */

bool part_has(const struct part *p, enum part_work what, unsigned tag)
{
	if (what == PART_JOB)
		return find_job(p, tag);
	if (what == PART_PROGRAM)
		return program_runs(p->boot, ended, long_tag(p, tag));
	return prompt_is_asked(p->boot, answered, long_tag(p, tag));
}

void part_cancel(struct part *p, enum part_work what, unsigned tag)
{
	struct parts_job *j;

	if (what == PART_PROGRAM)
		program_cancel(p->boot, ended, long_tag(p, tag));
	else if (what == PART_QUESTION)
		prompt_cancel(p->boot, answered, long_tag(p, tag));
	else
		while ((j = find_job(p, tag)))
			cancel_job(p->boot, j);
}

void parts_cancel_work(struct boot *b)
{
	for (size_t i = 0; i < PARTS_JOBS_MAX; i++) {
		cancel_job(b, &b->parts->jobs[i]);
		forget_job(&b->parts->jobs[i]);
	}
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (b->programs.list[i].ended == ended)
			program_cancel(b, ended, b->programs.list[i].tag);
	for (size_t i = 0; i < PROMPTS_MAX; i++)
		if (b->prompts.list[i].handler == answered)
			prompt_cancel(b, answered, b->prompts.list[i].tag);
}
