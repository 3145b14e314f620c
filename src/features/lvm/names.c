/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which names of devices are volumes of LVM: /dev/VG/LV and /dev/mapper/VG-LV. Others have names of that form as well:
 * only the machine knows.
 */

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/machine/lvmgroup.h"

bool lvm_reaches(const struct spec *spec)
{
	char vg[LVM_NAME_MAX], lv[LVM_NAME_MAX];

	return spec->kind == SPEC_ALIAS && lvm_split_name(spec->value, vg, lv);
}

/* Is there a volume of that name? */
static bool is_set_up(const struct root *root, const char *name, struct arena *a)
{
	char **devices;
	int n = root_listdir(root, "/sys/devices/virtual/block", a, &devices);
	bool found = false;

	for (int i = 0; i < n && !found; i++) {
		const char *own, *uuid;

		if (!str_starts(devices[i], "dm-"))
			continue;
		own = root_read_line(root, arena_printf(a, "/sys/devices/virtual/block/%s/dm/name", devices[i]), a);
		uuid = root_read_line(root, arena_printf(a, "/sys/devices/virtual/block/%s/dm/uuid", devices[i]), a);
		found = own && uuid && strcmp(own, name) == 0 &&
			lvm_sets_up(&(struct hw_block){.dm_uuid = uuid});
	}
	return found;
}

/* Or has lvm noted a group of that name? It does so at each change, unless it is told not to. */
bool lvm_knows(const struct root *root, const struct request *q, const char *line, const struct spec *spec)
{
	char vg[LVM_NAME_MAX], lv[LVM_NAME_MAX], name[LVM_NAME_MAX];
	struct arena a = {0};
	bool knows;

	(void)line;
	if (!root || !features_wants_name(q, "lvm", true) || spec->kind != SPEC_ALIAS || !lvm_split_name(spec->value, vg, lv))
		return false;
	knows = (lvm_map_name(vg, lv, name) && is_set_up(root, name, &a)) ||
		root_exists(root, arena_printf(&a, "/etc/lvm/backup/%s", vg)) > 0;
	arena_clear(&a);
	return knows;
}
