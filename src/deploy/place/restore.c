/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deploy/place/exchange.h"
#include "deploy/place/folder.h"
#include "host/boot/images.h"
#include "image/verify.h"

static int check_previous(const struct root *root, const char *path, struct arena *arena,
			  struct err *err)
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
		err_prefix(err, "the previous image is not usable, and nothing was changed");
		return err_hint(err, "preroot verify %s shows all that is wrong with it",
				root_quoted(root, path, arena));
	}
	return 0;
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int restore_image(const struct root *root, const char *path, struct arena *arena, struct err *err)
{
	const char *previous = boot_image_previous(path, 1, arena), *name = strrchr(path, '/') + 1;
	_cleanup_fd_ int dir = -1;
	int r = exchange_recover(root, path, err);

	if (r == 0)
		r = check_previous(root, previous, arena, err);
	if (r < 0)
		return r;
	dir = folder_of(root, path, err);
	if (dir < 0)
		return dir;
	previous += name - path;
	r = is_there(dir, name) ? exchange_names(dir, name, name, previous, err)
				: exchange_move(dir, previous, name, err);
	return r < 0 ? err_prefix(err, "%s/%s was not put in place, and nothing was changed",
				  root_prefix(root), boot_image_previous(path, 1, arena))
		     : 0;
}

int restore_undo(const struct root *root, const char *path, struct arena *arena, struct err *err)
{
	const char *previous = boot_image_previous(path, 1, arena), *name = strrchr(path, '/') + 1;
	_cleanup_fd_ int dir = folder_of(root, path, err);
	int r;

	if (dir < 0)
		return dir;
	previous += name - path;
	r = is_there(dir, previous) ? exchange_names(dir, name, name, previous, err)
				    : exchange_move(dir, name, previous, err);
	return r < 0 ? err_prefix(err, "%s/%s is not what it was", root_prefix(root), path) : 0;
}
