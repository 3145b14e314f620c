/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "init/boot.h"

/* Links first: /dev/disk/by-partuuid/ is no kernel name. */
static const struct {
	const char *prefix;
	enum spec_kind kind;
} forms[] = {
	{"UUID=", SPEC_UUID},
	{"LABEL=", SPEC_LABEL},
	{"PARTUUID=", SPEC_PARTUUID},
	{"PARTLABEL=", SPEC_PARTLABEL},
	{"/dev/disk/by-uuid/", SPEC_UUID},
	{"/dev/disk/by-label/", SPEC_LABEL},
	{"/dev/disk/by-partuuid/", SPEC_PARTUUID},
	{"/dev/disk/by-partlabel/", SPEC_PARTLABEL},
	{"/dev/disk/", SPEC_OTHER},
	{"/dev/mapper/", SPEC_OTHER},
	{"/dev/nfs", SPEC_OTHER},
	{"/dev/", SPEC_NAME},
};

/* UUID="x" inside a value that the tokeniser left whole. */
static void take_value(struct spec *s, const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	snprintf(s->value, sizeof(s->value), "%.*s", (int)len, value);
}

/* Links in /dev/disk/ have blanks and slashes of a label as \xNN. */
static void decode_link(char *s)
{
	char *out = s;

	while (*s) {
		int high = s[0] == '\\' && s[1] == 'x' ? hex_digit(s[2]) : -1;
		int low = high < 0 ? -1 : hex_digit(s[3]);

		if (low >= 0 && (high || low)) {
			*out++ = (char)(high << 4 | low);
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Of the names that the kernel gives, only those of old RAID controllers hold a slash; other
 * folders in /dev are made by programs: /dev/VG/LV. */
static bool is_kernel_name(const char *name)
{
	return !strchr(name, '/') || str_starts(name, "cciss/") || str_starts(name, "ida/") ||
	       str_starts(name, "rd/");
}

void spec_parse(const char *text, struct spec *out)
{
	const char *bare = str_starts(text, "block:") ? text + strlen("block:") : text;

	*out = (struct spec){.text = text, .kind = SPEC_OTHER};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_starts(bare, forms[i].prefix)) {
			out->kind = forms[i].kind;
			take_value(out, bare + strlen(forms[i].prefix));
			break;
		}
	if (str_starts(bare, "/dev/disk/"))
		decode_link(out->value);
	if ((out->kind == SPEC_NAME && !is_kernel_name(out->value)) ||
	    (out->kind == SPEC_PARTUUID && strchr(out->value, '/'))) /* /PARTNROFF=1 */
		out->kind = SPEC_OTHER;
}

bool spec_is(const struct spec *s, const struct block_device *d)
{
	if (!*s->value)
		return false;
	switch (s->kind) {
	case SPEC_NAME:
		return strcmp(d->name, s->value) == 0;
	case SPEC_UUID:
		return strcasecmp(d->probe.uuid, s->value) == 0;
	case SPEC_LABEL:
		return strcmp(d->probe.label, s->value) == 0;
	case SPEC_PARTUUID:
		return strcasecmp(d->probe.partuuid, s->value) == 0;
	case SPEC_PARTLABEL:
		return strcmp(d->probe.partlabel, s->value) == 0;
	default:
		return false;
	}
}
