/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/cpuinfo.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Splits "key<blanks>: value". False: the line does not look like that. */
static bool split_line(char *line, char **value)
{
	char *colon = strchr(line, ':'), *end = colon;

	if (!colon)
		return false;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	*value = colon + 1 + strspn(colon + 1, " \t");
	return true;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, word, len) == 0)
			return true;
		p += n;
	}
	return false;
}

static void take_number(const char *value, uint32_t *out)
{
	uint64_t v;

	if (parse_u64(value, UINT32_MAX, &v))
		*out = (uint32_t)v;
}

static void take_line(char *line, struct cpuinfo *c)
{
	const struct {
		const char *key;
		uint32_t *to;
	} numbers[] = {
		{"processor", &c->number}, {"cpu family", &c->family},
		{"model", &c->model},      {"stepping", &c->stepping},
	};
	char *value;

	if (!split_line(line, &value))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strcmp(line, numbers[i].key) == 0)
			take_number(value, numbers[i].to);
	if (strcmp(line, "vendor_id") == 0)
		c->vendor = value;
	if (strcmp(line, "flags") == 0)
		c->is_guest = has_word(value, "hypervisor");
}

bool cpuinfo_next(char **cursor, struct cpuinfo *out)
{
	bool seen = false;
	char *line;

	*out = (struct cpuinfo){0};
	while ((line = strsep(cursor, "\n"))) {
		if (!*line && seen)
			return true;
		if (!*line)
			continue;
		seen = true;
		take_line(line, out);
	}
	return seen;
}
