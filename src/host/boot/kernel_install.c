/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/kernel_install.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/osrelease.h"

enum {
	NAMES_MAX = 4,
	TEXT_MAX = 1024 * 1024,
};

static const char *from_os_release(const struct root *r, const char *key, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char value[256] = "";

	if (root_read(r, "etc/os-release", TEXT_MAX, &text) < 0 &&
	    root_read(r, "usr/lib/os-release", TEXT_MAX, &text) < 0)
		return NULL;
	osrelease_get((const char *)text.data, text.len, key, value, sizeof(value));
	return *value ? arena_strdup(arena, value) : NULL;
}

/* The possible entry tokens, in kernel-install's order. */
static size_t tokens(const struct root *r, struct arena *arena, const char *out[NAMES_MAX])
{
	const char *all[] = {root_read_line(r, "etc/kernel/entry-token", arena),
			     root_read_line(r, "etc/machine-id", arena),
			     from_os_release(r, "IMAGE_ID", arena),
			     from_os_release(r, "ID", arena)};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] && *all[i] && path_is_clean(all[i]) && !strchr(all[i], '/'))
			out[n++] = all[i];
	return n;
}

static bool has_kernel(const struct root *r, const char *folder, struct arena *arena)
{
	char **versions;
	int n = root_listdir(r, folder, arena, &versions);

	for (int i = 0; i < n; i++)
		if (root_exists(r, arena_printf(arena, "%s/%s/linux", folder, versions[i])))
			return true;
	return false;
}

bool kernel_install_find(const struct root *r, struct arena *arena, struct kernel_install *out)
{
	static const char *const tops[] = {"efi", "boot", "boot/efi"};
	const char *names[NAMES_MAX];
	size_t n = tokens(r, arena, names);
	bool found = false;

	for (size_t i = 0; i < n * ARRAY_SIZE(tops); i++) {
		const char *top = root_resolve(r, tops[i % ARRAY_SIZE(tops)], arena);
		struct kernel_install k = {.top = top};

		if (top)
			k.folder = root_resolve(
				r, arena_printf(arena, "%s/%s", top, names[i / ARRAY_SIZE(tops)]),
				arena);
		k.has_kernel = k.folder && has_kernel(r, k.folder, arena);
		if (k.has_kernel || (k.folder && !found))
			*out = k;
		found |= k.folder != NULL;
		if (k.has_kernel)
			break;
	}
	return found;
}
