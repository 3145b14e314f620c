/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/machine/lvmgroup.h"

/*
 * Volumes of LVM, which PID 1 sets up by itself. A generic image has the driver by the rules of storage. A hostonly one
 * also lists the volumes on the way to the filesystems that are mounted early, and to a hibernation image, by UUID: these are
 * set up whatever else is called like them. The name of their group is listed as well: it means no other one.
 */

enum { PREFIX = sizeof("LVM-") - 1, ID = LVM_ID_MAX - 1 };

/* "LVM-", the UUIDs of group and volume, and of a hidden part of a volume "-" and which one. */
bool lvm_sets_up(const struct hw_block *k)
{
	const char *id = k->dm_uuid;
	char copy[LVM_ID_MAX];

	if (!id || !str_starts(id, "LVM-") || strlen(id) < PREFIX + 2 * ID ||
	    (id[PREFIX + 2 * ID] && id[PREFIX + 2 * ID] != '-') || strcspn(id + PREFIX, "-") < 2 * ID)
		return false;
	for (size_t i = 0; i < 2; i++) {
		snprintf(copy, sizeof(copy), "%.*s", ID, id + PREFIX + i * ID);
		if (!lvm_parse_id(copy, copy))
			return false;
	}
	return true;
}

/* Are both volumes of one group? */
static bool is_same_group(const struct hw_block *a, const struct hw_block *b)
{
	return lvm_sets_up(a) && lvm_sets_up(b) && strncmp(a->dm_uuid, b->dm_uuid, PREFIX + ID) == 0;
}

/* A linear or striped volume lies on physical volumes, any other one on hidden volumes of its group. */
static bool is_layered(const struct hw_mount *m, const struct hw_block *k)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].holder && strcmp(m->blocks[i].holder, k->name) == 0 &&
		    is_same_group(&m->blocks[i], k))
			return true;
	return k->dm_uuid[PREFIX + 2 * ID] == '-';
}

/* Is K one of those hidden volumes? */
static bool is_hidden(const struct hw_mount *m, const struct hw_block *k)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (k->holder && strcmp(m->blocks[i].name, k->holder) == 0 && is_same_group(&m->blocks[i], k))
			return true;
	return false;
}

/* Is it a physical volume of another group? PID 1 leaves it alone, as lvm does without scan_lvs. */
static bool is_below_another_group(const struct hw_mount *m, const struct hw_block *k)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (k->holder && strcmp(m->blocks[i].name, k->holder) == 0 && lvm_sets_up(&m->blocks[i]) &&
		    !is_same_group(&m->blocks[i], k))
			return true;
	return false;
}

static void open_part(struct build *b)
{
	if (!b->has_volumes)
		buf_printf(&b->boot_conf, "feature=lvm\n");
	b->has_volumes = true;
}

static int add_driver(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct err *err)
{
	int r = modules_add_name(b->modules, "dm_mod", m->is_early ? MODULES_LOAD | MODULES_REQUIRED : 0,
				 arena_printf(&b->plan.arena, "sets up the LVM volume %s on the way to %s", k->name, m->target),
				 err);

	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	if (!m->is_early) {
		plan_warn(&b->plan, "kernel %s has no dm_mod, which sets up the LVM volume %s on the way to %s",
			  b->kernel.version, k->name, m->target);
		return 0;
	}
	err_set(err, -ENOENT, "kernel %s has no dm_mod, which sets up the LVM volume %s on the way to %s", b->kernel.version,
		k->name, m->target);
	return err_hint(err, "build for another kernel");
}

static int refuse(struct build *b, const struct hw_mount *m, const struct hw_block *k, const char *what, struct err *err)
{
	const char *text = arena_printf(&b->plan.arena, "the way to %s leads over /sys/%s (%s), an LVM volume that %s, which "
					"this version cannot set up at boot",
					m->target, k->path ? k->path : k->name, k->dm_uuid, what);

	if (!m->is_early) {
		plan_warn(&b->plan, "%s", text);
		return 0;
	}
	err_set(err, -ENOTSUP, "%s", text);
	return err_hint(err, "keep using the image builder of your distribution on this machine");
}

static int add_volume(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct err *err)
{
	char line[2 * LVM_ID_MAX + LVM_NAME_MAX + 16], vg[LVM_NAME_MAX], lv[LVM_NAME_MAX];
	bool is_named = k->dm_name && lvm_split_map(k->dm_name, vg, lv);
	int r;

	if (is_layered(m, k))
		return refuse(b, m, k, "is made of others (RAID, thin, cache or snapshot)", err);
	if (is_below_another_group(m, k))
		return refuse(b, m, k, "is a physical volume of another group", err);
	r = add_driver(b, m, k, err);
	snprintf(line, sizeof(line), "lvm.volume=%.*s %.*s%s%s\n", ID, k->dm_uuid + PREFIX, ID, k->dm_uuid + PREFIX + ID,
		 is_named ? " " : "", is_named ? vg : "");
	open_part(b);
	if (!strstr(buf_cstr(&b->boot_conf), line))
		buf_add_str(&b->boot_conf, line);
	return r;
}

int lvm_add(struct build *b, const struct hw_mount *m, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < m->n_blocks && r == 0; i++)
		if (lvm_sets_up(&m->blocks[i]) && !is_hidden(m, &m->blocks[i]))
			r = add_volume(b, m, &m->blocks[i], err);
	return r;
}

int lvm_build(struct build *b, struct err *err)
{
	bool is_added = features_wants_name(b->request, "lvm", false);
	int r = 0;

	if (is_added)
		r = modules_add_name(b->modules, "dm_mod", 0, "sets up volumes of LVM, as lvm was added", err);
	if (is_added || !build_is_hostonly(b))
		open_part(b);
	for (size_t i = 0; i < b->hardware.n_mounts && r >= 0; i++)
		if (b->hardware.mounts[i].is_early)
			r = lvm_add(b, &b->hardware.mounts[i], err);
	return r < 0 ? r : 0;
}
