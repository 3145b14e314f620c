/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * MD arrays of the kernel's own metadata, started without a program. What udev and mdadm would do
 * by and by is done at once: a member's superblock says which others belong to its array, and when
 * all of them are there, the kernel is handed the whole set. One that was degraded before is
 * started once whatever is there was read: a member that it lost may have run without it.
 *
 *   rd.md=0          no array is started
 *   rd.md.uuid=UUID  only this one, and others given likewise
 *   rd.auto=0        the same, and none if none is given; but what the image was made for
 *
 * An array whose members do not all come is started without them when the time for that has come,
 * if its level can do without and rd.degraded= does not forbid it. A parity array that is not clean
 * either, the kernel refuses, unless md_mod.start_dirty_degraded=1 is given.
 *
 * Disks that were members of an array with metadata 1.1 or 1.2, and were partitioned later, keep their superblocks: an
 * array of such disks is started only if something names it, or nothing else has come when time runs out.
 *
 * An array that runs is never stopped here, not even for a second try of the boot: whoever looks
 * for what is wrong may use it, and a member that it has run without is of no use to a new start.
 */

#include <ctype.h>
#include <errno.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>

#include "features/mdraid/boot/kit.h"
#include "init/core/log.h"
#include "init/core/mapper.h"

/* Once time is running out: how long further members may take to follow one. */
enum { FOLLOW_MS = 1000, FOLLOW_MAX_MS = 10000 /* together */ };

static bool is_ref(struct device_ref a, struct device_ref b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

/* ---- members are read ---- */

static const char *refusal(const struct mdsuper *super)
{
	if (super->level == MDSUPER_LEVEL_FAULTY || super->level == MDSUPER_MULTIPATH)
		return "it is of a kind that needs mdadm";
	if (super->is_reshaping)
		return "its array is being reshaped, which needs mdadm";
	if (super->is_clustered)
		return "its array is shared by a cluster";
	return super->has_journal ? "its array has a journal, which needs mdadm" : NULL;
}

static void read_members(struct part *p)
{
	struct mdraid *s = p->state;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		struct mdraid_member *m = &s->members[i];
		struct mdraid_question q = {.is_start = false};
		struct part_device d;

		if (!m->ref.generation || !m->is_to_be_read || m->is_being_read ||
		    !part_get(p, m->ref, &d))
			continue;
		snprintf(q.device, sizeof(q.device), "%s", d.name);
		q.identity = d.identity;
		if (!part_job(p, (unsigned)i, &q, sizeof(q), 0)) {
			/* The places may all be those of other parts. */
			mdraid_wake(p, log_now() + MDRAID_AGAIN_MS);
			return;
		}
		m->is_to_be_read = false;
		m->is_being_read = true;
	}
}

/* A is started with members missing, unless more of them follow. One that comes and goes does not
 * put that off for ever. */
static void degrade_later(struct part *p, struct mdraid_array *a)
{
	int64_t now = log_now();

	if (!a->degrade_by)
		a->degrade_by = now + FOLLOW_MAX_MS;
	a->may_degrade = false;
	a->degrade_at = now + FOLLOW_MS < a->degrade_by ? now + FOLLOW_MS : a->degrade_by;
	mdraid_wake(p, a->degrade_at);
}

/* All of them at once, before the first one is started: they may claim one name. */
static void degrade_now(struct part *p, const bool which[MDRAID_ARRAYS_MAX])
{
	struct mdraid *s = p->state;

	for (size_t i = 0; i < s->n_arrays; i++)
		if (which[i]) {
			s->arrays[i].degrade_at = s->arrays[i].degrade_by = 0;
			s->arrays[i].may_degrade = true;
		}
	for (size_t i = 0; i < s->n_arrays; i++)
		if (which[i])
			mdraid_consider(p, &s->arrays[i]);
}

static void join(struct part *p, struct mdraid_member *m)
{
	struct mdraid *s = p->state;
	struct mdraid_array *a = mdraid_array_of(s, &m->super);

	if (!a) {
		snprintf(m->why, sizeof(m->why), "there are more than %d arrays",
			 MDRAID_ARRAYS_MAX);
		return;
	}
	a->joined_at = log_now();
	if (a->state == MDRAID_RUNS && !m->is_given)
		mdraid_show_late(s, a, m);
	a->is_late = a->state == MDRAID_STARTS;
	if (s->is_running_out && part_is_running_out(p))
		degrade_later(p, a);
	mdraid_consider(p, a);
}

static void member_read(struct part *p, struct mdraid_member *m, const struct part_end *end)
{
	if (!m->ref.generation)
		return;
	m->is_being_read = false;
	if (end->result == -ESTALE && part_mistaken(p, m->ref))
		return;
	m->is_read = end->result == 0;
	m->why[0] = '\0';
	if (end->result < 0) {
		snprintf(m->why, sizeof(m->why), "%s",
			 end->text[0] ? end->text : strerror(-end->result));
		return;
	}
	/* It may be another array's now. */
	m->is_given =
		m->is_given && memcmp(m->super.uuid, end->text + offsetof(struct mdsuper, uuid),
				      sizeof(m->super.uuid)) == 0;
	memcpy(&m->super, end->text, sizeof(m->super));
	m->table = end->found;
	if (refusal(&m->super))
		snprintf(m->why, sizeof(m->why), "%s", refusal(&m->super));
	else
		join(p, m);
}

static void done(struct part *p, const struct part_end *end)
{
	struct mdraid *s = p->state;

	if (end->tag >= MDRAID_TAG_ARRAY)
		mdraid_started(p, &s->arrays[end->tag - MDRAID_TAG_ARRAY], end);
	else
		member_read(p, &s->members[end->tag], end);
	read_members(p);
}

/* ---- devices come and go ---- */

static bool is_chosen(const struct mdraid *s, const char *uuid)
{
	uint8_t own[16], wanted[16];

	if (!s->wishes.uuids.n || !mdsuper_parse_uuid(uuid, own))
		return true;
	for (size_t i = 0; i < s->wishes.uuids.n; i++)
		if (mdsuper_parse_uuid(s->wishes.uuids.items[i], wanted) &&
		    memcmp(own, wanted, sizeof(own)) == 0)
			return true;
	return false;
}

/* The array that was started here, and is the device NAME or has it as a partition. */
static const struct mdraid_array *array_at(const struct mdraid *s, const char *name)
{
	for (size_t i = 0; i < s->n_arrays; i++)
		if (mdraid_is_device(&s->arrays[i], name))
			return &s->arrays[i];
	return NULL;
}

/* md127p1 is md/root1, or md/0p1, as with udev. The kernel has the size of an array before the
 * worker says that it runs. */
static void name_array(struct part *p, const struct mdraid_array *a, const struct part_device *d)
{
	const char *partition = mdraid_is_device(a, d->name);
	char last = a->name[strlen(a->name) - 1], path[PART_NAME_MAX];

	snprintf(path, sizeof(path), "md/%s%s%s", a->name,
		 *partition && isdigit((unsigned char)last) ? "p" : "", partition);
	if (!part_name(p, d->ref, path))
		log_show("%s does not get the name /dev/%s: there are too many", d->name, path);
}

/* Why nothing can come of the member D; A: it is on this array, or NULL. */
static const char *flaw(const struct mdraid *s, const struct mdraid_array *a,
			const struct part_device *d)
{
	uint8_t uuid[16];

	if (s->wishes.off)
		return "rd.md=0 leaves it alone";
	if (s->wishes.no_auto && !s->wishes.uuids.n && !s->is_needed)
		return "rd.auto=0 leaves it alone (rd.md.uuid= names one that is started)";
	if (!is_chosen(s, d->probe->uuid))
		return "it is not the one of rd.md.uuid=";
	if (a && mdsuper_parse_uuid(d->probe->uuid, uuid) &&
	    memcmp(uuid, a->uuid, sizeof(uuid)) == 0)
		return "it holds the superblock of its own array";
	return NULL;
}

/* The place of REF, or a free one; NULL: there is none. */
static struct mdraid_member *place_of(struct mdraid *s, struct device_ref ref)
{
	struct mdraid_member *end = s->members + MDRAID_MEMBERS_MAX, *m = s->members;

	while (m < end && !is_ref(m->ref, ref))
		m++;
	if (m == end)
		m = s->members;
	while (m < end && m->ref.generation && !is_ref(m->ref, ref))
		m++;
	return m == end ? NULL : m;
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	struct mdraid *s = p->state;
	const struct mdraid_array *a = array_at(s, d->name);
	struct mdraid_member *m;

	if (a)
		name_array(p, a, d);
	if (strcmp(d->probe->type, "linux_raid_member") != 0)
		return PART_IGNORES;
	if (flaw(s, a, d)) {
		snprintf(why, PART_TEXT_MAX, "%s", flaw(s, a, d));
		return PART_REFUSES;
	}
	m = place_of(s, d->ref);
	if (!m) {
		snprintf(why, PART_TEXT_MAX, "there are more than %d members of arrays",
			 MDRAID_MEMBERS_MAX);
		return PART_REFUSES;
	}
	if (!m->ref.generation)
		*m = (struct mdraid_member){
			.ref = d->ref, .major = d->probe->major, .minor = d->probe->minor};
	/* One that was read again may have been written to: its superblock is read again, too. */
	m->is_to_be_read = true;
	snprintf(m->name, sizeof(m->name), "%s", d->name);
	read_members(p);
	return PART_HOLDS;
}

static void gone(struct part *p, struct device_ref ref)
{
	struct mdraid *s = p->state;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		if (is_ref(s->members[i].ref, ref)) {
			part_cancel(p, PART_JOB, (unsigned)i);
			mdraid_remember(s, &s->members[i]);
			s->members[i] = (struct mdraid_member){0};
		}
	/* It may have been the copy of another one. */
	for (size_t i = 0; i < s->n_arrays; i++)
		if (s->arrays[i].is_doubtful || s->arrays[i].is_withheld)
			mdraid_consider(p, &s->arrays[i]);
}

/* ---- time ---- */

static void tick(struct part *p, int64_t now)
{
	struct mdraid *s = p->state;
	bool is_due[MDRAID_ARRAYS_MAX] = {false};

	s->wake = 0;
	part_wake(p, 0);
	for (size_t i = 0; i < s->n_arrays; i++) {
		struct mdraid_array *a = &s->arrays[i];

		if (a->state == MDRAID_READY)
			mdraid_proceed(p, a);
		is_due[i] = a->degrade_at && now >= a->degrade_at;
		if (a->degrade_at && !is_due[i])
			mdraid_wake(p, a->degrade_at);
	}
	degrade_now(p, is_due);
	read_members(p);
}

bool mdraid_is_reading(const struct part *p)
{
	const struct mdraid *s = p->state;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		if (s->members[i].is_to_be_read || s->members[i].is_being_read)
			return true;
	return false;
}

/* A member that does not answer is not waited for longer than others. */
static void degrade(struct part *p)
{
	struct mdraid *s = p->state;
	bool all[MDRAID_ARRAYS_MAX];

	s->is_running_out = true;
	memset(all, true, sizeof(all));
	if (!mdraid_is_reading(p))
		degrade_now(p, all);
	else
		for (size_t i = 0; i < s->n_arrays; i++)
			degrade_later(p, &s->arrays[i]);
}

static void retry(struct part *p)
{
	struct mdraid *s = p->state;

	s->is_running_out = false;
	for (size_t i = 0; i < s->n_arrays; i++) {
		struct mdraid_array *a = &s->arrays[i];

		if (a->state == MDRAID_STARTS && !part_has(p, PART_JOB, mdraid_tag(s, a)))
			a->state = MDRAID_WAITS;
		/* Somebody at the shell may have stopped it. */
		if (a->state == MDRAID_FAILED ||
		    (a->state == MDRAID_RUNS && !mdraid_has_number(a->number)))
			a->state = MDRAID_WAITS;
		if (a->state == MDRAID_READY)
			a->state = MDRAID_WAITS;
		a->may_degrade = false;
		a->degrade_at = a->degrade_by = 0;
		mdraid_consider(p, a);
	}
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		struct mdraid_member *m = &s->members[i];
		bool is_forgotten = m->is_being_read && !part_has(p, PART_JOB, (unsigned)i);

		m->is_being_read = m->is_being_read && !is_forgotten;
		m->is_to_be_read = m->is_to_be_read || is_forgotten || m->why[0];
	}
	read_members(p);
}

/* An array that holds a volume group is ready for the root's udev only once that has seen it start, or if a note says
 * that it was started (its 69-lvm.rules). The note does no harm where something else is on it. */
static void leave(struct part *p)
{
	const struct mdraid *s = p->state;
	char number[32];

	for (size_t i = 0; i < s->n_arrays; i++) {
		if (s->arrays[i].state != MDRAID_RUNS)
			continue;
		snprintf(number, sizeof(number), "%d:%u", MD_MAJOR, s->arrays[i].number);
		mapper_note(number, "E:LVM_MD_PV_ACTIVATED=1\nV:1\n");
	}
}

static bool setting(struct part *p, const char *key, char *value)
{
	struct mdraid *s = p->state;

	if (strcmp(key, "array") == 0)
		return mdraid_add_own(s, value);
	if (strcmp(key, "member") == 0)
		return mdraid_note(s, value);
	if (strcmp(key, "needed") != 0 || strcmp(value, "yes") != 0)
		return false;
	s->is_needed = true;
	return true;
}

static bool is_incomplete(const struct part *p)
{
	const struct mdraid *s = p->state;

	for (size_t i = 0; i < s->n_arrays; i++)
		if (!s->arrays[i].is_withheld &&
		    (s->arrays[i].state == MDRAID_WAITS || s->arrays[i].state == MDRAID_FAILED))
			return true;
	return false;
}

static void what(const struct part *p, char *out, size_t size)
{
	const struct mdraid *s = p->state;

	*out = '\0';
	for (size_t i = 0; i < s->n_arrays; i++) {
		const struct mdraid_array *a = &s->arrays[i];
		size_t used;

		if (a->state == MDRAID_RUNS)
			continue;
		mdraid_describe(s, a, out, size);
		used = strlen(out);
		if (a->state == MDRAID_FAILED)
			snprintf(out + used, size - used, "; %s", a->why);
		return;
	}
}

static const struct params_rule rules[] = {
	{"rd.auto", PARAMS_AS_NOT, offsetof(struct mdraid_wishes, no_auto), NULL},
	{"rd.md", PARAMS_AS_NOT, offsetof(struct mdraid_wishes, off), NULL},
	{"rd.md.uuid", PARAMS_AS_LIST, offsetof(struct mdraid_wishes, uuids), NULL},
	{"rd_MD_UUID", PARAMS_AS_LIST, offsetof(struct mdraid_wishes, uuids), NULL},
	PARAMS_OFF("rd_NO_MD", struct mdraid_wishes, off),
	{0},
};

const struct feature_boot mdraid_boot = {
	.name = "mdraid",
	.state_size = sizeof(struct mdraid),
	.params = rules,
	.params_size = sizeof(struct mdraid_wishes),
	.lacks = "this image has no feature for MD arrays",
	.names_devices = true,
	.setting = setting,
	.device = device,
	.gone = gone,
	.what = what,
	.degrade = degrade,
	.is_incomplete = is_incomplete,
	.work = mdraid_work,
	.done = done,
	.tick = tick,
	.account = mdraid_account,
	.retry = retry,
	.leave = leave,
};
