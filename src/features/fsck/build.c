/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "features/fsck/checkers.h"
#include "features/items.h"
#include "format/machine/fstab.h"

enum { FSTAB_SIZE_MAX = 1024 * 1024 };

/*
 * Checkers, which PID 1 runs before it mounts a filesystem: those for the filesystems that are
 * mounted early, or all that are installed. A strict image has none, and leaves the check to the
 * root's own init.
 */

#define TYPE(type, preen, yes, no, force, progress) type,
static const char *const types[] = {FSCK_CHECKERS(TYPE)};

static bool has_checker(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* 1: added, 0: not installed, -errno. */
static int add(struct build *b, const char *type, const char *reason, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *path, *conf;
	int r = items_find(b, arena_printf(a, "fsck.%s", type), &path, err);

	if (r <= 0)
		return r;
	r = items_add(b, path, reason, err);
	if (r < 0 || !str_starts(type, "ext"))
		return r < 0 ? r : 1;
	r = items_find(b, "/etc/e2fsck.conf", &conf, err);
	if (r > 0)
		r = items_add(b, conf, reason, err);
	return r < 0 ? r : 1;
}

/* 1: added, 0: not needed, or not installed, -errno. */
static int add_of_mount(struct build *b, const struct hw_mount *m, struct err *err)
{
	struct arena *a = &b->plan.arena;
	int r;

	if (!m || !has_checker(m->fstype))
		return 0;
	r = add(b, m->fstype,
		arena_printf(a, "checks the %s of %s before it is mounted", m->fstype, m->target), err);
	if (r == 0)
		plan_warn(&b->plan,
			  "fsck.%s is not installed: %s is not checked before it is mounted",
			  m->fstype, m->target);
	return r;
}

/* PID 1 cannot read the root's fstab before the mount, so boot.conf says if that skips the
 * check. */
static int add_wish(struct build *b, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = root_read(b->root, "etc/fstab", FSTAB_SIZE_MAX, &text);
	struct fstab f = {0};
	struct fstab_entry e;

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(err, r, "%s/etc/fstab", root_prefix(b->root));
	f.cursor = (char *)buf_cstr(&text);
	while (fstab_next(&f, &e))
		if (fstab_is_at(&e, "/") && !e.pass)
			buf_printf(&b->boot_conf, "fsck.root=no\n");
	return 0;
}

int fsck_build(struct build *b, struct err *err)
{
	struct arena *a = &b->plan.arena;
	int r = 0, added = 0;

	if (b->request->mode == MODE_STRICT)
		return 0;
	for (size_t i = 0; i < b->hardware.n_mounts && r >= 0; i++, added += r > 0)
		r = b->hardware.mounts[i].is_early
			    ? add_of_mount(b, &b->hardware.mounts[i], err)
			    : 0;
	for (size_t i = 0; i < ARRAY_SIZE(types) && r >= 0 && !build_is_hostonly(b);
	     i++, added += r > 0)
		r = add(b, types[i],
			arena_printf(a, "checks a root filesystem of type %s before it is mounted",
				     types[i]),
			err);
	if (r < 0 || !added)
		return r < 0 ? r : 0;
	buf_printf(&b->boot_conf, "feature=fsck\n");
	return build_is_hostonly(b) ? add_wish(b, err) : 0;
}
