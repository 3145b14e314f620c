/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/mountpoint.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountinfo.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

/* Is PATH, without a leading slash, FOLDER or below it? "" is above everything. */
static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return !len || (strncmp(path, folder, len) == 0 && (!path[len] || path[len] == '/'));
}

/* If another root has a real /proc mounted, its targets are as this process sees them, so they
 * start with the root's own path (IS_OUTSIDE). */
static const char *target_below(const struct root *r, const char *target, bool is_outside)
{
	if (*target != '/')
		return NULL;
	if (!is_outside)
		return target + 1;
	if (!is_below(target, r->path))
		return NULL;
	target += strlen(r->path);
	return *target == '/' ? target + 1 : target;
}

static bool shows_outside(const struct root *r, const char *text)
{
	_cleanup_buf_ struct buf own = BUF_INIT;

	buf_printf(&own, " %s/proc ", r->path);
	return !r->is_host && strstr(text, buf_cstr(&own));
}

int mountpoint_of(const struct root *r, const char *path, struct arena *arena,
		  struct mountpoint *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct mountpoint best = {0};
	bool is_outside;
	char *cursor, *line;

	if (root_read(r, "proc/self/mountinfo", TEXT_MAX, &text) < 0 &&
	    root_read(r, "proc/mountinfo", TEXT_MAX, &text) < 0)
		return -ENOENT;
	cursor = arena_strndup(arena, buf_cstr(&text), text.len);
	is_outside = shows_outside(r, cursor);
	while ((line = strsep(&cursor, "\n"))) {
		const char *target;
		struct mountinfo mi;

		if (!*line || mountinfo_decode(line, &mi, NULL) < 0)
			continue;
		target = target_below(r, mi.target, is_outside);
		if (!target || !is_below(path, target) ||
		    (best.target && strlen(target) < strlen(best.target)))
			continue;
		best = (struct mountpoint){target, mi.root, mi.fstype, mi.major, mi.minor};
	}
	if (!best.target)
		return -ENOENT;
	*out = best;
	return 0;
}
