/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/devices/block.h"
#include "init/goal/handover.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/core/mount.h"
#include "init/goal/goal.h"
#include "init/core/sys.h"

#define BASE "/run/rootfsbase"
#define MEMORY "/run/overlayfs"
#define BACKING "/run/overlayfs-backing"

enum { FOLDER_MODE = 0755 };

/* ---- the stages ---- */

static bool wants_device(const struct boot *b)
{
	return b->params.overlay_on.kind != SPEC_NONE;
}

static enum stage_step give_up_device(struct boot *b, const char *why)
{
	log_tell("the overlay device %.100s %s: changes are kept in memory, and lost at the end",
		 b->params.overlay_on.text, why);
	b->params.overlay_on.kind = SPEC_NONE;
	return STAGE_ENDS;
}

static enum stage_step find_device(struct boot *b)
{
	char why[FLOW_TEXT_MAX];
	int n;

	if (b->params.overlay_on.kind == SPEC_OTHER)
		return give_up_device(b, "is out of this image's reach");
	n = block_find(b, &b->params.overlay_on);
	if (n < 0)
		return flow_is_late(b, log_now()) ? give_up_device(b, "did not appear in time")
						  : STAGE_STAYS;
	if (block_is_member(&b->devices->list[n]) || !b->devices->list[n].probe.type[0])
		return give_up_device(b, "holds no filesystem");
	if (block_is_doubtful(b, &b->params.overlay_on, (size_t)n, why, sizeof(why)))
		return give_up_device(b, why);
	b->overlay->device = block_ref(b, (size_t)n);
	return STAGE_ENDS;
}

static bool is_loading(struct boot *b, const char *type)
{
	char alias[JOBS_NAME_MAX + 8];

	snprintf(alias, sizeof(alias), "fs-%s", type);
	modules_request_alias(b, alias);
	return modules_pending(b, alias) && !flow_is_late(b, log_now());
}

enum stage_step overlay_wait(struct boot *b)
{
	bool waits;

	if (b->params.overlay_crypt)
		return flow_fail(b, "rd.overlay.crypt= asks for an encrypted overlay, which this "
				    "version cannot make");
	if (!b->params.overlay || b->overlay->mounted)
		return STAGE_ENDS;
	if (!b->flow.entered) {
		b->flow.limited_by = NULL;
		b->flow.deadline = goal_deadline(b);
		block_want(b, &b->params.overlay_on);
	}
	waits = is_loading(b, "overlay");
	if (wants_device(b) && find_device(b) == STAGE_STAYS)
		return STAGE_STAYS;
	if (wants_device(b) && is_loading(b, block_get(b, b->overlay->device)->probe.type))
		return STAGE_STAYS;
	return waits ? STAGE_STAYS : STAGE_ENDS;
}

void overlay_what(const struct boot *b, char *out, size_t size)
{
	snprintf(out, size, "the overlay of the root%s%.90s", wants_device(b) ? ", on " : "",
		 wants_device(b) ? b->params.overlay_on.text : "");
}

static enum stage_step start(struct boot *b)
{
	const struct block_device *d = block_get(b, b->overlay->device);
	struct job job = {.kind = JOB_OVERLAY};

	if (wants_device(b)) {
		if (!d)
			return flow_go(b, STAGE_OVERLAY_WAIT);
		block_into_job(d, &job);
		snprintf(job.fstype, sizeof(job.fstype), "%s", d->probe.type);
	}
	return flow_task(b, &job);
}

enum stage_step overlay_step(struct boot *b)
{
	if (!b->params.overlay || b->overlay->mounted)
		return STAGE_ENDS;
	if (b->flow.task.state == TASK_NONE)
		return start(b);
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->flow.task.result.result == -ESTALE) {
		block_mistaken(b, b->overlay->device);
		return flow_go(b, STAGE_OVERLAY_WAIT);
	}
	if (b->flow.task.result.result < 0)
		return flow_fail(b, b->flow.task.result.text);
	if (b->flow.task.result.text[0])
		give_up_device(b, b->flow.task.result.text);
	b->overlay->mounted = true;
	log_info("changes to the root go to %s", wants_device(b) && !b->params.overlay_readonly
							 ? b->flow.task.result.name
							 : "memory");
	return STAGE_ENDS;
}

/* ---- the work ---- */

static int failed(struct job_result *out, const char *what, int r)
{
	snprintf(out->text, sizeof(out->text), "the overlay of the root: %s: %s", what,
		 r == -ENODEV ? "the kernel has no overlay filesystem, and the image no module for it"
			      : strerror(-r));
	return r;
}

static int make_folder(const char *path)
{
	int r = sys_mkdir(path, FOLDER_MODE);

	return r == -EEXIST ? 0 : r;
}

/* A folder of the device that is one: a link in its place could lead anywhere. */
static bool is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void reset(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		handover_empty(fd, st.st_dev); /* closes it */
	else
		close_fd(fd);
}

/* Mounts the device, and makes its two folders. An error: it will not do; OUT->text says why. */
static int prepare_device(const struct boot *b, const struct job *job, struct job_result *out)
{
	static const char *const folders[] = {BACKING "/overlay", BACKING "/ovlwork"};
	struct job mount = {.kind = JOB_MOUNT, .target = BACKING};
	bool readonly = b->params.overlay_readonly;
	int r;

	memcpy(mount.name, job->name, sizeof(mount.name));
	mount.on_device = true;
	mount.device = job->device;
	memcpy(mount.fstype, job->fstype, sizeof(mount.fstype));
	mount.writable = !readonly || b->params.overlay_reset;
	r = make_folder(BACKING);
	r = r < 0 ? r : mount_device(&mount, out);
	if (r < 0)
		return r;
	if (b->params.overlay_reset)
		reset(folders[0]);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		r = readonly ? 0 : make_folder(folders[i]);
		if (r == 0 && (is_folder(folders[i]) || readonly))
			continue;
		snprintf(out->text, sizeof(out->text), "has no folder %s and cannot get one (%s)",
			 folders[i] + strlen(BACKING), r ? strerror(-r) : "something else is there");
		sys_umount(BACKING, 0);
		return r < 0 ? r : -ENOTDIR;
	}
	return 0;
}

static int prepare_memory(const struct boot *b, struct job_result *out)
{
	struct job mount = {
		.kind = JOB_MOUNT, .target = MEMORY, .fstype = "tmpfs", .writable = true};
	int r = make_folder(MEMORY);

	if (snprintf(mount.options, sizeof(mount.options), "mode=0755,%s",
		     b->params.overlay_options) >= (int)sizeof(mount.options))
		return failed(out, "rd.overlay=tmpfs: with too many options", -E2BIG);
	if (r == 0)
		r = mount_device(&mount, out);
	if (r < 0)
		return r;
	r = make_folder(MEMORY "/upper");
	return r < 0 ? failed(out, MEMORY, r) : make_folder(MEMORY "/work");
}

int overlay_mount(const struct boot *b, const struct job *job, struct job_result *out)
{
	char options[JOBS_OPTIONS_MAX], trouble[JOBS_TEXT_MAX] = "";
	int r = *job->name ? prepare_device(b, job, out) : 0;
	bool on_device = *job->name && r == 0;
	bool reads_device = on_device && b->params.overlay_readonly;

	if (r == -ESTALE)
		return r;
	if (*job->name && !on_device)
		memcpy(trouble, out->text, sizeof(trouble));
	if (!on_device || reads_device) {
		r = prepare_memory(b, out);
		if (r < 0)
			return r;
		snprintf(options, sizeof(options),
			 "lowerdir=%s" BASE ",upperdir=" MEMORY "/upper,workdir=" MEMORY "/work",
			 reads_device && is_folder(BACKING "/overlay") ? BACKING "/overlay:" : "");
	} else {
		snprintf(options, sizeof(options), "lowerdir=" BASE ",upperdir=" BACKING
			 "/overlay,workdir=" BACKING "/ovlwork");
	}
	r = make_folder(BASE);
	if (r == 0)
		r = sys_mount(SYSROOT, BASE, NULL, MS_MOVE, NULL);
	if (r < 0)
		return failed(out, BASE, r);
	r = sys_mount("overlay", SYSROOT, "overlay", 0, options);
	if (r < 0)
		return failed(out, "mounting it", r);
	memcpy(out->text, trouble, sizeof(trouble));
	return 0;
}
