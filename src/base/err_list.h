/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Errors that are collected, where a check goes on behind the first one. */

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum { ERR_LIST_MAX = 100 };

struct err_list {
	struct arena *arena;
	struct err **list;
	size_t n;
	size_t more; /* that are not in LIST: it has at most ERR_LIST_MAX */
};

/* Moves E, which holds an error, to LIST: 0, and the caller goes on. Its code if LIST is NULL. */
int err_collect(struct err_list *list, struct err *e);
