/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/spec.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct prefix {
	const char *text;
	enum audit_spec_kind kind;
	bool is_escaped;
} prefixes[] = {
	{"UUID=", AUDIT_SPEC_UUID, false},
	{"LABEL=", AUDIT_SPEC_LABEL, false},
	{"PARTUUID=", AUDIT_SPEC_PARTUUID, false},
	{"PARTLABEL=", AUDIT_SPEC_PARTLABEL, false},
	{"/dev/disk/by-uuid/", AUDIT_SPEC_UUID, true},
	{"/dev/disk/by-label/", AUDIT_SPEC_LABEL, true},
	{"/dev/disk/by-partuuid/", AUDIT_SPEC_PARTUUID, true},
	{"/dev/disk/by-partlabel/", AUDIT_SPEC_PARTLABEL, true},
	{"/dev/disk/", AUDIT_SPEC_LINK, true},
	{"/dev/mapper/", AUDIT_SPEC_MAPPED, true},
	{"/dev/md/", AUDIT_SPEC_ARRAY, true},
	{"/dev/", AUDIT_SPEC_NAME, false},
};

void audit_spec_unescape(char *text)
{
	char *to = text;

	while (*text) {
		int high, low;

		if (text[0] == '\\' && text[1] == 'x' && (high = hex_digit(text[2])) >= 0 &&
		    (low = hex_digit(text[3])) >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* Strips matching quotes from *TEXT. Returns its length without them. */
static size_t without_quotes(const char **text)
{
	size_t len = strlen(*text);

	if (len >= 2 && (**text == '"' || **text == '\'') && (*text)[len - 1] == **text) {
		++*text;
		len -= 2;
	}
	return len;
}

/* The kernel's names for a root on the network. */
static bool is_network(const char *text)
{
	return strcmp(text, "/dev/nfs") == 0 || strcmp(text, "/dev/cifs") == 0;
}

static bool is_dots(const char *text, size_t len)
{
	return (len == 1 && text[0] == '.') || (len == 2 && memcmp(text, "..", 2) == 0);
}

/* Refines the KIND of a name below /dev by its slashes. False if it cannot be a device's name. */
static bool refine_path(const char *text, size_t len, enum audit_spec_kind *kind)
{
	const char *slash = memchr(text, '/', len), *rest = slash ? slash + 1 : text;
	size_t rest_len = len - (size_t)(rest - text);

	if (*kind < AUDIT_SPEC_NAME)
		return true;
	if (!rest_len || is_dots(rest, rest_len) || memchr(rest, '/', rest_len))
		return false;
	if (*kind == AUDIT_SPEC_NAME && slash) {
		if (slash == text || is_dots(text, (size_t)(slash - text)))
			return false;
		*kind = AUDIT_SPEC_VOLUME;
	}
	if (*kind == AUDIT_SPEC_LINK)
		return slash && str_starts(text, "by-");
	return !slash || *kind == AUDIT_SPEC_VOLUME;
}

bool audit_spec_mapped(const char *volume, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = volume; *p; p++) {
		if (n + 3 > size)
			return false;
		out[n++] = *p == '/' ? '-' : *p;
		if (*p == '-')
			out[n++] = '-';
	}
	if (n >= size)
		return false;
	out[n] = '\0';
	return true;
}

bool audit_spec_decode(const char *text, struct audit_spec *out)
{
	enum audit_spec_kind kind;
	const char *cut;
	size_t len;

	/* dracut's prefix for a block device. */
	if (str_starts(text, "block:"))
		text += strlen("block:");
	if (is_network(text))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const struct prefix *p = &prefixes[i];

		if (!str_starts(text, p->text))
			continue;
		text += strlen(p->text);
		len = without_quotes(&text);
		/* PARTUUID=X/PARTNROFF=1 is relative to the partition X. */
		cut = p->kind == AUDIT_SPEC_PARTUUID ? memchr(text, '/', len) : NULL;
		if (cut)
			len = (size_t)(cut - text);
		kind = p->kind;
		if (!len || len >= sizeof(out->value) || !refine_path(text, len, &kind))
			return false;
		out->kind = kind;
		memcpy(out->value, text, len);
		out->value[len] = '\0';
		if (p->is_escaped)
			audit_spec_unescape(out->value);
		return true;
	}
	return false;
}

/* ---- mdadm.conf ---- */

static void read_word(struct audit_mdadm *m, char word[AUDIT_SPEC_MAX])
{
	char quote = '\0';
	size_t n = 0;

	for (; *m->at && *m->at != '\n' && (quote || !strchr(" \t", *m->at)); m->at++) {
		if (quote ? *m->at == quote : *m->at == '\'' || *m->at == '"')
			quote = quote ? '\0' : *m->at;
		else if (n + 1 < AUDIT_SPEC_MAX)
			word[n++] = *m->at;
	}
	word[n] = '\0';
}

/* False: there is none, or, unless it IS_FIRST, the next line is no continuation. */
static bool next_word(struct audit_mdadm *m, bool is_first, char word[AUDIT_SPEC_MAX])
{
	for (;;) {
		if (*m->at == '#')
			m->at += strcspn(m->at, "\n");
		if (!*m->at)
			return false;
		if (*m->at == '\n') {
			m->at++;
			m->line++;
			continue;
		}
		if (!strchr(" \t", *m->at) && !is_first)
			return false;
		m->at += strspn(m->at, " \t");
		if (*m->at && !strchr("\n#", *m->at)) {
			read_word(m, word);
			return true;
		}
	}
}

static bool is_array(const char *keyword)
{
	size_t len = strlen(keyword);

	return len >= 3 && strncasecmp(keyword, "array", len) == 0;
}

bool audit_array_next(struct audit_mdadm *m, struct audit_array *out)
{
	char word[AUDIT_SPEC_MAX];

	while (next_word(m, true, word)) {
		bool found = is_array(word);

		*out = (struct audit_array){.line = m->line + 1};
		while (next_word(m, false, word)) {
			if (strncasecmp(word, "uuid=", strlen("uuid=")) == 0)
				memcpy(out->uuid, word + strlen("uuid="),
				       strlen(word) + 1 - strlen("uuid="));
			else if (!*out->device && (*word == '/' || !strchr(word, '=')))
				memcpy(out->device, word, strlen(word) + 1);
		}
		if (found)
			return true;
	}
	return false;
}
