/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is there of a filesystem: which of its devices are up to date, whether they belong together,
 * and how many are missing. Nothing here depends on the order in which they came.
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/btrfs/boot/kit.h"

bool btrfs_is_of(const struct btrfs_volume *v, const struct btrfs_member *m)
{
	return m->ref.generation && !m->is_late && !m->why[0] &&
	       memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) == 0;
}

static const struct btrfs_member *newest(const struct btrfs *s, const struct btrfs_volume *v)
{
	const struct btrfs_member *found = NULL;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (btrfs_is_of(v, m) && (!found || m->super.generation > found->super.generation))
			found = m;
	}
	return found;
}

const struct btrfs_member *btrfs_find(const struct btrfs *s, const struct btrfs_volume *v, uint64_t id,
				      bool with_stale)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (btrfs_is_of(v, m) && m->super.id == id && !m->is_other_path &&
		    (with_stale || !m->is_stale))
			return m;
	}
	return NULL;
}

/* One that is to replace another one, with the number 0, does not count. */
static uint32_t count(const struct btrfs *s, const struct btrfs_volume *v, bool with_stale)
{
	uint32_t n = 0;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		n += btrfs_is_of(v, m) && m->super.id &&
		     btrfs_find(s, v, m->super.id, with_stale) == m;
	}
	return n;
}

/* Both are up to date. */
static void compare(const struct part *p, struct btrfs_volume *v, struct btrfs_member *first,
		    struct btrfs_member *second)
{
	if (first->super.id == second->super.id && part_is_path(p, first->ref, second->ref))
		second->is_other_path = true;
	else if (first->super.id == second->super.id)
		snprintf(v->why, sizeof(v->why),
			 "%s and %s are both its device %llu: two ways to one disk, or a copy",
			 first->name, second->name, (unsigned long long)first->super.id);
	else if (!btrfssuper_agree(&first->super, &second->super))
		snprintf(v->why, sizeof(v->why),
			 "%s and %s were each written without the other, and cannot be one filesystem any "
			 "more: look at both, each mounted alone with -o ro,degraded, before one of them "
			 "is wiped", first->name, second->name);
}

/* A newer one of the same number is a copy that was used, or the older one is what a replaced disk has
 * left. */
static void doubt(struct btrfs_volume *v, const struct btrfs_member *old, const struct btrfs_member *newer)
{
	if (old->super.id == newer->super.id)
		snprintf(v->doubt, sizeof(v->doubt),
			 "%s and %s are both its device %llu: which one is the copy is not known",
			 newer->name, old->name, (unsigned long long)old->super.id);
}

/* Each pair, by name, so that the order in which they came does not matter. */
static void compare_all(const struct part *p, struct btrfs_volume *v)
{
	struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++)
		for (size_t k = 0; k < BTRFS_MEMBERS_MAX && btrfs_is_of(v, &s->members[i]); k++) {
			struct btrfs_member *m = &s->members[i], *o = &s->members[k];

			if (!btrfs_is_of(v, o))
				continue;
			if (m->is_stale && !o->is_stale)
				doubt(v, m, o);
			else if (!m->is_stale && !o->is_stale && version_compare(m->name, o->name) < 0)
				compare(p, v, m, o);
		}
}

const struct btrfs_member *btrfs_seed(const struct btrfs *s, const struct btrfs_volume *v)
{
	for (size_t i = 0; v->last && i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (!m->ref.generation || !m->super.is_seed ||
		    memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) == 0)
			continue;
		for (uint32_t k = 0; k < v->last->super.n_named; k++)
			if (memcmp(v->last->super.named[k].device, m->super.device,
				   sizeof(m->super.device)) == 0)
				return m;
	}
	return NULL;
}

/* A machine that lost power has written the last commit on some devices only. What is further behind was
 * not there when the others were written: the kernel would take both for one state. */
static void mark(struct btrfs *s, const struct btrfs_volume *v)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];

		if (!btrfs_is_of(v, m))
			continue;
		m->is_other_path = false;
		m->is_stale = m->super.generation < v->last->super.generation - 1 &&
			      v->last->super.generation;
	}
}

void btrfs_judge(const struct part *p, struct btrfs_volume *v)
{
	struct btrfs *s = p->state;

	v->last = newest(s, v);
	v->here = v->here_stale = v->seeds = 0;
	v->why[0] = v->doubt[0] = '\0';
	v->is_joint = false;
	if (!v->last)
		return;
	mark(s, v);
	compare_all(p, v);
	v->here = count(s, v, false);
	v->here_stale = count(s, v, true);
	v->seeds = btrfs_seed(s, v) ? 1 : 0;
	v->is_joint = v->last->super.devices > 1 || btrfs_find(s, v, 0, false);
	if (!v->is_joint)
		v->why[0] = '\0'; /* a copy is for whoever looks for the root */
	else if (v->trouble[0])
		snprintf(v->why, sizeof(v->why), "%s", v->trouble);
}
