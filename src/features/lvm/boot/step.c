/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sets up volumes, one after the other, by jobs. Each is tried as soon as the physical volumes are read that are there, and
 * again when others come or go. A volume that has all that it lies on need not wait for the rest of its group, but for a
 * moment: what is still to come may know better, if the group was changed without those that came first.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "features/lvm/boot/kit.h"
#include "init/core/log.h"

#define CONTROL "devname:mapper/control"

void lvm_wake(struct part *p, int64_t at)
{
	struct lvm *s = p->state;

	if (!s->wake || at < s->wake)
		s->wake = at;
	part_wake(p, s->wake);
}

/* ---- what is wanted ---- */

static void take(struct part *p, size_t g, const char *name)
{
	struct lvm *s = p->state;
	struct lvm_volume *v = s->volumes, *end = v + LVM_VOLUMES_MAX;

	while (v < end && v->state != LVM_NONE && (v->group != g || strcmp(v->name, name) != 0))
		v++;
	if (v == end && !s->is_full)
		log_show("LVM: there are more than %d volumes to be set up: %s/%s is not", LVM_VOLUMES_MAX, s->groups[g].name, name);
	s->is_full = s->is_full || v == end;
	if (v == end || v->state != LVM_NONE)
		return;
	*v = (struct lvm_volume){.state = LVM_WAITS, .group = g};
	snprintf(v->name, sizeof(v->name), "%s", name);
}

/* ---- when ---- */

static bool is_reading(const struct lvm *s)
{
	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++)
		if (s->members[i].ref.generation && s->members[i].is_to_be_read)
			return true;
	return false;
}

static bool has_time_passed(const struct lvm_known *g)
{
	return log_now() >= g->changed_at + LVM_FOLLOW_MS;
}

/* The driver of a further disk may be loading; one that hangs is not waited for. */
static bool may_lack(const struct part *p, const struct lvm_known *g)
{
	return has_time_passed(g) && (!part_is_busy(p) || log_now() >= g->changed_at + LVM_BUSY_MS);
}

/* A disk that does not answer is not waited for longer than others. */
static bool is_due(struct part *p, const struct lvm_volume *v)
{
	const struct lvm *s = p->state;
	const struct lvm_known *g = &s->groups[v->group];
	bool is_old = v->tried == g->version, is_due;

	if (v->state != LVM_WAITS || (is_old && !v->had_to_wait))
		return false;
	is_due = is_old ? may_lack(p, g) : has_time_passed(g) || (!is_reading(s) && part_is_settled(p));
	if (!is_due) /* no event says that all devices were read, or that no driver is loading */
		lvm_wake(p, log_now() + LVM_AGAIN_MS);
	return is_due;
}

/* ---- the job ---- */

/* False: there are too many. PVs without metadata may belong to any group. */
static bool gather(const struct lvm *s, const struct lvm_known *g, struct part *p, struct lvm_question *q)
{
	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++) {
		const struct lvm_member *m = &s->members[i];
		struct part_device d;

		if (!m->ref.generation || !m->is_read || (*m->answer.group && strcmp(m->answer.group, g->id) != 0) ||
		    !part_get(p, m->ref, &d))
			continue;
		if (q->n == LVM_DISKS_MAX)
			return false;
		q->disks[q->n++] = (struct lvm_disk){.major = d.probe->major, .minor = d.probe->minor,
						     .sequence = d.probe->sequence};
	}
	return true;
}

static void start(struct part *p, struct lvm_volume *v)
{
	struct lvm *s = p->state;
	struct lvm_known *g = &s->groups[v->group];
	struct lvm_question q = {.is_start = true, .may_lack = may_lack(p, g),
				 .is_named = *v->name || lvm_names_group(s, g)};

	memcpy(q.group, g->id, sizeof(q.group));
	memcpy(q.volume, v->name, sizeof(q.volume));
	v->tried = g->version;
	if (!gather(s, g, p, &q)) {
		snprintf(v->why, sizeof(v->why), "there are more than %d physical volumes", LVM_DISKS_MAX);
		return;
	}
	if (!part_job(p, LVM_TAG_START, &q, sizeof(q), PART_WHOLE)) {
		v->tried = 0;
		lvm_wake(p, log_now() + LVM_AGAIN_MS);
		return;
	}
	v->had_to_wait = false;
	v->state = LVM_STARTS;
	s->starts = v;
}

void lvm_step(struct part *p)
{
	struct lvm *s = p->state;

	if (s->wishes.off)
		return;
	for (size_t g = 0; g < LVM_GROUPS_MAX && *s->groups[g].id; g++)
		lvm_wanted(p, g, take);
	for (size_t i = 0; i < LVM_VOLUMES_MAX && !s->starts; i++) {
		if (!is_due(p, &s->volumes[i]))
			continue;
		if (part_is_loading(p, CONTROL)) {
			lvm_wake(p, log_now() + LVM_AGAIN_MS);
			return;
		}
		start(p, &s->volumes[i]);
	}
}

/* ---- what comes of it ---- */

static void fail(struct part *p, struct lvm_volume *v, const struct part_end *end)
{
	struct lvm *s = p->state;
	char text[PART_TEXT_MAX], why[LVM_WHY_MAX];
	bool is_same;

	snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, end->text);
	is_same = strcmp(v->why, why) == 0;
	memcpy(v->why, why, sizeof(why));
	v->had_to_wait = end->result == -EAGAIN;
	v->is_absent = end->result == -ENOENT;
	/* What is missing may know better. */
	v->is_final = end->found && (end->result == -ENOTSUP || end->result == -EPERM);
	if (v->had_to_wait || is_same)
		return;
	lvm_describe(s, v, text, sizeof(text));
	if (v->is_absent) /* mapper/vg-root_crypt may be a LUKS volume, or in another group of that name */
		log_info("%s is not set up: %s", text, v->why);
	else
		log_show("%s is not set up: %s", text, v->why);
}

void lvm_started(struct part *p, const struct part_end *end)
{
	struct lvm *s = p->state;
	struct lvm_volume *v = s->starts;

	s->starts = NULL;
	if (!v)
		return;
	v->state = end->result == 0 ? LVM_RUNS : LVM_WAITS;
	if (end->result < 0) {
		fail(p, v, end);
		return;
	}
	v->why[0] = '\0';
	if (*v->name)
		log_info("LVM volume %s/%.128s is set up", s->groups[v->group].name, end->text);
	else
		log_info("LVM group %s is set up", s->groups[v->group].name);
}

const char *lvm_is_hopeless(const struct part *p, const char *name)
{
	const struct lvm *s = p->state;
	char vg[LVM_NAME_MAX], lv[LVM_NAME_MAX];

	if (!lvm_split_name(name, vg, lv))
		return NULL;
	for (size_t i = 0; i < LVM_VOLUMES_MAX; i++) {
		const struct lvm_volume *v = &s->volumes[i];
		const struct lvm_known *g = &s->groups[v->group];

		if (v->state == LVM_WAITS && v->is_final && v->tried == g->version && strcmp(g->name, vg) == 0 &&
		    strcmp(v->name, lv) == 0)
			return "the LVM volume cannot be set up";
	}
	return NULL;
}

void lvm_changed(struct part *p, const char *group)
{
	struct lvm *s = p->state;

	for (size_t g = 0; g < LVM_GROUPS_MAX && *s->groups[g].id; g++) {
		struct lvm_known *k = &s->groups[g];

		if (*group && strcmp(k->id, group) != 0)
			continue;
		k->version++;
		k->changed_at = log_now();
		k->is_shown = false;
		/* Of all volumes, those that lacked something may be there now. */
		for (size_t i = 0; i < LVM_VOLUMES_MAX; i++)
			if (s->volumes[i].state == LVM_RUNS && s->volumes[i].group == g && !s->volumes[i].name[0])
				s->volumes[i].state = LVM_WAITS;
	}
}

void lvm_again(struct part *p)
{
	struct lvm *s = p->state;

	if (!part_has(p, PART_JOB, LVM_TAG_START)) {
		if (s->starts)
			s->starts->state = LVM_WAITS;
		s->starts = NULL;
	}
	for (size_t i = 0; i < LVM_VOLUMES_MAX; i++)
		if (s->volumes[i].state == LVM_RUNS || s->volumes[i].state == LVM_WAITS) {
			s->volumes[i].state = LVM_WAITS;
			s->volumes[i].tried = 0;
		}
	lvm_step(p);
}
