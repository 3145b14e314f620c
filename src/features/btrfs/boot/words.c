/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of a btrfs. */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/btrfs/boot/kit.h"
#include "init/core/log.h"

static uint32_t lacks(const struct btrfs_volume *v, uint32_t here)
{
	return v->last->super.devices > here ? v->last->super.devices - here : 0;
}

void btrfs_describe(const struct btrfs_volume *v, char *out, size_t size)
{
	snprintf(out, size, "btrfs %s: %u of %u devices are there", v->uuid, v->here,
		 v->last ? v->last->super.devices : 0);
}

static void show_stale(const struct btrfs_member *m, const struct btrfs_member *last, const char *indent)
{
	log_show("%s%s (device %llu) is out of date: it was written for the last time in generation "
		 "%llu, %s in %llu%s",
		 indent, m->name, (unsigned long long)m->super.id,
		 (unsigned long long)m->super.generation, last->name,
		 (unsigned long long)last->super.generation,
		 btrfssuper_agree(&m->super, &last->super)
			 ? ""
			 : "; it was also written without the others, and has data that they lack");
}

static void show_missing(const struct btrfssuper_named *d, const char *indent)
{
	const uint8_t *u = d->device;

	log_show("%sdevice %llu is missing (UUID_SUB=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x)", indent, (unsigned long long)d->id, u[0], u[1], u[2], u[3],
		 u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static void show_useless(const struct btrfs *s, const struct btrfs_volume *v, const char *indent)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (!m->ref.generation || memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) != 0)
			continue;
		if (m->why[0])
			log_show("%s%s (device %llu) counts as missing: %s", indent, m->name,
				 (unsigned long long)m->super.id, m->why);
		else if (btrfs_is_of(v, m) && m->is_stale)
			show_stale(m, v->last, indent);
	}
}

/* One whose superblock cannot be used is not missing altogether. */
static bool is_there(const struct btrfs *s, const struct btrfs_volume *v, uint64_t id)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (m->ref.generation && m->super.id == id &&
		    memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) == 0)
			return true;
	}
	return false;
}

/* How many devices of V that are there the kernel cannot have, each counted once. */
static uint32_t count_useless(const struct btrfs *s, const struct btrfs_volume *v)
{
	uint32_t n = 0;

	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		n += m->ref.generation && m->why[0] && m->super.id &&
		     memcmp(m->super.fsid, v->fsid, sizeof(v->fsid)) == 0 &&
		     !btrfs_find(s, v, m->super.id, true);
	}
	return n;
}

/* The superblock names those devices only that have the chunk tree. */
void btrfs_show_lacks(const struct btrfs *s, const struct btrfs_volume *v, const char *indent)
{
	uint32_t n = lacks(v, v->here_stale + count_useless(s, v));

	show_useless(s, v, indent);
	for (uint32_t i = 0; i < v->last->super.n_named && n; i++)
		if (!is_there(s, v, v->last->super.named[i].id)) {
			show_missing(&v->last->super.named[i], indent);
			n--;
		}
	if (n)
		log_show("%s%u device%s that %s has no name for %s missing", indent, n, text_plural(n),
			 v->last->name, n == 1 ? "is" : "are");
}

/* A device that missed a single commit cannot be told from one that was just being written. */
static void show_behind(const struct btrfs *s, const struct btrfs_volume *v)
{
	for (size_t i = 0; i < BTRFS_MEMBERS_MAX; i++) {
		const struct btrfs_member *m = &s->members[i];

		if (btrfs_is_of(v, m) && m->super.generation + 1 == v->last->super.generation)
			log_show("btrfs %s: %s (device %llu) lacks the last commit of %s: the power was "
				 "lost, or it was not there; run btrfs scrub",
				 v->uuid, m->name, (unsigned long long)m->super.id, v->last->name);
	}
}

void btrfs_show_mounted(const struct btrfs *s, const struct btrfs_volume *v)
{
	show_behind(s, v);
	if (!lacks(v, v->here)) {
		log_info("btrfs %s: all %u devices are there", v->uuid, v->last->super.devices);
		return;
	}
	log_show("btrfs %s is mounted %s, with %u of %u devices", v->uuid,
		 v->is_degraded ? "degraded" : "with its own options", v->here, v->last->super.devices);
	btrfs_show_lacks(s, v, "  ");
}

void btrfs_explain(const struct part *p, const struct btrfs_volume *v, char *out, size_t size)
{
	const struct btrfs *s = p->state;
	const struct btrfs_member *seed = btrfs_seed(s, v);
	const char *why = v->doubt[0] ? v->doubt : v->trial == BTRFS_FAILS ? v->trial_why : "";
	const char *strict = part_is_strict(p);
	uint32_t n = v->last ? lacks(v, v->here) : 0;

	*out = '\0';
	if (v->why[0])
		snprintf(out, size, "%s", v->why);
	else if (n && seed)
		snprintf(out, size, "it has grown out of the seed %s, which has to be named by the mount option "
			 "device=/dev/%s", seed->name, seed->name);
	else if (n)
		snprintf(out, size, "%u of its %u devices %s not there%s%s%s%s", n, v->last->super.devices,
			 n == 1 ? "is" : "are", *why ? "; " : "", why, strict ? "; rd.degraded=" : "",
			 strict ? strict : "");
	else if (v->last && !v->is_ready)
		snprintf(out, size, "the kernel has not looked at all of its devices");
}

bool btrfs_is_waited_for(const struct btrfs_volume *v)
{
	return v->uuid[0] && v->is_wanted && v->is_joint && !v->is_ready && !v->is_frozen && v->last;
}

bool btrfs_is_incomplete(const struct part *p)
{
	const struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++) {
		const struct btrfs_volume *v = &s->volumes[i];

		if (btrfs_is_waited_for(v) && (lacks(v, v->here) || v->why[0]))
			return true;
	}
	return false;
}

void btrfs_what(const struct part *p, char *out, size_t size)
{
	const struct btrfs *s = p->state;

	*out = '\0';
	for (size_t i = 0; i < BTRFS_VOLUMES_MAX && !*out; i++)
		if (btrfs_is_waited_for(&s->volumes[i]))
			btrfs_describe(&s->volumes[i], out, size);
}

void btrfs_account(const struct part *p)
{
	const struct btrfs *s = p->state;

	for (size_t i = 0; i < BTRFS_VOLUMES_MAX; i++) {
		const struct btrfs_volume *v = &s->volumes[i];
		char text[PART_TEXT_MAX], why[PART_TEXT_MAX];

		if (!btrfs_is_waited_for(v))
			continue;
		btrfs_describe(v, text, sizeof(text));
		btrfs_explain(p, v, why, sizeof(why));
		log_show("  %s%s%s", text, *why ? "; " : "", why);
		btrfs_show_lacks(s, v, "    ");
	}
}
