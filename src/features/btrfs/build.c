/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "features/features.h"

/*
 * PID 1 brings a btrfs on several devices together by itself: the image says that it is to look for them.
 * A btrfs may get a second device at any time, without a new image: the line is there for one device, too.
 */

static const char name[] = "btrfs";

bool btrfs_joins(const struct hw_mount *m)
{
	return strcmp(m->fstype, name) == 0;
}

int btrfs_build(struct build *b, struct err *err)
{
	bool is_needed = !build_is_hostonly(b);
	int r = 0;

	/* By the name of dracut's module, which has the driver. */
	if (features_wants_name(b->request, name, false)) {
		is_needed = true;
		r = modules_add_name(b->modules, name, 0, "the filesystem was asked for by its name", err);
	}
	for (size_t i = 0; i < b->hardware.n_mounts; i++)
		is_needed = is_needed || (b->hardware.mounts[i].is_early &&
					  btrfs_joins(&b->hardware.mounts[i]));
	if (is_needed)
		buf_printf(&b->boot_conf, "feature=%s\n", name);
	return r < 0 ? r : 0;
}
