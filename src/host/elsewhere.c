/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/elsewhere.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountinfo.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, ENVIRONMENT_MAX = 1024 * 1024 };

/* As systemd-detect-virt(1) does, and by the marks of docker and podman. */
static bool is_container(const struct root *root)
{
	static const char *const marks[] = {"run/systemd/container", "run/host/container-manager",
					    "run/.containerenv", ".dockerenv"};
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (getenv("container"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (root_exists(root, marks[i]))
			return true;
	if (root_read(root, "proc/1/environ", ENVIRONMENT_MAX, &text) < 0)
		return false;
	buf_cstr(&text);
	for (size_t i = 0; i < text.len; i += strlen((char *)text.data + i) + 1)
		if (str_starts((char *)text.data + i, "container="))
			return true;
	return false;
}

/* Without /proc there is no way to know; no machine boots without. */
static bool is_chroot(const struct root *root)
{
	struct stat own, first;

	if (!root_exists(root, "proc/self/mountinfo"))
		return true;
	return stat("/", &own) == 0 && stat("/proc/1/root/.", &first) == 0 &&
	       (own.st_dev != first.st_dev || own.st_ino != first.st_ino);
}

/* Is M the whole of a filesystem, or a subvolume, on a device that is more than a file or a network's? */
static bool is_on_disk(const struct root *root, const struct mountinfo *m, struct arena *arena)
{
	static const char *const borrowed[] = {"/loop", "/nbd", "/ram", "/zram"};
	const char *path = arena_printf(arena, "sys/dev/block/%u:%u", m->major, m->minor);

	if (m->major == 0) {
		if (!str_starts(m->source, "/dev/"))
			return false;
		path = arena_printf(arena, "sys/class/block/%s", base_name(m->source));
		/* /dev/mapper/NAME is another name of what the kernel calls dm-N. */
		if (str_starts(m->source, "/dev/mapper/"))
			return true;
	}
	if (strcmp(m->root, "/") != 0 && strcmp(m->fstype, "btrfs") != 0)
		return false;
	path = root_resolve(root, path, arena);
	if (!path || !str_starts(path, "sys/devices/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(borrowed); i++)
		if (str_starts(path, "sys/devices/virtual/block") &&
		    str_starts(path + strlen("sys/devices/virtual/block"), borrowed[i]))
			return false;
	return true;
}

bool elsewhere_shows_root(const struct root *root, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;
	bool is_shown = false;
	struct mountinfo m;

	if (root_read(root, "proc/self/mountinfo", MOUNTINFO_MAX, &text) < 0)
		return false;
	cursor = (char *)buf_cstr(&text);
	/* A later mount hides an earlier one. */
	while ((line = strsep(&cursor, "\n")))
		if (*line && mountinfo_decode(line, &m, NULL) == 0 && strcmp(m.target, "/") == 0)
			is_shown = is_on_disk(root, &m, arena);
	return is_shown;
}

const char *elsewhere(const struct root *root, struct arena *arena)
{
	if (is_container(root))
		return "a container";
	return is_chroot(root) && !elsewhere_shows_root(root, arena) ? "a chroot" : NULL;
}
