/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Translates a path in a menu into a path on this machine, and back.
 */

#include <string.h>

#include "base/text.h"
#include "host/boot/bootmenu.h"

enum { CANDIDATES = 8 };

/* Strips GRUB's leading "(hd0,gpt2)" and redundant slashes. */
static char *tidy(const char *written, struct arena *arena)
{
	const char *close = *written == '(' ? strchr(written, ')') : NULL;
	char *out, *p;

	if (close)
		written = close + 1;
	p = out = arena_alloc(arena, strlen(written) + 1);
	for (; *written; written++)
		if (*written != '/' || (p > out && p[-1] != '/'))
			*p++ = *written;
	while (p > out && p[-1] == '/')
		*--p = '\0';
	return out;
}

static char *below(const char *folder, const char *path, struct arena *arena)
{
	return *folder ? arena_printf(arena, "%s/%s", folder, path) : arena_strdup(arena, path);
}

/* PATH relative to TOP, which has a leading slash. NULL if it is not below TOP. */
static const char *without(const char *path, const char *top)
{
	size_t len = strlen(top + 1);

	return len && strncmp(path, top + 1, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* Every place that PATH may stand for, the likeliest first. */
static size_t candidates(const struct bootmenu_top *top, const char *path, struct arena *arena,
			 char *out[CANDIDATES])
{
	const char *inner = top->target ? without(path, top->inside) : NULL, *p;
	const char *base = arena_printf(arena, "/%s/", top->base);
	size_t n = 0;

	if (inner)
		out[n++] = below(top->target, inner, arena);
	if (top->target)
		out[n++] = below(top->target, path, arena);
	out[n++] = below(top->base, path, arena);
	out[n++] = arena_strdup(arena, path);
	/* The mounts may not be known: try a btrfs subvolume (/@/boot/vmlinuz) and a ZFS data set
	 * (/BOOT/x@/vmlinuz). */
	p = strstr(path, base);
	if (p)
		out[n++] = arena_strdup(arena, p + 1);
	p = strstr(path, "@/");
	if (p)
		out[n++] = below(top->base, p + 2, arena);
	return n;
}

char *bootmenu_place(const struct bootmenu_top *top, const char *written, struct arena *arena)
{
	const char *path = tidy(written, arena);
	char *list[CANDIDATES];
	size_t n = 0;

	if (!*path)
		return arena_strdup(arena, "");
	if (*written != '/' && *written != '(')
		list[n++] = below(top->folder, path, arena);
	else
		n = candidates(top, path, arena, list);
	for (size_t i = 0; i < n; i++) {
		char *there = root_resolve(top->root, list[i], arena);

		if (there)
			return there;
	}
	return list[0];
}

static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

char *bootmenu_rename(const struct bootmenu_top *top, const char *written, const char *path,
		      const char *new, struct arena *arena)
{
	const char *name = written + folder_len(written), *rest = new;
	char *out;

	if (strcmp(name, path + folder_len(path)) == 0) {
		out = arena_printf(arena, "%.*s%s", (int)(name - written), written,
				   new + folder_len(new));
		if (strcmp(bootmenu_place(top, out, arena), new) == 0)
			return out;
	}
	/* WRITTEN named a link to PATH, so only the full name of NEW can be written. */
	for (int i = 0; rest && i < 2; i++) {
		out = arena_printf(arena, "/%s", rest);
		if (strcmp(bootmenu_place(top, out, arena), new) == 0)
			return out;
		rest = without(new, arena_printf(arena, "/%s", top->base));
	}
	return NULL;
}
