/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/kconfig.h"

#include <string.h>

enum kconfig_value kconfig_get(const char *text, size_t len, const char *name)
{
	enum kconfig_value found = KCONFIG_NO;
	const char *end = text + len, *p = text;
	size_t n = strlen(name);

	while (p < end && (p = memmem(p, (size_t)(end - p), name, n))) {
		const char *after = p + n;

		if ((p == text || p[-1] == '\n') && end - after >= 2 && *after == '=') {
			if (after[1] == 'm')
				found = KCONFIG_MODULE;
			else
				found = after[1] == 'n' ? KCONFIG_NO : KCONFIG_YES;
		}
		p = after;
	}
	return found;
}

const void *kconfig_find_embedded(const void *data, size_t len, size_t *gz_len)
{
	const char *p = data, *end = p + len;
	const char *ed;

	/* These words also occur in the code that looks for them: gzip's magic must follow. */
	while ((p = memmem(p, (size_t)(end - p), "IKCFG_ST", 8))) {
		p += 8;
		if (end - p < 2 || memcmp(p, "\x1f\x8b", 2) != 0)
			continue;
		ed = memmem(p, (size_t)(end - p), "IKCFG_ED", 8);
		if (!ed)
			return NULL;
		*gz_len = (size_t)(ed - p);
		return p;
	}
	return NULL;
}
