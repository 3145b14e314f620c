/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* Drivers of the filesystems: that of the root, or all that live on a local disk. */

static const struct modules_rule rules[] = {
	/* Over a network, or for a cluster: to come with a feature that brings the network up. */
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

int filesystem_build(struct build *b, struct err *err)
{
	int r = 0;

	if (build_is_hostonly(b)) /* storage made sure that there is a root */
		r = add_type(b, hardware_mount(&b->hardware, "/"), err);
	return r < 0 ? r : modules_add_rules(b->modules, rules, build_reach(b), err);
}
