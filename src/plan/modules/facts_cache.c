/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules/facts_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

enum {
	BLOB_MAX = 64 * 1024 * 1024,
	HEAD = FILE_IDENTITY_SIZE + 4 * 4,
};

struct known {
	struct file_identity id;
	const struct facts *facts;
};

struct facts_cache {
	struct cache *cache;
	const char *key;
	struct known *old; /* by device and inode */
	struct known *new;
	size_t n_old, n_new;
	size_t kept; /* of the new ones */
};

static int by_file(const void *a, const void *b)
{
	return file_identity_compare(&((const struct known *)a)->id,
				     &((const struct known *)b)->id);
}

static void push(struct known **list, size_t *n, const struct known *k)
{
	if ((*n & (*n - 1)) == 0)
		*list = xrealloc(*list, *n ? *n * 2 : 1, sizeof(**list));
	(*list)[(*n)++] = *k;
}

/* LEN bytes of AT, which must end with a NUL if there are any. They stay where they are. */
static bool take(const uint8_t **at, const uint8_t *end, size_t len, const char **out)
{
	if (len > (size_t)(end - *at) || (len && (*at)[len - 1]))
		return false;
	*out = len ? (const char *)*at : "";
	*at += len;
	return true;
}

/* A truncated record ends the list; the facts after it are read from their modules again. DATA
 * lives as long as the facts. */
static void decode(struct facts_cache *c, const uint8_t *data, size_t len, struct arena *arena)
{
	const uint8_t *p = data, *end = p + len;

	while ((size_t)(end - p) >= HEAD) {
		struct facts *f = arena_alloc(arena, sizeof(*f));
		const uint8_t *numbers = p + FILE_IDENTITY_SIZE;
		struct known k = {.id = file_identity_decode(p), .facts = f};

		f->id = k.id;
		f->provides = le32(numbers);
		f->firmware_len = le32(numbers + 4);
		f->weakdeps_len = le32(numbers + 8);
		p += HEAD;
		if (!take(&p, end, f->firmware_len, &f->firmware) ||
		    !take(&p, end, f->weakdeps_len, &f->weakdeps) ||
		    !take(&p, end, le32(numbers + 12), &f->vermagic))
			return;
		push(&c->old, &c->n_old, &k);
	}
}

struct facts_cache *facts_cache_open(struct cache *cache, const char *key, struct arena *arena)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	struct facts_cache *c;

	if (!cache)
		return NULL;
	c = xrealloc(NULL, 1, sizeof(*c));
	*c = (struct facts_cache){.cache = cache, .key = key};
	if (cache_get(cache, key, BLOB_MAX, &blob, NULL))
		decode(c, arena_memdup(arena, blob.data, blob.len), blob.len, arena);
	if (c->n_old)
		qsort(c->old, c->n_old, sizeof(*c->old), by_file);
	return c;
}

static void encode(struct buf *out, const struct known *k)
{
	file_identity_encode(out, &k->id);
	buf_add_u32le(out, k->facts->provides);
	buf_add_u32le(out, (uint32_t)k->facts->firmware_len);
	buf_add_u32le(out, (uint32_t)k->facts->weakdeps_len);
	buf_add_u32le(out, (uint32_t)strlen(k->facts->vermagic) + 1);
	buf_add(out, k->facts->firmware, k->facts->firmware_len);
	buf_add(out, k->facts->weakdeps, k->facts->weakdeps_len);
	buf_add(out, k->facts->vermagic, strlen(k->facts->vermagic) + 1);
}

static struct known *find(const struct facts_cache *c, const struct file_identity *id)
{
	struct known key = {.id = *id};

	return c->n_old ? bsearch(&key, c->old, c->n_old, sizeof(key), by_file) : NULL;
}

/* Writes the facts of new files, and the old ones that no new one replaces. */
static void write_blob(struct facts_cache *c)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;

	for (size_t i = 0; i < c->n_new; i++) {
		struct known *k = find(c, &c->new[i].id);

		encode(&blob, &c->new[i]);
		if (k)
			k->facts = NULL;
	}
	for (size_t i = 0; i < c->n_old; i++)
		if (c->old[i].facts)
			encode(&blob, &c->old[i]);
	if (buf_status(&blob) == 0 && blob.len <= BLOB_MAX)
		cache_put(c->cache, c->key, blob.data, blob.len, NULL);
}

void facts_cache_keep(struct facts_cache *c)
{
	if (!c || c->kept == c->n_new)
		return;
	write_blob(c);
	c->kept = c->n_new;
}

void facts_cache_close(struct facts_cache *c)
{
	if (!c)
		return;
	facts_cache_keep(c);
	free(c->old);
	free(c->new);
	free(c);
}

const struct facts *facts_cache_find(const struct facts_cache *c, const struct stat *st)
{
	struct file_identity id = file_identity(st);
	const struct known *k = c ? find(c, &id) : NULL;

	return k && file_identity_equal(&k->id, &id) ? k->facts : NULL;
}

void facts_cache_add(struct facts_cache *c, const struct facts *f)
{
	struct known k = {.id = f->id, .facts = f};

	if (c && !f->racy)
		push(&c->new, &c->n_new, &k);
}
