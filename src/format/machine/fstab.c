/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/fstab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mountopts.h"

static char *next_field(char **cursor)
{
	char *field = *cursor + strspn(*cursor, " \t");
	size_t len = strcspn(field, " \t");

	*cursor = field + len + (field[len] != '\0');
	field[len] = '\0';
	return field;
}

/* UUID="x" and UUID='x' mean UUID=x, as libblkid reads tags. */
static void unquote_tag(char *source)
{
	static const char *const tags[] = {"UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID="};
	char *value, *end;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (!str_starts(source, tags[i]))
			continue;
		value = source + strlen(tags[i]);
		end = *value == '"' || *value == '\'' ? strrchr(value + 1, *value) : NULL;
		if (end && end > value + 1) {
			*end = '\0';
			memmove(value, value + 1, (size_t)(end - value));
		}
		return;
	}
}

/* As in libmount: a missing number is 0, and strtol() also skips other kinds of whitespace. */
static bool next_number(char **cursor, int *out)
{
	char *text = *cursor + strspn(*cursor, " \t"), *end;
	long n;

	*out = 0;
	*cursor = text;
	if (!*text)
		return true;
	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || !strchr(" \t", *end) || errno)
		return false;
	*out = (int)n;
	*cursor = end;
	return true;
}

/* A carriage return before the newline is part of the end of the line, but only one of them. */
static char *next_line(struct fstab *f)
{
	char *line = strsep(&f->cursor, "\n");
	size_t len = line ? strlen(line) : 0;

	if (len && line[len - 1] == '\r')
		line[len - 1] = '\0';
	f->line++;
	return line;
}

static void decode(char *line, struct fstab_entry *e)
{
	static char missing_type[] = "auto", missing_options[] = "defaults";
	char *cursor = line;
	int freq;

	e->source = next_field(&cursor);
	e->target = next_field(&cursor);
	e->fstype = next_field(&cursor);
	e->options = next_field(&cursor);
	if (!*e->target)
		e->flaw = "it has one field alone";
	else if (!*e->fstype)
		e->flaw = "it does not say which type of filesystem";
	if (!next_number(&cursor, &freq))
		e->flaw = "its fifth field is no number";
	else if (!next_number(&cursor, &e->pass))
		e->flaw = "its sixth field is no number";
	unescape_octal(e->source);
	unquote_tag(e->source);
	unescape_octal(e->target);
	unescape_octal(e->fstype);
	unescape_octal(e->options);
	if (!*e->fstype)
		e->fstype = missing_type;
	if (!*e->options)
		e->options = missing_options;
}

bool fstab_next(struct fstab *f, struct fstab_entry *out)
{
	char *line;

	while ((line = next_line(f))) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		*out = (struct fstab_entry){.line = f->line};
		decode(line, out);
		return true;
	}
	return false;
}

bool fstab_has(const char *options, const char *name)
{
	size_t len = strlen(name), option_len;
	const char *option;

	while ((option = mountopts_next(&options, &option_len)))
		if (option_len >= len && memcmp(option, name, len) == 0 &&
		    (option_len == len || option[len] == '='))
			return true;
	return false;
}

bool fstab_is_at(const struct fstab_entry *e, const char *target)
{
	const char *p = e->target;

	for (;;) {
		size_t slashes = strspn(p, "/"), wanted = strspn(target, "/");

		p += slashes;
		target += wanted;
		if (!*p && !*target)
			return *e->target;
		if (!slashes != !wanted || *p++ != *target++)
			return false;
	}
}

bool fstab_is_early(const struct fstab_entry *e)
{
	if (*e->target != '/' || fstab_is_at(e, "/") || strcmp(e->fstype, "swap") == 0)
		return false;
	return fstab_is_at(e, "/usr") ||
	       (fstab_has(e->options, "x-initrd.mount") && !fstab_has(e->options, "noauto"));
}
