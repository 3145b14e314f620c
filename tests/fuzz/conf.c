/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dracut's configuration language. What is read, written down with quotes and read again, must
 * be the same.
 */

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "fuzz.h"

static const struct conf_variable variables[] = {{"kernel", "6.1.0"}, {0}};

static void write_quoted(struct buf *out, const struct conf_assignment *a)
{
	buf_printf(out, "%s%s'", a->key, a->append ? "+=" : "=");
	for (const char *s = a->text; *s; s++)
		if (*s == '\'')
			buf_add_str(out, "'\\''");
		else
			buf_add(out, s, 1);
	buf_add_str(out, "'\n");
}

static void hold(const struct conf *c, struct arena *arena, size_t size)
{
	_cleanup_buf_ struct buf again = BUF_INIT;
	struct conf copy = {0};
	struct conf_word *words;

	for (size_t i = 0; i < c->n; i++) {
		const struct conf_assignment *a = &c->list[i];

		HOLDS(*a->key && a->line >= 1 && a->line <= size + 1);
		HOLDS(strspn(a->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
		      strlen(a->key));
		for (size_t k = 0; k < a->n_words; k++)
			HOLDS(*a->words[k] && strstr(a->text, a->words[k]));
		HOLDS(conf_find(c, a->key)->line >= 1);
		HOLDS(conf_words(c, a->key, arena, &words) <= c->n * CONF_VALUE_MAX);
		nearest_word(a->key, (const char *const[]){"modules", "files", "x", NULL});
		write_quoted(&again, a);
	}
	struct conf_source source = {"again", buf_cstr(&again), again.len, NULL, NULL, NULL};
	HOLDS(again.len > CONF_SIZE_MAX || conf_parse(&copy, arena, &source, NULL) == 0);
	for (size_t i = 0; i < copy.n; i++) {
		HOLDS(strcmp(copy.list[i].text, c->list[i].text) == 0);
		HOLDS(copy.list[i].append == c->list[i].append);
	}
	HOLDS(again.len > CONF_SIZE_MAX || copy.n == c->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct conf_source source = {"input", (const char *)data, size, variables, NULL, NULL};
	struct conf c = {0};
	struct err err = {0};
	int r = conf_parse(&c, &arena, &source, &err);

	HOLDS(r == 0 || (c.n == 0 && err.text[0]));
	if (r == 0)
		hold(&c, &arena, size);
	source.errors = &(struct err_list){.arena = &arena};
	HOLDS(conf_parse(&c, &arena, &source, &err) == 0);
	return 0;
}
