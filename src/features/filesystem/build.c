/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* Drivers of the filesystems: that of the root, or all that live on a local disk. */

static const char *wants(const char *path)
{
	static const char *const remote[] = {
		"9p/",   "afs/",  "ceph/", "cifs/", "coda/",      "dlm/",      "fscache/",
		"gfs2/", "lockd/", "netfs/", "nfs/", "nfs_common/", "nfsd/",     "ocfs2/",
		"orangefs/", "smb/", "vboxsf/", "cachefiles/",
	};

	if (!str_starts(path, "kernel/fs/"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		if (str_starts(path + strlen("kernel/fs/"), remote[i]))
			return NULL;
	return "filesystems on local disks";
}

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

int filesystem_build(struct build *b, struct err *err)
{
	if (b->request->mode == MODE_GENERIC) {
		int r = modules_add_tree(b->modules, wants, err);
		return r < 0 ? r : 0;
	}
	return add_type(b, hardware_mount(&b->hardware, "/"), err); /* storage made sure of it */
}
