/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/empty.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/core/sys.h"

enum { DEPTH_MAX = 64 };

static void empty(int fd, dev_t device, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct stat st;

	if (!dir) {
		close(fd);
		return;
	}
	while ((de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		/* A file on which something is mounted cannot be deleted. */
		if (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN) {
			sys_unlink(dirfd(dir), de->d_name, 0);
			continue;
		}
		if (fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != device)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(dir), de->d_name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (sub >= 0)
				empty(sub, device, depth + 1);
			sys_unlink(dirfd(dir), de->d_name, AT_REMOVEDIR);
		} else {
			sys_unlink(dirfd(dir), de->d_name, 0);
		}
	}
	closedir(dir);
}

void empty_folder(int fd, dev_t device)
{
	empty(fd, device, 0);
}
