/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Volumes of LVM, set up without a program: linear and striped ones are tables of device mapper, which the metadata
 * spells out. Nothing of LVM's own state is left in /run, and no setting of lvm.conf is needed.
 *
 *   lvm.volume=VG-UUID LV-UUID VG   in boot.conf: a volume that the image needs; VG, the name of its group, is that
 *                                group's alone
 *   rd.lvm=0                     no volume is set up
 *   rd.lvm.lv=VG/LV              this one, and others given likewise
 *   rd.lvm.vg=VG                 all of a group; the name may be its UUID
 *   rd.auto                      all, unless one of the two is given
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/lvm/boot/kit.h"
#include "init/core/log.h"
#include "init/core/mapper.h"

static bool is_ref(struct device_ref a, struct device_ref b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

static bool setting(struct part *p, const char *key, char *value)
{
	struct lvm *s = p->state;
	char *volume = strchr(value, ' '), *name = volume ? strchr(volume + 1, ' ') : NULL;
	struct lvm_listed *listed = &s->listed[s->n_listed];

	if (strcmp(key, "volume") != 0 || !volume || s->n_listed == LVM_LISTED_MAX)
		return false;
	*volume++ = '\0';
	if (name)
		*name++ = '\0';
	if (!lvm_parse_id(value, listed->group) || !lvm_parse_id(volume, listed->volume) || (name && !lvm_is_name(name)))
		return false;
	snprintf(listed->name, sizeof(listed->name), "%s", name ? name : "");
	s->n_listed++;
	return true;
}

/* ---- physical volumes are read ---- */

static void read_members(struct part *p)
{
	struct lvm *s = p->state;

	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++) {
		struct lvm_member *m = &s->members[i];
		struct lvm_question q = {.is_start = false};
		struct part_device d;

		if (!m->ref.generation || !m->is_to_be_read || part_has(p, PART_JOB, (unsigned)i) ||
		    !part_get(p, m->ref, &d))
			continue;
		snprintf(q.device, sizeof(q.device), "%s", d.name);
		q.identity = d.identity;
		if (!part_job(p, (unsigned)i, &q, sizeof(q), 0)) {
			/* The places may all be those of other parts. */
			lvm_wake(p, log_now() + LVM_AGAIN_MS);
			return;
		}
	}
}

/* The group that a PV belongs to becomes known. */
static void note_group(struct part *p, const struct lvm_answer *a)
{
	struct lvm *s = p->state;
	struct lvm_known *g = s->groups, *end = g + LVM_GROUPS_MAX;

	while (g < end && *g->id && strcmp(g->id, a->group) != 0)
		g++;
	if (g == end) {
		log_show("LVM group %s is left alone: there are more than %d", a->name, LVM_GROUPS_MAX);
		return;
	}
	memcpy(g->id, a->group, sizeof(g->id));
	memcpy(g->name, a->name, sizeof(g->name)); /* it may have been renamed */
	part_module(p, "devname:mapper/control");
}

static void member_read(struct part *p, struct lvm_member *m, const struct part_end *end)
{
	struct lvm_answer before = m->answer;
	bool was_read = m->is_read;

	if (!m->ref.generation || (end->result == -ESTALE && part_mistaken(p, m->ref)))
		return;
	m->is_to_be_read = false;
	m->is_read = end->result == 0;
	m->why[0] = '\0';
	if (!m->is_read) {
		snprintf(m->why, sizeof(m->why), "%s", end->text[0] ? end->text : strerror(-end->result));
		return;
	}
	memcpy(&m->answer, end->text, sizeof(m->answer));
	if (*m->answer.group)
		note_group(p, &m->answer);
	if (was_read && strcmp(before.group, m->answer.group) != 0)
		lvm_changed(p, before.group);
	lvm_changed(p, m->answer.group);
}

static void done(struct part *p, const struct part_end *end)
{
	struct lvm *s = p->state;

	if (end->tag == LVM_TAG_START)
		lvm_started(p, end);
	else
		member_read(p, &s->members[end->tag], end);
	read_members(p);
	lvm_step(p);
}

/* ---- devices come and go ---- */

/* "LVM-" and the UUIDs of the group and the volume; what is behind them belongs to hidden parts of a volume. */
static bool is_volume(const char *uuid)
{
	return str_starts(uuid, "LVM-") && strlen(uuid) == strlen("LVM-") + 2 * (LVM_ID_MAX - 1);
}

static void name_device(struct part *p, const struct part_device *d)
{
	char name[MAPPER_TEXT_MAX], vg[LVM_NAME_MAX], lv[LVM_NAME_MAX], path[PART_NAME_MAX + 16];

	if (!str_starts(d->name, "dm-"))
		return;
	mapper_read(d->name, "dm/uuid", name);
	if (!is_volume(name))
		return;
	mapper_read(d->name, "dm/name", name);
	if (!lvm_split_map(name, vg, lv))
		return;
	snprintf(path, sizeof(path), "mapper/%s", name);
	part_name(p, d->ref, path);
	snprintf(path, sizeof(path), "%s/%s", vg, lv);
	if (!part_name(p, d->ref, path))
		log_show("%s: there are too many names of devices for /dev/%s", d->name, path);
}

/* The place of REF, or a free one; NULL: there is none. */
static struct lvm_member *place_of(struct lvm *s, struct device_ref ref)
{
	struct lvm_member *end = s->members + LVM_MEMBERS_MAX, *free = NULL;

	for (struct lvm_member *m = s->members; m < end; m++) {
		if (is_ref(m->ref, ref))
			return m;
		if (!free && !m->ref.generation)
			free = m;
	}
	return free;
}

/* Nothing is said of a disk that nobody wants to be the root. */
static enum part_claim refuse(const struct part *p, const struct part_device *d, char *why, const char *text)
{
	snprintf(why, PART_TEXT_MAX, "%s", text);
	return part_is_root(p, d->ref) ? PART_REFUSES : PART_IGNORES;
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	struct lvm *s = p->state;
	char uuid[MAPPER_TEXT_MAX] = "";
	struct lvm_member *m;

	if (str_starts(d->name, "dm-"))
		mapper_read(d->name, "dm/uuid", uuid);
	if (strcmp(d->probe->type, "LVM2_member") != 0)
		return PART_IGNORES;
	if (s->wishes.off)
		return refuse(p, d, why, "rd.lvm=0 leaves it alone");
	/* It is most often the disk of a virtual machine. */
	if (str_starts(uuid, "LVM-"))
		return refuse(p, d, why, "it is a volume of LVM itself");
	m = place_of(s, d->ref);
	if (!m) {
		log_show("LVM: %s is left alone: there are more than %d physical volumes", d->name, LVM_MEMBERS_MAX);
		return PART_IGNORES;
	}
	if (!m->ref.generation)
		*m = (struct lvm_member){.ref = d->ref};
	/* One that was read again may have been written to. */
	m->is_to_be_read = true;
	snprintf(m->name, sizeof(m->name), "%s", d->name);
	read_members(p);
	return PART_HOLDS;
}

static void gone(struct part *p, struct device_ref ref)
{
	struct lvm *s = p->state;

	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++) {
		struct lvm_member *m = &s->members[i], before = *m;

		if (!is_ref(m->ref, ref))
			continue;
		part_cancel(p, PART_JOB, (unsigned)i);
		*m = (struct lvm_member){0};
		if (before.is_read)
			lvm_changed(p, before.answer.group); /* it may have been the copy of another one */
	}
	lvm_step(p);
}

/* ---- the rest of the boot ---- */

static void tick(struct part *p, int64_t now)
{
	struct lvm *s = p->state;

	(void)now;
	s->wake = 0;
	part_wake(p, 0);
	read_members(p);
	lvm_step(p);
}

static void retry(struct part *p)
{
	struct lvm *s = p->state;

	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++)
		if (*s->members[i].why)
			s->members[i].is_to_be_read = true;
	read_members(p);
	lvm_again(p);
}

static void leave(struct part *p)
{
	(void)p;
	mapper_note_all("LVM-");
}

static int work(const void *question, struct job_result *out)
{
	const struct lvm_question *q = question;

	return q->is_start ? lvm_set_up(q, out) : lvm_read_member(q, out);
}

static const struct params_rule rules[] = {
	{"rd.lvm", PARAMS_AS_NOT, offsetof(struct lvm_wishes, off), NULL},
	{"rd.lvm.lv", PARAMS_AS_LIST, offsetof(struct lvm_wishes, volumes), NULL},
	{"rd.lvm.vg", PARAMS_AS_LIST, offsetof(struct lvm_wishes, groups), NULL},
	{"rd_LVM_LV", PARAMS_AS_LIST, offsetof(struct lvm_wishes, volumes), NULL},
	{"rd_LVM_VG", PARAMS_AS_LIST, offsetof(struct lvm_wishes, groups), NULL},
	PARAMS_OFF("rd_NO_LVM", struct lvm_wishes, off),
	PARAMS_SWITCH("rd.auto", struct lvm_wishes, all),
	{0},
};

const struct feature_boot lvm_boot = {
	.name = "lvm",
	.state_size = sizeof(struct lvm),
	.params = rules,
	.params_size = sizeof(struct lvm_wishes),
	.lacks = "this image has no feature for LVM",
	.names_devices = true,
	.setting = setting,
	.name_device = name_device,
	.device = device,
	.gone = gone,
	.wanted = lvm_step,
	.what = lvm_what,
	.is_hopeless = lvm_is_hopeless,
	.work = work,
	.done = done,
	.tick = tick,
	.account = lvm_account,
	.retry = retry,
	.leave = leave,
};
