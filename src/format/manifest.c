/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define HEAD "preroot-manifest "

enum { VERSION = 1, FIELDS = 7 };

void manifest_begin(struct buf *out)
{
	buf_printf(out, HEAD "%d\n", VERSION);
}

static void add_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 32 || c == 127 || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_add(out, s, 1);
	}
}

void manifest_add(struct buf *out, const struct manifest_entry *e)
{
	buf_printf(out, "%c\t%04o\t%llu\t", e->type, e->mode, (unsigned long long)e->size);
	if (!e->has_digest)
		buf_add_str(out, "-");
	for (int i = 0; e->has_digest && i < MANIFEST_SHA256; i++)
		buf_printf(out, "%02x", e->sha256[i]);
	buf_add_str(out, "\t");
	add_escaped(out, e->path);
	buf_add_str(out, "\t");
	add_escaped(out, e->source ? e->source : "-");
	buf_add_str(out, "\t");
	add_escaped(out, e->reason);
	buf_add_str(out, "\n");
}

static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && hex_digit(s[2]) >= 0 && hex_digit(s[3]) >= 0) {
			char c = (char)(hex_digit(s[2]) << 4 | hex_digit(s[3]));

			if (c) { /* a NUL would cut the name: keep it spelt out */
				*out++ = c;
				s += 4;
				continue;
			}
		}
		*out++ = *s++;
	}
	*out = '\0';
}

static bool decode_digest(const char *s, struct manifest_entry *e)
{
	e->has_digest = strcmp(s, "-") != 0;
	if (!e->has_digest)
		return true;
	if (strlen(s) != 2 * MANIFEST_SHA256)
		return false;
	for (int i = 0; i < MANIFEST_SHA256; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		e->sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool decode_mode(const char *s, unsigned *mode)
{
	unsigned v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '7' || v > 07777)
			return false;
		v = v << 3 | (unsigned)(*s - '0');
	}
	*mode = v;
	return v <= 07777;
}

static bool decode_line(char *line, struct manifest_entry *e)
{
	char *fields[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&line, "\t");
		if (!fields[i])
			return false;
	}
	if (line || strlen(fields[0]) != 1 || !strchr("fdl", fields[0][0]) ||
	    !decode_mode(fields[1], &e->mode) || !parse_u64(fields[2], UINT32_MAX, &e->size) ||
	    !decode_digest(fields[3], e))
		return false;
	e->type = fields[0][0];
	unescape(fields[4]);
	unescape(fields[5]);
	unescape(fields[6]);
	e->path = fields[4];
	e->source = strcmp(fields[5], "-") == 0 ? NULL : fields[5];
	e->reason = fields[6];
	return true;
}

int manifest_next(char **cursor, unsigned *line, struct manifest_entry *out, struct err *err)
{
	char *text;

	if (*line == 0) {
		uint64_t version;

		text = strsep(cursor, "\n");
		if (!text || !str_starts(text, HEAD) ||
		    !parse_u64(text + strlen(HEAD), UINT32_MAX, &version))
			return err_set(err, -EBADMSG, "manifest without its first line");
		if (version != VERSION)
			return err_set(err, -EPROTONOSUPPORT, "manifest of version %llu, not %d",
				       (unsigned long long)version, VERSION);
		*line = 1;
	}
	text = strsep(cursor, "\n");
	if (!text || (!*text && !*cursor))
		return 0;
	++*line;
	if (!*cursor)
		return err_set(err, -EBADMSG, "manifest is cut short in line %u", *line);
	if (!decode_line(text, out))
		return err_set(err, -EBADMSG, "manifest line %u is malformed", *line);
	return 1;
}
