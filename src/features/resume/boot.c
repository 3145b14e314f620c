/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Resume from hibernation, before anything is mounted: even a read-only mount replays the journal,
 * which would destroy the filesystem for the hibernated system.
 *
 *   resume=DEVICE    where the image is: a swap area, or the filesystem of a swap file
 *   resume_offset=N  the page at which the swap file begins, in units of 4096 bytes
 *   resumewait       wait for the device without a limit
 *   noresume, hibernate=noresume  do not look for an image
 *
 * Only the kernel's own format (S1SUSPEND), see the kernel's Documentation/power/swsusp.rst. If the
 * kernel does not resume from an image but leaves it in place, the boot fails: mounting the
 * filesystems now and resuming later would destroy them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/identity.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"
#include "init/core/sys.h"

#define RESUME_PATH "/sys/power/resume"
#define OFFSET_PATH "/sys/power/resume_offset"

enum {
	PAGE = 4096,	       /* of resume_offset=, and of the swap header on supported machines */
	SIGNATURE_SIZE = 10,   /* the last bytes of the swap header */
	AFTER_ROOT_MS = 10000, /* how long to wait for the device once the root is there */
	READ_AGAIN_MS = 1000,  /* after an error of the device, or of the worker that read it */
	ANSWER_MS = 10000,     /* for a job that runs when the time for the device is over */
	QUIET_MS = 10000,      /* how long to let modules finish loading: the kernel must freeze all
				  processes */
};

enum found {
	NO_IMAGE,
	IMAGE_LEFT,	 /* the kernel did not resume, and the image is still there */
	IMAGE_DISCARDED, /* the kernel did not resume, and has discarded the image */
	IMAGE_FOREIGN,	 /* not in the kernel's format */
};

struct wishes {
	struct spec on;
	uint64_t offset; /* in pages */
	bool wait;	 /* without a time limit */
	bool off;
};

struct state {
	struct wishes wishes; /* must be first: set by kernel parameters */
	enum { IDLE, READING, READ } job;
	int result, found;	    /* of the job */
	char device[JOBS_NAME_MAX]; /* that the job read */
	bool decided;
	struct device_ref ref;
	int64_t until, quiet_until, again, answer_until;
};

struct question {
	char device[JOBS_NAME_MAX];
	struct device_identity identity;
	uint64_t offset;
};

/* ---- in a worker ---- */

static int read_signature(int fd, uint64_t offset, char out[SIGNATURE_SIZE + 1])
{
	ssize_t n = pread_full(fd, out, SIGNATURE_SIZE, offset * PAGE + PAGE - SIGNATURE_SIZE);

	out[SIGNATURE_SIZE] = '\0';
	return n < 0 ? (int)n : n == SIGNATURE_SIZE ? 0 : -ENODATA;
}

/* User-space hibernation (uswsusp, TuxOnIce) has formats that the kernel cannot read. */
static enum found classify(const char *signature)
{
	static const char *const others[] = {"S2SUSPEND", "ULSUSPEND", "LINHIB0001"};

	if (strcmp(signature, "S1SUSPEND") == 0)
		return IMAGE_LEFT;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(signature, others[i], SIGNATURE_SIZE) == 0)
			return IMAGE_FOREIGN;
	return NO_IMAGE;
}

/* Looks for an image on the device, and hands it to the kernel, which does not return if it
 * resumes. OUT->found says what was found. */
static int work(const void *data, struct job_result *out)
{
	const struct question *q = data;
	char text[64], signature[SIGNATURE_SIZE + 1];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	fd = identity_open(q->device, &q->identity);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = read_signature(fd, q->offset, signature);
	if (r < 0)
		return r;
	out->found = classify(signature);
	if (out->found != IMAGE_LEFT)
		return 0;
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)q->offset);
	r = sys_write(OFFSET_PATH, text);
	if (r < 0 && q->offset)
		return r;
	snprintf(text, sizeof(text), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	r = sys_write(RESUME_PATH, text);
	/* Still here, so the kernel did not resume. It removes the signature of any image that it
	 * tried to read. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (read_signature(fd, q->offset, signature) == 0 && classify(signature) == NO_IMAGE)
		out->found = IMAGE_DISCARDED;
	return identity_unrelated(r);
}

/* ---- the stage ---- */

static void done(struct part *p, const struct part_end *end)
{
	struct state *s = p->state;

	s->job = READ;
	s->result = end->result;
	s->found = end->found;
}

/* Has the time limit for the device expired? With resumewait there is none. */
static bool is_over(struct part *p)
{
	struct state *s = p->state;

	if (s->wishes.wait)
		return false;
	if (!s->until && part_has_root(p))
		s->until = log_now() + AFTER_ROOT_MS;
	part_step_at(p, s->until);
	return s->until ? log_now() >= s->until : part_is_late(p);
}

/* Is it certain without reading the signature? For a swap area libblkid has read the same
 * signature, and says "swap" only if there is no image. A device that ends before the header has
 * none either. */
static bool has_no_image(struct part *p)
{
	const struct state *s = p->state;
	struct part_device d;

	return s->result == -ENODATA || (!s->wishes.offset && part_get(p, s->ref, &d) &&
					 strcmp(d.probe->type, "swap") == 0);
}

/* The signature could not be read: go on only if there is certainly no image. */
static enum stage_step unreadable(struct part *p, const char *reason)
{
	struct state *s = p->state;
	char why[PART_TEXT_MAX];

	s->decided = has_no_image(p);
	if (s->decided) {
		log_show("%s cannot be read for a hibernation image: %s", s->device, reason);
		return STAGE_ENDS;
	}
	if (!is_over(p)) {
		s->again = log_now() + READ_AGAIN_MS;
		part_step_at(p, s->again);
		return STAGE_STAYS;
	}
	snprintf(why, sizeof(why),
		 "%s cannot be read (%s): if it holds a hibernation image, to mount the "
		 "filesystems now and to resume later would destroy them. To boot without looking "
		 "for an image: noresume on the kernel command line",
		 s->device, reason);
	return part_fail(p, why, NULL);
}

static enum stage_step decide(struct part *p)
{
	struct state *s = p->state;
	const char *reason = s->result < 0 ? strerror(-s->result) : "";
	char why[PART_TEXT_MAX];

	s->job = IDLE;
	if (s->result == -ESTALE && part_mistaken(p, s->ref))
		return part_go(p, STAGE_RESUME);
	if (s->found == NO_IMAGE && s->result < 0)
		return unreadable(p, reason);
	/* If the image is still there, a retry of the boot has to look again. */
	s->decided = s->found == NO_IMAGE || s->found == IMAGE_DISCARDED;
	if (s->found == NO_IMAGE)
		return STAGE_ENDS;
	if (s->found == IMAGE_DISCARDED) {
		log_show("the kernel could not use the hibernation image on %s and has discarded "
			 "it%s%s: the machine boots afresh",
			 s->device, *reason ? ": " : "", reason);
		return STAGE_ENDS;
	}
	snprintf(why, sizeof(why),
		 "%s holds a hibernation image that %s%s%s: to mount the filesystems now and to "
		 "resume later would destroy them. To give the image up: noresume on the kernel "
		 "command line",
		 s->device,
		 s->found == IMAGE_FOREIGN ? "another program than the kernel has written"
					   : "the kernel did not take",
		 *reason ? ": " : "", reason);
	return part_fail(p, why, NULL);
}

static enum stage_step start(struct part *p, const struct part_device *d)
{
	struct state *s = p->state;
	struct question q = {.offset = s->wishes.offset};
	int64_t now = log_now();

	if (!s->quiet_until)
		s->quiet_until = now + QUIET_MS;
	part_step_at(p, s->quiet_until);
	if (part_is_busy(p) && now < s->quiet_until)
		return STAGE_STAYS;
	snprintf(q.device, sizeof(q.device), "%s", d->name);
	q.identity = d->identity;
	s->ref = d->ref;
	memcpy(s->device, q.device, sizeof(s->device));
	/* To resume, the kernel freezes all processes, which fails while a module is loading. */
	if (part_job(p, 0, &q, sizeof(q), PART_QUIET))
		s->job = READING;
	s->result = s->found = 0;
	s->answer_until = 0;
	return STAGE_STAYS;
}

/* The device is not there yet. */
static enum stage_step wait_for_device(struct part *p)
{
	struct state *s = p->state;

	if (!is_over(p))
		return STAGE_STAYS;
	s->decided = true;
	log_show("resume=%.100s did not appear: the machine boots afresh", s->wishes.on.text);
	return STAGE_ENDS;
}

/* A disk that hangs must not hold the boot for ever. To load an image may take longer than the time
 * limit, but the kernel freezes PID 1 meanwhile: after that the worker still has time to answer. */
static enum stage_step wait_for_answer(struct part *p)
{
	struct state *s = p->state;

	if (!is_over(p))
		return STAGE_STAYS;
	if (!s->answer_until)
		s->answer_until = log_now() + ANSWER_MS;
	part_step_at(p, s->answer_until);
	if (log_now() < s->answer_until)
		return STAGE_STAYS;
	part_cancel(p, PART_JOB, 0);
	s->job = IDLE;
	return unreadable(p, "it does not answer");
}

static enum stage_step step(struct part *p)
{
	struct state *s = p->state;
	const struct spec *on = &s->wishes.on;
	struct part_device d;

	if (s->decided || s->wishes.off || on->kind == SPEC_NONE)
		return STAGE_ENDS;
	if (s->job == READ)
		return decide(p);
	if (!part_can_find(p, on) || access(RESUME_PATH, W_OK) < 0) {
		log_show("resume=%.100s: %s; the machine boots afresh", on->text,
			 part_can_find(p, on) ? "this kernel cannot resume"
					      : "is of a kind that the image cannot reach");
		s->decided = true;
		return STAGE_ENDS;
	}
	if (!p->entered) {
		part_limit(p, s->wishes.wait ? PARAMS_FOREVER : part_root_deadline(p));
		s->until = s->quiet_until = s->again = s->answer_until = 0;
	}
	if (s->job == READING)
		return wait_for_answer(p);
	if (log_now() < s->again) {
		part_step_at(p, s->again);
		return STAGE_STAYS;
	}
	return part_find(p, on, &d) ? start(p, &d) : wait_for_device(p);
}

static void what(const struct part *p, char *out, size_t size)
{
	const struct state *s = p->state;

	snprintf(out, size, "resume=%.80s", s->wishes.on.text ? s->wishes.on.text : "");
}

static void begin(struct part *p)
{
	struct state *s = p->state;

	if (s->wishes.on.kind != SPEC_NONE && !s->wishes.off)
		part_want(p, &s->wishes.on);
}

/* The image may have changed since the last try. A job that still reads the device is cancelled: it
 * must not resume once the root is mounted, which the user of a rescue shell may have done. */
static void retry(struct part *p)
{
	struct state *s = p->state;

	part_cancel(p, PART_JOB, 0);
	s->job = IDLE;
}

/* ---- its parameters ---- */

static void set_resume(void *out, const char *value)
{
	struct wishes *r = out;

	if (value && *value)
		spec_parse(value, &r->on);
}

static void set_offset(void *out, const char *value)
{
	struct wishes *r = out;

	if (value)
		parse_u64(value, INT64_MAX / PAGE, &r->offset);
}

static void set_hibernate(void *out, const char *value)
{
	struct wishes *r = out;

	if (value && strcmp(value, "noresume") == 0)
		r->off = true;
}

static const struct params_rule rules[] = {
	PARAMS_CALL("hibernate", set_hibernate),
	PARAMS_OFF("noresume", struct wishes, off),
	PARAMS_CALL("resume", set_resume),
	PARAMS_CALL("resume_offset", set_offset),
	PARAMS_WORD("resumewait", struct wishes, wait),
	{0},
};

static const struct part_stage stages[] = {
	{STAGE_RESUME, step, what, true},
	{0},
};

const struct feature_boot resume_boot = {
	.name = "resume",
	.state_size = sizeof(struct state),
	.params = rules,
	.params_size = sizeof(struct wishes),
	.lacks = "this image has no feature for hibernation",
	.stages = stages,
	.begin = begin,
	.work = work,
	.done = done,
	.retry = retry,
};
