/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In a worker: sets up volumes. The metadata is read again from all physical volumes that PID 1 has found, and the newest one
 * counts. The devices stay open meanwhile, so that their numbers belong to what was read.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "features/lvm/boot/kit.h"
#include "init/core/identity.h"
#include "init/core/sys.h"

/* A PV that is there. */
struct disk {
	int fd; /* -1: it is not */
	uint32_t major, minor;
	uint64_t sectors;
	char name[JOBS_NAME_MAX];
	struct lvm_label label;
};

struct set {
	struct disk disks[LVM_DISKS_MAX];
	size_t n;
	char *text; /* of GROUP */
	struct lvm_group group;
	const struct disk *of_pv[LVM_PVS_MAX]; /* by its place in GROUP; NULL: it is missing */
	bool needed[LVM_PVS_MAX];
};

/* ---- what is there ---- */

/* The name of the device with that number. */
static bool name_of(const struct lvm_disk *d, char out[JOBS_NAME_MAX])
{
	char path[64], text[1024];
	_cleanup_fd_ int fd = -1;
	char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/uevent", d->major, d->minor);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	name = strstr(text, "DEVNAME=");
	if (!name)
		return false;
	name += strlen("DEVNAME=");
	name[strcspn(name, "\n")] = '\0';
	snprintf(out, JOBS_NAME_MAX, "%s", name);
	return strlen(name) < JOBS_NAME_MAX && path_is_clean(name);
}

/* One that is another device now, or cannot be read, is missing. */
static void open_disk(const struct lvm_disk *d, struct disk *out)
{
	struct device_identity identity = {.major = d->major, .minor = d->minor, .sequence = d->sequence};
	off_t end;

	*out = (struct disk){.fd = -1, .major = d->major, .minor = d->minor};
	if (!name_of(d, out->name))
		return;
	out->fd = identity_open(out->name, &identity);
	end = out->fd < 0 ? -1 : lseek(out->fd, 0, SEEK_END);
	if (end >= 0 && lvm_read_label(out->fd, &out->label, NULL) == 0) {
		out->sectors = (uint64_t)end / 512;
		return;
	}
	close_fd(out->fd);
	out->fd = -1;
}

/* The newest metadata of the group. */
static int find_group(struct set *s, const char *id, struct job_result *out)
{
	for (size_t i = 0; i < s->n; i++) {
		struct lvm_group group;
		char *text;
		struct err err = {0};
		int r = s->disks[i].fd < 0 ? -ENOENT
					   : lvm_read_group(s->disks[i].fd, &s->disks[i].label, &text, &group, &err);

		if (r < 0)
			continue;
		if (strcmp(group.id, id) == 0 && (!s->text || group.seqno > s->group.seqno)) {
			lvm_clear_group(&s->group);
			free(s->text);
			s->group = group;
			s->text = text;
			continue;
		}
		lvm_clear_group(&group);
		free(text);
	}
	if (s->text)
		return 0;
	snprintf(out->text, sizeof(out->text), "nothing describes its volume group any more");
	return -ENODATA;
}

static int match_disks(struct set *s, struct job_result *out)
{
	for (size_t i = 0; i < s->group.n_pvs; i++)
		for (size_t k = 0; k < s->n; k++) {
			const struct disk *d = &s->disks[k];
			char id[LVM_ID_TEXT_MAX];

			if (d->fd < 0 || strcmp(d->label.id, s->group.pvs[i].id) != 0)
				continue;
			if (s->of_pv[i]) {
				lvm_print_id(d->label.id, id);
				snprintf(out->text, sizeof(out->text),
					 "%.64s and %.64s are the same physical volume (%s): one is a copy, or they are "
					 "two ways to one disk", s->of_pv[i]->name, d->name, id);
				return -EEXIST;
			}
			s->of_pv[i] = d;
		}
	return 0;
}

/* ---- may it be set up? ---- */

/* Of the PVs that LV needs, or of all: the first one that is missing; NULL. */
static const struct lvm_pv *missing(struct set *s, const struct lvm_lv *lv)
{
	if (lv)
		lvm_needs(&s->group, lv, s->needed);
	for (size_t i = 0; i < s->group.n_pvs; i++)
		if ((!lv || s->needed[i]) && (!s->of_pv[i] || s->group.pvs[i].is_missing))
			return &s->group.pvs[i];
	return NULL;
}

static void explain_missing(const struct set *s, const struct lvm_pv *pv, struct job_result *out)
{
	const struct disk *d = s->of_pv[pv - s->group.pvs];
	char id[LVM_ID_TEXT_MAX];

	lvm_print_id(pv->id, id);
	if (d)
		snprintf(out->text, sizeof(out->text),
			 "its physical volume %s (%.64s) is out of date, since its group was changed while it was missing: "
			 "vgextend --restoremissing takes it back", id, d->name);
	else
		snprintf(out->text, sizeof(out->text), "its physical volume %s is missing%s%.64s%s", id,
			 *pv->device ? " (it was " : "", pv->device, *pv->device ? ")" : "");
}

static int check(struct set *s, const struct lvm_lv *lv, bool may_lack, struct job_result *out)
{
	const struct lvm_pv *pv = missing(s, lv);
	char why[LVM_WHY_MAX / 2];

	if (pv) {
		explain_missing(s, pv, out);
		return -ENODEV;
	}
	if (!lvm_is_plain(&s->group, lv, why, sizeof(why))) {
		snprintf(out->text, sizeof(out->text), "%s, which only the program lvm can set up", why);
		return -ENOTSUP;
	}
	pv = may_lack ? NULL : missing(s, NULL);
	if (pv)
		explain_missing(s, pv, out);
	return pv ? -EAGAIN : 0;
}

/* ---- its table ---- */

/* "8:2 2048", for each PV of the segment. */
static int add_places(const struct set *s, const struct lvm_segment *seg, struct buf *words, struct job_result *out)
{
	const struct lvm_group *g = &s->group;
	uint64_t each = seg->count / seg->stripes;

	for (size_t i = 0; i < seg->n_refs; i++) {
		const struct lvm_ref *ref = &g->refs[seg->refs + i];
		const struct lvm_pv *pv = lvm_pv_of(g, ref);
		const struct disk *d = s->of_pv[pv - g->pvs];
		uint64_t start = pv->start + ref->extent * g->extent;

		if (start + each * g->extent > d->sectors) {
			snprintf(out->text, sizeof(out->text), "its physical volume %.64s is smaller than it was", d->name);
			return -ENOSPC;
		}
		buf_printf(words, "%s%" PRIu32 ":%" PRIu32 " %" PRIu64, words->len ? " " : "", d->major, d->minor, start);
	}
	return buf_status(words);
}

static int make_target(const struct set *s, const struct lvm_segment *seg, struct sys_target *t, struct job_result *out)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	int r;

	*t = (struct sys_target){.start = seg->start * s->group.extent,
				 .length = seg->count * s->group.extent,
				 .type = seg->stripes > 1 ? "striped" : "linear"};
	if (seg->stripes > 1)
		buf_printf(&words, "%" PRIu64 " %" PRIu64, seg->stripes, seg->stripe_size);
	r = add_places(s, seg, &words, out);
	if (r < 0)
		return r;
	t->words = strdup(buf_cstr(&words));
	return t->words ? 0 : -ENOMEM;
}

/* As udev would make it. */
static void make_link(const char *name, int minor)
{
	char path[LVM_NAME_MAX + 16], target[32];

	snprintf(path, sizeof(path), "/dev/mapper/%s", name);
	snprintf(target, sizeof(target), "../dm-%d", minor);
	sys_symlink(target, path);
}

static int make_map(const struct set *s, const struct lvm_lv *lv, const struct sys_target *targets, struct job_result *out)
{
	char name[LVM_NAME_MAX], uuid[2 * LVM_ID_MAX + 8];
	struct sys_map map = {.name = name, .uuid = uuid, .targets = targets, .n = lv->n_segments,
			      .is_read_only = !lv->is_writable || !s->group.is_writable};
	int r;

	if (!lvm_map_name(s->group.name, lv->name, name)) {
		snprintf(out->text, sizeof(out->text), "its name is too long");
		return -ENAMETOOLONG;
	}
	snprintf(uuid, sizeof(uuid), "LVM-%s%s", s->group.id, lv->id);
	r = sys_map_make(&map);
	if (r >= 0) {
		make_link(name, r);
		return 0;
	}
	snprintf(out->text, sizeof(out->text),
		 r == -EEXIST ? "another device has the name or the UUID of its own"
		 : r == -ENOENT || r == -ENODEV || r == -ENXIO
			 ? "the kernel has no device mapper, and the image no module for it"
			 : "the kernel does not take its table: %s", strerror(-r));
	return r == -ENOENT ? -ENODEV : r; /* not to be taken for a volume that there is not */
}

static int set_up(struct set *s, const struct lvm_lv *lv, bool may_lack, struct job_result *out)
{
	struct sys_target *targets;
	int r = check(s, lv, may_lack, out);

	if (r < 0)
		return r;
	targets = calloc(lv->n_segments, sizeof(*targets));
	r = targets ? 0 : -ENOMEM;
	for (size_t i = 0; i < lv->n_segments && r == 0; i++)
		r = make_target(s, &s->group.segments[lv->segments + i], &targets[i], out);
	if (r == 0)
		r = make_map(s, lv, targets, out);
	for (size_t i = 0; i < lv->n_segments && targets; i++)
		free((char *)targets[i].words);
	free(targets);
	return r;
}

/* All that can be; the first reason of a failure is told, or that some would be set up without further PVs. */
static int set_up_all(struct set *s, bool may_lack, struct job_result *out)
{
	int result = 0;

	for (size_t i = 0; i < s->group.n_lvs && !s->group.is_skipped; i++) {
		const struct lvm_lv *lv = &s->group.lvs[i];
		struct job_result own = {0};
		int r = lv->is_visible && !lv->is_skipped ? set_up(s, lv, may_lack, &own) : 0;

		if (r == 0 || (result < 0 && r != -EAGAIN))
			continue;
		result = r;
		snprintf(out->text, sizeof(out->text), "%s: %.256s", lv->name, own.text);
	}
	return result;
}

static int set_up_one(struct set *s, const struct lvm_lv *lv, const struct lvm_question *q, struct job_result *out)
{
	struct job_result own = {0};
	int r = set_up(s, lv, q->may_lack, &own);

	if (r == 0)
		snprintf(out->text, sizeof(out->text), "%s", lv->name);
	else if (strcmp(lv->name, q->volume) == 0)
		memcpy(out->text, own.text, sizeof(out->text));
	else /* it was named by its UUID */
		snprintf(out->text, sizeof(out->text), "%s: %.320s", lv->name, own.text);
	return r;
}

/* Which machine this one is, lvm knows by its settings and the root's files. */
static bool is_foreign(const struct set *s, struct job_result *out)
{
	const char *id = s->group.system_id;

	if (!id || !*id)
		return false;
	snprintf(out->text, sizeof(out->text), "it belongs to one machine alone, with the system ID \"%.64s\"; "
		 "rd.lvm.vg=%.100s would set it up", id, s->group.name);
	return true;
}

static int set_up_wanted(struct set *s, const struct lvm_question *q, struct job_result *out)
{
	const struct lvm_lv *lv;
	int r = find_group(s, q->group, out);

	if (r == 0)
		r = match_disks(s, out);
	if (r < 0)
		return r;
	out->found = !missing(s, NULL);
	lv = *q->volume ? lvm_find(&s->group, q->volume) : NULL;
	if (*q->volume && !lv) {
		snprintf(out->text, sizeof(out->text), "its volume group has no such volume");
		return -ENOENT;
	}
	if (lvm_group_flaw(&s->group)) {
		snprintf(out->text, sizeof(out->text), "%s", lvm_group_flaw(&s->group));
		return -EPERM;
	}
	if (!q->is_named && is_foreign(s, out))
		return -EPERM;
	return lv ? set_up_one(s, lv, q, out) : set_up_all(s, q->may_lack, out);
}

int lvm_set_up(const struct lvm_question *q, struct job_result *out)
{
	struct set *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		snprintf(out->text, sizeof(out->text), "there is too little memory");
		return -ENOMEM;
	}
	for (; s->n < q->n && s->n < LVM_DISKS_MAX; s->n++)
		open_disk(&q->disks[s->n], &s->disks[s->n]);
	r = set_up_wanted(s, q, out);
	if (r < 0 && !out->text[0])
		snprintf(out->text, sizeof(out->text), "%s", strerror(-r));
	for (size_t i = 0; i < s->n; i++)
		close_fd(s->disks[i].fd);
	lvm_clear_group(&s->group);
	free(s->text);
	free(s);
	return identity_unrelated(r);
}
