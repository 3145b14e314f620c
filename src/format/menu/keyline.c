/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/menu/keyline.h"

#include <string.h>

bool keyline_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool keyline_next(const char **cursor, const char *end, struct keyline *out)
{
	while (*cursor < end) {
		const char *p = *cursor, *stop = memchr(p, '\n', (size_t)(end - p));
		struct keyline line = {.begin = p};

		if (!stop)
			stop = end;
		*cursor = line.end = stop < end ? stop + 1 : end;
		while (p < stop && keyline_is_blank(*p))
			p++;
		while (stop > p && keyline_is_blank(stop[-1]))
			stop--;
		if (p == stop || *p == '#')
			continue;
		line.key = p;
		while (p < stop && !keyline_is_blank(*p))
			p++;
		line.key_len = (size_t)(p - line.key);
		while (p < stop && keyline_is_blank(*p))
			p++;
		line.value = p;
		line.value_len = (size_t)(stop - p);
		*out = line;
		return true;
	}
	return false;
}
