/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum { HELP_LEFT = 30, HELP_WIDTH = 80, OPTIONS_MAX = 64 };

static int count_args(const struct option_spec *o)
{
	if (!o->args)
		return 0;
	return strchr(o->args, ' ') ? 2 : 1;
}

static const struct option_spec *find(const struct command *c, const char *word, size_t len)
{
	for (const struct option_spec *o = c->options; o->name; o++)
		if ((word[1] == '-' && strlen(o->name) == len - 2 &&
		     strncmp(o->name, word + 2, len - 2) == 0) ||
		    (word[1] != '-' && len == 2 && o->letter == word[1]))
			return o;
	return NULL;
}

/* Several letters in one word, as in -qq: options without arguments. */
static bool is_bundle(const struct command *c, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		const struct option_spec *o = find(c, (char[]){'-', *p, '\0'}, 2);

		if (!o || o->args)
			return false;
	}
	return word[1] && word[2];
}

void options_print_row(FILE *to, const char *left, int width, const char *text)
{
	int at = fprintf(to, "%-*s", width, left);

	/* If LEFT is too wide, the text starts on the next line. */
	if (at > width)
		at = HELP_WIDTH;
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (at + 1 + len > HELP_WIDTH)
			at = fprintf(to, "\n%*s", width, "") - 1;
		at += fprintf(to, " %.*s", len, text);
		text += len + (text[len] == ' ');
	}
	fprintf(to, "\n");
}

void options_help(const struct command *c)
{
	printf("Usage: preroot %s%s%s%s\n\n%s\n", c->name, c->options->name ? " [OPTIONS]" : "",
	       *c->positional ? " " : "", c->positional, c->summary);
	printf("\nOptions:\n");
	for (const struct option_spec *o = c->options; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "  %s%c%s--%s%s%s", o->letter ? "-" : " ",
			 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			 o->args ? " " : "", o->args ? o->args : "");
		options_print_row(stdout, left, HELP_LEFT, o->help);
	}
	options_print_row(stdout, "  -h, --help", HELP_LEFT, "show this help");
}

static int fail_unknown(const struct command *c, const char *word, size_t len, struct err *err)
{
	const char *known[OPTIONS_MAX + 2], *near = NULL;
	char name[64];
	size_t n = 0;

	for (const struct option_spec *o = c->options; o->name && n < OPTIONS_MAX; o++)
		known[n++] = o->name;
	known[n++] = "help";
	known[n] = NULL;
	if (word[1] == '-') {
		snprintf(name, sizeof(name), "%.*s", (int)len - 2, word + 2);
		near = nearest_word(name, known);
	}
	err_set(err, -EINVAL, "unknown option %.*s", (int)len, word);
	if (near)
		return err_hint(err, "is it meant to be --%s? see: preroot %s --help", near, c->name);
	return err_hint(err, "see: preroot %s --help", c->name);
}

int options_words(const struct command *c, const char *word)
{
	const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
	const struct option_spec *o =
		find(c, word, equals ? (size_t)(equals - word) : strlen(word));

	if (!o)
		return is_bundle(c, word) ? 1 : 0;
	return 1 + count_args(o) - (equals ? 1 : 0);
}

/* Handles ARGV[*AT], an option. */
static int handle_option(const struct command *c, int argc, char **argv, int *at,
			 options_apply *apply, void *arg, struct err *err)
{
	char *word = argv[*at], *equals = word[1] == '-' ? strchr(word, '=') : NULL;
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option_spec *o = find(c, word, len);
	char *args[OPTION_ARGS_MAX] = {NULL};
	int n = 0;

	if (!o && is_bundle(c, word)) {
		int r = 0;

		for (const char *p = word + 1; *p && r >= 0; p++)
			r = apply(find(c, (char[]){'-', *p, '\0'}, 2), args, arg, err);
		return r;
	}
	if (!o)
		return fail_unknown(c, word, len, err);
	if (equals && !o->args)
		return err_set(err, -EINVAL, "option --%s takes no argument", o->name);
	if (equals)
		args[n++] = equals + 1;
	for (; n < count_args(o); n++) {
		if (*at + 1 >= argc)
			return err_set(err, -EINVAL, "option --%s needs: %s", o->name, o->args);
		args[n] = argv[++*at];
	}
	return apply(o, args, arg, err);
}

int options_parse(const struct command *c, int argc, char **argv, options_apply *apply, void *arg,
		  struct err *err)
{
	int n = 0, r;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[n++] = argv[i];
			break;
		}
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			options_help(c);
			return -ECANCELED;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			argv[n++] = argv[i];
			continue;
		}
		r = handle_option(c, argc, argv, &i, apply, arg, err);
		if (r < 0)
			return r;
	}
	if (n < c->min || (c->max >= 0 && n > c->max)) {
		err_set(err, -EINVAL, n < c->min ? "too few arguments" : "too many arguments (%s)",
			n ? argv[n - 1] : "");
		return err_hint(err, "usage: preroot %s [OPTIONS] %s", c->name, c->positional);
	}
	return n;
}

/* With the NUL, so that two words differ from one. */
static void add_word(struct buf *key, const char *word)
{
	buf_add(key, word, strlen(word) + 1);
}

void options_weigh(struct buf *key, const struct option_spec *spec, char **args)
{
	if (!spec->weighs)
		return;
	buf_add_str(key, "--");
	add_word(key, spec->name);
	for (int i = 0; i < OPTION_ARGS_MAX && args[i]; i++)
		add_word(key, args[i]);
}

int cli_take_mode(const char *text, uint64_t *out, struct err *err)
{
	static const char *const names[] = {"600", "640", "644"};

	if (*text == '0')
		text++;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*out = strtoul(text, NULL, 8);
			return 0;
		}
	return err_set(err, -EINVAL, "--mode is 0600, 0640 or 0644, not \"%s\"", text);
}

int cli_take_number(const char *option, const char *text, uint64_t max, uint64_t *out,
		    struct err *err)
{
	return parse_u64(text, max, out)
		       ? 0
		       : err_set(err, -EINVAL, "--%s takes a number from 0 to %llu, not \"%s\"",
				 option, (unsigned long long)max, text);
}
