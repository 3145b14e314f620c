/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/space.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/boot/kernels.h"

enum { NAMES_SHOWN = 3 };

static bool has_kernel(const struct kernel *kernels, int n, const char *version)
{
	for (int i = 0; i < n; i++)
		if (strcmp(kernels[i].version, version) == 0)
			return true;
	return false;
}

/* Images of kernels that have no modules any more. */
static void name_orphans(const struct root *root, const struct bootdir *b, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct kernel *kernels;
	struct boot_image *images;
	int n_kernels = kernels_list(root, &arena, &kernels, NULL);
	int n = boot_images_list(root, b, &arena, &images, NULL), shown = 0;
	char names[ERR_HINT_MAX / 2] = "";
	uint64_t bytes = 0;

	for (int i = 0; i < n && n_kernels >= 0; i++) {
		size_t len = strlen(names);

		if (has_kernel(kernels, n_kernels, images[i].version))
			continue;
		bytes += bootdir_takes(b, images[i].size);
		if (shown++ < NAMES_SHOWN)
			snprintf(names + len, sizeof(names) - len, "%s/%s", len ? ", " : "",
				 images[i].path);
	}
	if (shown)
		err_hint(err, "%d image%s of kernels that are gone take%s %.1f MB (%s%s): preroot prune "
			      "removes them",
			 shown, shown == 1 ? "" : "s", shown == 1 ? "s" : "", (double)bytes / 1e6,
			 names, shown > NAMES_SHOWN ? ", ..." : "");
	else
		err_hint(err, "remove kernels that are not needed with the package manager, or keep "
			      "fewer previous images: preroot prune, --keep 0");
}

int space_check(const struct root *root, const struct bootdir *b, uint64_t bytes, uint64_t extra,
		struct err *err)
{
	uint64_t needed = bootdir_takes(b, bytes) + extra + SPACE_RESERVE;

	if (b->is_read_only) {
		err_set(err, -EROFS, "%s/%s is mounted read-only", root_prefix(root), b->path);
		return err_hint(err, "mount -o remount,rw /%s", b->path);
	}
	if (needed <= b->free)
		return 0;
	err_set(err, -ENOSPC,
		"%s/%s has %.1f MB free, %.1f MB are needed for an image of %.1f MB: %.1f MB are "
		"missing; nothing was changed",
		root_prefix(root), b->path, (double)b->free / 1e6, (double)needed / 1e6,
		(double)bytes / 1e6, (double)(needed - b->free) / 1e6);
	name_orphans(root, b, err);
	return err ? err->code : -ENOSPC;
}
