/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "audit/kit.h"
#include "audit/spec.h"
#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/machine/mdsuper.h"

/*
 * Does mdadm.conf fit the arrays that run? An image does not read it: there an array has the name
 * in its superblock. The arrays are known by udev's links. And is a disk with a filesystem on one of its
 * partitions still marked as a member of an array? udev has noted what it has found on it.
 */

enum { UDEV_MAX = 64 * 1024 };

/* ---- the arrays that run ---- */

struct links {
	struct audit *a;
	char **names; /* of /dev/disk/by-id */
	int n;
};

static const char *target_of(const struct links *l, const char *link)
{
	const char *to = root_readlink(
		l->a->root, arena_printf(l->a->arena, "dev/disk/by-id/%s", link), l->a->arena);

	return to ? base_name(to) : "";
}

/* The kernel's name of the array with this UUID; NULL. */
static const char *find(const struct links *l, const uint8_t uuid[16])
{
	static const char start[] = "md-uuid-";
	uint8_t own[16];

	for (int i = 0; i < l->n; i++)
		if (str_starts(l->names[i], start) &&
		    mdsuper_parse_uuid(l->names[i] + strlen(start), own) &&
		    memcmp(own, uuid, sizeof(own)) == 0)
			return target_of(l, l->names[i]);
	return NULL;
}

/* The name in the superblock, without that of the machine; NULL: it has none. */
static const char *name_of(const struct links *l, const char *kernel)
{
	static const char start[] = "md-name-";

	for (int i = 0; i < l->n; i++) {
		const char *name = l->names[i] + strlen(start), *colon;

		if (!str_starts(l->names[i], start) ||
		    strcmp(target_of(l, l->names[i]), kernel) != 0)
			continue;
		colon = strchr(name, ':');
		return colon ? colon + 1 : name;
	}
	return NULL;
}

const char *audit_array_name(struct audit *a, const char *kernel)
{
	struct links l = {.a = a};

	l.n = root_listdir(a->root, "dev/disk/by-id", a->arena, &l.names);
	return l.n > 0 ? name_of(&l, kernel) : NULL;
}

/* ---- the file ---- */

/* DEVICE: as in the file: /dev/md/home, home, /dev/md0. */
static void check_name(const struct links *l, const char *place, const char *device,
		       const char *kernel)
{
	const char *own = name_of(l, kernel), *name = device;
	struct audit *a = l->a;

	if (!own || !*device || strcmp(device, "<ignore>") == 0)
		return;
	name += str_starts(name, "/dev/md/") ? strlen("/dev/md/")
		: str_starts(name, "/dev/")  ? 5
					     : 0;
	if (strcmp(name, own) == 0 ||
	    (str_starts(name, "md") && strcmp(name + strlen("md"), own) == 0))
		return;
	audit_add(
		a, AUDIT_WARNING, "array-name", NULL,
		arena_printf(a->arena,
			     "%s calls %s %s, but its own name is %s: in an image it is /dev/md/%s",
			     place, kernel, device, own, own),
		"name a filesystem on it by its UUID, or rename the array (mdadm --assemble "
		"--update=name)");
}

static void check_array(const struct links *l, const struct audit_array *array, const char *path)
{
	struct audit *a = l->a;
	const char *kernel, *place;
	uint8_t uuid[16];

	if (!mdsuper_parse_uuid(array->uuid, uuid))
		return;
	place = arena_printf(a->arena, "%s/%s, line %u,", root_prefix(a->root), path, array->line);
	kernel = find(l, uuid);
	if (kernel)
		check_name(l, place, array->device, kernel);
	else
		audit_add(
			a, AUDIT_WARNING, "array-missing", NULL,
			arena_printf(a->arena,
				     "%s has an array with the UUID %s, which does not run here",
				     place, array->uuid),
			"start the array, or remove the line: mdadm --detail --scan prints one for "
			"each array that runs");
}

/* ---- former members ---- */

struct content {
	const char *type, *version, *uuid; /* "": not known */
};

/* What udev has found on the block device at PATH below /sys: its file has lines "E:KEY=VALUE" and others. */
static struct content content_of(struct audit *a, const char *path)
{
	const char *number = root_read_line(a->root, arena_printf(a->arena, "sys/%s/dev", path), a->arena);
	struct content c = {"", "", ""};
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;

	if (!number || strchr(number, '/') ||
	    root_read(a->root, arena_printf(a->arena, "run/udev/data/b%s", number), UDEV_MAX, &text) < 0 ||
	    !buf_cstr(&text))
		return c;
	cursor = arena_strdup(a->arena, (char *)text.data);
	while ((line = strsep(&cursor, "\n"))) {
		if (str_starts(line, "E:ID_FS_TYPE="))
			c.type = strchr(line, '=') + 1;
		else if (str_starts(line, "E:ID_FS_VERSION="))
			c.version = strchr(line, '=') + 1;
		else if (str_starts(line, "E:ID_FS_UUID="))
			c.uuid = strchr(line, '=') + 1;
	}
	return c;
}

static bool is_member(const struct content *c)
{
	return strcmp(c->type, "linux_raid_member") == 0;
}

/* At the end of a disk it may be that of an array whose partitions the kernel shows on the disk. */
static bool is_at_end(const struct content *c)
{
	return str_starts(c->version, "0.90") || strcmp(c->version, "1.0") == 0;
}

/* The superblock at the end of the last partition may be that at the end of the disk. */
static bool is_of_partition(struct audit *a, const struct hw_block *disk, const struct content *c)
{
	char **names;
	int n = root_listdir(a->root, arena_printf(a->arena, "sys/%s", disk->path), a->arena, &names);

	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(a->arena, "%s/%s", disk->path, names[i]);
		struct content own;

		if (!root_exists(a->root, arena_printf(a->arena, "sys/%s/partition", path)))
			continue;
		own = content_of(a, path);
		if (is_member(&own) && strcmp(own.uuid, c->uuid) == 0)
			return true;
	}
	return false;
}

/* It may be in an array that runs. */
static bool is_in_array(struct audit *a, const struct hw_block *k)
{
	char **names;
	int n = root_listdir(a->root, arena_printf(a->arena, "sys/%s/holders", k->path), a->arena, &names);

	while (n-- > 0)
		if (str_starts(names[n], "md"))
			return true;
	return false;
}

static void check_disk(struct audit *a, const struct hw_mount *m, const struct hw_block *k)
{
	struct content c = content_of(a, k->path);

	if (!is_member(&c) || is_in_array(a, k) || is_of_partition(a, k, &c))
		return;
	audit_add_command(
		a, AUDIT_WARNING, "array-left", NULL,
		arena_printf(a->arena,
			     "/dev/%s, on the way to %s, has the superblock of an MD array (metadata %s, UUID %s), but is "
			     "used without it: a generic image may start that array%s",
			     k->name, m->target, c.version, *c.uuid ? c.uuid : "unknown",
			     is_at_end(&c) ? ", or mount none of its partitions" : ""),
		arena_printf(a->arena, "wipefs --force --all --types linux_raid_member /dev/%s", k->name));
}

static void check_disks(struct audit *a)
{
	struct strset seen = {0};

	for (size_t i = 0; i < a->hardware.n_mounts && a->has_hardware; i++)
		for (size_t k = 0; k < a->hardware.mounts[i].n_blocks; k++) {
			const struct hw_block *b = &a->hardware.mounts[i].blocks[k];

			if (b->kind && strcmp(b->kind, "disk") == 0 && strset_add(&seen, b->path, NULL))
				check_disk(a, &a->hardware.mounts[i], b);
		}
	strset_clear(&seen);
}

void audit_arrays(struct audit *a)
{
	static const char *const files[] = {"etc/mdadm.conf", "etc/mdadm/mdadm.conf"};
	struct links l = {.a = a};

	if (!a->q->request->hardware_file)
		check_disks(a);
	l.n = root_listdir(a->root, "dev/disk/by-id", a->arena, &l.names);
	if (l.n <= 0 || a->q->request->hardware_file)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct audit_mdadm m = {.at = audit_read(a, files[i])};
		struct audit_array array;

		while (m.at && audit_array_next(&m, &array))
			check_array(&l, &array, files[i]);
		if (m.at)
			return; /* mdadm reads only the first one that there is */
	}
}
