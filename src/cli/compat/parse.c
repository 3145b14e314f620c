/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/compat/front.h"
#include "cli/messages.h"
#include "host/config/config.h"

enum { HELP_LEFT = 34 };

struct scan {
	struct front_run *f;
	char **argv;
	int argc, at;
	struct err *err;
};

static bool is_end(const struct front_option *o)
{
	return !o->name && !o->letter;
}

static const char *shown(const struct front_run *f, const struct front_option *o)
{
	struct arena *arena = (struct arena *)&f->arena;

	return o->name ? arena_printf(arena, "--%s", o->name) : arena_printf(arena, "-%c", o->letter);
}

/* ---- help ---- */

/* What is said of an option, and of the key that it stands for. */
static void describe(const struct front_option *o, char *out, size_t size)
{
	static const char *const kinds[] = {
		[FRONT_MET] = "accepted: ", [FRONT_NOTE] = "without effect: ",
		[FRONT_MISSING] = "not in this version: "};
	const char *kind = o->effect < FRONT_HELP ? kinds[o->effect] : NULL, *lost = NULL;
	char key[64];

	if (o->effect == FRONT_SET) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(o->as, "+="), o->as);
		lost = config_lost(key, strchr(o->as, '=') + 1);
		kind = config_effect(key) == CONFIG_MET ? kinds[FRONT_MET] : NULL;
	}
	snprintf(out, size, "%s%s%s%s", kind ? kind : "", o->help, lost ? "; without effect: " : "",
		 lost ? lost : "");
}

static void print_help(const struct front *front)
{
	printf("Usage: %s %s\n\nThis is preroot %s under another name, see man preroot-compat.\n\n"
	       "Options:\n",
	       front->name, front->usage, PREROOT_VERSION);
	for (const struct front_option *o = front->options; !is_end(o); o++) {
		char left[80], text[512];

		snprintf(left, sizeof(left), "  %s%c%s%s%s%s%s", o->letter ? "-" : " ",
			 o->letter ? o->letter : ' ', o->name ? (o->letter ? ", " : "  ") : "",
			 o->name ? "--" : "", o->name ? o->name : "", o->args ? " " : "",
			 o->args ? o->args : "");
		describe(o, text, sizeof(text));
		options_print_row(stdout, left, HELP_LEFT, text);
	}
}

static void print_version(const struct front *front)
{
	printf("%s %s (preroot %s)\n", front->name, front->version, PREROOT_VERSION);
}

/* ---- what an option becomes ---- */

static void add_setting(struct front_run *f, const struct front_option *o, bool again,
			const char *value)
{
	const char *as = o->as;

	if (again && value && str_ends(as, "=") && !str_ends(as, "+="))
		as = arena_printf(&f->arena, "%.*s+=", (int)strlen(as) - 1, as);
	/* Blanks keep the words of two values apart. */
	front_set(f, shown(f, o),
		  arena_printf(&f->arena, "%s%s%s", as, value && str_ends(as, "+=") ? " " : "",
			       value ? value : ""));
}

static int apply(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	unsigned char *seen = &f->seen[o - f->front->options];
	bool again = *seen;

	*seen = again ? 2 : 1;
	switch (o->effect) {
	case FRONT_VERB:
		front_add(f, &f->options, o->as);
		for (size_t i = 0; i < OPTION_ARGS_MAX && args[i]; i++)
			front_add(f, &f->options, args[i]);
		return 0;
	case FRONT_SET:
		add_setting(f, o, again, args[0]);
		return 0;
	case FRONT_OWN:
		return f->front->own(f, o, args, err);
	case FRONT_NOTE:
		if (!again)
			cli_warn("%s has no effect: %s", shown(f, o), o->help);
		return 0;
	case FRONT_MISSING:
		err_set(err, -EINVAL, "this version of preroot has no %s", shown(f, o));
		return err_hint(err, "%s", o->help);
	case FRONT_HELP:
		print_help(f->front);
		return -ECANCELED;
	case FRONT_VERSION:
		print_version(f->front);
		return -ECANCELED;
	default:
		return 0;
	}
}

/* ---- words ---- */

static int count_args(const struct front_option *o)
{
	if (!o->args || *o->args == '[')
		return 0;
	return strchr(o->args, ' ') ? 2 : 1;
}

/* Takes the arguments of O from the words behind. VALUE: what is in the same word; NULL: nothing. */
static int take_args(struct scan *s, const struct front_option *o, char *value)
{
	char *args[OPTION_ARGS_MAX] = {value};

	if (value && !o->args)
		return err_set(s->err, -EINVAL, "option %s takes no argument", shown(s->f, o));
	for (int n = value ? 1 : 0; n < count_args(o); n++) {
		if (s->at + 1 >= s->argc)
			return err_set(s->err, -EINVAL, "option %s needs: %s", shown(s->f, o),
				       o->args);
		args[n] = s->argv[++s->at];
	}
	return apply(s->f, o, args, s->err);
}

/* Is it all the same which of the two is meant? */
static bool is_same(const struct front_option *a, const struct front_option *b)
{
	return a->effect == b->effect && a->id == b->id && a->as && b->as &&
	       strcmp(a->as, b->as) == 0;
}

/* The command whose option NAME was probably meant; NULL: there is none. */
static const struct command *command_with(const struct front *front, const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), "--%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(front->commands); i++)
		if (front->commands[i] && options_words(front->commands[i], word) > 0)
			return front->commands[i];
	return NULL;
}

static int fail_unknown(const struct scan *s, const char *name)
{
	const char *known[FRONT_OPTIONS_MAX + 1], *near = NULL, *front = s->f->front->name;
	const struct command *command = name[1] ? command_with(s->f->front, name) : NULL;
	size_t n = 0;

	for (const struct front_option *o = s->f->front->options; !is_end(o); o++)
		if (o->name)
			known[n++] = o->name;
	known[n] = NULL;
	if (name[1])
		near = nearest_word(name, known);
	err_set(s->err, -EINVAL, "unknown option %s%s", name[1] ? "--" : "-", name);
	if (command)
		return err_hint(s->err, "it is an option of: preroot %s", command->name);
	if (near)
		return err_hint(s->err, "is it meant to be --%s? see: %s --help", near, front);
	return err_hint(s->err, "see: %s --help", front);
}

static const struct front_option *find_exact(const struct front_option *o, const char *name)
{
	while (!is_end(o) && !(o->name && strcmp(o->name, name) == 0))
		o++;
	return is_end(o) ? NULL : o;
}

/* The only option whose name begins with NAME. NULL: there is none, or, with ERR filled, several. */
static const struct front_option *find_start(const struct front_option *o, const char *name,
					     struct err *err)
{
	const struct front_option *found = NULL;

	for (; !is_end(o); o++) {
		if (!o->name || !str_starts(o->name, name))
			continue;
		if (found && !is_same(found, o)) {
			err_set(err, -EINVAL, "option --%s may be --%s or --%s", name, found->name,
				o->name);
			return NULL;
		}
		found = o;
	}
	return found;
}

static int handle_long(struct scan *s, const char *text)
{
	char *name = arena_strdup(&s->f->arena, text), *value = strchr(name, '=');
	const struct front_option *options = s->f->front->options, *o;

	if (value)
		*value++ = '\0';
	o = find_exact(options, name);
	if (!o && *name)
		o = find_start(options, name, s->err);
	if (o)
		return take_args(s, o, value);
	return s->err->code ? s->err->code : fail_unknown(s, name);
}

static int handle_letters(struct scan *s, char *letters)
{
	int r = 0;

	for (char *p = letters; *p && r == 0; p++) {
		const struct front_option *o = s->f->front->options;

		while (!is_end(o) && o->letter != *p)
			o++;
		if (is_end(o))
			return fail_unknown(s, (char[]){*p, '\0'});
		if (count_args(o))
			return take_args(s, o, p[1] ? p + 1 : NULL);
		r = take_args(s, o, NULL);
	}
	return r;
}

int front_parse(struct front_run *f, int argc, char **argv, struct err *err)
{
	struct scan s = {.f = f, .argv = argv, .argc = argc, .err = err};
	bool only_words = false;
	int r = 0;

	for (; s.at < argc && r == 0; s.at++) {
		char *word = argv[s.at];

		if (!*word && !f->front->has_places)
			continue;
		if (only_words || word[0] != '-' || !word[1])
			front_add(f, &f->words, word);
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else
			r = word[1] == '-' ? handle_long(&s, word + 2) : handle_letters(&s, word + 1);
	}
	return r;
}

/* ---- the environment ---- */

/* Takes a word in place, as xargs separates them: at blanks, with quotes and backslashes. NULL: there
 * is none, or, with ERR filled, a quote is open. */
static char *next_word(char **cursor, struct err *err)
{
	char *p = *cursor + strspn(*cursor, " \t\n"), *word = p, *to = p, quote = '\0';

	if (!*p)
		return NULL;
	for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"')
			quote = quote ? '\0' : *p;
		else if (*p == '\\' && p[1] && !quote)
			*to++ = *++p;
		else
			*to++ = *p;
	}
	*cursor = *p ? p + 1 : p;
	*to = '\0';
	if (!quote)
		return word;
	err_set(err, -EINVAL, "a quote is never closed: %c%s", quote, word);
	return NULL;
}

int front_parse_environment(struct front_run *f, struct err *err)
{
	const char *name = f->front->environment, *text = name ? getenv(name) : NULL;
	struct front_words all = {0};
	char *cursor, *word;
	int r = 0;

	if (!text)
		return 0;
	cursor = arena_strdup(&f->arena, text);
	while ((word = next_word(&cursor, err)))
		front_add(f, &all, word);
	r = err->code ? err->code : front_parse(f, (int)all.n, all.list, err);
	return r < 0 && r != -ECANCELED ? err_prefix(err, "%s", name) : r;
}
