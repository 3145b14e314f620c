/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which volumes are set up. Those that something waits for by name (root=/dev/vg/root, root=/dev/mapper/vg-root, and so
 * in fstab), those of rd.lvm.lv= and rd.lvm.vg=, and those that the image lists, by UUID. If there is nothing of the last
 * three, and the boot waits for a filesystem by its UUID or label, any volume may hold it.
 */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/lvm/boot/kit.h"
#include "init/core/log.h"

/* Is TEXT, of LEN bytes, the UUID of G? */
static bool is_id(const struct lvm_known *g, const char *text, size_t len)
{
	char copy[LVM_ID_TEXT_MAX], id[LVM_ID_MAX];

	if (len >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	return lvm_parse_id(copy, id) && strcmp(id, g->id) == 0;
}

/* Has somebody chosen it by its UUID? */
static bool is_chosen(const struct lvm *s, const struct lvm_known *g)
{
	const struct params_list *lists[] = {&s->wishes.groups, &s->wishes.volumes};

	for (size_t i = 0; i < s->n_listed; i++)
		if (strcmp(s->listed[i].group, g->id) == 0)
			return true;
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			if (is_id(g, lists[k]->items[i], strcspn(lists[k]->items[i], "/")))
				return true;
	return false;
}

/* The right one may come later, or not at all. */
bool lvm_is_anothers(const struct lvm *s, const struct lvm_known *g)
{
	for (size_t i = 0; i < s->n_listed; i++)
		if (strcmp(s->listed[i].name, g->name) == 0)
			return !is_chosen(s, g);
	return false;
}

static bool has_members(const struct lvm *s, const struct lvm_known *g)
{
	for (size_t i = 0; i < LVM_MEMBERS_MAX; i++)
		if (s->members[i].ref.generation && s->members[i].is_read &&
		    strcmp(s->members[i].answer.group, g->id) == 0)
			return true;
	return false;
}

/* Another group of its name, which is as good; NULL. Whoever has chosen one of them by its UUID means that one. */
static const struct lvm_known *rival(const struct lvm *s, const struct lvm_known *g)
{
	for (const struct lvm_known *o = s->groups; o < s->groups + LVM_GROUPS_MAX && *o->id; o++)
		if (o != g && strcmp(o->name, g->name) == 0 && has_members(s, o) &&
		    is_chosen(s, g) <= is_chosen(s, o))
			return o;
	return NULL;
}

static bool is_of_name(struct lvm *s, struct lvm_known *g, const char *name)
{
	const struct lvm_known *other;
	char own[LVM_ID_TEXT_MAX], its[LVM_ID_TEXT_MAX];

	if (strcmp(g->name, name) != 0 || lvm_is_anothers(s, g))
		return false;
	other = rival(s, g);
	if (!other)
		return true;
	if (!g->is_shown && is_chosen(s, g) == is_chosen(s, other)) {
		lvm_print_id(g->id, own);
		lvm_print_id(other->id, its);
		log_show("there are two LVM groups %s, with the UUIDs %s and %s: rd.lvm.vg=UUID chooses one of them", name,
			 own, its);
	}
	g->is_shown = true;
	return false;
}

/* "vg/root", or "UUID/root". NAME: that of the volume, if so. */
static bool names_volume(struct lvm *s, struct lvm_known *g, const char *text, char name[LVM_NAME_MAX])
{
	size_t len = strcspn(text, "/");
	char vg[LVM_NAME_MAX];

	if (text[len] != '/' || len >= sizeof(vg) || !lvm_is_name(text + len + 1))
		return false;
	snprintf(vg, sizeof(vg), "%.*s", (int)len, text);
	snprintf(name, LVM_NAME_MAX, "%s", text + len + 1);
	return is_id(g, text, len) || is_of_name(s, g, vg);
}

/* "mapper/vg-root" or "vg/root", what something waits for. */
static bool is_waited_for(struct lvm *s, struct lvm_known *g, const char *text, char name[LVM_NAME_MAX])
{
	char vg[LVM_NAME_MAX];

	return lvm_split_name(text, vg, name) && is_of_name(s, g, vg);
}

bool lvm_names_group(struct lvm *s, struct lvm_known *g)
{
	const struct params_list *l = &s->wishes.groups;
	bool names = false;

	for (size_t i = 0; i < l->n && !names; i++)
		names = is_id(g, l->items[i], strlen(l->items[i])) || is_of_name(s, g, l->items[i]);
	return names;
}

/* As with dracut. A volume of G must not take the name of one that the image needs. */
static bool wants_all(const struct lvm *s, const struct lvm_known *g)
{
	return s->wishes.all && !s->wishes.volumes.n && !s->wishes.groups.n && !lvm_is_anothers(s, g);
}

static bool has_named_volume(const struct lvm *s, const struct lvm_known *g)
{
	for (const struct lvm_volume *v = s->volumes; v < s->volumes + LVM_VOLUMES_MAX; v++)
		if (v->state != LVM_NONE && &s->groups[v->group] == g && *v->name && !v->is_absent)
			return true;
	return false;
}

/* A disk that is slow, or whose driver is loading, comes first: it may have what is waited for. */
static bool has_waited(const struct part *p, const struct lvm_known *g)
{
	int64_t now = log_now();

	return now >= g->changed_at + LVM_FOLLOW_MS &&
	       ((part_is_settled(p) && !part_is_busy(p)) || now >= g->changed_at + LVM_BUSY_MS);
}

/* Nothing says which volumes are needed, and what is waited for is on no device that was read. What does not hold up the
 * root, such as a resume= whose device is no more, is no reason to touch groups that have nothing to do with it: what they
 * hold may be a copy of the root. No event says that another stage waits for something else. */
static bool may_be_any(struct part *p, const struct lvm_known *g)
{
	const struct lvm *s = p->state;

	if (s->n_listed || s->wishes.volumes.n || s->wishes.groups.n || s->wishes.all || !part_lacks_any(p))
		return false;
	if (has_waited(p, g) && (part_lacks(p) || has_named_volume(s, g)))
		return true;
	lvm_wake(p, log_now() < g->changed_at + LVM_FOLLOW_MS ? g->changed_at + LVM_FOLLOW_MS : log_now() + LVM_LOOK_MS);
	return false;
}

void lvm_wanted(struct part *p, size_t g, void (*take)(struct part *p, size_t g, const char *name))
{
	struct lvm *s = p->state;
	struct lvm_known *known = &s->groups[g];
	char name[LVM_NAME_MAX];
	const char *text;
	size_t n = 0;

	for (size_t i = 0; i < s->n_listed; i++)
		if (strcmp(s->listed[i].group, known->id) == 0)
			take(p, g, s->listed[i].volume);
	for (size_t i = 0; i < s->wishes.volumes.n; i++)
		if (names_volume(s, known, s->wishes.volumes.items[i], name))
			take(p, g, name);
	while ((text = part_next_name(p, &n)))
		if (is_waited_for(s, known, text, name))
			take(p, g, name);
	if (lvm_names_group(s, known) || wants_all(s, known) || may_be_any(p, known))
		take(p, g, "");
}
