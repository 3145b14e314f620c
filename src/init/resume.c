/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/devices/block.h"
#include "init/core/identity.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/goal/goal.h"
#include "init/core/sys.h"

#define RESUME_PATH "/sys/power/resume"
#define OFFSET_PATH "/sys/power/resume_offset"

enum {
	PAGE = 4096,           /* of resume_offset=, and of the swap header on the machines we know */
	SIGNATURE_SIZE = 10,   /* the last bytes of the swap header */
	AFTER_ROOT_MS = 10000, /* the root is there, the image's device is not: so long */
	QUIET_MS = 10000,      /* the kernel must freeze all processes: loading modules should end */
};

/* ---- in a worker ---- */

static int read_signature(int fd, uint64_t offset, char out[SIGNATURE_SIZE + 1])
{
	ssize_t n = pread_full(fd, out, SIGNATURE_SIZE, offset * PAGE + PAGE - SIGNATURE_SIZE);

	out[SIGNATURE_SIZE] = '\0';
	return n < 0 ? (int)n : n == SIGNATURE_SIZE ? 0 : -ENODATA;
}

/* Programs outside the kernel write images of their own, which only they can read. */
static enum resume_found judge(const char *signature)
{
	static const char *const others[] = {"S2SUSPEND", "ULSUSPEND", "LINHIB0001"};

	if (strcmp(signature, "S1SUSPEND") == 0)
		return RESUME_LEFT;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(signature, others[i], SIGNATURE_SIZE) == 0)
			return RESUME_FOREIGN;
	return RESUME_NOTHING;
}

int resume_try(const struct job *job, struct job_result *out)
{
	char text[64], signature[SIGNATURE_SIZE + 1];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	fd = identity_open(job->name, &job->device);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = read_signature(fd, job->offset, signature);
	if (r < 0)
		return r;
	out->resume = judge(signature);
	if (out->resume != RESUME_LEFT)
		return 0;
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)job->offset);
	r = sys_write(OFFSET_PATH, text);
	if (r < 0 && job->offset)
		return r;
	snprintf(text, sizeof(text), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	r = sys_write(RESUME_PATH, text);
	/* Still here: it was not taken. The kernel removes the signature of an image that it has
	 * looked at, whatever came of it. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (read_signature(fd, job->offset, signature) == 0 && judge(signature) == RESUME_NOTHING)
		out->resume = RESUME_DISCARDED;
	return r;
}

/* ---- the stage ---- */

static enum stage_step decide(struct boot *b)
{
	const struct job_result *r = &b->flow.task.result;
	const char *device = r->name;
	char why[FLOW_TEXT_MAX];

	if (r->result == -ESTALE) {
		block_mistaken(b, b->resume->device);
		return flow_go(b, STAGE_RESUME);
	}
	/* With an image that is still there it is asked again, should the boot be tried again. */
	b->resume->decided = r->resume == RESUME_NOTHING || r->resume == RESUME_DISCARDED;
	if (r->resume == RESUME_NOTHING && r->result == 0)
		return STAGE_ENDS;
	if (r->resume == RESUME_DISCARDED) {
		log_tell("the kernel could not use the hibernation image on %s and has discarded "
			 "it%s%s: the machine starts anew",
			 device, r->result < 0 ? ": " : "",
			 r->result < 0 ? strerror(-r->result) : "");
		return STAGE_ENDS;
	}
	if (r->resume == RESUME_NOTHING) {
		log_tell("%s cannot be read for a hibernation image: %s", device,
			 strerror(-r->result));
		return STAGE_ENDS;
	}
	snprintf(why, sizeof(why),
		 "%s holds a hibernation image that %s%s%s: to mount the filesystems now and to "
		 "resume later would destroy them. To give the image up: noresume on the kernel "
		 "command line",
		 device,
		 r->resume == RESUME_FOREIGN ? "another program than the kernel has written"
					     : "the kernel did not take",
		 r->result < 0 ? ": " : "", r->result < 0 ? strerror(-r->result) : "");
	return flow_fail(b, why);
}

static enum stage_step start(struct boot *b, const struct block_device *d)
{
	struct job job = {.kind = JOB_RESUME, .offset = b->params.resume_offset};
	int64_t now = log_now();

	if (!b->resume->quiet_until)
		b->resume->quiet_until = now + QUIET_MS;
	b->flow.wake = b->resume->quiet_until;
	if (modules_busy(b) && now < b->resume->quiet_until)
		return STAGE_STAYS;
	block_into_job(d, &job);
	b->resume->device = block_ref(b, (size_t)(d - b->devices->list));
	return flow_task(b, &job);
}

/* The device is not there (yet). */
static enum stage_step wait_for_device(struct boot *b)
{
	int64_t now = log_now();

	if (b->params.resume_wait)
		return STAGE_STAYS;
	if (!b->resume->until && block_find(b, &b->params.root) >= 0)
		b->resume->until = now + AFTER_ROOT_MS;
	b->flow.wake = b->resume->until;
	if (b->resume->until ? now < b->resume->until : !flow_is_late(b, now))
		return STAGE_STAYS;
	b->resume->decided = true;
	log_tell("resume=%.100s did not appear: the machine starts anew", b->params.resume.text);
	return STAGE_ENDS;
}

enum stage_step resume_step(struct boot *b)
{
	const struct spec *spec = &b->params.resume;
	int n;

	if (b->resume->decided || b->params.no_resume || spec->kind == SPEC_NONE)
		return STAGE_ENDS;
	if (b->flow.task.state == TASK_ENDED)
		return decide(b);
	if (spec->kind == SPEC_OTHER || access(RESUME_PATH, W_OK) < 0) {
		log_tell("resume=%.100s: %s; the machine starts anew", spec->text,
			 spec->kind == SPEC_OTHER ? "is of a kind that the image cannot reach"
						  : "this kernel cannot resume");
		b->resume->decided = true;
		return STAGE_ENDS;
	}
	if (!b->flow.entered) {
		b->flow.deadline = b->params.resume_wait ? PARAMS_FOREVER : goal_deadline(b);
		b->flow.limited_by = NULL;
		b->resume->until = b->resume->quiet_until = 0;
	}
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	n = block_find(b, spec);
	if (n < 0)
		return wait_for_device(b);
	return start(b, &b->devices->list[n]);
}

void resume_what(const struct boot *b, char *out, size_t size)
{
	snprintf(out, size, "resume=%.80s", b->params.resume.text ? b->params.resume.text : "");
}
