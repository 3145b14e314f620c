/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "format/machine/conf.h"

const char *conf_place(const struct conf_assignment *a, struct arena *arena)
{
	return a->line ? arena_printf(arena, "%s:%u", a->file, a->line) : a->file;
}

const struct conf_assignment *conf_find(const struct conf *c, const char *key)
{
	for (size_t i = c->n; i > 0; i--)
		if (strcmp(c->list[i - 1].key, key) == 0)
			return &c->list[i - 1];
	return NULL;
}

const struct conf_assignment *conf_next(const struct conf *c, const char *key,
					const struct conf_assignment *after)
{
	size_t first = after ? (size_t)(after - c->list) + 1 : 0;

	for (size_t i = 0; i < c->n && !after; i++)
		if (!c->list[i].append && strcmp(c->list[i].key, key) == 0)
			first = i;
	for (size_t i = first; i < c->n; i++)
		if (strcmp(c->list[i].key, key) == 0)
			return &c->list[i];
	return NULL;
}

size_t conf_words(const struct conf *c, const char *key, struct arena *arena,
		  struct conf_word **out)
{
	const struct conf_assignment *a;
	size_t room = 0, n = 0;

	for (a = conf_next(c, key, NULL); a; a = conf_next(c, key, a))
		room += a->n_words;
	*out = arena_alloc(arena, (room + 1) * sizeof(**out));
	for (a = conf_next(c, key, NULL); a; a = conf_next(c, key, a))
		for (size_t k = 0; k < a->n_words; k++)
			(*out)[n++] = (struct conf_word){a->words[k], a};
	return n;
}

bool conf_is_yes(const struct conf_assignment *a)
{
	return a->n_words == 1 && strcmp(a->words[0], "yes") == 0;
}

int conf_switch(const struct conf_assignment *a, bool *out, struct err *err)
{
	char shown[64];

	*out = conf_is_yes(a);
	if (*out || (a->n_words == 1 && strcmp(a->words[0], "no") == 0))
		return 0;
	escape_text(a->text, shown, sizeof(shown));
	return err_set(err, -EINVAL, "%s:%u: %s=\"%s\": it is yes or no", a->file, a->line, a->key,
		       shown);
}
