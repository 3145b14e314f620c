/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/swap.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/fstab.h"
#include "host/elsewhere.h"

#define BY_UUID "dev/disk/by-uuid"

enum { FILE_MAX_BYTES = 1024 * 1024 };

/* "UUID=x" and the like as udev's link. NULL: NAME is no device, as far as is known here. */
static const char *device_of(const char *name, struct arena *arena)
{
	static const char *const tags[][2] = {{"UUID=", "uuid"}, {"LABEL=", "label"},
					      {"PARTUUID=", "partuuid"}, {"PARTLABEL=", "partlabel"}};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (str_starts(name, tags[i][0]))
			return arena_printf(arena, "/dev/disk/by-%s/%s", tags[i][1],
					    name + strlen(tags[i][0]));
	return str_starts(name, "/dev/") ? name : NULL;
}

static bool is_virtual_name(const char *path)
{
	static const char *const names[] = {"dev/dm-", "dev/mapper/", "dev/zd", "dev/zram",
					    "dev/loop", "dev/md", "dev/nbd", "dev/ram"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(path, names[i]))
			return true;
	return false;
}

/* Is NAME a disk or partition, which PID 1 can reach? Sysfs says so; where it is not mounted, or the
 * device is not there, the name does. */
static bool is_lasting(const struct root *root, const char *name, struct arena *arena)
{
	const char *device = device_of(name, arena), *node, *path;

	if (!device)
		return strchr(name, '=');
	node = root_resolve(root, device, arena);
	if (!node)
		node = device + 1;
	if (is_virtual_name(device + 1) || is_virtual_name(node))
		return false;
	path = root_resolve(root, arena_printf(arena, "sys/class/block/%s", base_name(node)), arena);
	return !path || !str_starts(path, "sys/devices/virtual/block/");
}

int swap_in_fstab(const struct root *root, struct arena *arena, struct swap_area *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct fstab f = {0};
	struct fstab_entry e;
	int r = root_read(root, "etc/fstab", FILE_MAX_BYTES, &text);

	*out = (struct swap_area){0};
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(err, r, "%s/etc/fstab", root_prefix(root));
	if (!buf_cstr(&text))
		return err_set(err, -ENOMEM, "no memory left");
	f.cursor = (char *)text.data;
	while (!out->name && fstab_next(&f, &e))
		if (strcmp(e.fstype, "swap") == 0 && is_lasting(root, e.source, arena))
			*out = (struct swap_area){arena_strdup(arena, e.source), "/etc/fstab", e.line};
	return 0;
}

/* ---- in use ---- */

/* A line of /proc/swaps: "FILE partition|file SIZE USED PRIORITY". NULL unless it is a device. */
static const char *decode(char *line, uint64_t *size)
{
	const char *device = strtok_r(line, " \t", &line);
	const char *type = device ? strtok_r(NULL, " \t", &line) : NULL;
	const char *kib = type ? strtok_r(NULL, " \t", &line) : NULL;

	return kib && strcmp(type, "partition") == 0 && parse_u64(kib, UINT64_MAX, size) ? device : NULL;
}

static const char *largest(const struct root *root, struct buf *text, struct arena *arena)
{
	const char *found = NULL, *device;
	char *cursor = (char *)text->data, *line;
	uint64_t size, most = 0;

	while ((line = strsep(&cursor, "\n")))
		if ((device = decode(line, &size)) && size > most && is_lasting(root, device, arena)) {
			found = arena_strdup(arena, device);
			most = size;
		}
	return found;
}

/* The list of links is not noted as an input, only that of DEVICE: other disks may come and go. */
static const char *stable_name(const struct root *root, const char *device, struct arena *arena)
{
	const char *node = root_resolve(root, device, arena), *target;
	struct root quiet = *root;
	char **names;
	int n;

	quiet.trace = NULL;
	n = node ? root_listdir(&quiet, BY_UUID, arena, &names) : 0;
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(arena, BY_UUID "/%s", names[i]);

		target = root_resolve(&quiet, path, arena);
		if (target && strcmp(target, node) == 0 && root_resolve(root, path, arena))
			return arena_printf(arena, "UUID=%s", names[i]);
	}
	return device;
}

/* In a container, and where /proc is mounted below another root, it has those of the machine around it. */
static bool is_elsewhere(const struct root *root, struct arena *arena)
{
	struct root quiet = *root;
	bool has_disk;

	quiet.trace = NULL;
	return root->is_host ? elsewhere(&quiet, &has_disk, arena) != NULL : elsewhere_has_proc_of_host(&quiet);
}

int swap_to_resume(const struct root *root, struct arena *arena, struct swap_area *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *device = NULL;

	if (root_read(root, "proc/swaps", FILE_MAX_BYTES, &text) == 0 && buf_cstr(&text) &&
	    !is_elsewhere(root, arena))
		device = largest(root, &text, arena);
	if (!device)
		return swap_in_fstab(root, arena, out, err);
	*out = (struct swap_area){stable_name(root, device, arena), "/proc/swaps", 0};
	return 0;
}
