/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/degraded.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(text, word, len) == 0;
}

/* "mdraid:wait:30s": what is in front of the first colon, unless that is a word of the rule. */
static bool take_kind(const char **text, struct degraded *out)
{
	size_t len = strcspn(*text, ":");

	if (is_word(*text, len, "wait") || is_word(*text, len, "then"))
		return true;
	if (!len || len >= sizeof(out->kind) || !(*text)[len])
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)(*text)[i]) && (*text)[i] != '-' && (*text)[i] != '_')
			return false;
	snprintf(out->kind, sizeof(out->kind), "%.*s", (int)len, *text);
	*text += len + 1;
	return true;
}

/* "wait:30s", which the end of the text or a comma follows. */
static bool take_wait(const char **text, struct degraded *out)
{
	size_t digits, len;
	const char *number;
	char copy[16];
	uint64_t seconds;

	if (!str_starts(*text, "wait:"))
		return true;
	number = *text + strlen("wait:");
	digits = strspn(number, "0123456789");
	len = strcspn(number, ",");
	if (digits >= sizeof(copy) || len > digits + 1 || (len > digits && number[digits] != 's'))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)digits, number);
	if (!parse_u64(copy, DEGRADED_SECONDS_MAX, &seconds))
		return false;
	out->wait = (int64_t)seconds * 1000;
	*text = number + len + (number[len] == ',' && number[len + 1]);
	return true;
}

bool degraded_parse(const char *text, struct degraded *out)
{
	struct degraded d = {.wait = -1};

	if (!take_kind(&text, &d) || !take_wait(&text, &d))
		return false;
	d.fails = strcmp(text, "then:fail") == 0;
	if (!d.fails && strcmp(text, "then:start") != 0 && (*text || d.wait < 0))
		return false;
	*out = d;
	return true;
}
