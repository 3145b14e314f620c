/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/spec.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	HEX_MIN = 3, /* 801 */
	HEX_MAX = 8,
	PARTITIONS_MAX = 65535,
};

/* Links come before kernel names: /dev/disk/by-partuuid/ starts with /dev/, too. */
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
	{"/dev/disk/by-id/", SPEC_LINK},
	{"/dev/disk/by-path/", SPEC_LINK},
	{"/dev/disk/by-diskseq/", SPEC_LINK},
	{"/dev/disk/", SPEC_OTHER},
	{"/dev/block/", SPEC_NUMBER},
	{"/dev/mapper/", SPEC_ALIAS},
	{"/dev/nfs", SPEC_OTHER},
	{"/dev/", SPEC_NAME},
};

/* Strips the quotes of UUID="x", which the tokeniser leaves in place inside a word. */
static bool take_value(struct spec *s, const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	return (size_t)snprintf(s->value, sizeof(s->value), "%.*s", (int)len, value) <
	       sizeof(s->value);
}

/* udev writes blanks and slashes of a label as \xNN in its links, and people copy that
 * elsewhere. */
void spec_decode_link(char *s)
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

/* Among the kernel's own names only those of old RAID controllers contain a slash. Other folders in
 * /dev are created by programs, such as /dev/VG/LV. */
static bool is_kernel_name(const char *name)
{
	return !strchr(name, '/') || str_starts(name, "cciss/") || str_starts(name, "ida/") ||
	       str_starts(name, "rd/");
}

/* "MAJ:MIN", or "MAJ:MIN:OFFSET:", which means the same here. */
static bool parse_pair(const char *text, struct spec *s)
{
	char part[SPEC_VALUE_MAX], *cursor = part, *major, *minor, *offset;
	uint64_t a, b, c;

	snprintf(part, sizeof(part), "%s", text);
	major = strsep(&cursor, ":");
	minor = strsep(&cursor, ":");
	offset = strsep(&cursor, ":");
	if (!minor || !parse_u64(major, SPEC_NUMBER_MAX, &a) ||
	    !parse_u64(minor, SPEC_NUMBER_MAX, &b))
		return false;
	if (offset && (!parse_u64(offset, UINT32_MAX, &c) || !cursor || *cursor))
		return false;
	s->major = (uint32_t)a;
	s->minor = (uint32_t)b;
	return true;
}

/* A device number without a colon, as in the kernel: hexadecimal, from the lowest bit the minor's
 * low byte, the major, the rest of the minor (new_decode_dev() in linux/kdev_t.h). */
static bool parse_hex(const char *text, struct spec *s)
{
	uint32_t n = 0;
	size_t len;

	if (str_starts(text, "0x"))
		text += 2;
	len = strlen(text);
	if (len < HEX_MIN || len > HEX_MAX)
		return false;
	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (digit < 0)
			return false;
		n = n << 4 | (uint32_t)digit;
	}
	s->major = (n & 0xfff00) >> 8;
	s->minor = (n & 0xff) | ((n >> 12) & 0xfff00);
	return true;
}

/* PARTUUID=UUID/PARTNROFF=N, where N may have a sign. */
static bool parse_offset(struct spec *s)
{
	static const char word[] = "/PARTNROFF=";
	char *slash = strchr(s->value, '/');
	const char *digits;
	uint64_t n;

	if (!slash)
		return true;
	if (!str_starts(slash, word))
		return false;
	digits = slash + strlen(word);
	digits += *digits == '-' || *digits == '+';
	if (!parse_u64(digits, PARTITIONS_MAX, &n))
		return false;
	s->offset = digits[-1] == '-' ? -(int)n : (int)n;
	*slash = '\0';
	return true;
}

static void parse_word(const char *word, struct spec *s)
{
	snprintf(s->value, sizeof(s->value), "%s", word);
	if (strcmp(word, "tmpfs") == 0)
		s->kind = SPEC_TMPFS;
	else if (strcmp(word, "gpt-auto") == 0 || strcmp(word, "gpt-auto-force") == 0)
		s->kind = SPEC_AUTO;
	else if (parse_pair(word, s) || parse_hex(word, s))
		s->kind = SPEC_NUMBER;
	else
		s->value[0] = '\0';
}

static bool is_whole(struct spec *s)
{
	switch (s->kind) {
	case SPEC_NAME:
		if (!is_kernel_name(s->value))
			s->kind = SPEC_ALIAS;
		return true;
	case SPEC_NUMBER:
		return s->major || s->minor || parse_pair(s->value, s);
	case SPEC_PARTUUID:
		return parse_offset(s) && *s->value;
	case SPEC_UUID:
	case SPEC_LABEL:
	case SPEC_PARTLABEL:
	case SPEC_LINK:
		return *s->value;
	default:
		return true;
	}
}

void spec_parse(const char *text, struct spec *out)
{
	const char *bare = str_starts(text, "block:") ? text + strlen("block:") : text;
	size_t i = 0;
	bool fits = true;

	*out = (struct spec){.text = text, .kind = SPEC_OTHER};
	while (i < ARRAY_SIZE(forms) && !str_starts(bare, forms[i].prefix))
		i++;
	if (i < ARRAY_SIZE(forms)) {
		out->kind = forms[i].kind;
		/* The value keeps the folder, which distinguishes links. */
		fits = take_value(out, bare + strlen(out->kind == SPEC_LINK	? "/dev/disk/"
					      : out->kind == SPEC_ALIAS ? "/dev/"
									: forms[i].prefix));
	} else {
		parse_word(bare, out);
	}
	if (str_starts(bare, "/dev/disk/") && out->kind != SPEC_LINK)
		spec_decode_link(out->value);
	if (!is_whole(out) || !fits)
		out->kind = SPEC_OTHER;
}

bool spec_is_reachable(const struct spec *s)
{
	return s->kind != SPEC_OTHER && s->kind != SPEC_ALIAS;
}

bool spec_is_set_up(const struct spec *s)
{
	return s->kind == SPEC_NAME &&
	       (str_starts(s->value, "dm-") || str_starts(s->value, "md_") ||
		(str_starts(s->value, "md") && s->value[2] >= '0' && s->value[2] <= '9'));
}
