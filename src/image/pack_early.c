/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack_early.h"

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "format/kernel/cpio.h"
#include "format/machine/microcode.h"

static bool holds_early(const struct plan *plan, const char *dir)
{
	size_t len = strlen(dir);

	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->storage == PLAN_EARLY && str_starts(e->path, dir) && e->path[len] == '/')
			return true;
	}
	return false;
}

/* The kernel finds the files even without their folders, but it also unpacks them, like everything
 * else. */
static void add_entry(const struct plan_entry *e, uint32_t *ino, struct buf *out)
{
	bool is_dir = e->type == PLAN_DIR;
	struct cpio_header h = {
		.ino = ++*ino,
		.mode = (is_dir ? S_IFDIR : S_IFREG) | e->mode,
		.nlink = is_dir ? 2 : 1,
		.filesize = (uint32_t)e->len,
	};

	cpio_add_header_aligned(out, &h, e->path,
				str_starts(e->path, MICROCODE_DIR) ? MICROCODE_ALIGN : 4);
	buf_add(out, e->data, e->len);
	buf_add_zeros(out, cpio_pad(e->len));
}

void pack_early(const struct plan *plan, uint32_t *ino, struct buf *out)
{
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->storage == PLAN_EARLY || (e->type == PLAN_DIR && holds_early(plan, e->path)))
			add_entry(e, ino, out);
	}
	if (out->len) {
		cpio_add_trailer(out);
		buf_add_zeros(out, PACK_GAP);
	}
}
