/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/bootconf.h"

#include <stddef.h>
#include <string.h>

bool bootconf_next(char **cursor, char **key, char **value)
{
	char *line, *equals;

	while ((line = strsep(cursor, "\n"))) {
		equals = strchr(line, '=');
		if (*line == '#' || !equals)
			continue;
		*equals = '\0';
		*key = line;
		*value = equals + 1;
		return true;
	}
	return false;
}
