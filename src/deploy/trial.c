/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/identity.h"

struct names {
	int dir;
	const char *current, *trial, *previous;
};

static void names_clear(struct names *n)
{
	n->dir = close_fd(n->dir);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int open_names(const struct root *r, const char *path, struct arena *arena,
		      struct names *out, struct err *err)
{
	const char *name = last_part(path);
	const char *folder = name > path ? arena_strndup(arena, path, (size_t)(name - path) - 1) : ".";

	out->dir = root_openat(r, folder, O_RDONLY | O_DIRECTORY);
	if (out->dir < 0)
		return err_sys(err, out->dir, "%s/%s", root_prefix(r), folder);
	out->current = name;
	out->trial = last_part(boot_image_trial(path, arena));
	out->previous = last_part(boot_image_previous(path, 1, arena));
	return 0;
}

static int sync_folder(const struct names *n)
{
	return fsync(n->dir) < 0 ? -errno : 0;
}

static int rename_to(const struct names *n, const char *from, const char *to, unsigned flags)
{
	return renameat2(n->dir, from, n->dir, to, flags) < 0 ? -errno : 0;
}

/* A second name for the image in use, in place of the previous one. */
static int link_previous(const struct names *n)
{
	char temp[NAME_MAX + 1];
	int r;

	if (snprintf(temp, sizeof(temp), "%s.preroot-00000000", n->previous) > NAME_MAX)
		return -ENAMETOOLONG;
	unlinkat(n->dir, temp, 0);
	if (linkat(n->dir, n->current, n->dir, temp, 0) < 0)
		return -errno;
	r = rename_to(n, temp, n->previous, 0);
	unlinkat(n->dir, temp, 0); /* two names of one file stay both */
	return r;
}

/* Where names cannot be exchanged. With hard links the name in use is there at every moment; on FAT
 * it is not for one, while the names of the trial and of the previous image are in the menu. */
static int keep_by_steps(const struct names *n, bool has_links)
{
	int r = has_links ? link_previous(n) : rename_to(n, n->current, n->previous, 0);

	if (r == 0 || r == -ENOENT)
		r = sync_folder(n);
	return r == 0 ? rename_to(n, n->trial, n->current, 0) : r;
}

static int keep(const struct names *n, bool has_links)
{
	int r = rename_to(n, n->trial, n->current, RENAME_EXCHANGE);

	if (r == 0)
		r = sync_folder(n);
	else if (r == -EINVAL || r == -ENOSYS || r == -ENOENT)
		return keep_by_steps(n, has_links);
	return r == 0 ? rename_to(n, n->trial, n->previous, 0) : r;
}

/* Whether the file NAME is the image ID. */
static bool has_id(const struct names *n, const char *name, const char *id)
{
	_cleanup_fd_ int fd = openat(n->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char found[MANIFEST_ID + 1];

	return fd >= 0 && image_identity(fd, name, found, NULL) > 0 && strcmp(found, id) == 0;
}

int trial_keep(const struct root *r, const struct bootdir *b, const char *path, const char *id,
	       struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_(names_clear) struct names n = {.dir = -1};
	int e = open_names(r, path, &arena, &n, err);

	if (e < 0)
		return e;
	if (has_id(&n, n.trial, id))
		e = keep(&n, b->has_links);
	else if (!has_id(&n, n.current, id))
		return err_set(err, -ENOENT, "%s/%s is not the image that has booted",
			       root_prefix(r), boot_image_trial(path, &arena));
	else /* it was interrupted: the trial's name is that of the image before */
		e = rename_to(&n, n.trial, n.previous, 0);
	if (e == 0 || e == -ENOENT)
		e = sync_folder(&n);
	if (e < 0)
		return err_sys(err, e, "making %s/%s of %s", root_prefix(r), path, n.trial);
	return 0;
}

int trial_drop(const struct root *r, const char *path, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_(names_clear) struct names n = {.dir = -1};
	int e = open_names(r, path, &arena, &n, err);

	if (e < 0)
		return e;
	if (unlinkat(n.dir, n.trial, 0) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "removing %s/%s", root_prefix(r),
			       boot_image_trial(path, &arena));
	e = sync_folder(&n);
	return e < 0 ? err_sys(err, e, "%s/%s", root_prefix(r), path) : 0;
}
