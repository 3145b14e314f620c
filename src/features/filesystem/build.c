/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* Drivers of filesystems: the root's, or all for local disks. */

static const struct modules_rule rules[] = {
	/* Network and cluster filesystems: for a feature that brings the network up. */
	{"kernel/fs/9p/", NULL, 0, 0},
	{"kernel/fs/afs/", NULL, 0, 0},
	{"kernel/fs/cachefiles/", NULL, 0, 0},
	{"kernel/fs/ceph/", NULL, 0, 0},
	{"kernel/fs/cifs/", NULL, 0, 0},
	{"kernel/fs/coda/", NULL, 0, 0},
	{"kernel/fs/dlm/", NULL, 0, 0},
	{"kernel/fs/fscache/", NULL, 0, 0},
	{"kernel/fs/gfs2/", NULL, 0, 0},
	{"kernel/fs/lockd/", NULL, 0, 0},
	{"kernel/fs/netfs/", NULL, 0, 0},
	{"kernel/fs/nfs", NULL, 0, 0}, /* nfs, nfs_common, nfsd */
	{"kernel/fs/ocfs2/", NULL, 0, 0},
	{"kernel/fs/orangefs/", NULL, 0, 0},
	{"kernel/fs/smb/", NULL, 0, 0},
	{"kernel/fs/vboxsf/", NULL, 0, 0},
	{"kernel/fs/", "filesystems on local disks", REACH_GENERIC, 0},
	{"kernel/", NULL, 0, 0},
	{"", "filesystems from outside the kernel", REACH_GENERIC, FACTS_FILESYSTEM},
	{0},
};

static int add_type(struct build *b, const struct hw_mount *m, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *reason = arena_printf(a, "filesystem of %s", m->target);
	unsigned flags = MODULES_LOAD | MODULES_REQUIRED;
	int r = modules_add_alias(b->modules, arena_printf(a, "fs-%s", m->fstype), NULL, flags,
				  reason, err);

	if (r == MODULES_ABSENT)
		r = modules_add_name(b->modules, m->fstype, flags, reason, err);
	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	err_set(err, -ENOENT, "kernel %s cannot mount %s: it has no driver for filesystem %s",
		b->kernel.version, m->target, m->fstype);
	return err_hint(err, "install that driver for kernel %s, or build for another kernel",
			b->kernel.version);
}

static int add_charset(struct build *b, const struct hw_mount *m, const char *option,
		       const char *module, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *reason = arena_printf(a, "filesystem of %s (%s)", m->target, option);
	unsigned flags = MODULES_LOAD | MODULES_REQUIRED;
	int r = modules_add_alias(b->modules, module, NULL, flags, reason, err);

	if (r == MODULES_ABSENT)
		r = modules_add_name(b->modules, module, flags, reason, err);
	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	err_set(err, -ENOENT, "kernel %s cannot mount %s as it is mounted now: it has no %s (%s)",
		b->kernel.version, m->target, module, option);
	return err_hint(err, "install that module for kernel %s, or build for another kernel",
			b->kernel.version);
}

/*
 * Filesystems with a character set for file names (FAT, NTFS, HFS, JFS, ISO 9660) request its table
 * (nls_*) by name during the mount. The mount options show which one, even if it is the kernel's
 * default.
 */
static int add_charsets(struct build *b, const struct hw_mount *m, struct err *err)
{
	static const char *const keys[] = {"codepage=", "iocharset=", "nls="};
	struct arena *a = &b->plan.arena;
	char *cursor = arena_strdup(a, m->options ? m->options : ""), *option;
	int r = 0;

	while (r == 0 && (option = strsep(&cursor, ",")))
		for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++) {
			const char *value = option + strlen(keys[i]), *prefix = "nls_";

			if (!str_starts(option, keys[i]) || !*value)
				continue;
			/* FAT shows a bare number: codepage=437 */
			if (*value >= '0' && *value <= '9')
				prefix = "nls_cp";
			r = add_charset(b, m, option, arena_printf(a, "%s%s", prefix, value), err);
		}
	return r;
}

/* "filesystems=" names drivers; the file may be for kernels that lack some of them. */
static int add_named(struct build *b, const struct request_wish *w, struct err *err)
{
	int r = modules_add_alias(b->modules, arena_printf(&b->plan.arena, "fs-%s", w->word), NULL,
				  MODULES_NAMED, w->from, err);

	if (r == MODULES_ABSENT)
		r = modules_add_name(b->modules, w->word, MODULES_NAMED, w->from, err);
	if (r == MODULES_ABSENT)
		plan_warn(&b->plan, "%s: kernel %s has no filesystem \"%s\"", w->from,
			  b->kernel.version, w->word);
	return r < 0 ? r : 0;
}

/* Those that were named, and in an image for any machine without these all. */
static int add_all(struct build *b, struct err *err)
{
	const struct request *q = b->request;
	bool is_named = false;
	int r = 0;

	for (size_t i = 0; i < q->n_wishes && r == 0; i++)
		if (q->wishes[i].kind == WISH_FILESYSTEM) {
			is_named = true;
			r = add_named(b, &q->wishes[i], err);
		}
	return r < 0 || is_named ? r : modules_add_rules(b->modules, rules, build_reach(b), err);
}

int filesystem_build(struct build *b, struct err *err)
{
	int r = 0;

	/* A generic image has no mounts. */
	for (size_t i = 0; i < b->hardware.n_mounts && r == 0; i++) {
		const struct hw_mount *m = &b->hardware.mounts[i];

		if (m->is_early)
			r = add_type(b, m, err);
		if (m->is_early && r == 0)
			r = add_charsets(b, m, err);
	}
	return r < 0 ? r : add_all(b, err);
}
