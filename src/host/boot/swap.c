/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/swap.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/fstab.h"

enum { FSTAB_MAX = 1024 * 1024 };

static bool may_hibernate(const struct fstab_entry *e)
{
	if (strcmp(e->fstype, "swap") != 0)
		return false;
	return strchr(e->source, '=') ||
	       (str_starts(e->source, "/dev/") && !str_starts(e->source, "/dev/mapper/") &&
		!str_starts(e->source, "/dev/zram"));
}

int swap_in_fstab(const struct root *root, struct arena *arena, const char **out, unsigned *line,
		  struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct fstab f = {0};
	struct fstab_entry e;
	int r = root_read(root, "etc/fstab", FSTAB_MAX, &text);

	*out = NULL;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(err, r, "%s/etc/fstab", root_prefix(root));
	if (!buf_cstr(&text))
		return err_set(err, -ENOMEM, "no memory left");
	f.cursor = (char *)text.data;
	while (!*out && fstab_next(&f, &e))
		if (may_hibernate(&e)) {
			*out = arena_strdup(arena, e.source);
			*line = e.line;
		}
	return 0;
}
