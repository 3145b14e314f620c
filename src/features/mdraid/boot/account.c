/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is said of MD arrays: what they lack, and why one does not run. A superblock may say that
 * there are thousands of members.
 */

#include <stdio.h>
#include <string.h>

#include "features/mdraid/boot/kit.h"
#include "init/core/log.h"

enum { SHOWN_MAX = 16 /* missing members that are named */ };

void mdraid_describe(const struct mdraid *s, const struct mdraid_array *a, char *out, size_t size)
{
	const struct mdraid_member *m = mdraid_leader(s, a);
	char name[MDSUPER_TEXT];

	mdraid_name(a, m, name);
	if (m)
		snprintf(out, size, "MD array %s (%s): %u of %u members are there", name,
			 mdsuper_level_name(m->super.level), mdraid_count(s, a, m), m->super.disks);
	else
		snprintf(out, size, "MD array %s: no member is there", name);
}

/* M is not to be used with the others. */
static void show_outsider(const struct mdraid_array *a, const struct mdraid_member *m,
			  const struct mdraid_member *leader, const char *indent)
{
	if (!mdraid_is_of(a, m) || mdraid_is_in_step(m, leader))
		return;
	if (mdraid_is_torn(m, leader))
		log_show("%s%s and %s have each been written without the other", indent, m->name,
			 leader->name);
	else if (m->super.events > leader->super.events)
		log_show("%s%s was written without the others: %llu times, %s %llu", indent,
			 m->name, (unsigned long long)m->super.events, leader->name,
			 (unsigned long long)leader->super.events);
	else if (mdraid_is_disowned(m, leader))
		log_show("%s%s is out of date: %s was written without it", indent, m->name,
			 leader->name);
	else
		log_show("%s%s is out of date: it was written %llu times, %s %llu", indent, m->name,
			 (unsigned long long)m->super.events, leader->name,
			 (unsigned long long)leader->super.events);
}

static void show_role(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader, uint32_t role, const char *indent)
{
	const struct mdraid_member *m = mdraid_in_role(s, a, leader, role);
	char was[MDRAID_LOST_NAME_MAX + MDSUPER_TEXT + 64];

	if (m) {
		log_show("%smember %u, %s, is still being rebuilt", indent, role, m->name);
		return;
	}
	mdraid_print_lost(s, a, role, was, sizeof(was));
	log_show("%smember %u %s%s", indent, role,
		 mdsuper_has(&leader->super, role) ? "is missing" : "was missing before", was);
}

/* ROLE, with all of its data. */
static bool is_filled(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader, uint32_t role)
{
	const struct mdraid_member *m = mdraid_in_role(s, a, leader, role);

	return m && !m->super.is_rebuilding;
}

static void show_lacks(const struct mdraid *s, const struct mdraid_array *a,
		       const struct mdraid_member *leader, const char *indent)
{
	uint32_t n = 0;

	for (uint32_t role = 0; role < leader->super.disks; role++)
		if (!is_filled(s, a, leader, role) && n++ < SHOWN_MAX)
			show_role(s, a, leader, role, indent);
	if (n > SHOWN_MAX)
		log_show("%sand %u more", indent, n - SHOWN_MAX);
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		show_outsider(a, &s->members[i], leader, indent);
}

/* What is of no use; of which array such a member is, is not always known. */
static void show_useless(const struct mdraid *s)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		if (s->members[i].why[0])
			log_show("  %s is a member of an MD array: %s", s->members[i].name,
				 s->members[i].why);
}

void mdraid_show_missing(const struct mdraid *s, const struct mdraid_array *a,
			 const struct mdraid_member *leader)
{
	char name[MDSUPER_TEXT], uuid[MDSUPER_TEXT];

	mdraid_name(a, leader, name);
	mdsuper_print_uuid(a->uuid, uuid);
	log_show("MD array %s (%s) is started with %u of %u members (UUID %s)", name,
		 mdsuper_level_name(leader->super.level), mdraid_count(s, a, leader),
		 leader->super.disks, uuid);
	show_lacks(s, a, leader, "  ");
	show_useless(s);
}

void mdraid_show_refused(const struct mdraid *s, const struct mdraid_array *a,
			 const struct mdraid_start *start)
{
	if (start->active >= 0 && (uint32_t)start->active < a->n_started)
		log_show("MD array %s runs with %d of %u members", a->name, start->active,
			 a->started.disks);
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++)
		if (start->added[i] < 0)
			log_show("MD array %s runs without %s: the kernel does not take it: %s",
				 a->name,
				 s->members[i].ref.generation ? s->members[i].name
							      : "a member that is gone",
				 strerror(-start->added[i]));
}

/* The member that A was started with, and that has M's role. */
static const struct mdraid_member *
in_its_place(const struct mdraid *s, const struct mdraid_array *a, const struct mdraid_member *m)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *o = &s->members[i];

		if (o != m && o->is_given && mdraid_is_of(a, o) && o->super.role == m->super.role &&
		    o->super.is_replacement == m->super.is_replacement)
			return o;
	}
	return NULL;
}

/* With --re-add only those blocks are copied that the array has written since: not what M was
 * written without the array. */
void mdraid_show_late(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *m)
{
	const struct mdraid_member then = {.super = a->started};
	const struct mdraid_member *other = m->super.role < 0 ? NULL : in_its_place(s, a, m);
	char text[PART_TEXT_MAX];

	snprintf(text, sizeof(text), "%s belongs to MD array %s, which runs without it", m->name,
		 a->name);
	if (other)
		log_show("%s: its member %d is %s", text, m->super.role, other->name);
	else if (m->super.role >= 0 && mdsuper_disowns(&m->super, &a->started))
		log_show("%s, and was written without the array, too: their data differ", text);
	else if (m->super.events > a->started.events + 1 && mdraid_was_given(s, m))
		log_show("%s: it was gone for a while", text);
	else if (m->super.role >= 0 && m->super.events > a->started.events + 1)
		log_show("%s, and was written later than the array was before it was started: its "
			 "data may be newer", text);
	else if (m->super.role < MDSUPER_SPARE)
		log_show("%s: it has failed", text);
	else if (mdraid_is_in_step(m, &then) && m->super.role >= 0 && !m->super.is_rebuilding)
		log_show("%s: mdadm /dev/md%u --re-add /dev/%s", text, a->number, m->name);
	else
		log_show("%s, and %s: mdadm /dev/md%u --add /dev/%s", text,
			 m->super.role < 0 ? "is a spare" : "is out of date", a->number, m->name);
}

/* Why A does not run, "" if that is not known. M: its leader; NULL. */
static void print_reason(const struct part *p, const struct mdraid_array *a,
			 const struct mdraid_member *m, char out[PART_TEXT_MAX])
{
	const struct mdraid *s = p->state;
	const char *rule = part_is_strict(p);

	*out = '\0';
	if (a->state == MDRAID_FAILED)
		snprintf(out, PART_TEXT_MAX, "%s", a->why);
	else if (m && !mdraid_is_enough(&m->super, mdraid_count(s, a, m)))
		snprintf(out, PART_TEXT_MAX, "it needs more of them");
	else if (m && rule)
		snprintf(out, PART_TEXT_MAX,
			 "by rd.degraded=%.100s it is not started without the others", rule);
}

static void account_array(const struct part *p, const struct mdraid_array *a)
{
	const struct mdraid *s = p->state;
	const struct mdraid_member *m = mdraid_leader(s, a);
	char text[PART_TEXT_MAX], reason[PART_TEXT_MAX];

	print_reason(p, a, m, reason);
	mdraid_describe(s, a, text, sizeof(text));
	log_show("  %s%s%s", text, *reason ? "; " : "", reason);
	if (m)
		show_lacks(s, a, m, "    ");
}

void mdraid_account(const struct part *p)
{
	const struct mdraid *s = p->state;

	for (size_t i = 0; i < s->n_arrays; i++)
		if (s->arrays[i].state != MDRAID_RUNS)
			account_array(p, &s->arrays[i]);
	show_useless(s);
}
