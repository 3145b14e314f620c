/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of LVM. */

#include <stdio.h>
#include <string.h>

#include "features/lvm/boot/kit.h"
#include "init/core/log.h"

void lvm_describe(const struct lvm *s, const struct lvm_volume *v, char *out, size_t size)
{
	const struct lvm_known *g = &s->groups[v->group];

	if (*v->name)
		snprintf(out, size, "LVM volume %s/%s", g->name, v->name);
	else
		snprintf(out, size, "LVM group %s", g->name);
}

static bool is_open(const struct lvm_volume *v)
{
	return v->state == LVM_STARTS || (v->state == LVM_WAITS && !v->is_absent);
}

void lvm_what(const struct part *p, char *out, size_t size)
{
	const struct lvm *s = p->state;

	*out = '\0';
	for (size_t i = 0; i < LVM_VOLUMES_MAX && !*out; i++) {
		const struct lvm_volume *v = &s->volumes[i];
		char text[PART_TEXT_MAX];

		if (!is_open(v))
			continue;
		lvm_describe(s, v, text, sizeof(text));
		snprintf(out, size, "%s%s%s", text, *v->why ? ": " : "", v->why);
	}
}

/* A group of which no volume is wanted. */
static void account_unwanted(const struct lvm *s, const struct lvm_known *g)
{
	char id[LVM_ID_TEXT_MAX];

	lvm_print_id(g->id, id);
	if (lvm_is_anothers(s, g))
		log_show("  LVM group %s: the image was made for another group of this name; rd.lvm.vg=%s would set up this one",
			 g->name, id);
	else
		log_show("  LVM group %s: nothing says that it is needed; rd.lvm.vg=%s would", g->name, g->name);
}

static void account_members(const struct lvm *s)
{
	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++) {
		const struct lvm_member *m = &s->members[i];

		if (m->ref.generation && *m->why)
			log_show("  LVM: %s cannot be used: %s", m->name, m->why);
		else if (m->ref.generation && m->is_read && *m->answer.why)
			log_show("  LVM: %s says nothing of a group: %s", m->name, m->answer.why);
	}
}

/* What something waits for by a name that may be a volume's, of a group that is not there. */
static void account_names(const struct part *p)
{
	const struct lvm *s = p->state;
	char vg[LVM_NAME_MAX], lv[LVM_NAME_MAX];
	const char *name;
	size_t n = 0;

	while ((name = part_next_name(p, &n))) {
		size_t g = 0;

		if (!lvm_split_name(name, vg, lv))
			continue;
		while (g < LVM_GROUPS_MAX && strcmp(s->groups[g].name, vg) != 0)
			g++;
		if (g == LVM_GROUPS_MAX)
			log_show("  LVM: if /dev/%s is a volume, no physical volume of its group %s is there", name, vg);
	}
}

void lvm_account(const struct part *p)
{
	const struct lvm *s = p->state;
	char text[PART_TEXT_MAX];

	for (size_t g = 0; g < LVM_GROUPS_MAX && *s->groups[g].id; g++) {
		bool is_wanted = false;

		for (size_t i = 0; i < LVM_VOLUMES_MAX; i++) {
			const struct lvm_volume *v = &s->volumes[i];

			if (v->state == LVM_NONE || v->group != g)
				continue;
			is_wanted = true;
			lvm_describe(s, v, text, sizeof(text));
			if (v->state == LVM_WAITS && v->is_absent)
				log_show("  LVM group %s has no volume %s", s->groups[g].name, v->name);
			else if (v->state != LVM_RUNS)
				log_show("  %s: %s", text, *v->why ? v->why : "it is being set up");
		}
		if (!is_wanted)
			account_unwanted(s, &s->groups[g]);
	}
	account_members(s);
	account_names(p);
	for (size_t i = 0; i < s->n_listed; i++) {
		size_t g = 0;

		while (g < LVM_GROUPS_MAX && strcmp(s->groups[g].id, s->listed[i].group) != 0)
			g++;
		lvm_print_id(s->listed[i].group, text);
		if (g == LVM_GROUPS_MAX && (!i || strcmp(s->listed[i].group, s->listed[i - 1].group) != 0))
			log_show("  LVM group with UUID %s, which the image needs: none of its physical volumes is there", text);
	}
}
