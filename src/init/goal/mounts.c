/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/goal/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/machine/fstab.h"
#include "init/devices/block.h"
#include "init/devices/claims.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/core/mount.h"
#include "init/goal/mounts_stages.h"
#include "init/goal/goal.h"

/* A copy in the initramfs, which is deleted at the end. */
#define COPY "/etc/preroot/fstab"

enum { NOFAIL_MS = 10000, FLAWS_MAX = 8 };

/* ---- which there are ---- */

static bool has_device(const struct fstab_entry *e)
{
	return strchr(e->source, '=') || str_starts(e->source, "/dev/");
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += path[0] == '/' && path[1] && path[1] != '/';
	return n;
}

/* Inserts E before deeper targets, and otherwise in fstab's order. */
static void insert(struct mounts *m, const struct mounts_entry *e)
{
	size_t at = m->n;

	if (m->n == MOUNTS_MAX || strlen(e->target) >= MOUNTS_TARGET_MAX) {
		log_show("%s is not mounted: %s", e->target,
			 m->n == MOUNTS_MAX ? "there are too many for an initramfs"
					    : "its path is too long");
		return;
	}
	while (at > 0 && depth(m->list[at - 1].target) > depth(e->target)) {
		m->list[at] = m->list[at - 1];
		at--;
	}
	m->list[at] = *e;
	m->n++;
}

static void add_usr(struct boot *b)
{
	const struct params *p = &b->params;
	struct mounts_entry e = {.spec = p->usr,
				 .source = p->usr.text ? p->usr.text : "the root device",
				 .target = "/usr",
				 .fstype = p->usrfstype ? p->usrfstype : "auto",
				 .options = p->usrflags,
				 .checked = true,
				 .writable = p->writable};

	if (p->usr.kind != SPEC_NONE)
		insert(b->mounts, &e);
}

static void add_entry(struct boot *b, const struct fstab_entry *f)
{
	bool is_usr = fstab_is_at(f, "/usr");
	struct mounts_entry e = {.source = f->source,
				 .target = f->target,
				 .fstype = f->fstype,
				 .options = f->options,
				 /* The root's init needs /usr. */
				 .optional = !is_usr && fstab_has(f->options, "nofail"),
				 .checked = f->pass > 0,
				 .writable = true};

	if (!fstab_is_early(f) || (is_usr && b->params.usr.kind != SPEC_NONE))
		return;
	if (has_device(f))
		spec_parse(f->source, &e.spec);
	insert(b->mounts, &e);
}

void mounts_parse(struct boot *b, char *text)
{
	struct fstab f = {.cursor = text};
	struct fstab_entry e;
	unsigned logged = 0;

	while (fstab_next(&f, &e)) {
		if (e.flaw && logged++ < FLAWS_MAX)
			log_show("/etc/fstab of the root, line %u: %s%s", e.line, e.flaw,
				 fstab_is_early(&e) ? "; it is mounted nevertheless" : "");
		add_entry(b, &e);
	}
}

int mounts_copy_fstab(struct job_result *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fd_ int from = mount_open_beneath(SYSROOT, "/etc/fstab", O_RDONLY | O_NONBLOCK);
	_cleanup_fd_ int to = -1;
	struct stat st;
	int r;

	unlink(COPY);
	if (from == -ENOENT || from == -ENOTDIR)
		return 0;
	if (from < 0 || fstat(from, &st) < 0)
		return from < 0 ? from : -errno;
	r = S_ISREG(st.st_mode) ? read_all(from, MOUNTS_FSTAB_MAX, &text) : -EINVAL;
	if (r < 0)
		return r;
	to = open(COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	snprintf(out->text, sizeof(out->text), "copied");
	return to < 0 ? -errno : write_full(to, text.data, text.len);
}

static void read_copy(struct boot *b)
{
	struct buf text = BUF_INIT; /* never freed: the entries point into it */

	if (read_file_at(AT_FDCWD, COPY, MOUNTS_FSTAB_MAX, &text) == 0 && buf_cstr(&text) &&
	    buf_status(&text) == 0 && text.len && strlen((char *)text.data) == text.len)
		mounts_parse(b, (char *)text.data);
	else if (text.len)
		log_show("/etc/fstab of the root is not a text file: it is ignored");
}

enum stage_step mounts_fstab(struct boot *b)
{
	const struct job job = {.kind = JOB_FSTAB};

	if (b->mounts->n) /* a retry goes on with the mount that failed */
		return STAGE_ENDS;
	if (b->params.no_fstab || b->params.root.kind == SPEC_TMPFS) {
		add_usr(b);
	} else if (b->flow.task.state == TASK_NONE) {
		return flow_task(b, &job);
	} else if (b->flow.task.state == TASK_RUNS) {
		return STAGE_STAYS;
	} else {
		if (b->flow.task.result.result < 0)
			log_show("/etc/fstab of the root cannot be read: %s",
				 strerror(-b->flow.task.result.result));
		add_usr(b);
		if (b->flow.task.result.result == 0 && b->flow.task.result.text[0])
			read_copy(b);
	}
	for (size_t i = 0; i < b->mounts->n; i++)
		if (b->mounts->list[i].spec.kind != SPEC_NONE)
			block_want(b, &b->mounts->list[i].spec);
	return STAGE_ENDS;
}

/* ---- one after the other ---- */

void mounts_what(const struct boot *b, char *out, size_t size)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];

	snprintf(out, size, "%.60s for %.40s", e->source, e->target);
}

bool mounts_describe(const struct boot *b, struct part_mount *out)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];

	out->is_device = e->spec.kind != SPEC_NONE;
	out->ref = b->mounts->device;
	out->is_checked = e->checked;
	snprintf(out->device, sizeof(out->device), "%s", block_name(b, b->mounts->device));
	snprintf(out->type, sizeof(out->type), "%s", b->mounts->type);
	/* The root has been checked already. */
	return out->is_device && block_get(b, b->mounts->device) &&
	       b->mounts->device.generation != b->goal->device.generation;
}

bool mounts_have_option(const struct boot *b, const struct block_device *d, const char *option)
{
	bool has = false;

	for (size_t i = b->mounts->next; i < b->mounts->n; i++) {
		const struct mounts_entry *e = &b->mounts->list[i];

		has = has || (e->spec.kind != SPEC_NONE && fstab_has(e->options, option) &&
			      block_fits(b, &e->spec, d));
	}
	return has;
}

static enum stage_step go_to_next(struct boot *b)
{
	b->mounts->next++;
	b->flow.limited_by = NULL;
	return flow_go(b, STAGE_MOUNTS_WAIT);
}

enum stage_step mounts_cannot(struct boot *b, const char *reason)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];
	char why[FLOW_TEXT_MAX];

	snprintf(why, sizeof(why), "%.100s (%.100s) cannot be mounted: %s", e->target, e->source,
		 reason);
	if (!e->optional)
		return flow_fail(b, why);
	log_show("%s; the boot goes on without it (nofail)", why);
	return go_to_next(b);
}

static int find_device(const struct boot *b, const struct spec *spec)
{
	if (spec->kind != SPEC_AUTO)
		return block_find(b, spec);
	return block_get(b, b->goal->device) ? (int)b->goal->device.slot : -1;
}

/* It may have been pulled out since it was found. */
static bool is_gone(const struct boot *b)
{
	return b->mounts->list[b->mounts->next].spec.kind != SPEC_NONE &&
	       !block_get(b, b->mounts->device);
}

static enum stage_step set_device(struct boot *b, const struct mounts_entry *e, size_t n)
{
	const struct block_device *d = &b->devices->list[n];
	const char *type = strcmp(e->fstype, "auto") == 0 ? d->probe.type : e->fstype;
	char why[FLOW_TEXT_MAX];

	if (block_is_member(d) || claims_hold(b, n) || claims_refuse(d)) {
		claims_explain(b, n, why, sizeof(why));
		return mounts_cannot(b, why);
	}
	if (!*type)
		return mounts_cannot(b, "no filesystem that is known here is on it");
	if (block_is_doubtful(b, &e->spec, n, why, sizeof(why)))
		return mounts_cannot(b, why);
	b->mounts->device = block_ref(b, n);
	snprintf(b->mounts->type, sizeof(b->mounts->type), "%.*s", (int)strcspn(type, ","), type);
	return STAGE_ENDS;
}

static void set_deadline(struct boot *b, const struct mounts_entry *e, int64_t now)
{
	b->flow.limited_by = NULL;
	b->flow.deadline = goal_deadline(b);
	if (e->optional &&
	    (b->flow.deadline == PARAMS_FOREVER || b->flow.deadline > now + NOFAIL_MS)) {
		b->flow.deadline = now + NOFAIL_MS;
		b->flow.limited_by = "nofail in fstab";
	}
}

enum stage_step mounts_wait(struct boot *b)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];
	int64_t now = log_now();
	int n;

	if (b->mounts->next == b->mounts->n)
		return flow_go(b, STAGE_MOUNTS + 1);
	if (!b->flow.entered)
		set_deadline(b, e, now);
	if (e->spec.kind == SPEC_NONE) {
		snprintf(b->mounts->type, sizeof(b->mounts->type), "%s", e->fstype);
		return STAGE_ENDS;
	}
	if (e->spec.kind != SPEC_AUTO && !claims_can_find(b, &e->spec))
		return mounts_cannot(b, "this image cannot bring up a device of that kind");
	n = find_device(b, &e->spec);
	if (n >= 0 && claims_hold(b, (size_t)n) && !flow_is_late(b, now))
		return STAGE_STAYS;
	if (n >= 0)
		return set_device(b, e, (size_t)n);
	if (!flow_is_late(b, now))
		return STAGE_STAYS;
	return mounts_cannot(b, block_unreadable(b, &e->spec)
					? "the device is there, but cannot be read"
					: "the device did not appear in time");
}

enum stage_step mounts_driver(struct boot *b)
{
	char alias[JOBS_NAME_MAX + 8];

	if (is_gone(b))
		return flow_go(b, STAGE_MOUNTS_WAIT);
	snprintf(alias, sizeof(alias), "fs-%s", b->mounts->type);
	modules_request_alias(b, alias);
	if (!modules_pending(b, alias))
		return STAGE_ENDS;
	return flow_is_late(b, log_now())
		       ? mounts_cannot(b, "the driver of the filesystem does not finish loading")
		       : STAGE_STAYS;
}

static bool make_job(const struct boot *b, struct job *out)
{
	const struct mounts_entry *e = &b->mounts->list[b->mounts->next];
	const struct block_device *d = block_get(b, b->mounts->device);

	*out = (struct job){.kind = JOB_MOUNT, .beneath = true, .writable = e->writable};
	snprintf(out->target, sizeof(out->target), "%s", e->target);
	snprintf(out->fstype, sizeof(out->fstype), "%s", b->mounts->type);
	if (d && e->spec.kind != SPEC_NONE)
		block_into_job(d, out);
	else if (strlen(e->source) < sizeof(out->name))
		strcpy(out->name, e->source); /* of a bind mount */
	else
		return false;
	if (strlen(e->options) >= sizeof(out->options))
		return false;
	strcpy(out->options, e->options);
	return !d || e->spec.kind == SPEC_NONE || claims_add_option(d, out);
}

static enum stage_step start_mount(struct boot *b)
{
	struct job job;

	if (is_gone(b))
		return flow_go(b, STAGE_MOUNTS_WAIT);
	return make_job(b, &job) ? flow_task(b, &job)
				 : mounts_cannot(b, "its line in fstab is too long");
}

enum stage_step mounts_mount(struct boot *b)
{
	if (b->flow.task.state == TASK_NONE)
		return start_mount(b);
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->flow.task.result.result == -ESTALE && block_mistaken(b, b->mounts->device))
		return flow_go(b, STAGE_MOUNTS_WAIT);
	if (b->flow.task.result.result < 0)
		return mounts_cannot(b, b->flow.task.result.text);
	log_info("%s is mounted from %s", b->mounts->list[b->mounts->next].target,
		 b->mounts->list[b->mounts->next].source);
	return go_to_next(b);
}
