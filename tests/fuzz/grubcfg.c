/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GRUB's menus. An entry with its spans put together again is an entry with the same kernel.
 */

#include <string.h>

#include "base/buf.h"
#include "format/menu/grubcfg.h"
#include "fuzz.h"

enum { AGAIN_MAX = 8 };

static const struct grubcfg_variable known[] = {{"prefix", "/boot/grub"}, {"root", NULL}, {0}};

static void hold_span(struct grubcfg_span inner, struct grubcfg_span outer)
{
	HOLDS(inner.begin >= outer.begin && inner.begin <= inner.end && inner.end <= outer.end);
}

static void hold_entry(const struct grubcfg_entry *e, const uint8_t *data, size_t size)
{
	HOLDS(e->title && e->arguments && e->options && e->line >= 1);
	hold_span(e->body, (struct grubcfg_span){0, size});
	HOLDS(data[e->body.end] == '}' && data[e->body.begin - 1] == '{');
	if (e->kernel)
		hold_span(e->load, e->body);
	if (e->save.end)
		hold_span(e->save, e->body);
	for (size_t i = 0; i < e->n_initrds; i++)
		hold_span(e->initrds[i].span, e->body);
}

/* What the loader's entries are made of. */
static void hold_again(const struct grubcfg_entry *e, const uint8_t *data, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct grubcfg again = {0};

	buf_printf(&text, "menuentry %s --id %s %s {", grubcfg_quote(e->title, arena),
		   grubcfg_quote(e->id ? e->id : "x", arena), e->arguments);
	buf_add(&text, data + e->body.begin, e->body.end - e->body.begin);
	buf_add_str(&text, "\n}\n");
	HOLDS(grubcfg_decode(buf_cstr(&text), text.len, known, arena, &again, NULL) == 0);
	HOLDS(again.n == 1 && strcmp(again.entries[0].title, e->title) == 0);
	HOLDS(strcmp(again.entries[0].id, e->id ? e->id : "x") == 0);
	HOLDS(!again.entries[0].kernel == !e->kernel);
	HOLDS(again.entries[0].n_initrds == e->n_initrds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct grubcfg menu = {0};
	struct err err = {0};
	int r = grubcfg_decode((const char *)data, size, known, &arena, &menu, &err);

	HOLDS(r == 0 || (err.text[0] && menu.n == 0));
	if (r < 0)
		return 0;
	for (size_t i = 0; i < menu.n; i++)
		hold_entry(&menu.entries[i], data, size);
	for (size_t i = 0; i < menu.n && i < AGAIN_MAX; i++)
		if (!strpbrk(menu.entries[i].arguments, "\n#"))
			hold_again(&menu.entries[i], data, &arena);
	for (size_t i = 0; i < menu.n_sources; i++)
		HOLDS(menu.sources[i].path && menu.sources[i].before <= menu.n);
	return 0;
}
