/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/elsewhere.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountinfo.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, ENVIRONMENT_MAX = 1024 * 1024, STACK_DEPTH_MAX = 16 };

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

/* What is mounted as the root: nothing, as in a chroot to a folder; something else than a disk; a subvolume
 * or the whole of a filesystem on a disk. */
enum mounted { NOTHING, NO_DISK, A_SUBVOLUME, A_DISK };

/* Is M the whole of a filesystem, or a subvolume, on a device that is more than a file or a network's?
 * Not if it is in the store of a manager of containers (Docker, Podman, Buildah). */
static enum mounted probe_mounted(const struct root *root, const struct mountinfo *m, struct arena *arena)
{
	const char *path = arena_printf(arena, "sys/dev/block/%u:%u", m->major, m->minor);
	bool is_part = strcmp(m->root, "/") != 0;

	if (m->major == 0) {
		if (!str_starts(m->source, "/dev/"))
			return NO_DISK;
		path = str_starts(m->source, "/dev/mapper/")
			       ? mapped(root, base_name(m->source), arena)
			       : arena_printf(arena, "sys/class/block/%s", base_name(m->source));
	}
	if (!path || (is_part && strcmp(m->fstype, "btrfs") != 0) || strstr(m->root, "/btrfs/subvolumes/"))
		return NO_DISK;
	if (is_borrowed(root, root_resolve(root, path, arena), STACK_DEPTH_MAX, arena))
		return NO_DISK;
	return is_part ? A_SUBVOLUME : A_DISK;
}

static enum mounted read_mounts(const struct root *root, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;
	enum mounted mounted = NOTHING;
	struct mountinfo m;

	if (root_read(root, "proc/self/mountinfo", MOUNTINFO_MAX, &text) < 0)
		return NOTHING;
	cursor = (char *)buf_cstr(&text);
	/* A later mount hides an earlier one. */
	while ((line = strsep(&cursor, "\n")))
		if (*line && mountinfo_decode(line, &m, NULL) == 0 && strcmp(m.target, "/") == 0)
			mounted = probe_mounted(root, &m, arena);
	return mounted;
}

bool elsewhere_has_proc_of_host(const struct root *root)
{
	_cleanup_fd_ int fd = root_openat(root, "proc", O_RDONLY | O_DIRECTORY);
	struct statfs v;

	return !root->is_host && fd >= 0 && fstatfs(fd, &v) == 0 && v.f_type == PROC_SUPER_MAGIC;
}

bool elsewhere_shows_root(const struct root *root, struct arena *arena)
{
	return read_mounts(root, arena) >= A_SUBVOLUME;
}

static bool has_any(const struct root *root, const char *const *paths)
{
	while (*paths && !root_exists(root, *paths))
		paths++;
	return *paths;
}

/*
 * As systemd-detect-virt(1) does it. What PID 1 or the container's manager says is believed: /run is
 * made at each start, and nobody else writes there. All other marks may have come with a copied file
 * system or from a user's shell; they do not count if the whole of a disk of this machine is the root.
 * A subvolume may be a container's, and Docker says nothing in PID 1's environment.
 */
static bool is_container(const struct root *root, enum mounted mounted)
{
	static const char *const said[] = {"run/systemd/container", "run/host/container-manager", NULL};
	static const char *const marks[] = {"run/.containerenv", ".dockerenv", NULL};
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (has_any(root, said))
		return true;
	if ((mounted != A_DISK && has_any(root, marks)) || (mounted < A_SUBVOLUME && getenv("container")))
		return true;
	/* Only root can read it. */
	if (root_read(root, "proc/1/environ", ENVIRONMENT_MAX, &text) < 0)
		return false;
	buf_cstr(&text);
	for (size_t i = 0; i < text.len; i += strlen((char *)text.data + i) + 1)
		if (str_starts((char *)text.data + i, "container="))
			return true;
	return false;
}

/*
 * Each rule sees something else:
 * - No /proc: nothing can be seen; no machine boots without it, so it is a chroot.
 * - PID 1 has another root: a chroot of any kind. Only root, or PID 1's own user, may look; hidepid=
 *   and user namespaces forbid it, too.
 * - If that may not be seen, the mounts decide. Those outside of a chroot are not listed, so there is
 *   none for / in a chroot to a folder. One to where a filesystem is mounted looks like a machine of
 *   its own.
 */
static bool is_chroot(const struct root *root, enum mounted mounted)
{
	struct stat own, first;

	if (!root_exists(root, "proc/self/mountinfo"))
		return true;
	/* The kernel's own link leads out of the root, so not by root_stat(). */
	if (fstat(root->fd, &own) == 0 && fstatat(root->fd, "proc/1/root/.", &first, 0) == 0)
		return own.st_dev != first.st_dev || own.st_ino != first.st_ino;
	return mounted == NOTHING;
}

const char *elsewhere_runs_other_kernel(const struct root *root, struct arena *arena)
{
	enum mounted mounted = read_mounts(root, arena);

	if (is_container(root, mounted))
		return "a container";
	return is_chroot(root, mounted) ? "a chroot" : NULL;
}

/* Containers that nothing names, such as that of a "docker build", have a root on no disk. So have live
 * systems; an image for any machine boots them, too. */
const char *elsewhere(const struct root *root, bool *has_disk, struct arena *arena)
{
	enum mounted mounted = read_mounts(root, arena);

	*has_disk = false;
	if (is_container(root, mounted))
		return "a container";
	*has_disk = mounted >= A_SUBVOLUME;
	if (is_chroot(root, mounted))
		return "a chroot";
	return *has_disk ? NULL : "a root that is on no disk of this machine";
}
