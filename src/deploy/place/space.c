/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/space.h"

#include <errno.h>

#include "base/cleanup.h"

int space_check(const struct root *root, const struct bootdir *b, uint64_t bytes, uint64_t extra,
		struct err *err)
{
	uint64_t needed = bootdir_takes(b, bytes) + extra + SPACE_RESERVE;

	if (b->is_read_only) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;

		err_set(err, -EROFS, "%s/%s is mounted read-only", root_prefix(root), b->path);
		return err_hint(err, "mount -o remount,rw %s", root_quoted(root, b->path, &arena));
	}
	if (needed <= b->free)
		return 0;
	err_set(err, -ENOSPC,
		"%s/%s has %.1f MB free, %.1f MB are needed for an image of %.1f MB: %.1f MB are "
		"missing; nothing was changed",
		root_prefix(root), b->path, (double)b->free / 1e6, (double)needed / 1e6,
		(double)bytes / 1e6, (double)(needed - b->free) / 1e6);
	return err_hint(err, "remove kernels that are not needed with the package manager");
}
