/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Menus of extlinux. Each label, cut out and read again, is the same label.
 */

#include <string.h>

#include "format/menu/extlinux.h"
#include "fuzz.h"

static void hold(const struct extlinux *menu, const uint8_t *data, size_t size, struct arena *arena)
{
	for (size_t i = 0; i < menu->n; i++) {
		const struct extlinux_label *l = &menu->labels[i];
		struct extlinux again = {0};

		HOLDS(*l->name && l->title && l->line >= 1 && l->begin < l->end && l->end <= size);
		HOLDS(i == 0 || menu->labels[i - 1].end <= l->begin);
		HOLDS(!l->kernel || *l->kernel);
		for (const char **path = l->initrds; *path; path++)
			HOLDS(**path && !strchr(*path, ','));
		if (i >= 8)
			continue;
		HOLDS(extlinux_decode((const char *)data + l->begin, l->end - l->begin, arena, &again,
				      NULL) == 0);
		HOLDS(again.n == 1 && strcmp(again.labels[0].name, l->name) == 0);
		HOLDS(!l->kernel == !again.labels[0].kernel);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct extlinux menu = {0};
	struct err err = {0};
	int r = extlinux_decode((const char *)data, size, &arena, &menu, &err);

	HOLDS(r == 0 || (err.text[0] && menu.n == 0));
	if (r == 0)
		hold(&menu, data, size, &arena);
	return 0;
}
