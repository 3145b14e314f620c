/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err_list.h"

#include <string.h>

int err_collect(struct err_list *list, struct err *e)
{
	if (!list)
		return e->code;
	if (list->n == ERR_LIST_MAX) {
		list->more++;
	} else {
		list->list = arena_grow(list->arena, list->list, list->n, sizeof(*list->list));
		list->list[list->n++] = arena_memdup(list->arena, e, sizeof(*e));
	}
	memset(e, 0, sizeof(*e));
	return 0;
}
