/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/text.h"

#define HEAD "preroot-manifest "
#define FACT "=\t"
#define END "sha256\t"

enum {
	VERSION = 3,
	FIELDS = 8,
	PACKAGE_WORDS = 3,
	END_LEN = sizeof(END) - 1 + 2 * DIGEST_SIZE + 1,
};

void manifest_begin(struct buf *out)
{
	buf_printf(out, HEAD "%d\n", VERSION);
}

static void add_escaped_but(struct buf *out, const char *s, char also)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 32 || c == 127 || c == '\\' || *s == also)
			buf_printf(out, "\\x%02x", c);
		else
			buf_add(out, s, 1);
	}
}

static void add_escaped(struct buf *out, const char *s)
{
	add_escaped_but(out, s, '\\');
}

void manifest_add_fact(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_add_str(out, FACT);
	add_escaped(out, key);
	buf_add_str(out, "\t");
	add_escaped(out, value);
	buf_add_str(out, "\n");
}

static void add_package(struct buf *out, const struct manifest_package *p)
{
	if (!p->name) {
		buf_add_str(out, "-");
		return;
	}
	add_escaped_but(out, p->name, ' ');
	buf_add_str(out, " ");
	add_escaped_but(out, p->version, ' ');
	buf_add_str(out, " ");
	add_escaped_but(out, p->arch ? p->arch : "-", ' ');
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
	add_package(out, &e->package);
	buf_add_str(out, "\t");
	add_escaped(out, e->reason);
	buf_add_str(out, "\n");
}

static void end_line(const void *text, size_t len, char out[END_LEN + 1])
{
	uint8_t sum[DIGEST_SIZE];
	char digits[2 * DIGEST_SIZE + 1];

	digest_of(text, len, sum);
	digest_text(sum, digits);
	snprintf(out, END_LEN + 1, END "%s\n", digits);
}

void manifest_end(struct buf *out)
{
	char line[END_LEN + 1];

	if (buf_status(out) < 0)
		return;
	end_line(out->data, out->len, line);
	buf_add_str(out, line);
}

static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && hex_digit(s[2]) >= 0 && hex_digit(s[3]) >= 0) {
			char c = (char)(hex_digit(s[2]) << 4 | hex_digit(s[3]));

			if (c) { /* a NUL would cut the name off: keep it escaped */
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

static bool decode_package(char *s, struct manifest_package *p)
{
	char *words[PACKAGE_WORDS];

	*p = (struct manifest_package){0};
	if (strcmp(s, "-") == 0)
		return true;
	for (int i = 0; i < PACKAGE_WORDS; i++) {
		words[i] = strsep(&s, " ");
		if (!words[i] || !*words[i])
			return false;
		unescape(words[i]);
	}
	p->name = words[0];
	p->version = words[1];
	p->arch = strcmp(words[2], "-") == 0 ? NULL : words[2];
	return !s;
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
	    !decode_digest(fields[3], e) || !decode_package(fields[6], &e->package))
		return false;
	e->type = fields[0][0];
	unescape(fields[4]);
	unescape(fields[5]);
	unescape(fields[7]);
	e->path = fields[4];
	e->source = strcmp(fields[5], "-") == 0 ? NULL : fields[5];
	e->reason = fields[7];
	return true;
}

static int take_head(char **cursor, unsigned *line, struct err *err)
{
	char *text = strsep(cursor, "\n");
	uint64_t version;

	if (!text || !str_starts(text, HEAD) ||
	    !parse_u64(text + strlen(HEAD), UINT32_MAX, &version))
		return err_set(err, -EBADMSG, "manifest without its first line");
	if (version != VERSION) {
		err_set(err, -EPROTONOSUPPORT, "manifest of version %llu, not %d",
			(unsigned long long)version, VERSION);
		return err_hint(err, version < VERSION ? "an older preroot made the image: build it anew"
						       : "a newer preroot made the image: use that");
	}
	*line = 1;
	return 0;
}

int manifest_open(char *text, size_t len, struct err *err)
{
	size_t head = len ? strcspn(text, "\n") : 0;
	_cleanup_free_ char *first = strndup(len ? text : "", head);
	char *cursor = first;
	char wanted[END_LEN + 1];
	unsigned line;
	int r = first ? take_head(&cursor, &line, err) : err_set(err, -ENOMEM, "no memory left");

	if (r < 0)
		return r;
	if (len < head + 1 + END_LEN || memcmp(text + len - END_LEN, END, strlen(END)) != 0)
		return err_set(err, -EBADMSG, "manifest is cut short: its last line is not its sum");
	len -= END_LEN;
	end_line(text, len, wanted);
	if (text[len - 1] != '\n' || memcmp(text + len, wanted, END_LEN) != 0)
		return err_set(err, -EBADMSG, "manifest is damaged: its sum is another one");
	text[len] = '\0';
	return 0;
}

/* The next line, its newline removed. 1; 0 at the end; -EBADMSG. */
static int take_line(char **cursor, unsigned *line, char **out, struct err *err)
{
	char *text = strsep(cursor, "\n");

	if (!text || (!*text && !*cursor))
		return 0;
	++*line;
	if (!*cursor)
		return err_set(err, -EBADMSG, "manifest is cut short in line %u", *line);
	*out = text;
	return 1;
}

int manifest_next_fact(char **cursor, unsigned *line, const char **key, const char **value,
		       struct err *err)
{
	char *text, *k;
	int r = *line ? 0 : take_head(cursor, line, err);

	if (r < 0)
		return r;
	if (!*cursor || !str_starts(*cursor, FACT))
		return 0;
	r = take_line(cursor, line, &text, err);
	if (r <= 0)
		return r;
	text += strlen(FACT);
	k = strsep(&text, "\t");
	if (!text || strchr(text, '\t'))
		return err_set(err, -EBADMSG, "manifest line %u is malformed", *line);
	unescape(k);
	unescape(text);
	*key = k;
	*value = text;
	return 1;
}

int manifest_next(char **cursor, unsigned *line, struct manifest_entry *out, struct err *err)
{
	const char *key, *value;
	char *text;
	int r;

	while ((r = manifest_next_fact(cursor, line, &key, &value, err)) > 0)
		;
	if (r < 0)
		return r;
	r = take_line(cursor, line, &text, err);
	if (r <= 0)
		return r;
	if (!decode_line(text, out))
		return err_set(err, -EBADMSG, "manifest line %u is malformed", *line);
	return 1;
}
