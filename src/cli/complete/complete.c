/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/complete/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/compat/front.h"
#include "cli/complete/values.h"
#include "cli/messages.h"

/* Of a command or of a front end: what both tables say. */
struct option {
	const char *name;
	char letter;
	const char *args, *help;
};

struct line {
	const struct command *const *commands;
	size_t n_commands;
	const struct front *front;     /* NULL: it is the program itself, */
	const struct command *command; /* with this command; NULL: it has none yet */
	struct option *options;	       /* of these; of all commands while there is none */
	size_t n_options;
	size_t n_words;		       /* that are no options, behind the command */
	bool only_words;	       /* "--" was there */
	const struct option *open;     /* the next word is an argument of this option; NULL: of none */
	int at;			       /* which one */
	struct complete c;
};

/* ---- options ---- */

static void add_option(struct line *l, struct option o)
{
	l->options = arena_grow(&l->c.arena, l->options, l->n_options, sizeof(*l->options));
	l->options[l->n_options++] = o;
}

static void add_options(struct line *l, const struct command *command)
{
	for (const struct option_spec *o = command->options; o->name; o++)
		add_option(l, (struct option){o->name, o->letter, o->args, o->help});
}

static void load_options(struct line *l)
{
	l->options = NULL;
	l->n_options = 0;
	if (l->front) {
		for (const struct front_option *o = l->front->options; o->name || o->letter; o++)
			add_option(l, (struct option){o->name, o->letter, o->args, o->help});
		return;
	}
	if (l->command)
		add_options(l, l->command);
	for (size_t i = 0; !l->command && i < l->n_commands; i++)
		add_options(l, l->commands[i]);
	if (!l->command)
		add_option(l, (struct option){"version", 0, NULL, "print the version"});
	add_option(l, (struct option){"help", 'h', NULL, "show help"});
}

static const struct option *find_option(const struct line *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->n_options; i++)
		if (l->options[i].name && strlen(l->options[i].name) == len &&
		    strncmp(l->options[i].name, name, len) == 0)
			return &l->options[i];
	return NULL;
}

static const struct option *find_letter(const struct line *l, char letter)
{
	for (size_t i = 0; i < l->n_options; i++)
		if (l->options[i].letter == letter)
			return &l->options[i];
	return NULL;
}

static const char *option_name(const struct line *l, const struct option *o)
{
	return o->name ? o->name : l->front ? l->front->name : "";
}

/* "[X]": only behind "=". */
static bool is_optional(const struct option *o)
{
	return o->args && *o->args == '[';
}

/* The name of argument AT; NULL: there are fewer. */
static const char *argument(struct line *l, const struct option *o, int at)
{
	char *words = o->args ? arena_strdup(&l->c.arena, o->args) : NULL, *word;

	if (words && is_optional(o)) {
		words++;
		words[strcspn(words, "]")] = '\0';
	}
	while ((word = strsep(&words, " ")))
		if (at-- == 0)
			return word;
	return NULL;
}

/* ---- the words before ---- */

static void note_value(struct line *l, const struct option *o, const char *value)
{
	const char *name = option_name(l, o);

	if (strcmp(name, "root") == 0 || strcmp(name, "sysroot") == 0)
		l->c.root = value;
	else if (o->args && (strcmp(o->args, "VERSION") == 0 || strcmp(o->args, "KVER") == 0))
		l->c.kernel = value;
}

/* O is there, with VALUE in the same word or NULL. */
static void open_option(struct line *l, const struct option *o, const char *value)
{
	l->at = value ? 1 : 0;
	if (value)
		note_value(l, o, value);
	if (!is_optional(o) && argument(l, o, l->at))
		l->open = o;
}

static void take_letters(struct line *l, const char *letters)
{
	for (const char *p = letters; *p; p++) {
		const struct option *o = find_letter(l, *p);

		if (!o || !o->args)
			continue;
		open_option(l, o, p[1] ? p + 1 : NULL);
		return;
	}
}

static void take_plain(struct line *l, const char *word, const char *positional)
{
	if (!l->front && !l->command) {
		for (size_t i = 0; i < l->n_commands; i++)
			if (strcmp(l->commands[i]->name, word) == 0)
				l->command = l->commands[i];
		load_options(l);
		return;
	}
	l->n_words++;
	if (!positional)
		return;
	if (strcmp(positional, "IMAGE") == 0)
		l->c.image = word;
	else if (strcmp(positional, "KVER") == 0 || strcmp(positional, "VERSION") == 0)
		l->c.kernel = word;
}

/* The name of the next word that is no option, from the usage line; NULL: there is none. In that
 * line, "-x" without a closing bracket has its argument behind it. */
static const char *next_positional(struct line *l)
{
	const char *usage = l->front ? l->front->usage : l->command ? l->command->positional : "";
	char *rest = arena_strdup(&l->c.arena, usage), *word;
	size_t left = l->n_words;
	bool is_argument = false;

	while ((word = strsep(&rest, " "))) {
		char *name = word + strspn(word, "[");
		const bool is_option = strchr("-{", *name), skip = is_argument || is_option;
		const bool repeats = strstr(name, "...");

		is_argument = is_option && !strpbrk(name, "]}");
		name[strcspn(name, "].")] = '\0';
		if (skip || !*name || strcmp(name, "OPTION") == 0)
			continue;
		if (left-- == 0 || repeats)
			return name;
	}
	return NULL;
}

static void take_word(struct line *l, const char *word)
{
	const char *equals = strchr(word, '=');
	const struct option *o;

	if (l->open) {
		note_value(l, l->open, word);
		if (!argument(l, l->open, ++l->at))
			l->open = NULL;
	} else if (l->only_words || word[0] != '-' || !word[1]) {
		take_plain(l, word, next_positional(l));
	} else if (strcmp(word, "--") == 0) {
		l->only_words = true;
	} else if (word[1] != '-') {
		take_letters(l, word + 1);
	} else {
		o = find_option(l, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
		if (o)
			open_option(l, o, equals ? equals + 1 : NULL);
	}
}

/* ---- the word that is typed ---- */

static void list_options(struct line *l)
{
	for (size_t i = 0; i < l->n_options; i++) {
		const struct option *o = &l->options[i];

		if (o->name)
			complete_add(&l->c, arena_printf(&l->c.arena, "--%s", o->name), o->help);
		else
			complete_add(&l->c, arena_printf(&l->c.arena, "-%c", o->letter), o->help);
	}
}

static bool list_plain(struct line *l)
{
	const char *name = next_positional(l);

	if (name)
		return complete_value(&l->c, l->front ? l->front->name : "", name);
	if (!l->front && !l->command)
		for (size_t i = 0; i < l->n_commands; i++)
			complete_add(&l->c, l->commands[i]->name, l->commands[i]->summary);
	else if (!l->only_words)
		list_options(l); /* there is nothing else */
	return true;
}

static bool list_typed(struct line *l, const char *word)
{
	const char *equals = strchr(word, '='), *arg;
	const struct option *o = NULL;

	l->c.before = "";
	l->c.typed = word;
	if (l->open)
		return complete_value(&l->c, option_name(l, l->open), argument(l, l->open, l->at));
	if (l->only_words || *word != '-')
		return list_plain(l);
	if (word[1] == '-' && equals)
		o = find_option(l, word + 2, (size_t)(equals - word - 2));
	if (!equals)
		list_options(l);
	arg = o ? argument(l, o, 0) : NULL;
	if (!arg)
		return true;
	l->c.before = arena_strndup(&l->c.arena, word, (size_t)(equals + 1 - word));
	l->c.typed = equals + 1;
	return complete_value(&l->c, o->name, arg);
}

static int by_word(const void *a, const void *b)
{
	const struct complete_candidate *x = a, *y = b;

	return strcmp(x->word, y->word);
}

static void print(const struct complete *c)
{
	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), by_word);
	for (size_t i = 0; i < c->n; i++) {
		const struct complete_candidate *now = &c->list[i];

		if (i && strcmp(now[-1].word, now->word) == 0)
			continue;
		printf("%s%s%s\n", now->word, now->help ? "\t" : "", now->help ? now->help : "");
	}
}

int complete_main(const struct command *const *commands, size_t n_commands, int n, char **words)
{
	struct line l = {.commands = commands, .n_commands = n_commands, .c.root = "/"};
	bool is_known;

	if (n < 2)
		return EXIT_USAGE;
	l.front = front_find(words[0]);
	load_options(&l);
	for (int i = 1; i < n - 1; i++)
		take_word(&l, words[i]);
	is_known = list_typed(&l, words[n - 1]);
	print(&l.c);
	arena_clear(&l.c.arena);
	return is_known ? cli_end(EXIT_DONE) : EXIT_FAILED;
}
