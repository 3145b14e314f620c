/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Filesystems of btrfs on several devices. The kernel mounts one by the name of any of its devices, once
 * it knows all of them; udev would make them known to it one by one. Here that is done for those
 * that are waited for, when all of their devices are there. What comes later is added until the mount
 * begins, and nothing is changed any more from then on.
 *
 * One whose devices do not all come may be mounted without them, with the option "degraded", if
 * rd.degraded= says so and no data is missing. A filesystem on one device needs nothing of this.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "features/btrfs/boot/kit.h"
#include "init/core/log.h"
#include "init/core/sys.h"

#define MODALIAS "fs-btrfs"

enum {
	FOLLOW_MS = 2000, /* for devices that come one after the other, when the time is over; */
	FOLLOW_MAX_MS = 10000, /* for all of them */
	NAMED_MS = 10000, /* for all of them, where the mount's own options have "degraded" */
	FREEZE_MS = 2000, /* for jobs, before the mount */
	AGAIN_MS = 50,	  /* how often to look whether the module is loaded, or a worker is free */
};

/* How a filesystem may be mounted now. */
enum mounting { NOT_YET, AS_IT_IS, DEGRADED };

static void wake(struct part *p, int64_t at)
{
	struct btrfs *s = p->state;

	if (s->wake && s->wake <= at)
		return;
	s->wake = at;
	part_wake(p, at);
}

static struct btrfs_volume *volume_of(struct btrfs *s, const struct btrfssuper *super)
{
	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++)
		if (s->volumes[i].uuid[0] &&
		    memcmp(s->volumes[i].fsid, super->fsid, sizeof(super->fsid)) == 0)
			return &s->volumes[i];
	return NULL;
}

static unsigned tag_of(const struct btrfs *s, const struct btrfs_volume *v)
{
	return BTRFS_TAG_VOLUME + (unsigned)(v - s->volumes);
}

/* ---- may it be mounted? ---- */

/* Does a mount of V have OPTION by the user's wish? */
static bool has_option(const struct part *p, const struct btrfs_volume *v, const char *option)
{
	const struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++)
		if (btrfs_is_of(v, &s->members[i]) &&
		    part_has_mount_option(p, s->members[i].ref, option))
			return true;
	return false;
}

/* Devices are missing: is the time to wait for them over? What was found to be ready is so until something
 * changes. */
static void watch_time(struct part *p, struct btrfs_volume *v, bool is_named)
{
	const struct btrfs *s = p->state;
	bool is_running_out = s->is_running_out && part_is_running_out(p);

	if (v->is_over && v->is_ready)
		return;
	if (!is_running_out && !is_named) {
		v->over_at = v->over_by = 0;
	} else if (!v->over_at) {
		v->over_at = log_now() + (is_running_out ? FOLLOW_MS : NAMED_MS);
		if (!v->over_by)
			v->over_by = v->over_at + FOLLOW_MAX_MS;
		if (v->over_at > v->over_by)
			v->over_at = v->over_by;
	}
	v->is_over = v->over_at && log_now() >= v->over_at;
	if (v->over_at && !v->is_over)
		wake(p, v->over_at);
}

/* Users who name the devices of the mount, or "degraded", get what they ask for. */
static enum mounting may_mount(struct part *p, struct btrfs_volume *v)
{
	bool is_listed, is_named;

	if (v->here >= v->last->super.devices)
		return AS_IT_IS;
	is_listed = has_option(p, v, "device");
	is_named = is_listed || has_option(p, v, "degraded");
	if (is_listed && v->here + v->seeds >= v->last->super.devices)
		return AS_IT_IS;
	watch_time(p, v, is_named);
	if (!v->is_over || v->doubt[0] || part_is_strict(p))
		return NOT_YET;
	if (is_named)
		return AS_IT_IS;
	return v->trial != BTRFS_FAILS && !v->seeds ? DEGRADED : NOT_YET;
}

static bool ask(struct part *p, unsigned tag, const struct btrfs_member *m, struct btrfs_question *q)
{
	struct part_device d;

	if (part_has(p, PART_JOB, tag) || !part_get(p, m->ref, &d))
		return false;
	snprintf(q->device, sizeof(q->device), "%s", d.name);
	q->identity = d.identity;
	if (part_job(p, tag, q, sizeof(*q), false))
		return true;
	wake(p, log_now() + AGAIN_MS); /* the places may all be taken */
	return false;
}

/* The kernel is to know those that are up to date, and no others. True when it does. */
static bool register_members(struct part *p, const struct btrfs_volume *v)
{
	struct btrfs *s = p->state;
	bool all = true;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];
		bool is_current = !m->is_stale && !m->is_other_path;
		struct btrfs_question q = {.kind = is_current ? BTRFS_REGISTER : BTRFS_FORGET};

		if (!btrfs_is_of(v, m) || (is_current ? m->is_fresh : !m->is_known))
			continue;
		all = false;
		if (ask(p, (unsigned)i, m, &q)) {
			m->asked_at = log_now();
			m->is_to_know = is_current;
			m->is_known = true; /* even if the job does not come to its end */
		}
		if (v->is_over && part_has(p, PART_JOB, (unsigned)i))
			wake(p, m->asked_at + JOBS_HANG_MS);
	}
	return all;
}

static void try_mount(struct part *p, struct btrfs_volume *v)
{
	const struct btrfs *s = p->state;
	struct btrfs_question q = {.kind = BTRFS_TRY};

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (btrfs_is_of(v, m) && !m->is_stale && !m->is_other_path)
			q.ids[q.n++] = m->super.id;
	}
	if (ask(p, tag_of(s, v), v->last, &q))
		v->tried = v->changes;
}

/* True when the kernel knows what it is to know. While it tries a mount, nothing is changed. */
static bool prepare(struct part *p, struct btrfs_volume *v, enum mounting how)
{
	const struct btrfs *s = p->state;

	if (part_is_loading(p, MODALIAS))
		wake(p, log_now() + AGAIN_MS);
	if (part_is_loading(p, MODALIAS) || part_has(p, PART_JOB, tag_of(s, v)))
		return false;
	if (sys_has_btrfs(v->uuid)) /* somebody has mounted it by hand */
		return true;
	if (!register_members(p, v))
		return false;
	if (how == DEGRADED && v->trial == BTRFS_UNTRIED)
		try_mount(p, v);
	return how != DEGRADED || v->trial == BTRFS_WORKS;
}

/* When the time is over, a disk that does not answer counts as missing. */
static void drop_hanging(struct part *p, const struct btrfs_volume *v)
{
	struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX && v->is_over; i++) {
		struct btrfs_member *m = &s->members[i];

		if (!btrfs_is_of(v, m) || !part_has(p, PART_JOB, (unsigned)i) ||
		    log_now() < m->asked_at + JOBS_HANG_MS)
			continue;
		part_cancel(p, PART_JOB, (unsigned)i);
		snprintf(m->why, sizeof(m->why), "it does not answer");
	}
}

/* Any device may be one of its own; and its driver takes long to load. */
static void seek(struct part *p, struct btrfs_volume *v)
{
	if (v->is_sought)
		return;
	v->is_sought = true;
	part_want_all(p);
	part_module(p, MODALIAS);
}

/* Something has changed: what can be done for V now? */
static void advance(struct part *p, struct btrfs_volume *v)
{
	enum mounting how = NOT_YET;

	if (v->is_frozen)
		return;
	drop_hanging(p, v);
	btrfs_judge(p, v);
	if (v->is_joint && v->is_wanted) {
		seek(p, v);
		how = v->why[0] ? NOT_YET : may_mount(p, v);
	}
	v->is_ready = how != NOT_YET && prepare(p, v, how);
	v->is_degraded = v->is_ready && how == DEGRADED;
	btrfs_publish(p, v);
}

static void advance_all(struct part *p)
{
	struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++)
		if (s->volumes[i].uuid[0])
			advance(p, &s->volumes[i]);
}

/* Other devices are there than before, so that what was found out does not hold any more. */
static void has_changed(struct btrfs_volume *v)
{
	v->changes++;
	v->trial = BTRFS_UNTRIED;
	v->trouble[0] = '\0';
	v->is_over = false;
	v->over_at = 0;
}

/* ---- devices ---- */

static bool is_ref(struct device_ref a, struct device_ref b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

static bool is_empty(const struct btrfs *s, const struct btrfs_volume *v)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++)
		if (s->members[i].ref.generation &&
		    memcmp(s->members[i].super.fsid, v->fsid, sizeof(v->fsid)) == 0)
			return false;
	return true;
}

/* Filesystems on one device that nobody waits for are known only in case another device follows. */
static void make_room(struct btrfs *s)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];
		struct btrfs_volume *v = m->ref.generation ? volume_of(s, &m->super) : NULL;

		if (!v || v->is_wanted || v->is_joint || v->is_frozen || m->super.devices != 1)
			continue;
		*m = (struct btrfs_member){0};
		if (is_empty(s, v))
			*v = (struct btrfs_volume){0};
		return;
	}
}

/* The place of REF, or a free one; NULL. */
static struct btrfs_member *place_for(struct btrfs *s, struct device_ref ref)
{
	struct btrfs_member *place = NULL;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];

		if (is_ref(m->ref, ref))
			return m;
		if (!m->ref.generation && !place)
			place = m;
	}
	return place;
}

static struct btrfs_volume *volume_for(struct btrfs *s, const struct btrfssuper *super, const char *uuid)
{
	struct btrfs_volume *v = volume_of(s, super);

	for (size_t i = 0; i < BTRFS_VOLUMES_MAX && !v; i++)
		if (!s->volumes[i].uuid[0]) {
			v = &s->volumes[i];
			memcpy(v->fsid, super->fsid, sizeof(v->fsid));
			snprintf(v->uuid, sizeof(v->uuid), "%.39s", *uuid ? uuid : "without a UUID");
		}
	return v;
}

/* A device was read, for the first time or again. */
static void take(struct part *p, struct btrfs_volume *v, struct btrfs_member *m, const struct part_device *d)
{
	const struct btrfssuper *super = &d->probe->btrfs;
	bool is_new = !m->ref.generation;

	if (is_new)
		*m = (struct btrfs_member){.ref = d->ref, .is_late = v->is_frozen};
	snprintf(m->name, sizeof(m->name), "%s", d->name);
	v->is_wanted = v->is_wanted || d->is_wanted;
	if (v->is_frozen && !is_new) /* what is read now is what the kernel makes of it */
		return;
	if (is_new || m->why[0] || m->super.generation != super->generation ||
	    m->super.devices != super->devices || m->super.id != super->id) {
		m->super = *super;
		m->why[0] = '\0';
		m->is_fresh = false;
		has_changed(v);
	}
	advance(p, v);
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	const struct btrfssuper *super = &d->probe->btrfs;
	struct btrfs *s = p->state;
	struct btrfs_volume *v;
	struct btrfs_member *m;

	if (strcmp(d->probe->type, "btrfs") != 0)
		return PART_IGNORES;
	if (!super->devices) { /* of a zoned disk it is elsewhere */
		log_info("%s: how many devices its btrfs has cannot be read: it is mounted by itself",
			 d->name);
		return PART_IGNORES;
	}
	if (strcmp(d->name, s->hopeless) == 0) {
		snprintf(why, PART_TEXT_MAX, "it is another device each time it is opened");
		return PART_REFUSES;
	}
	for (int i = 0; i < 2; i++) {
		m = place_for(s, d->ref);
		v = m ? volume_for(s, super, d->probe->uuid) : NULL;
		if (v)
			break;
		if (super->devices > 1)
			make_room(s);
	}
	if (!v) {
		snprintf(why, PART_TEXT_MAX, "there are more than %d such devices or %d filesystems",
			 BTRFS_MEMBERS_MAX, BTRFS_VOLUMES_MAX);
		return super->devices == 1 ? PART_IGNORES : PART_REFUSES;
	}
	take(p, v, m, d);
	return btrfs_claim(p, v, m, why);
}

/* The mount has failed, or did not come: V is waited for again. */
static void thaw(struct btrfs *s, struct btrfs_volume *v)
{
	if (!v->is_frozen || sys_has_btrfs(v->uuid))
		return;
	v->is_frozen = v->is_ready = false;
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++)
		if (memcmp(s->members[i].super.fsid, v->fsid, sizeof(v->fsid)) == 0)
			s->members[i].is_late = false;
}

static void gone(struct part *p, struct device_ref ref)
{
	struct btrfs *s = p->state;
	struct btrfs_member *m = place_for(s, ref);
	struct btrfs_volume *v;

	if (!m || !is_ref(m->ref, ref)) {
		s->hopeless[0] = '\0';
		return;
	}
	v = volume_of(s, &m->super);
	part_cancel(p, PART_JOB, (unsigned)(m - s->members));
	*m = (struct btrfs_member){0};
	if (!v)
		return;
	thaw(s, v);
	if (is_empty(s, v)) {
		part_cancel(p, PART_JOB, tag_of(s, v));
		*v = (struct btrfs_volume){0};
		return;
	}
	if (v->is_frozen)
		return;
	has_changed(v);
	advance(p, v);
}

/* ---- answers of the kernel ---- */

static void member_done(struct part *p, struct btrfs_member *m, int result)
{
	struct btrfs *s = p->state;
	struct btrfs_volume *v;

	if (result == -ESTALE) { /* which comes to gone() */
		char name[JOBS_NAME_MAX];

		memcpy(name, m->name, sizeof(name));
		if (!part_mistaken(p, m->ref))
			memcpy(s->hopeless, name, sizeof(s->hopeless));
		return;
	}
	v = m->ref.generation ? volume_of(s, &m->super) : NULL;
	if (!v || v->is_frozen)
		return;
	if (result == 0 || (!m->is_to_know && result == -ENOENT))
		m->is_known = m->is_fresh = m->is_to_know;
	else if (!m->is_to_know)
		snprintf(v->trouble, sizeof(v->trouble), "the kernel has got to know %s, which is out of "
			 "date, and does not forget it (%s): start the machine again", m->name,
			 strerror(-result));
	else if (result == -ENOTSUP)
		snprintf(v->trouble, sizeof(v->trouble),
			 "the kernel has no btrfs, and the image no module for it");
	else
		snprintf(m->why, sizeof(m->why), "the kernel does not take it (%s)", strerror(-result));
	advance(p, v);
}

static void trial_done(struct part *p, struct btrfs_volume *v, const struct part_end *end)
{
	if (!v->uuid[0])
		return;
	if (end->result == -ESTALE && v->last)
		part_mistaken(p, v->last->ref);
	if (!v->uuid[0] || v->is_frozen)
		return;
	if (v->tried == v->changes && end->result != -ESTALE) {
		v->trial = end->result == 0 ? BTRFS_WORKS : BTRFS_FAILS;
		snprintf(v->trial_why, sizeof(v->trial_why), "%s",
			 end->result == 0  ? ""
			 : end->text[0] ? end->text
					: strerror(-end->result));
		if (end->result < 0)
			log_show("btrfs %s is not mounted degraded: %s", v->uuid, v->trial_why);
	}
	advance(p, v);
}

static void done(struct part *p, const struct part_end *end)
{
	struct btrfs *s = p->state;

	if (end->tag >= BTRFS_TAG_VOLUME)
		trial_done(p, &s->volumes[end->tag - BTRFS_TAG_VOLUME], end);
	else
		member_done(p, &s->members[end->tag], end->result);
}

/* ---- stages ---- */

/* A job for V runs. After a while, those for its devices are not waited for. */
static bool is_busy(struct part *p, struct btrfs_volume *v)
{
	struct btrfs *s = p->state;
	bool busy = part_has(p, PART_JOB, tag_of(s, v)), is_late = log_now() >= s->freeze_at;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];

		if (!btrfs_is_of(v, m) || !part_has(p, PART_JOB, (unsigned)i))
			continue;
		if (!is_late) {
			busy = true;
			continue;
		}
		part_cancel(p, PART_JOB, (unsigned)i);
		snprintf(m->why, sizeof(m->why), "it does not answer");
		has_changed(v);
	}
	return busy;
}

static struct btrfs_volume *mounted_next(struct part *p, struct part_mount *mount)
{
	struct btrfs *s = p->state;
	struct btrfs_member *m =
		part_mount(p, mount) && strcmp(mount->type, "btrfs") == 0 ? place_for(s, mount->ref) : NULL;

	return m && is_ref(m->ref, mount->ref) ? volume_of(s, &m->super) : NULL;
}

/* What is mounted next is looked at for the last time. It may have changed since it was found. */
static enum stage_step freeze(struct part *p)
{
	struct btrfs *s = p->state;
	struct part_mount mount;
	struct btrfs_volume *v = mounted_next(p, &mount);

	if (!p->entered)
		s->freeze_at = log_now() + FREEZE_MS;
	if (v && !v->is_frozen) {
		if (is_busy(p, v)) {
			part_step_at(p, s->freeze_at);
			return STAGE_STAYS;
		}
		advance(p, v);
		if (v->is_joint && !v->is_ready)
			return part_go(p, mount.is_root ? STAGE_WAIT : STAGE_MOUNTS_WAIT);
		if (v->is_joint)
			btrfs_show_mounted(s, v);
		v->is_frozen = true;
		btrfs_publish(p, v);
	}
	return STAGE_ENDS;
}

static void freeze_what(const struct part *p, char *out, size_t size)
{
	(void)p;
	snprintf(out, size, "the kernel to look at the devices of a btrfs");
}

/* ---- time ---- */

static void tick(struct part *p, int64_t now)
{
	struct btrfs *s = p->state;

	(void)now;
	s->wake = 0;
	advance_all(p);
}

static void degrade(struct part *p)
{
	struct btrfs *s = p->state;

	s->is_running_out = true;
	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++)
		if (s->volumes[i].uuid[0]) {
			s->volumes[i].is_over = true;
			s->volumes[i].over_at = log_now();
		}
	advance_all(p);
}

static void retry(struct part *p)
{
	struct btrfs *s = p->state;

	s->hopeless[0] = '\0';
	s->is_running_out = false;
	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++)
		if (s->volumes[i].uuid[0]) {
			thaw(s, &s->volumes[i]);
			s->volumes[i].is_sought = false;
			s->volumes[i].over_by = 0;
			has_changed(&s->volumes[i]);
		}
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		s->members[i].why[0] = '\0';
		s->members[i].is_fresh = false; /* somebody may have made the kernel forget it */
	}
	advance_all(p);
}

static const struct part_stage stages[] = {
	{STAGE_FSCK, freeze, freeze_what, false},
	{STAGE_MOUNTS_FSCK, freeze, freeze_what, false},
	{0},
};

const struct feature_boot btrfs_boot = {
	.name = "btrfs",
	.state_size = sizeof(struct btrfs),
	.stages = stages,
	.degrades_on_request = true,
	.device = device,
	.gone = gone,
	.what = btrfs_what,
	.is_incomplete = btrfs_is_incomplete,
	.degrade = degrade,
	.work = btrfs_work,
	.done = done,
	.tick = tick,
	.account = btrfs_account,
	.retry = retry,
};
