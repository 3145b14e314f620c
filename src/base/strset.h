/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A map from strings to pointers (open addressing, FNV-1a). Keys are borrowed: they must live
 * as long as the map. Iteration order is not defined: sort what must be reproducible.
 * Builder only: ends the process when memory runs out (see base/arena.h).
 */

#include <stdbool.h>
#include <stddef.h>

struct strset {
	struct strset_slot *slots;
	size_t count;
	size_t cap;
};

#define STRSET_INIT                                                                                \
	{                                                                                          \
		0                                                                                  \
	}

void strset_clear(struct strset *s);

/* Returns the value slot of KEY; NULL when KEY is absent. */
void **strset_find(const struct strset *s, const char *key);

/* Adds KEY with VALUE; false, and nothing changes, when KEY is there already. */
bool strset_add(struct strset *s, const char *key, void *value);

/* Writes all values to VALUES, which has room for s->count of them, in no particular order. Returns
 * their number. */
size_t strset_values(const struct strset *s, void **values);

/* The next key after *AT (start with 0), in no particular order; NULL at the end. */
const char *strset_next(const struct strset *s, size_t *at);

static inline bool strset_has(const struct strset *s, const char *key)
{
	return strset_find(s, key) != NULL;
}

#define _cleanup_strset_ __attribute__((cleanup(strset_clear)))
