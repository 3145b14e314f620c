/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/shebang.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Copies the first line, without "#!" and blanks at its ends, to TEXT. False: the line goes on
 * after the part that the kernel reads. */
static bool take_line(const char *data, size_t len, char text[SHEBANG_MAX])
{
	size_t n = len < SHEBANG_MAX ? len : SHEBANG_MAX;
	const char *end = memchr(data, '\n', n), *start = data + 2;
	bool whole = end || len < SHEBANG_MAX;

	if (!end)
		end = data + n;
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	memcpy(text, start, (size_t)(end - start));
	text[end - start] = '\0';
	return whole;
}

/* Is WORD env's option to split what follows? Returns its end within WORD; NULL: it is another. */
static const char *split_option(const char *word)
{
	static const char whole[] = "--split-string";

	if (str_starts(word, whole)) {
		word += strlen(whole);
		return *word == '=' || is_blank(*word) ? word + 1 : NULL;
	}
	if (word[0] != '-' || word[1] == '-')
		return NULL;
	for (word++; *word && !is_blank(*word); word++)
		if (*word == 'S')
			return word + 1;
	return NULL;
}

/* Options of env whose value is a word of its own. */
static bool takes_word(const char *option)
{
	static const char *const names[] = {"-u", "--unset", "-C", "--chdir"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(option, names[i]) == 0)
			return true;
	return false;
}

/* Finds the program among the words that env splits REST into: it follows options and
 * assignments. */
static void find_program(char *rest, char out[SHEBANG_MAX])
{
	char *word;

	while ((word = strsep(&rest, " \t"))) {
		if (takes_word(word)) {
			do
				word = strsep(&rest, " \t");
			while (word && !*word);
			continue;
		}
		if (*word && *word != '-' && !strchr(word, '='))
			break;
	}
	snprintf(out, SHEBANG_MAX, "%s", word ? word : "");
}

static int decode_env(char *argument, char out[SHEBANG_MAX], struct err *err)
{
	const char *split = split_option(argument);

	if (split) {
		find_program(argument + (split - argument), out);
		return 0;
	}
	if (*argument == '-' || strchr(argument, '='))
		return 0; /* env prints its environment */
	if (strpbrk(argument, " \t")) {
		err_set(err, -EBADMSG, "its first line makes env look for a program named \"%s\"",
			argument);
		return err_hint(err, "give env the option -S, which splits at blanks");
	}
	snprintf(out, SHEBANG_MAX, "%s", argument);
	return 0;
}

static int check_line(const char *line, struct err *err)
{
	size_t len = strlen(line);

	if (len && line[len - 1] == '\r') {
		err_set(err, -EBADMSG,
			"its first line ends in CR LF: the kernel takes the CR for a "
			"part of the interpreter's name or argument");
		return err_hint(err, "write it with LF alone: sed -i 's/\\r$//' FILE");
	}
	for (; *line; line++)
		if ((unsigned char)*line < ' ' && *line != '\t')
			return err_set(err, -EBADMSG, "its first line holds control characters");
	return 0;
}

int shebang_decode(const void *data, size_t len, struct shebang *out, struct err *err)
{
	struct shebang s = {0};
	char line[SHEBANG_MAX];
	char *argument;
	bool whole;
	size_t n;
	int r;

	if (len < 2 || memcmp(data, "#!", 2) != 0)
		return 0;
	whole = take_line(data, len, line);
	r = check_line(line, err);
	if (r < 0)
		return r;
	n = strcspn(line, " \t");
	if (!whole && !line[n])
		return err_set(err, -EBADMSG,
			       "the kernel reads %d bytes of its first line, and there "
			       "the interpreter's name has not ended",
			       SHEBANG_MAX);
	argument = line + n + strspn(line + n, " \t");
	memcpy(s.interpreter, line, n);
	if (str_ends(s.interpreter, "/env"))
		r = decode_env(argument, s.program, err);
	if (r < 0)
		return r;
	*out = s;
	return 1;
}
