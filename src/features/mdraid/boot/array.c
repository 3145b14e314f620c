/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an MD array consists of, by what its members say of it. Nothing here changes the machine.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/mdraid/boot/kit.h"

bool mdraid_is_of(const struct mdraid_array *a, const struct mdraid_member *m)
{
	return m->ref.generation && m->is_read && !m->why[0] &&
	       memcmp(m->super.uuid, a->uuid, sizeof(a->uuid)) == 0;
}

/* Before Linux 6.8 the kernel believes each member of itself, and would take one that the others
 * have given up for in step with them. */
bool mdraid_is_disowned(const struct mdraid_member *m, const struct mdraid_member *leader)
{
	return mdsuper_disowns(&leader->super, &m->super);
}

bool mdraid_is_torn(const struct mdraid_member *m, const struct mdraid_member *leader)
{
	return m != leader && mdraid_is_disowned(m, leader) && mdraid_is_disowned(leader, m);
}

/* Of two that were written equally often, the one that counts fewer members knows more. */
static bool is_newer(const struct mdraid_member *m, const struct mdraid_member *other)
{
	if (m->super.events != other->super.events)
		return m->super.events > other->super.events;
	return m->super.n_active < other->super.n_active;
}

/* The kernel takes a member that missed the last write only: the machine may have lost power then.
 * Of a spare it does not matter. */
bool mdraid_is_in_step(const struct mdraid_member *m, const struct mdraid_member *leader)
{
	if (m->super.role == MDSUPER_SPARE)
		return true;
	return m->super.events + 1 >= leader->super.events &&
	       m->super.events <= leader->super.events + 1 && !mdraid_is_disowned(m, leader) &&
	       !(is_newer(m, leader) && mdraid_is_disowned(leader, m));
}

/* Has M the data of its role, or only its place? */
static bool is_filled(const struct mdraid_member *m)
{
	return !m->super.is_rebuilding;
}

const struct mdraid_member *mdraid_in_role(const struct mdraid *s, const struct mdraid_array *a,
					   const struct mdraid_member *leader, uint32_t role)
{
	const struct mdraid_member *found = NULL;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (!mdraid_is_of(a, m) || m->super.role != (int32_t)role ||
		    !mdraid_is_in_step(m, leader))
			continue;
		if (is_filled(m))
			return m;
		if (!m->super.is_replacement)
			found = m;
	}
	return found;
}

uint32_t mdraid_count(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader)
{
	uint32_t n = 0;

	for (uint32_t role = 0; role < leader->super.disks; role++) {
		const struct mdraid_member *m = mdraid_in_role(s, a, leader, role);

		n += m && is_filled(m);
	}
	return n;
}

/* Is nothing missing but what the array had lost before? */
static bool has_all_it_had(const struct mdraid *s, const struct mdraid_array *a,
			   const struct mdraid_member *leader)
{
	for (uint32_t role = 0; role < leader->super.disks; role++)
		if (mdsuper_has(&leader->super, role) && !mdraid_in_role(s, a, leader, role))
			return false;
	return true;
}

bool mdraid_is_whole(const struct mdraid *s, const struct mdraid_array *a,
		     const struct mdraid_member *leader)
{
	uint32_t here = 0;

	if (leader->super.n_present < leader->super.disks || !has_all_it_had(s, a, leader))
		return false;
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		here += mdraid_is_of(a, m) && m->super.role >= 0 && mdraid_is_in_step(m, leader);
	}
	return here >= leader->super.n_active;
}

const struct mdraid_member *mdraid_leader(const struct mdraid *s, const struct mdraid_array *a)
{
	const struct mdraid_member *newest = NULL, *whole = NULL;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (!mdraid_is_of(a, m))
			continue;
		if (!newest || is_newer(m, newest))
			newest = m;
		if ((!whole || is_newer(m, whole)) && mdraid_is_whole(s, a, m))
			whole = m;
	}
	return whole ? whole : newest;
}

bool mdraid_is_redundant(const struct mdsuper *super)
{
	return super->level > 0;
}

struct mdraid_array *mdraid_array_of(struct mdraid *s, const struct mdsuper *super)
{
	struct mdraid_array *a = s->arrays;

	while (a < s->arrays + s->n_arrays && memcmp(a->uuid, super->uuid, sizeof(a->uuid)) != 0)
		a++;
	if (a == s->arrays + s->n_arrays) {
		if (s->n_arrays == MDRAID_ARRAYS_MAX)
			return NULL;
		s->n_arrays++;
		*a = (struct mdraid_array){.state = MDRAID_WAITS};
		memcpy(a->uuid, super->uuid, sizeof(a->uuid));
	}
	return a;
}

void mdraid_name(const struct mdraid_array *a, const struct mdraid_member *m,
		 char out[MDSUPER_TEXT])
{
	const char *name = m ? m->super.name : "", *colon = strchr(name, ':');

	name = colon ? colon + 1 : name;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '/')
			name = "";
	if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		snprintf(out, MDSUPER_TEXT, "%s", name);
	else
		mdsuper_print_uuid(a->uuid, out);
}

bool mdraid_is_up(const struct mdraid_array *a)
{
	return a->state == MDRAID_STARTS || a->state == MDRAID_RUNS;
}

const char *mdraid_is_device(const struct mdraid_array *a, const char *name)
{
	char own[32];
	size_t len = (size_t)snprintf(own, sizeof(own), "md%u", a->number);

	if (!mdraid_is_up(a) || !str_starts(name, own))
		return NULL;
	if (!name[len])
		return name + len;
	return name[len] == 'p' && isdigit((unsigned char)name[len + 1]) ? name + len + 1 : NULL;
}

/* ---- can it be started? ---- */

static bool is_twice(const struct mdraid_member *m, const struct mdraid_member *n)
{
	return m->super.role >= 0 && m->super.role == n->super.role &&
	       m->super.is_replacement == n->super.is_replacement;
}

/* Two members of one role are two ways to one disk, or a copy of it. */
static bool has_twice(const struct mdraid *s, struct mdraid_array *a,
		      const struct mdraid_member *leader, const struct mdraid_member *m)
{
	for (const struct mdraid_member *n = s->members; n < m; n++) {
		if (!mdraid_is_of(a, n) || !mdraid_is_in_step(n, leader) || !is_twice(m, n))
			continue;
		snprintf(a->why, sizeof(a->why),
			 "%s and %s are both its member %d: two ways to one disk, or a copy",
			 n->name, m->name, m->super.role);
		return true;
	}
	return false;
}

/* Each was started without the other: which data is wanted, only its owner knows. */
static bool is_torn_from(const struct mdraid *s, struct mdraid_array *a,
			 const struct mdraid_member *leader, const struct mdraid_member *m)
{
	const char *first = m < leader ? m->name : leader->name,
		   *second = m < leader ? leader->name : m->name;

	if (!mdraid_is_torn(m, leader) || mdraid_is_whole(s, a, leader))
		return false;
	snprintf(a->why, sizeof(a->why),
		 "%s and %s have each been written without the other, and their data differ: "
		 "detach the one that is not wanted, or erase its superblock with mdadm "
		 "--zero-superblock",
		 first, second);
	return true;
}

/* Of a mirror in step that has a partition table, each member has the same. Otherwise one has been put to another use,
 * and its data, too, would be taken for that of the array. */
static bool is_former(struct mdraid_array *a, const struct mdraid_member *leader,
		      const struct mdraid_member *m)
{
	const char *first = m < leader ? m->name : leader->name,
		   *second = m < leader ? leader->name : m->name;

	if (m->super.level != 1 || m->super.role < 0 || leader->super.role < 0 || !is_filled(m) || !is_filled(leader) ||
	    !m->super.is_clean || !leader->super.is_clean || m->super.events != leader->super.events ||
	    m->table == leader->table)
		return false;
	snprintf(a->why, sizeof(a->why),
		 "%s and %s have different partition tables, so one of them is no member any more: detach it, or erase "
		 "its superblock with wipefs --all --types linux_raid_member",
		 first, second);
	return true;
}

static bool is_doubtful(const struct mdraid *s, struct mdraid_array *a,
			const struct mdraid_member *leader)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (!mdraid_is_of(a, m))
			continue;
		if (is_torn_from(s, a, leader, m) ||
		    (mdraid_is_in_step(m, leader) &&
		     (has_twice(s, a, leader, m) || is_former(a, leader, m))))
			return true;
	}
	return false;
}

bool mdraid_is_enough(const struct mdsuper *super, uint32_t here)
{
	switch (super->level) {
	case 1:
	case 10:
		return here > 0;
	case 4:
	case 5:
		return here + 1 >= super->disks;
	case 6:
		return here + 2 >= super->disks;
	}
	return here >= super->disks;
}

bool mdraid_can_start(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader)
{
	uint32_t here = mdraid_count(s, a, leader);

	return here && mdraid_is_enough(&leader->super, here) && !a->is_doubtful && !a->is_withheld &&
	       (a->may_degrade || has_all_it_had(s, a, leader));
}

bool mdraid_is_ready(const struct mdraid *s, struct mdraid_array *a,
		     const struct mdraid_member *leader)
{
	a->is_doubtful = leader && is_doubtful(s, a, leader);
	a->state = a->is_doubtful || a->is_withheld ? MDRAID_FAILED : MDRAID_WAITS;
	return leader && mdraid_can_start(s, a, leader);
}
