/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /dev/mapper holds devices of LUKS, of LVM and of others. Which of them a name is, only the machine knows: an
 * image must not be taken for one that boots because of a name alone.
 */

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/crypt/kit.h"
#include "features/items.h"
#include "format/machine/fstab.h"

bool crypt_reaches(const struct spec *spec)
{
	return spec->kind == SPEC_ALIAS && str_starts(spec->value, "mapper/");
}

/* As one that an image opens although nothing on the way needs it? */
static bool is_in_table(const struct root *root, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct crypttab table = {0};
	struct crypttab_entry e;
	const char *why;
	bool found = false;
	int r;

	if (root_read(root, "/etc/crypttab", CRYPTTAB_SIZE_MAX, &text) < 0)
		return false;
	table.cursor = (char *)buf_cstr(&text);
	while ((r = crypttab_next(&table, &e, &why)))
		found = found || (r > 0 && strcmp(e.name, name) == 0 &&
				  (fstab_has(e.options, "x-initrd.attach") || fstab_has(e.options, "initramfs")));
	return found;
}

/* Is there a device that cryptsetup has given this name? */
static bool is_open(const struct root *root, const char *name, struct arena *a)
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
		found = own && uuid && strcmp(own, name) == 0 && str_starts(uuid, "CRYPT-LUKS");
	}
	return found;
}

bool crypt_knows(const struct root *root, const struct spec *spec)
{
	struct arena a = {0};
	const char *name, *program;
	bool knows;

	if (!crypt_reaches(spec) || !root)
		return false;
	name = spec->value + strlen("mapper/");
	knows = (is_in_table(root, name) || is_open(root, name, &a)) &&
		items_locate(root, "cryptsetup", &a, &program, NULL) > 0;
	arena_clear(&a);
	return knows;
}
