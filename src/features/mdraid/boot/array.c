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

const struct mdraid_member *mdraid_newest(const struct mdraid *s, const struct mdraid_array *a)
{
	const struct mdraid_member *found = NULL;

	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (mdraid_is_of(a, m) && (!found || m->super.events > found->super.events))
			found = m;
	}
	return found;
}

/* Before Linux 6.8 the kernel believes each member of itself, and would take it for in step with
 * the others. */
bool mdraid_is_disowned(const struct mdraid_member *m, const struct mdraid_member *newest)
{
	return m->super.role >= 0 && !mdsuper_has(&newest->super, (uint32_t)m->super.role);
}

/* The kernel takes a member that missed the last write only: the machine may have lost power then.
 */
bool mdraid_is_stale(const struct mdraid_member *m, const struct mdraid_member *newest)
{
	return m->super.events + 1 < newest->super.events || mdraid_is_disowned(m, newest);
}

const struct mdraid_member *mdraid_in_role(const struct mdraid *s, const struct mdraid_array *a,
					   const struct mdraid_member *newest, uint32_t role)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (mdraid_is_of(a, m) && !mdraid_is_stale(m, newest) &&
		    m->super.role == (int32_t)role)
			return m;
	}
	return NULL;
}

uint32_t mdraid_count(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *newest)
{
	uint32_t n = 0;

	for (uint32_t role = 0; role < newest->super.disks; role++)
		n += mdsuper_has(&newest->super, role) && mdraid_in_role(s, a, newest, role);
	return n;
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

const char *mdraid_is_device(const struct mdraid_array *a, const char *name)
{
	char own[32];
	size_t len = (size_t)snprintf(own, sizeof(own), "md%u", a->number);

	if ((a->state != MDRAID_STARTS && a->state != MDRAID_RUNS) || !str_starts(name, own))
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
static bool is_doubtful(struct mdraid *s, struct mdraid_array *a,
			const struct mdraid_member *newest)
{
	for (size_t i = 0; i < MDRAID_MEMBERS_MAX; i++) {
		const struct mdraid_member *m = &s->members[i];

		if (!mdraid_is_of(a, m) || mdraid_is_stale(m, newest))
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct mdraid_member *n = &s->members[k];

			if (!mdraid_is_of(a, n) || mdraid_is_stale(n, newest) || !is_twice(m, n))
				continue;
			snprintf(
				a->why, sizeof(a->why),
				"%s and %s are both its member %d: two ways to one disk, or a copy",
				n->name, m->name, m->super.role);
			return true;
		}
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

bool mdraid_is_ready(struct mdraid *s, struct mdraid_array *a, const struct mdraid_member *newest)
{
	uint32_t here = newest ? mdraid_count(s, a, newest) : 0;

	a->is_doubtful = newest && is_doubtful(s, a, newest);
	a->state = a->is_doubtful ? MDRAID_FAILED : MDRAID_WAITS;
	return !a->is_doubtful && here && mdraid_is_enough(&newest->super, here) &&
	       (here >= newest->super.n_present || a->may_degrade);
}
