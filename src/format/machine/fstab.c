/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/fstab.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* A NUL would end the text early: it stays as it is written. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		int value = s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])
				    ? (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0')
				    : 0;

		if (value > 0 && value <= UCHAR_MAX) {
			*out++ = (char)value;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static char *next_field(char **cursor)
{
	char *field = *cursor + strspn(*cursor, " \t");
	size_t len = strcspn(field, " \t");

	*cursor = field + len + (field[len] != '\0');
	field[len] = '\0';
	return field;
}

static bool parse_pass(const char *field, unsigned *out)
{
	uint64_t n = 0;

	if (*field && !parse_u64(field, UINT_MAX, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

int fstab_decode(char *line, struct fstab_entry *out, struct err *err)
{
	static char none[] = "defaults";
	struct fstab_entry e;
	char *cursor = line, *pass;
	unsigned freq;

	line[strcspn(line, "\n")] = '\0';
	e.source = next_field(&cursor);
	if (!*e.source || *e.source == '#')
		return 0;
	e.target = next_field(&cursor);
	e.fstype = next_field(&cursor);
	if (!*e.target || !*e.fstype)
		return err_set(err, -EBADMSG, "a line of fstab has fewer than three fields");
	e.options = next_field(&cursor);
	if (!*e.options)
		e.options = none;
	pass = next_field(&cursor);
	if (!parse_pass(pass, &freq) || !parse_pass(next_field(&cursor), &e.pass))
		return err_set(err, -EBADMSG, "the fifth or sixth field of a line of fstab is no number");
	unescape(e.source);
	unescape(e.target);
	unescape(e.fstype);
	if (e.options != none)
		unescape(e.options);
	*out = e;
	return 1;
}

bool fstab_has(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		if (strncmp(options, name, len) == 0 && strchr(",=", options[len]))
			return true;
		options = strchr(options, ',');
		if (!options)
			return false;
		options++;
	}
}

bool fstab_is_early(const struct fstab_entry *e)
{
	if (*e->target != '/' || strspn(e->target, "/") == strlen(e->target) ||
	    strcmp(e->fstype, "swap") == 0 || fstab_has(e->options, "noauto"))
		return false;
	return strcmp(e->target, "/usr") == 0 || strcmp(e->target, "/usr/") == 0 ||
	       fstab_has(e->options, "x-initrd.mount");
}
