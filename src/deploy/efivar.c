/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/efivar.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/place/folder.h"

#define REMOVING "%s/%s cannot be removed"

int efivar_remove(const struct root *root, const char *path, struct err *err)
{
	_cleanup_fd_ int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK), dir = -1;
	int flags;

	if (fd == -ENOENT || fd == -ENODEV)
		return 0;
	if (fd < 0)
		return err_sys(err, fd, REMOVING, root_prefix(root), path);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL)) {
		flags &= ~FS_IMMUTABLE_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
			return err_sys(err, -errno, REMOVING, root_prefix(root), path);
	}
	dir = folder_of(root, path, err);
	if (dir < 0)
		return dir;
	return unlinkat(dir, base_name(path), 0) < 0
		       ? err_sys(err, -errno, REMOVING, root_prefix(root), path)
		       : 0;
}
