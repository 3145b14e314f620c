/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

int folder_of(const struct root *root, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder =
		slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int dir = folder ? root_openat(root, folder, O_RDONLY | O_DIRECTORY) : -ENOMEM;

	return dir < 0 ? err_sys(err, dir, "the folder of %s/%s", root_prefix(root), path) : dir;
}

int folder_make(const struct root *root, const char *path, mode_t mode, unsigned *made,
		struct err *err)
{
	_cleanup_free_ char *copy = strdup(path);
	unsigned part = 0;
	int dir;

	if (!copy)
		return err_set(err, -ENOMEM, "no memory left");
	dir = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	if (dir != -ENOENT)
		return dir < 0 ? err_sys(err, dir, "%s/%s", root_prefix(root), path) : dir;
	dir = root_openat(root, ".", O_RDONLY | O_DIRECTORY);
	for (char *at = copy, *end = copy; end && dir >= 0; at = end ? end + 1 : at, part++) {
		_cleanup_fd_ int above = dir;

		end = strchr(at, '/');
		if (end)
			*end = '\0';
		dir = root_openat(root, copy, O_RDONLY | O_DIRECTORY);
		if (dir == -ENOENT) {
			if (mkdirat(above, at, end ? 0755 : mode) == 0)
				*made |= 1U << part;
			else if (errno != EEXIST)
				return err_sys(err, -errno, "making %s/%s", root_prefix(root), copy);
			dir = root_openat(root, copy, O_RDONLY | O_DIRECTORY);
		}
		if (dir < 0)
			return err_sys(err, dir, "%s/%s", root_prefix(root), copy);
		if (end)
			*end = '/';
	}
	return dir < 0 ? err_sys(err, dir, "%s/%s", root_prefix(root), path) : dir;
}

bool folder_holds_only(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool is_only = d;

	if (!d) {
		close_fd(fd);
		return false;
	}
	while (is_only && (e = readdir(d)))
		is_only = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			  strcmp(e->d_name, name) == 0;
	closedir(d);
	return is_only;
}

int folder_sync(int dir, int file)
{
	struct statfs v;

	if (fstatfs(dir, &v) == 0 && v.f_type == BTRFS_SUPER_MAGIC)
		return syncfs(dir) < 0 ? -errno : 0;
	if (file >= 0 && fsync(file) < 0)
		return -errno;
	return fsync(dir) < 0 ? -errno : 0;
}
