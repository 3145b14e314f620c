/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/names.h"

#include <string.h>

#include "base/text.h"
#include "format/kernel/cpio.h"
#include "host/config/dracut_modules.h"

enum { LINE_MAX_SIZE = 256 };

/* Is there a line of boot.conf that matches PATTERN? */
static bool has_line(const struct listing *l, const char *pattern)
{
	const char *p = (const char *)l->boot_conf.data, *end = p + l->boot_conf.len;
	char line[LINE_MAX_SIZE];

	while (p && p < end) {
		const char *next = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((next ? next : end) - p);

		if (len < sizeof(line)) {
			memcpy(line, p, len);
			line[len] = '\0';
			if (text_matches(pattern, line))
				return true;
		}
		p += len + 1;
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

/* Only what the image really does: scripts that look for a module want to know. */
static bool does(const struct listing *l, const struct dracut_module *m)
{
	if (!m->sign)
		return m->effect == DRACUT_ESSENTIAL || m->effect == DRACUT_DONE;
	return has_path(l, m->sign) || has_line(l, m->sign);
}

void names_of_modules(const struct listing *l, struct buf *out)
{
	for (const struct dracut_module *m = dracut_modules; m->name; m++)
		if (does(l, m))
			buf_printf(out, "%s\n", m->name);
}

/* The module that brought a file: the first whose sign it is, or the one for all of its kind. */
static const char *owner(const char *path)
{
	for (const struct dracut_module *m = dracut_modules; m->name; m++)
		if (m->sign && text_matches(m->sign, path))
			return m->name;
	return str_starts(path, "usr/lib/modules/") || str_starts(path, "usr/lib/firmware/")
		       ? "kernel-modules"
		       : "base";
}

void names_with_sizes(const struct listing *l, struct buf *out)
{
	for (const struct dracut_module *m = dracut_modules; m->name; m++) {
		uint64_t bytes = 0;

		if (!does(l, m))
			continue;
		for (size_t i = 0; i < l->n; i++)
			if (strcmp(owner(l->list[i].path), m->name) == 0)
				bytes += l->list[i].size;
		buf_printf(out, "%s install size: %lluk\n", m->name,
			   (unsigned long long)((bytes + 1023) / 1024));
	}
}
