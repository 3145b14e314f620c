/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/osrelease.h"

#include <stdint.h>
#include <string.h>

/* Decodes the value. Returns its length; SIZE_MAX when it is malformed or too long. */
static size_t unquote(const char *s, const char *end, char *out, size_t size)
{
	char quote = '\0';
	size_t n = 0;

	for (; s < end; s++) {
		char c = *s;

		if ((c == '"' || c == '\'') && (!quote || quote == c)) {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && quote != '\'' && ++s < end)
			c = *s;
		if (s == end || !c || n + 1 >= size)
			return SIZE_MAX;
		out[n++] = c;
	}
	return quote ? SIZE_MAX : n;
}

bool osrelease_get(const char *text, size_t len, const char *key, char *out, size_t size)
{
	const char *end = text + len, *line = text, *next;
	size_t key_len = strlen(key);
	char value[1024];
	bool found = false;

	if (size > sizeof(value))
		size = sizeof(value);
	for (; line < end; line = next + 1) {
		const char *stop;
		size_t n;

		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		if ((size_t)(next - line) <= key_len || memcmp(line, key, key_len) != 0 ||
		    line[key_len] != '=')
			continue;
		for (stop = next; stop > line && (stop[-1] == ' ' || stop[-1] == '\r'); stop--)
			;
		n = unquote(line + key_len + 1, stop, value, size);
		if (n == SIZE_MAX)
			continue;
		memcpy(out, value, n);
		out[n] = '\0';
		found = true;
		if (next == end)
			break;
	}
	return found;
}
