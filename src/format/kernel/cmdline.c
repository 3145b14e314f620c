/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/cmdline.h"

#include <string.h>
#include <strings.h>

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

bool cmdline_is_hash(const char *param)
{
	return cmdline_name_is(param, "roothash") || cmdline_name_is(param, "usrhash");
}

/* As systemd's parse_boolean(): 1, 0, or -1 for anything else. */
static int boolean(const char *value)
{
	static const char *const words[][2] = {{"0", "1"}, {"no", "yes"}, {"n", "y"},
					       {"false", "true"}, {"f", "t"}, {"off", "on"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		for (int is_on = 0; is_on < 2; is_on++)
			if (strcasecmp(value, words[i][is_on]) == 0)
				return is_on;
	return -1;
}

void cmdline_take_verity(struct cmdline_verity *v, const char *param, const char *value)
{
	int is_on;

	if (cmdline_is_hash(param))
		v->hash = param;
	if (!cmdline_name_is(param, "systemd.verity") && !cmdline_name_is(param, "rd.systemd.verity"))
		return;
	is_on = value ? boolean(value) : 1;
	if (is_on >= 0)
		v->is_off = !is_on;
}

void cmdline_scan_verity(struct cmdline_verity *v, char *line)
{
	char *param, *value;

	while (cmdline_next(&line, &param, &value) && (value || strcmp(param, "--") != 0))
		cmdline_take_verity(v, param, value);
}

const char *cmdline_hash(const struct cmdline_verity *v)
{
	return v->is_off ? NULL : v->hash;
}
