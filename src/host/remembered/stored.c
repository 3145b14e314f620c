/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/stored.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "format/codec/encode.h"
#include "host/remembered/trace.h"

/*
 * The list of known files is one blob: for each file device, inode, size, mtime, ctime, all u64
 * little-endian, and the SHA-256 of the content; those that were used last come first.
 */

#define LIST_KEY "known files 1"

enum {
	FILES_MAX = 32768,
	ENTRY = FILE_IDENTITY_SIZE + DIGEST_SIZE,
	STORED_SIZE_MAX = 1024 * 1024 * 1024,
	KEY_SIZE = 256,
};

struct known {
	struct file_identity id;
	uint8_t sum[DIGEST_SIZE];
	size_t rank; /* 0: used last */
	bool used;
};

struct stored {
	struct cache *cache;
	struct known *old; /* of the list, by device and inode */
	size_t n_old;
	pthread_mutex_t lock;
	struct known *new; /* in this run, likewise */
	size_t n_new;
};

static int by_file(const void *a, const void *b)
{
	return file_identity_compare(&((const struct known *)a)->id,
				     &((const struct known *)b)->id);
}

/* Those of this run, then those that the last run used, then the others. */
static int by_use(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->used != y->used)
		return x->used ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

/* ---- the list ---- */

struct stored *stored_open(struct cache *cache)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct stored *s;

	if (!cache)
		return NULL;
	s = xrealloc(NULL, 1, sizeof(*s));
	*s = (struct stored){.cache = cache};
	pthread_mutex_init(&s->lock, NULL);
	if (!cache_get(cache, LIST_KEY, (size_t)FILES_MAX * ENTRY, &list, NULL) ||
	    list.len % ENTRY || !list.len)
		return s;
	s->n_old = list.len / ENTRY;
	s->old = xrealloc(NULL, s->n_old, sizeof(*s->old));
	for (size_t i = 0; i < s->n_old; i++) {
		const uint8_t *entry = list.data + i * ENTRY;

		s->old[i] = (struct known){.rank = i, .id = file_identity_decode(entry)};
		memcpy(s->old[i].sum, entry + FILE_IDENTITY_SIZE, DIGEST_SIZE);
	}
	qsort(s->old, s->n_old, sizeof(*s->old), by_file);
	return s;
}

static struct known *find(struct stored *s, const struct file_identity *id)
{
	struct known key = {.id = *id};

	return s->n_old ? bsearch(&key, s->old, s->n_old, sizeof(key), by_file) : NULL;
}

/* Drops files that have changed: what was learned about them in this run counts. */
static void drop_replaced(struct stored *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_new; i++) {
		struct known *k = find(s, &s->new[i].id);

		if (k)
			k->rank = SIZE_MAX;
	}
	for (size_t i = 0; i < s->n_old; i++)
		if (s->old[i].rank != SIZE_MAX)
			s->old[kept++] = s->old[i];
	s->n_old = kept;
}

static void encode_known(struct buf *out, const struct known *k)
{
	file_identity_encode(out, &k->id);
	buf_add(out, k->sum, DIGEST_SIZE);
}

static void write_list(struct stored *s)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	drop_replaced(s);
	if (s->n_old)
		qsort(s->old, s->n_old, sizeof(*s->old), by_use);
	for (size_t i = 0; i < s->n_new; i++)
		encode_known(&list, &s->new[i]);
	for (size_t i = 0; i < s->n_old && list.len < (size_t)FILES_MAX * ENTRY; i++)
		encode_known(&list, &s->old[i]);
	if (buf_status(&list) == 0 && list.len <= (size_t)FILES_MAX * ENTRY)
		cache_put(s->cache, LIST_KEY, list.data, list.len, NULL);
}

void stored_keep(struct stored *s)
{
	if (s && s->n_new)
		write_list(s);
}

void stored_close(struct stored *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->old);
	free(s->new);
	free(s);
}

/* ---- files ---- */

/* Where the file is, or would be, among those of this run. Call with the lock held. */
static size_t place_of(const struct stored *s, const struct file_identity *id)
{
	size_t low = 0, high = s->n_new;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file_identity_compare(&s->new[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool knows(const struct known *k, const struct file_identity *id, uint8_t *sum)
{
	if (!k || !file_identity_equal(&k->id, id))
		return false;
	memcpy(sum, k->sum, DIGEST_SIZE);
	return true;
}

bool stored_know(struct stored *s, const struct file_identity *id, uint8_t sum[DIGEST_SIZE])
{
	struct known *k = s ? find(s, id) : NULL;
	bool known = false;
	size_t new;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	new = place_of(s, id);
	if (new < s->n_new)
		known = knows(&s->new[new], id, sum);
	if (!known && knows(k, id, sum))
		known = k->used = true;
	pthread_mutex_unlock(&s->lock);
	return known;
}

static void insert(struct stored *s, const struct known *k)
{
	size_t at = place_of(s, &k->id);

	if (at < s->n_new && file_identity_compare(&s->new[at].id, &k->id) == 0) {
		s->new[at] = *k;
		return;
	}
	if ((s->n_new & (s->n_new - 1)) == 0)
		s->new = xrealloc(s->new, s->n_new ? s->n_new * 2 : 1, sizeof(*s->new));
	memmove(&s->new[at + 1], &s->new[at], (s->n_new - at) * sizeof(*k));
	s->new[at] = *k;
	s->n_new++;
}

void stored_learn(struct stored *s, const struct file_identity *id, const uint8_t sum[DIGEST_SIZE])
{
	struct known k = {.id = *id};

	if (!s || file_identity_is_racy(id))
		return;
	memcpy(k.sum, sum, DIGEST_SIZE);
	pthread_mutex_lock(&s->lock);
	insert(s, &k);
	pthread_mutex_unlock(&s->lock);
}

/* ---- what they are when compressed ---- */

bool stored_takes(const struct stored *s)
{
	return s && cache_takes(s->cache);
}

bool stored_keeps(const struct stored *s)
{
	return s && cache_keeps(s->cache);
}

static void make_key(char out[KEY_SIZE], const uint8_t sum[DIGEST_SIZE],
		     const struct stored_form *form)
{
	char hex[2 * DIGEST_SIZE + 1];

	digest_text(sum, hex);
	snprintf(out, KEY_SIZE, "compressed %s level %d%s, aligned, by %s: %s",
		 codec_info(form->codec)->name, form->level, form->x86_filter ? " x86" : "",
		 encode_library(form->codec), hex);
}

bool stored_get(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		struct buf *out, uint8_t sha256[DIGEST_SIZE])
{
	char key[KEY_SIZE];

	if (!s)
		return false;
	make_key(key, sum, form);
	return cache_get(s->cache, key, STORED_SIZE_MAX, out, sha256);
}

void stored_put(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		const struct buf *data, const uint8_t sha256[DIGEST_SIZE])
{
	char key[KEY_SIZE];

	if (!s)
		return;
	make_key(key, sum, form);
	cache_put(s->cache, key, data->data, data->len, sha256);
}
