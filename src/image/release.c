/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/release.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

/* utsname of Linux has 64 bytes for it. */
enum { RELEASE_MAX = 64 };

const char *release_of_path(const char *path, bool is_folder, size_t *len, const char **below)
{
	static const char folder[] = "lib/modules/";
	const char *name;

	if (str_starts(path, "usr/"))
		path += strlen("usr/");
	if (!str_starts(path, folder))
		return NULL;
	name = path + strlen(folder);
	*len = strcspn(name, "/");
	*below = name + *len;
	if (!isdigit((unsigned char)*name) || *len > RELEASE_MAX || (!**below && !is_folder))
		return NULL;
	return name;
}

const char *release_of_booster(char *text)
{
	static const char key[] = "kernel:";
	char *line, *value;

	while ((line = strsep(&text, "\n"))) {
		if (!str_starts(line, key))
			continue;
		value = line + strlen(key);
		value += strspn(value, " \t\"'");
		value[strcspn(value, " \t\r\"'#")] = '\0';
		return isdigit((unsigned char)*value) && !strchr(value, '/') ? value : NULL;
	}
	return NULL;
}
