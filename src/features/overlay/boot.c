/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A writable overlay over the mounted root (rd.overlay). The real root moves to /run/rootfsbase and
 * is the lower layer; the upper layer is
 *
 *   in memory    /run/overlayfs, a tmpfs with the folders upper and work
 *   on a device  /run/overlayfs-backing, with the folders overlay and ovlwork, dracut's names
 *
 * With rd.overlay.readonly the device is a lower layer, too, and changes go to memory. If the
 * device does not appear or cannot be mounted, a message says so, and memory takes its place.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/cmdline.h"
#include "init/core/empty.h"
#include "init/core/identity.h"
#include "init/core/log.h"
#include "init/core/mount.h"
#include "init/core/part_calls.h"
#include "init/core/sys.h"

#define BASE	"/run/rootfsbase"
#define MEMORY	"/run/overlayfs"
#define BACKING "/run/overlayfs-backing"

enum { FOLDER_MODE = 0755, OPTIONS_MAX = 1000 };

struct wishes {
	bool on;
	struct spec device;  /* SPEC_NONE: in memory */
	const char *options; /* of the tmpfs, or NULL */
	bool reset, readonly, crypt;
};

struct state {
	struct wishes wishes; /* must be first: set by kernel parameters */
	struct device_ref device;
	bool is_laid;
	char name[JOBS_NAME_MAX]; /* the device's, when the job began */
	enum { IDLE, RUNS, ENDED } job;
	int result;
	char text[PART_TEXT_MAX];
};

/* Sent to the worker. */
struct question {
	char device[JOBS_NAME_MAX]; /* "" for memory */
	char type[JOBS_NAME_MAX];   /* the filesystem on it */
	char options[OPTIONS_MAX];
	bool reset, readonly;
	struct device_identity identity;
};

_Static_assert(sizeof(struct question) <= JOBS_DATA_MAX, "a job that is too large");

/* ---- in the worker ---- */

static int fail(struct job_result *out, const char *what, int r)
{
	snprintf(out->text, sizeof(out->text), "the overlay of the root: %s: %s", what,
		 r == -ENODEV
			 ? "the kernel has no overlay filesystem, and the image no module for it"
			 : strerror(-r));
	return identity_unrelated(r);
}

static int make_folder(const char *path)
{
	int r = sys_mkdir(path, FOLDER_MODE);

	return r == -EEXIST ? 0 : r;
}

/* Is PATH on the device a folder, and not a link, which could lead anywhere? */
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
		empty_folder(fd, st.st_dev); /* closes it */
	else
		close_fd(fd);
}

/* Mounts the device, and creates its two folders. On failure OUT->text says why. */
static int prepare_device(const struct question *q, struct job_result *out)
{
	static const char *const folders[] = {BACKING "/overlay", BACKING "/ovlwork"};
	struct job mount = {.kind = JOB_MOUNT, .target = BACKING};
	int r;

	memcpy(mount.name, q->device, sizeof(mount.name));
	mount.on_device = true;
	mount.device = q->identity;
	memcpy(mount.fstype, q->type, sizeof(mount.fstype));
	mount.writable = !q->readonly || q->reset;
	r = make_folder(BACKING);
	r = r < 0 ? r : mount_device(&mount, out);
	if (r < 0)
		return r;
	if (q->reset)
		reset(folders[0]);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		r = q->readonly ? 0 : make_folder(folders[i]);
		if (r == 0 && (is_folder(folders[i]) || q->readonly))
			continue;
		snprintf(out->text, sizeof(out->text), "has no folder %s and cannot get one (%s)",
			 folders[i] + strlen(BACKING),
			 r ? strerror(-r) : "something else is there");
		sys_umount(BACKING, 0);
		return r < 0 ? identity_unrelated(r) : -ENOTDIR;
	}
	return 0;
}

static int prepare_memory(const struct question *q, struct job_result *out)
{
	struct job mount = {
		.kind = JOB_MOUNT, .target = MEMORY, .fstype = "tmpfs", .writable = true};
	int r = make_folder(MEMORY);

	if (snprintf(mount.options, sizeof(mount.options), "mode=0755,%s", q->options) >=
	    (int)sizeof(mount.options))
		return fail(out, "rd.overlay=tmpfs: with too many options", -E2BIG);
	if (r == 0)
		r = mount_device(&mount, out);
	if (r < 0)
		return r;
	r = make_folder(MEMORY "/upper");
	return r < 0 ? fail(out, MEMORY, r) : make_folder(MEMORY "/work");
}

static int work(const void *data, struct job_result *out)
{
	const struct question *q = data;
	char options[JOBS_OPTIONS_MAX], trouble[JOBS_TEXT_MAX] = "";
	int r = *q->device ? prepare_device(q, out) : 0;
	bool on_device = *q->device && r == 0;
	bool reads_device = on_device && q->readonly;

	if (r == -ESTALE)
		return r;
	if (*q->device && !on_device)
		memcpy(trouble, out->text, sizeof(trouble));
	if (!on_device || reads_device) {
		r = prepare_memory(q, out);
		if (r < 0)
			return r;
		snprintf(options, sizeof(options),
			 "lowerdir=%s" BASE ",upperdir=" MEMORY "/upper,workdir=" MEMORY "/work",
			 reads_device && is_folder(BACKING "/overlay") ? BACKING "/overlay:" : "");
	} else {
		snprintf(options, sizeof(options),
			 "lowerdir=" BASE ",upperdir=" BACKING "/overlay,workdir=" BACKING
			 "/ovlwork");
	}
	r = make_folder(BASE);
	if (r == 0)
		r = sys_mount(SYSROOT, BASE, NULL, MS_MOVE, NULL);
	if (r < 0)
		return fail(out, BASE, r);
	r = sys_mount("overlay", SYSROOT, "overlay", 0, options);
	if (r < 0)
		return fail(out, "mounting it", r);
	memcpy(out->text, trouble, sizeof(trouble));
	return 0;
}

/* ---- the stages ---- */

static bool wants_device(const struct state *s)
{
	return s->wishes.device.kind != SPEC_NONE;
}

static enum stage_step give_up_device(struct state *s, const char *why)
{
	log_show("the overlay device %.100s %s: changes are kept in memory, and lost at the end",
		 s->wishes.device.text, why);
	s->wishes.device.kind = SPEC_NONE;
	return STAGE_ENDS;
}

static enum stage_step find_device(struct part *p, struct part_device *d)
{
	struct state *s = p->state;
	const struct spec *spec = &s->wishes.device;
	char why[PART_TEXT_MAX];

	if (!part_can_find(p, spec))
		return give_up_device(s, "is of a kind that this image cannot bring up");
	if (!part_find(p, spec, d) || d->is_held)
		return part_is_late(p) ? give_up_device(s, "did not appear in time") : STAGE_STAYS;
	if (d->is_member || !d->probe->type[0])
		return give_up_device(s, "holds no filesystem");
	if (part_is_doubtful(p, spec, d->ref, why, sizeof(why)))
		return give_up_device(s, why);
	s->device = d->ref;
	return STAGE_ENDS;
}

static bool is_loading(struct part *p, const char *type)
{
	char alias[JOBS_NAME_MAX + 8];

	snprintf(alias, sizeof(alias), "fs-%s", type);
	part_module(p, alias);
	return part_is_loading(p, alias) && !part_is_late(p);
}

static enum stage_step wait(struct part *p)
{
	struct state *s = p->state;
	struct part_device d;
	bool waits;

	if (s->wishes.crypt)
		return part_fail(p,
				 "rd.overlay.crypt= asks for an encrypted overlay, which this "
				 "version cannot make",
				 NULL);
	if (!s->wishes.on || s->is_laid)
		return STAGE_ENDS;
	if (!p->entered) {
		part_limit(p, part_root_deadline(p));
		if (wants_device(s))
			part_want(p, &s->wishes.device);
	}
	waits = is_loading(p, "overlay");
	if (wants_device(s) && find_device(p, &d) == STAGE_STAYS)
		return STAGE_STAYS;
	if (wants_device(s) && is_loading(p, d.probe->type))
		return STAGE_STAYS;
	return waits ? STAGE_STAYS : STAGE_ENDS;
}

static void what(const struct part *p, char *out, size_t size)
{
	const struct state *s = p->state;

	if (s->wishes.on)
		snprintf(out, size, "the overlay of the root%s%.90s",
			 wants_device(s) ? ", on " : "",
			 wants_device(s) ? s->wishes.device.text : "");
}

static enum stage_step start(struct part *p)
{
	struct state *s = p->state;
	const char *options = s->wishes.options ? s->wishes.options : "";
	struct question q = {.reset = s->wishes.reset, .readonly = s->wishes.readonly};
	struct part_device d;

	*s->name = '\0';
	if (wants_device(s)) {
		if (!part_get(p, s->device, &d))
			return part_go(p, STAGE_OVERLAY_WAIT);
		snprintf(q.device, sizeof(q.device), "%s", d.name);
		snprintf(q.type, sizeof(q.type), "%s", d.probe->type);
		q.identity = d.identity;
		memcpy(s->name, q.device, sizeof(s->name));
	}
	if (strlen(options) >= sizeof(q.options))
		return part_fail(p, "rd.overlay=tmpfs: has too many options", NULL);
	strcpy(q.options, options);
	if (part_job(p, 0, &q, sizeof(q), 0))
		s->job = RUNS;
	return STAGE_STAYS;
}

static void done(struct part *p, const struct part_end *end)
{
	struct state *s = p->state;

	s->job = ENDED;
	s->result = end->result;
	snprintf(s->text, sizeof(s->text), "%s", end->text);
}

static enum stage_step lay(struct part *p)
{
	struct state *s = p->state;

	if (!s->wishes.on || s->is_laid)
		return STAGE_ENDS;
	if (s->job == IDLE)
		return start(p);
	if (s->job == RUNS)
		return STAGE_STAYS;
	s->job = IDLE;
	if (s->result == -ESTALE && part_mistaken(p, s->device))
		return part_go(p, STAGE_OVERLAY_WAIT);
	if (s->result < 0)
		return part_fail(p, s->text, NULL);
	if (s->text[0])
		give_up_device(s, s->text);
	s->is_laid = true;
	log_info("changes to the root go to %s",
		 wants_device(s) && !s->wishes.readonly ? s->name : "memory");
	return STAGE_ENDS;
}

static void begin(struct part *p)
{
	const struct state *s = p->state;

	if (s->wishes.on)
		part_cover_root(p);
}

/* Queues the job again if no worker took it, or it was cancelled. A job that runs or has ended
 * still counts: the overlay may be in place. */
static void retry(struct part *p)
{
	struct state *s = p->state;

	if (s->job == RUNS && !part_has(p, PART_JOB, 0))
		s->job = IDLE;
}

/* ---- its parameters ---- */

/* rd.overlay, rd.overlay=1, =0, =tmpfs:OPTIONS, =DEVICE */
static void set_overlay(void *out, const char *value)
{
	struct wishes *w = out;

	w->on = cmdline_switch(value);
	w->device.kind = SPEC_NONE;
	w->options = NULL;
	if (!w->on || !value || !*value || strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 ||
	    strcmp(value, "on") == 0 || strcmp(value, "tmpfs") == 0)
		return;
	if (str_starts(value, "tmpfs:"))
		w->options = value + strlen("tmpfs:");
	else
		spec_parse(value, &w->device);
}

static const struct params_rule rules[] = {
	PARAMS_CALL("rd.overlay", set_overlay),
	PARAMS_SWITCH("rd.overlay.crypt", struct wishes, crypt),
	PARAMS_SWITCH("rd.overlay.readonly", struct wishes, readonly),
	PARAMS_SWITCH("rd.overlay.reset", struct wishes, reset),
	{0},
};

static const struct part_stage stages[] = {
	{STAGE_OVERLAY_WAIT, wait, what, true},
	{STAGE_OVERLAY, lay, what, false},
	{0},
};

const struct feature_boot overlay_boot = {
	.name = "overlay",
	.state_size = sizeof(struct state),
	.params = rules,
	.params_size = sizeof(struct wishes),
	.lacks = "this image has no feature for overlays",
	.stages = stages,
	.begin = begin,
	.work = work,
	.done = done,
	.retry = retry,
};
