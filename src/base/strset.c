/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct strset_slot {
	const char *key;
	void *value;
};

static size_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3ull;
	return (size_t)(h ^ h >> 32);
}

static struct strset_slot *slot_of(const struct strset *s, const char *key)
{
	size_t i = hash(key) & (s->cap - 1);

	while (s->slots[i].key && strcmp(s->slots[i].key, key) != 0)
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

void strset_clear(struct strset *s)
{
	free(s->slots);
	*s = (struct strset)STRSET_INIT;
}

void **strset_find(const struct strset *s, const char *key)
{
	struct strset_slot *slot;

	if (!s->cap)
		return NULL;
	slot = slot_of(s, key);
	return slot->key ? &slot->value : NULL;
}

static void grow(struct strset *s)
{
	struct strset old = *s;

	s->cap = old.cap ? old.cap * 2 : 64;
	s->slots = xrealloc(NULL, s->cap, sizeof(*s->slots));
	memset(s->slots, 0, s->cap * sizeof(*s->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key)
			*slot_of(s, old.slots[i].key) = old.slots[i];
	free(old.slots);
}

bool strset_add(struct strset *s, const char *key, void *value)
{
	struct strset_slot *slot;

	if (s->count * 2 >= s->cap)
		grow(s);
	slot = slot_of(s, key);
	if (slot->key)
		return false;
	*slot = (struct strset_slot){.key = key, .value = value};
	s->count++;
	return true;
}

size_t strset_values(const struct strset *s, void **values)
{
	size_t n = 0;

	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].key)
			values[n++] = s->slots[i].value;
	return n;
}

const char *strset_next(const struct strset *s, size_t *at)
{
	while (*at < s->cap)
		if (s->slots[(*at)++].key)
			return s->slots[*at - 1].key;
	return NULL;
}
