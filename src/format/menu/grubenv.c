/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/menu/grubenv.h"

#include <errno.h>
#include <string.h>

static const char head[] = "# GRUB Environment Block\n";

/* The end of the line that begins at P: a newline with no backslash before it. */
static const char *line_end(const char *p, const char *end)
{
	for (; p < end && *p != '\n'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p;
}

static int take_value(const char *from, const char *end, char *out, size_t size)
{
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		for (const char *p = from; p < end; p++) {
			if (*p == '\\' && p + 1 < end)
				p++;
			if (pass)
				out[n] = *p;
			n++;
		}
		if (n >= size)
			return -E2BIG;
	}
	out[n] = '\0';
	return 1;
}

int grubenv_get(const char *text, size_t len, const char *name, char *out, size_t size)
{
	const char *p = text + sizeof(head) - 1, *end = text + len;
	size_t name_len = strlen(name);

	if (len > GRUBENV_SIZE_MAX)
		return -E2BIG;
	if (len < sizeof(head) - 1 || memcmp(text, head, sizeof(head) - 1) != 0 ||
	    memchr(text, '\0', len))
		return -EBADMSG;
	while (p < end) {
		const char *to = line_end(p, end);

		if (*p != '#' && (size_t)(to - p) > name_len && memcmp(p, name, name_len) == 0 &&
		    p[name_len] == '=')
			return take_value(p + name_len + 1, to, out, size);
		p = to < end ? to + 1 : end;
	}
	return 0;
}
