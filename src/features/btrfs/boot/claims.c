/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of the devices of a btrfs: which of them PID 1 may mount, and which it has to wait for. */

#include <stdio.h>
#include <string.h>

#include "features/btrfs/boot/kit.h"

/* A device that says that it is alone was never waited for, and is not now. */
enum part_claim btrfs_claim(const struct part *p, const struct btrfs_volume *v,
			    const struct btrfs_member *m, char *why)
{
	*why = '\0';
	if (m->is_late) {
		snprintf(why, PART_TEXT_MAX, "it came when its filesystem was mounted without it");
		return PART_REFUSES;
	}
	if (m->why[0]) {
		snprintf(why, PART_TEXT_MAX, "%s", m->why);
		return PART_REFUSES;
	}
	if (v->is_frozen && !m->is_stale && !m->is_other_path)
		return PART_OFFERS;
	if (!v->is_joint && m->super.devices == 1)
		return PART_OFFERS;
	if (m->is_stale && (v->is_ready || v->is_frozen || !v->is_joint)) {
		snprintf(why, PART_TEXT_MAX, "it is out of date: %s was written without it", v->last->name);
		return PART_REFUSES;
	}
	if (m->is_other_path && (v->is_ready || v->is_frozen)) {
		snprintf(why, PART_TEXT_MAX, "it is another path to a disk that is used (rd.multipath=0)");
		return PART_REFUSES;
	}
	if (v->is_ready)
		return PART_OFFERS;
	if (v->is_wanted)
		btrfs_explain(p, v, why, PART_TEXT_MAX);
	return v->is_wanted && v->why[0] ? PART_REFUSES : PART_HOLDS;
}

void btrfs_publish(struct part *p, const struct btrfs_volume *v)
{
	struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		struct btrfs_member *m = &s->members[i];
		char why[PART_TEXT_MAX];
		enum part_claim claim;

		if (!m->ref.generation || memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) != 0)
			continue;
		claim = btrfs_claim(p, v, m, why);
		part_set_claim(p, m->ref, claim, why);
		part_set_mount_option(p, m->ref,
				      v->is_degraded && claim == PART_OFFERS ? "degraded" : NULL);
	}
}
