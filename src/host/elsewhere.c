/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/elsewhere.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountinfo.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, ENVIRONMENT_MAX = 1024 * 1024, STACK_DEPTH_MAX = 16 };

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

/* Is the block device at PATH of sysfs a file's, a network's or memory, or does it lie on one? What cannot be
 * told counts as such: an image for any machine boots this one, too. */
static bool is_borrowed(const struct root *root, const char *path, unsigned depth,
			struct arena *arena)
{
	static const char virtual[] = "sys/devices/virtual/block/";
	char **below;
	int n;

	if (!path || !str_starts(path, "sys/devices/"))
		return true;
	if (!str_starts(path, virtual))
		return false;
	n = depth ? root_listdir(root, arena_printf(arena, "%s/slaves", path), arena, &below) : 0;
	for (int i = 0; i < n; i++)
		if (is_borrowed(root,
				root_resolve(root, arena_printf(arena, "%s/slaves/%s", path, below[i]),
					     arena),
				depth - 1, arena))
			return true;
	return n <= 0;
}

/* The folder of sysfs for /dev/mapper/NAME, which the kernel calls dm-N; NULL: there is none. */
static const char *mapped(const struct root *root, const char *name, struct arena *arena)
{
	char **devices;
	int n = root_listdir(root, "sys/class/block", arena, &devices);

	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(arena, "sys/class/block/%s", devices[i]);
		const char *text = str_starts(devices[i], "dm-")
					   ? root_read_line(root, arena_printf(arena, "%s/dm/name", path),
							    arena)
					   : NULL;

		if (text && strcmp(text, name) == 0)
			return path;
	}
	return NULL;
}

/* Is M the whole of a filesystem, or a subvolume, on a device that is more than a file or a network's? */
static bool is_on_disk(const struct root *root, const struct mountinfo *m, struct arena *arena)
{
	const char *path = arena_printf(arena, "sys/dev/block/%u:%u", m->major, m->minor);

	if (m->major == 0) {
		if (!str_starts(m->source, "/dev/"))
			return false;
		path = str_starts(m->source, "/dev/mapper/")
			       ? mapped(root, base_name(m->source), arena)
			       : arena_printf(arena, "sys/class/block/%s", base_name(m->source));
	}
	if (!path || (strcmp(m->root, "/") != 0 && strcmp(m->fstype, "btrfs") != 0))
		return false;
	return !is_borrowed(root, root_resolve(root, path, arena), STACK_DEPTH_MAX, arena);
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
