/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/cmdline.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool cmdline_next(char **cursor, char **param, char **value)
{
	char *p = *cursor, *start, *equals = NULL;
	bool in_quote = false, quoted = false;

	while (is_blank(*p))
		p++;
	if (!*p) {
		*cursor = p;
		return false;
	}
	if (*p == '"') {
		p++;
		in_quote = quoted = true;
	}
	start = p;
	for (; *p; p++) {
		if (is_blank(*p) && !in_quote)
			break;
		if (*p == '=' && !equals && p > start)
			equals = p;
		if (*p == '"')
			in_quote = !in_quote;
	}
	*cursor = *p ? p + 1 : p;
	*p = '\0';
	if (quoted && p > start && p[-1] == '"')
		p[-1] = '\0';
	*param = start;
	*value = NULL;
	if (equals) {
		*equals = '\0';
		*value = equals + 1;
		if (**value == '"') {
			size_t len;

			(*value)++;
			len = strlen(*value);
			if (len && (*value)[len - 1] == '"')
				(*value)[len - 1] = '\0';
		}
	}
	return true;
}

bool cmdline_name_is(const char *param, const char *name)
{
	for (; *param && *name; param++, name++) {
		char a = *param == '-' ? '_' : *param;
		char b = *name == '-' ? '_' : *name;

		if (a != b)
			return false;
	}
	return *param == *name;
}

bool cmdline_switch(const char *value)
{
	return !value ||
	       (strcmp(value, "0") != 0 && strcmp(value, "no") != 0 && strcmp(value, "off") != 0);
}
