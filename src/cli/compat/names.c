/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/names.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Only what such an image really does: scripts that look for a module want to know. */
static const struct {
	const char *module;
	const char *line; /* of boot.conf; NULL */
	const char *path; /* of a file, as a pattern; NULL. Neither of the two: always */
} rows[] = {
	{"base", NULL, NULL},
	{"btrfs", NULL, "*/btrfs.ko*"},
	{"fs-lib", NULL, "usr/*bin/fsck.*"},
	{"kernel-modules", NULL, "usr/lib/modules/*.ko*"},
	{"overlayfs", "feature=overlay", "*/overlay.ko*"},
	{"resume", "feature=resume", NULL},
	{"rootfs-block", NULL, NULL},
	{"shell-interpreter", NULL, "usr/bin/sh"},
	{"usrmount", NULL, NULL},
};

static bool has_line(const struct listing *l, const char *line)
{
	const char *p = (const char *)l->boot_conf.data, *end = p + l->boot_conf.len;
	size_t len = strlen(line);

	while (p && p < end) {
		const char *next = memchr(p, '\n', (size_t)(end - p));
		const char *stop = next ? next : end;

		if ((size_t)(stop - p) == len && memcmp(p, line, len) == 0)
			return true;
		p = stop + 1;
	}
	return false;
}

static bool has_path(const struct listing *l, const char *pattern)
{
	for (size_t i = 0; i < l->n; i++)
		if (text_matches(pattern, l->list[i].path))
			return true;
	return false;
}

void names_of_modules(const struct listing *l, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((!rows[i].line || has_line(l, rows[i].line)) &&
		    (!rows[i].path || has_path(l, rows[i].path)))
			buf_printf(out, "%s\n", rows[i].module);
}
