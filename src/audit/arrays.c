/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "audit/kit.h"
#include "audit/spec.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mdsuper.h"

/*
 * Does mdadm.conf fit the arrays that run? An image does not read it: there an array has the name
 * in its superblock. The arrays are known by udev's links.
 */

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

void audit_arrays(struct audit *a)
{
	static const char *const files[] = {"etc/mdadm.conf", "etc/mdadm/mdadm.conf"};
	struct links l = {.a = a};

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
