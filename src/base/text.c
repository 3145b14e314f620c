/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

bool parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool path_is_clean(const char *path)
{
	const char *start = path;

	for (const char *p = path;; p++) {
		if (*p == '/' || !*p) {
			size_t len = (size_t)(p - start);

			if (len == 0 || (len == 1 && start[0] == '.') ||
			    (len == 2 && start[0] == '.' && start[1] == '.'))
				return false;
			if (!*p)
				return true;
			start = p + 1;
		} else if ((unsigned char)*p < 32 || *p == 127) {
			return false;
		}
	}
}

static const char *skip_zeros(const char *s)
{
	while (*s == '0')
		s++;
	return s;
}

int version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			size_t la, lb;
			int diff;

			a = skip_zeros(a);
			b = skip_zeros(b);
			la = strspn(a, "0123456789");
			lb = strspn(b, "0123456789");
			if (la != lb)
				return la < lb ? -1 : 1;
			diff = strncmp(a, b, la);
			if (diff)
				return diff;
			a += la;
			b += lb;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return 0;
}

void escape_text(const char *src, char *dst, size_t size)
{
	size_t used = 0;

	for (; *src && used + 5 <= size; src++) {
		unsigned char c = (unsigned char)*src, next = (unsigned char)src[1];
		bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;

		if (c < 32 || c == 127 || c == '\\' || c1)
			used += (size_t)snprintf(dst + used, size - used, "\\x%02x", c);
		else
			dst[used++] = (char)c;
	}
	if (size)
		dst[used] = '\0';
}
