/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When an MD array is started, with which members, and under which number and name. The kernel has
 * no test of its own for "all are there": it runs with what it is given.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "features/mdraid/boot/kit.h"
#include "init/core/log.h"

enum {
	/* For others that may show up, once an array could be started: */
	READ_MS = 1000,	 /* until devices that are there are read */
	QUIET_MS = 1000, /* after the last of its members, if it ran without some */
	BUSY_MS = 10000, /* for modules and devices that are busy, then */
};

void mdraid_wake(struct part *p, int64_t at)
{
	struct mdraid *s = p->state;

	if (s->wake && s->wake <= at)
		return;
	s->wake = at;
	part_wake(p, at);
}

unsigned mdraid_tag(const struct mdraid *s, const struct mdraid_array *a)
{
	return MDRAID_TAG_ARRAY + (unsigned)(a - s->arrays);
}

/* ---- the start ---- */

static void modalias(const struct mdraid_member *m, char out[32])
{
	snprintf(out, 32, "md-level-%d", m->super.level);
}

static void gather(struct mdraid *s, const struct mdraid_array *a,
		   const struct mdraid_member *leader, struct mdraid_question *q)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		struct mdraid_member *m = &s->members[i];

		if (!mdraid_is_of(a, m))
			continue;
		m->is_given = mdraid_is_in_step(m, leader);
		if (!m->is_given)
			continue;
		q->members[q->n].major = (uint16_t)m->major;
		q->members[q->n].minor = m->minor;
		q->members[q->n].place = (uint8_t)i;
		q->members[q->n++].is_spare = m->super.role < 0;
	}
}

static void start(struct part *p, struct mdraid_array *a, const struct mdraid_member *leader)
{
	struct mdraid *s = p->state;
	struct mdraid_question q = {
		.is_start = true, .version = leader->super.version, .may_lack = a->may_degrade,
		.is_untouched = part_may_resume(p)};

	q.number = mdraid_choose_number(p, a, leader);
	gather(s, a, leader, &q);
	/* Half of an array would stay, and keep its members from whoever starts it next. */
	if (!part_job(p, mdraid_tag(s, a), &q, sizeof(q), PART_WHOLE)) {
		mdraid_wake(p, log_now() + MDRAID_AGAIN_MS);
		return;
	}
	mdraid_take_name(s, a, leader);
	a->number = q.number;
	a->state = MDRAID_STARTS;
	a->is_late = false;
	a->has_left = false;
	a->started = leader->super;
	a->n_started = mdraid_count(s, a, leader);
	if (a->n_started < leader->super.disks)
		mdraid_show_missing(s, a, leader);
}

/* Not before all that is there was read: there may be a copy of a member. Where an array ran
 * without some of its members, these may have run without it, and which of the two is started must
 * not depend on which one was read first. When to look again; 0: it can be started. */
static int64_t wait_for_others(struct part *p, const struct mdraid_array *a,
			       const struct mdraid_member *leader)
{
	int64_t now = log_now(), quiet = a->joined_at + QUIET_MS, end = a->ready_at + READ_MS;
	bool is_busy = !part_is_settled(p) || mdraid_is_reading(p);

	if (a->may_degrade)
		return 0;
	if (!mdraid_is_whole(p->state, a, leader)) {
		end = a->ready_at + BUSY_MS; /* one that comes and goes does not put it off for ever */
		if (quiet > end)
			quiet = end;
		if (now < quiet)
			return quiet;
		is_busy = is_busy || part_is_busy(p);
	}
	return is_busy && now < end ? now + MDRAID_AGAIN_MS : 0;
}

/* ---- former members ---- */

/* With metadata 1.1 and 1.2 the data of an array does not begin where its members begin, so that a partition table
 * there is none of its own: the disk was put to another use, or had a table before it became a member. The latter
 * does no harm. */
static bool may_be_former(const struct part *p, const struct mdraid_array *a, const struct mdraid_member *m)
{
	return mdraid_is_of(a, m) && (m->super.version == MDSUPER_1_1 || m->super.version == MDSUPER_1_2) &&
	       part_has_partitions(p, m->ref);
}

/* A member of A that may be a former one, rather one with a partition that is needed; NULL. */
static const struct mdraid_member *former_of(const struct part *p, const struct mdraid_array *a)
{
	const struct mdraid *s = p->state;
	const struct mdraid_member *found = NULL;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (!may_be_former(p, a, m))
			continue;
		if (part_needs_partition(p, m->ref))
			return m;
		found = found ? found : m;
	}
	return found;
}

/* An array would keep its members' partitions from being mounted, later in the boot, too. One that nothing names is
 * started only if what is waited for does not come otherwise, and never if that is one of these partitions. */
static bool is_withheld(const struct part *p, struct mdraid_array *a)
{
	const struct mdraid_member *m = former_of(p, a);
	char uuid[MDSUPER_TEXT];

	if (!m || mdraid_is_meant(p, a) ||
	    (a->may_degrade && !part_may_resume(p) && !part_needs_partition(p, m->ref)))
		return false;
	mdsuper_print_uuid(a->uuid, uuid);
	snprintf(a->why, sizeof(a->why),
		 "%s has partitions of its own, and may be a former member: rd.md.uuid=%s starts the array; if it is "
		 "one, wipefs --force --all --types linux_raid_member erases its superblock", m->name, uuid);
	return true;
}

/* Of all: one that is withheld claims no name. */
static void withhold(const struct part *p)
{
	struct mdraid *s = p->state;

	for (size_t i = 0; i < s->n_arrays; i++)
		if (!mdraid_is_up(&s->arrays[i]))
			s->arrays[i].is_withheld = is_withheld(p, &s->arrays[i]);
}

static void show_withheld(const struct part *p, struct mdraid_array *a, const struct mdraid_member *leader)
{
	char name[MDSUPER_TEXT];

	if (a->is_withheld == a->was_withheld)
		return;
	a->was_withheld = a->is_withheld;
	mdraid_name(a, leader, name);
	if (a->is_withheld)
		log_show("MD array %s is not started: %s", name, a->why);
	else if (former_of(p, a))
		log_show("MD array %s may be started after all: what is waited for has not come otherwise", name);
}

/* ---- when ---- */

/* Members come and go meanwhile. */
void mdraid_proceed(struct part *p, struct mdraid_array *a)
{
	const struct mdraid_member *m = mdraid_leader(p->state, a);
	bool was_ready = a->state == MDRAID_READY;
	int64_t at;
	char alias[32];

	withhold(p);
	show_withheld(p, a, m);
	if (!mdraid_is_ready(p->state, a, m))
		return;
	a->state = MDRAID_READY;
	if (!was_ready)
		a->ready_at = log_now();
	modalias(m, alias);
	at = part_is_loading(p, alias) ? log_now() + MDRAID_AGAIN_MS : wait_for_others(p, a, m);
	if (at)
		mdraid_wake(p, at);
	else
		start(p, a, m);
}

void mdraid_consider(struct part *p, struct mdraid_array *a)
{
	const struct mdraid_member *m = mdraid_leader(p->state, a);
	char alias[32];

	if (!m || mdraid_is_up(a))
		return;
	modalias(m, alias);
	if (a->state != MDRAID_READY)
		part_module(p, alias); /* raid456 takes long: not only once all members are there */
	mdraid_proceed(p, a);
}

/* ---- its end ---- */

/* It lacks members of its parity, and what was written last may be incomplete. The kernel says only
 * "I/O error". */
static bool is_damaged(const struct mdraid *s, const struct mdraid_array *a, int result)
{
	const struct mdraid_member *m = mdraid_leader(s, a);

	return result == -EIO && m && m->super.level >= 4 && m->super.level <= 6 &&
	       !m->super.is_clean && mdraid_count(s, a, m) < m->super.disks;
}

static void explain(const struct mdraid *s, struct mdraid_array *a, const struct part_end *end)
{
	const struct mdraid_member *m = end->found > 0 && end->found <= MDRAID_MEMBERS_MAX
						? &s->members[end->found - 1]
						: NULL;

	if (is_damaged(s, a, end->result))
		snprintf(a->why, sizeof(a->why),
			 "it was not stopped cleanly, and without all members its data may be "
			 "damaged; "
			 "md_mod.start_dirty_degraded=1 starts it nevertheless");
	else if (m)
		snprintf(a->why, sizeof(a->why), "%s: %s",
			 m->ref.generation ? m->name : "a member that is gone", end->text);
	else
		snprintf(a->why, sizeof(a->why), "%s", end->text);
}

static void show_running(const struct mdraid *s, const struct mdraid_array *a)
{
	const struct mdraid_member *m = mdraid_leader(s, a);
	bool is_synchronised = !m || m->super.is_clean || !mdraid_is_redundant(&m->super);

	log_info("MD array %s runs as md%u%s", a->name, a->number,
		 is_synchronised ? "" : ", and is being synchronised: it was not stopped cleanly");
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX && a->is_late; i++)
		if (mdraid_is_of(a, &s->members[i]) && !s->members[i].is_given)
			mdraid_show_late(s, a, &s->members[i]);
}

static void runs(struct mdraid *s, struct mdraid_array *a, const struct part_end *end)
{
	struct mdraid_start start;

	memcpy(&start, end->text, sizeof(start));
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		if (start.added[i] < 0)
			s->members[i].is_given = false;
	mdraid_show_refused(s, a, &start);
	show_running(s, a);
}

void mdraid_started(struct part *p, struct mdraid_array *a, const struct part_end *end)
{
	a->state = end->result < 0 ? MDRAID_FAILED : MDRAID_RUNS;
	if (end->result == 0) {
		runs(p->state, a, end);
		return;
	}
	/* Busy, it is somebody else's; a member that is busy is FOUND. */
	a->has_left = end->result != -EBUSY || end->found > 0;
	explain(p->state, a, end);
	log_show("MD array %s cannot be started: %s", a->name, a->why);
	if (a->is_late)
		mdraid_consider(p, a);
}
