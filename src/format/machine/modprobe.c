/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/modprobe.h"

#include <string.h>

/* In place; a line never grows. */
static char *next_line(char **text)
{
	char *line = *text, *in = line, *out = line;

	if (!line)
		return NULL;
	for (; *in && *in != '\n'; in++) {
		bool is_escaped = *in == '\\';

		in += is_escaped;
		if (!*in)
			break;
		if (!is_escaped || *in != '\n')
			*out++ = *in;
	}
	*text = *in ? in + 1 : NULL;
	*out = '\0';
	return line;
}

static char *next_word(char **cursor)
{
	char *word = *cursor + strspn(*cursor, " \t");
	size_t len = strcspn(word, " \t");

	*cursor = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

/* False: brackets that do not match, which libkmod refuses. */
static bool normalise(char *name)
{
	for (; *name; name++) {
		if (*name == ']')
			return false;
		if (*name == '-')
			*name = '_';
		if (*name == '[')
			name += strcspn(name, "]");
		if (!*name)
			return false;
	}
	return true;
}

bool modprobe_next(char **text, struct modprobe_line *out)
{
	char *line;

	while ((line = next_line(text))) {
		char *keyword, *name;

		if (*line == '#')
			continue;
		keyword = next_word(&line);
		name = next_word(&line);
		if (!*line || !normalise(name))
			continue;
		*out = (struct modprobe_line){keyword, name, line};
		return true;
	}
	return false;
}
