/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/config/settings_file.h"

#include <errno.h>

#include "format/machine/conf.h"

static const char *kind_of(const struct root *root, const char *path)
{
	struct stat st;

	if (root_stat(root, path, &st) < 0)
		return "no file";
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

int settings_file_read(const struct root *root, const char *path, const char *shown, struct buf *out,
		       struct err *err)
{
	int r = root_read(root, path, CONF_SIZE_MAX, out);

	if (r == -E2BIG) {
		err_set(err, r, "%s is larger than %d bytes, so it is hardly a file of settings", shown,
			CONF_SIZE_MAX);
		return err_hint(err, "move it to another folder, or make it shorter");
	}
	if (r == -EISDIR || r == -EINVAL) {
		err_set(err, r, "%s is %s: settings are read from files alone", shown,
			kind_of(root, path));
		return err_hint(err, "remove it, or move it to another folder");
	}
	return r < 0 && r != -ENOENT && r != -ENOTDIR ? err_sys(err, r, "%s", shown) : r;
}
