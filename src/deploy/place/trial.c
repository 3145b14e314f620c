/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/place/folder.h"
#include "deploy/place/rotate.h"
#include "deploy/place/exchange.h"
#include "host/boot/images.h"
#include "image/identity.h"

/* Is the file NAME the image with identity ID? */
static bool has_id(int dir, const char *name, const char *id)
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char found[MANIFEST_ID + 1];

	return fd >= 0 && image_identity(fd, name, found, NULL) > 0 && strcmp(found, id) == 0;
}

static int commit_trial(int dir, const char *name, const char *trial, unsigned keep,
			struct err *err)
{
	struct atomic file = {.fd = -1, .dir = dir};
	struct rotation k;
	int e;

	snprintf(file.name, sizeof(file.name), "%s", name);
	snprintf(file.temp, sizeof(file.temp), "%s", trial);
	e = rotate_commit(&file, keep, true, &k, err);
	if (e < 0)
		return e;
	rotate_finish(&k);
	return k.has_spared;
}

/* An earlier run was interrupted while it moved the trial from a previous generation to the name in
 * use. */
static int resume(int dir, const char *path, const char *id, struct arena *arena, struct err *err)
{
	const char *name = base_name(path);

	for (unsigned g = 1; g <= GENERATION_LAST; g++)
		if (has_id(dir, base_name(boot_image_previous(path, g, arena)), id))
			return rotate_lower(dir, name, g, err);
	return err_set(err, -ENOENT, "neither %s nor its trial is the image that has booted", path);
}

int trial_keep(const struct root *r, const char *path, const char *id, unsigned keep,
	       struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *name = base_name(path), *trial = base_name(boot_image_trial(path, &arena));
	_cleanup_fd_ int dir = folder_of(r, path, err);
	int e = 0;

	if (dir < 0)
		return dir;
	e = exchange_recover(r, path, err);
	if (e < 0)
		return e;
	if (has_id(dir, trial, id))
		return commit_trial(dir, name, trial, keep, err);
	if (!has_id(dir, name, id))
		e = resume(dir, path, id, &arena, err);
	/* The trial's name may now be that of the oldest image, which has to go. */
	return e == 0 ? trial_drop(r, path, err) : e;
}

int trial_drop(const struct root *r, const char *path, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *trial = boot_image_trial(path, &arena);
	_cleanup_fd_ int dir = folder_of(r, path, err);
	int e;

	if (dir < 0)
		return dir;
	if (unlinkat(dir, base_name(trial), 0) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "removing %s/%s", root_prefix(r), trial);
	e = folder_sync(dir, -1);
	return e < 0 ? err_sys(err, e, "writing the folder of %s/%s to the disk", root_prefix(r),
			       trial)
		     : 0;
}
