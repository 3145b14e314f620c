/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "format/machine/conf_kit.h"

void conf_add_word(struct arena *arena, struct conf_assignment *a, const char *word)
{
	if ((a->n_words & (a->n_words - 1)) == 0) {
		const char **more = arena_alloc(arena, (a->n_words * 2 + 1) * sizeof(*more));

		if (a->n_words)
			memcpy(more, a->words, a->n_words * sizeof(*more));
		a->words = more;
	}
	a->words[a->n_words++] = word;
}

void conf_split(struct arena *arena, struct conf_assignment *a)
{
	char *cursor = arena_strdup(arena, a->text), *word;

	while ((word = strsep(&cursor, " \t\n")))
		if (*word)
			conf_add_word(arena, a, word);
}

void conf_append(struct conf *c, struct arena *arena, const struct conf_assignment *a)
{
	if ((c->n & (c->n - 1)) == 0) {
		struct conf_assignment *more = arena_alloc(arena, (c->n * 2 + 1) * sizeof(*more));

		if (c->n)
			memcpy(more, c->list, c->n * sizeof(*more));
		c->list = more;
	}
	c->list[c->n++] = *a;
}

void conf_add(struct conf *c, struct arena *arena, const struct conf_assignment *a)
{
	struct conf_assignment whole = *a;

	whole.words = NULL;
	whole.n_words = 0;
	if (!a->is_array)
		conf_split(arena, &whole);
	else if (*a->text)
		conf_add_word(arena, &whole, a->text);
	conf_append(c, arena, &whole);
}
