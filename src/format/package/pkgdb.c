/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/package/pkgdb.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

bool span_line(struct span text, size_t *at, struct span *out)
{
	const char *start = text.s + *at, *end;

	if (*at >= text.len)
		return false;
	end = memchr(start, '\n', text.len - *at);
	out->s = start;
	out->len = end ? (size_t)(end - start) : text.len - *at;
	*at += out->len + 1;
	return true;
}

bool span_is(struct span a, const char *b)
{
	return a.s && a.len == strlen(b) && memcmp(a.s, b, a.len) == 0;
}

bool span_is_word(struct span a)
{
	for (size_t i = 0; i < a.len; i++) {
		char c = a.s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr(".+-_~:^", c)))
			return false;
	}
	return a.len > 0;
}

/* If LINE is that of FIELD, its value. */
static bool field_value(struct span line, const char *field, struct span *out)
{
	size_t n = strlen(field);

	if (line.len <= n || line.s[n] != ':' || memcmp(line.s, field, n) != 0)
		return false;
	for (n++; n < line.len && line.s[n] == ' '; n++)
		;
	*out = (struct span){line.s + n, line.len - n};
	return true;
}

bool dpkg_status_next(struct span text, size_t *at, struct dpkg_stanza *out)
{
	bool any = false;
	struct span line;

	*out = (struct dpkg_stanza){0};
	while (span_line(text, at, &line)) {
		if (!line.len && any)
			return true;
		if (!line.len)
			continue;
		any = true;
		switch (line.s[0]) {
		case 'P':
			field_value(line, "Package", &out->name);
			break;
		case 'V':
			field_value(line, "Version", &out->version);
			break;
		case 'A':
			field_value(line, "Architecture", &out->arch);
			break;
		default:
			break;
		}
	}
	return any;
}

int dpkg_diversion_next(struct span text, size_t *at, struct dpkg_diversion *out)
{
	if (!span_line(text, at, &out->from))
		return 0;
	if (!span_line(text, at, &out->to) || !span_line(text, at, &out->package) ||
	    !out->from.len || out->from.s[0] != '/' || !out->to.len || out->to.s[0] != '/' ||
	    !out->package.len)
		return -EBADMSG;
	return 1;
}

size_t pacman_section(struct span text, const char *name)
{
	size_t at = 0, n = strlen(name);
	struct span line;

	while (span_line(text, &at, &line))
		if (line.len == n + 2 && line.s[0] == '%' && line.s[n + 1] == '%' &&
		    memcmp(line.s + 1, name, n) == 0)
			return at;
	return SIZE_MAX;
}

struct span pacman_value(struct span text, const char *name)
{
	size_t at = pacman_section(text, name);
	struct span line = {0};

	if (at != SIZE_MAX)
		span_line(text, &at, &line);
	return line;
}
