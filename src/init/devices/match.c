/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/match.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "init/devices/links/links.h"

static bool is_label(const char *label, const char *value)
{
	char decoded[SPEC_VALUE_MAX];

	if (strcmp(label, value) == 0)
		return true;
	snprintf(decoded, sizeof(decoded), "%s", value);
	spec_decode_link(decoded);
	return *decoded && strcmp(label, decoded) == 0;
}

bool match_device(const struct spec *s, const struct block_device *d)
{
	const struct probe *p = &d->probe;

	if (s->kind == SPEC_NUMBER)
		return p->major == s->major && p->minor == s->minor;
	if (!*s->value)
		return false;
	switch (s->kind) {
	case SPEC_NAME:
		return strcmp(d->name, s->value) == 0;
	case SPEC_UUID:
		return strcasecmp(p->uuid, s->value) == 0;
	case SPEC_LABEL:
		return is_label(p->label, s->value);
	case SPEC_PARTUUID:
		return strcasecmp(p->partuuid, s->value) == 0;
	case SPEC_PARTLABEL:
		return is_label(p->partlabel, s->value);
	case SPEC_LINK:
		return links_has(p->links, s->value);
	default:
		return false;
	}
}

bool match_partition(const char *disk, const char *name)
{
	size_t len = strlen(disk);

	if (!len || strncmp(name, disk, len) != 0)
		return false;
	if (isdigit((unsigned char)disk[len - 1]) && name[len++] != 'p')
		return false;
	return name[len] && !name[len + strspn(name + len, "0123456789")];
}
