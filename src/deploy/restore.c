/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/verify.h"

static int judge(const struct root *root, const char *path, struct arena *arena, struct err *err)
{
	_cleanup_fd_ int fd = root_openat(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_image_ struct image *image = NULL;
	struct verdict verdict;
	int r;

	if (fd == -ENOENT) {
		err_set(err, -ENOENT, "there is no previous image: %s/%s", root_prefix(root), path);
		return err_hint(err, "preroot status shows what there is; preroot rebuild makes a "
				     "new image");
	}
	if (fd < 0)
		return err_sys(err, fd, "%s/%s", root_prefix(root), path);
	r = image_open_fd(fd, path, &image, err);
	if (r == 0)
		r = image_verify(image, NULL, arena, &verdict, err);
	if (r == 0 && verdict.n_problems)
		r = err_set(err, -EBADMSG, "%s: %s", path, verdict.problems->text);
	if (r < 0) {
		err_prefix(err, "the previous image is no good, and nothing was changed");
		return err_hint(err, "preroot verify /%s tells all that is wrong with it", path);
	}
	return 0;
}

/* NAME under the further name TO, which a killed run may have left. */
static int link_again(int dir, const char *name, const char *to)
{
	unlinkat(dir, to, 0);
	return linkat(dir, name, dir, to, 0) < 0 ? -errno : 0;
}

/* Where names cannot be exchanged: by a further link to each, so that neither name is ever without
 * an image. After a failure both are as before. */
static int exchange_slowly(int dir, const char *name, const char *previous)
{
	char old[NAME_MAX + 1], new[NAME_MAX + 1];
	int r;

	snprintf(old, sizeof(old), "%.*s.preroot-00000000", NAME_MAX - 24, name);
	snprintf(new, sizeof(new), "%.*s.preroot-00000001", NAME_MAX - 24, name);
	r = link_again(dir, name, old);
	if (r == 0)
		r = link_again(dir, previous, new);
	if (r == 0 && renameat(dir, new, dir, name) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, old, dir, previous) < 0) {
		r = -errno;
		renameat(dir, old, dir, name);
	}
	if (r < 0) {
		unlinkat(dir, new, 0);
		unlinkat(dir, old, 0);
	}
	return r;
}

static int exchange(int dir, const char *name, const char *previous)
{
	int r;

	if (renameat2(dir, name, dir, previous, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == ENOENT)
		return renameat(dir, previous, dir, name) < 0 ? -errno : 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	r = exchange_slowly(dir, name, previous);
	/* Neither: then the one that is there goes, rather than that no image has the name. */
	if (r == -EPERM || r == -EOPNOTSUPP)
		r = renameat(dir, previous, dir, name) < 0 ? -errno : 0;
	return r;
}

int restore_image(const struct root *root, const char *path, struct arena *arena, struct err *err)
{
	const char *previous = boot_image_previous(path, 1, arena);
	const char *slash = strrchr(path, '/');
	_cleanup_fd_ int dir = -1;
	int r = judge(root, previous, arena, err);

	if (r < 0)
		return r;
	dir = root_openat(root, arena_strndup(arena, path, (size_t)(slash - path)),
			  O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_sys(err, dir, "the folder of %s/%s", root_prefix(root), path);
	r = exchange(dir, slash + 1, previous + (slash + 1 - path));
	if (r < 0)
		return err_sys(err, r, "%s/%s was not put in place, and nothing was changed",
			       root_prefix(root), previous);
	return fsync(dir) < 0 ? err_sys(err, -errno, "%s/%s is in place, but writing its folder to "
						     "the disk failed",
					root_prefix(root), path)
			      : 0;
}
