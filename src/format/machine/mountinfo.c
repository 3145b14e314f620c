/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static char *next_field(char **cursor)
{
	char *field = strsep(cursor, " ");

	return field && *field ? field : NULL;
}

int mountinfo_decode(char *line, struct mountinfo *out, struct err *err)
{
	struct mountinfo m = {0};
	char *cursor = line, *id, *parent, *device, *tag;
	char junk;

	id = next_field(&cursor);
	parent = next_field(&cursor);
	device = next_field(&cursor);
	m.root = next_field(&cursor);
	m.target = next_field(&cursor);
	m.options = next_field(&cursor);
	do
		tag = next_field(&cursor);
	while (tag && strcmp(tag, "-") != 0);
	m.fstype = next_field(&cursor);
	m.source = next_field(&cursor);
	m.super_options = next_field(&cursor);
	if (!id || !parent || !device || !m.root || !m.target || !m.options || !m.fstype ||
	    !m.source || sscanf(id, "%u%c", &m.id, &junk) != 1 ||
	    sscanf(parent, "%u%c", &m.parent, &junk) != 1 ||
	    sscanf(device, "%u:%u%c", &m.major, &m.minor, &junk) != 2)
		return err_set(err, -EBADMSG, "malformed line of mountinfo");
	if (!m.super_options)
		m.super_options = m.source + strlen(m.source);
	unescape_octal(m.root);
	unescape_octal(m.target);
	unescape_octal(m.source);
	*out = m;
	return 0;
}
