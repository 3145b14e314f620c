/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/links.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "host/remembered/stored.h"

enum { CHUNK = 64 * 1024 };

struct candidate {
	uint32_t index;
	uint64_t size;
	bool hashed;
	uint8_t sha256[DIGEST_SIZE];
};

struct finder {
	const struct plan *plan;
	const struct root *root;
	struct candidate *list;
	size_t n;
};

static int open_source(const struct finder *f, const struct plan_entry *e)
{
	return e->outside ? open(e->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			  : root_openat(f->root, e->source, O_RDONLY | O_NONBLOCK);
}

/* An empty file has nothing to share. */
static bool size_of(const struct finder *f, const struct plan_entry *e, uint64_t *out)
{
	struct stat st;
	int r;

	*out = e->id ? e->id->size : 0;
	if (*out)
		return true;
	r = e->outside ? stat(e->source, &st) : root_stat(f->root, e->source, &st);

	if (r < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	*out = (uint64_t)st.st_size;
	return true;
}

static void collect(struct finder *f)
{
	for (size_t i = 0; i < f->plan->n_entries; i++) {
		const struct plan_entry *e = &f->plan->entries[i];
		struct candidate c = {.index = (uint32_t)i};

		if (e->type == PLAN_FILE && e->source && str_starts(e->path, "usr/") &&
		    size_of(f, e, &c.size))
			f->list[f->n++] = c;
	}
}

static int by_size(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int by_content(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int r = memcmp(x->sha256, y->sha256, sizeof(x->sha256));

	if (x->hashed != y->hashed)
		return x->hashed ? -1 : 1;
	return r ? r : x->index < y->index ? -1 : x->index > y->index;
}

static void hash(const struct finder *f, struct candidate *c, struct digest *d, uint8_t *chunk)
{
	const struct plan_entry *e = &f->plan->entries[c->index];
	_cleanup_fd_ int fd = -1;
	uint64_t size = 0;
	ssize_t n = -1;

	c->hashed = e->id && stored_know(f->root->stored, e->id, c->sha256);
	if (c->hashed)
		return;
	fd = open_source(f, e);
	while (fd >= 0 && (n = read_full(fd, chunk, CHUNK)) > 0) {
		digest_add(d, chunk, (size_t)n);
		size += (uint64_t)n;
	}
	digest_take(d, c->sha256);
	c->hashed = n == 0 && size == c->size;
}

static bool same_form(const struct plan_entry *a, const struct plan_entry *b)
{
	return a->mode == b->mode && a->storage == b->storage && a->compress == b->compress &&
	       a->unpack == b->unpack;
}

/* Links the files among N candidates of one size that are equal. Sorts LIST by content and then by
 * index. */
static void link_equal(const struct finder *f, const struct candidate *list, size_t n,
		       struct hardlink *out)
{
	const struct plan_entry *entries = f->plan->entries;

	for (size_t i = 0; i < n && list[i].hashed; i++) {
		struct hardlink *first = &out[list[i].index];

		if (first->leader != list[i].index)
			continue;
		for (size_t k = i + 1; k < n && list[k].hashed; k++) {
			struct hardlink *h = &out[list[k].index];

			if (memcmp(list[i].sha256, list[k].sha256, DIGEST_SIZE) != 0)
				break;
			if (h->leader != list[k].index ||
			    !same_form(&entries[list[i].index], &entries[list[k].index]))
				continue;
			h->leader = list[i].index;
			first->names++;
		}
	}
}

static void spread_names(struct hardlink *links, size_t n)
{
	for (size_t i = 0; i < n; i++)
		links[i].names = links[links[i].leader].names;
}

struct hardlink *hardlinks_find(const struct plan *plan, const struct root *root)
{
	struct finder f = {.plan = plan, .root = root};
	struct hardlink *out = xrealloc(NULL, plan->n_entries + 1, sizeof(*out));
	_cleanup_free_ uint8_t *chunk = xrealloc(NULL, 1, CHUNK);
	struct digest *digest = digest_new();

	for (size_t i = 0; i < plan->n_entries; i++)
		out[i] = (struct hardlink){.leader = (uint32_t)i, .names = 1};
	f.list = xrealloc(NULL, plan->n_entries + 1, sizeof(*f.list));
	collect(&f);
	qsort(f.list, f.n, sizeof(*f.list), by_size);
	for (size_t i = 0, end; i < f.n; i = end) {
		for (end = i + 1; end < f.n && f.list[end].size == f.list[i].size;)
			end++;
		if (end == i + 1)
			continue;
		for (size_t k = i; k < end; k++)
			hash(&f, &f.list[k], digest, chunk);
		qsort(&f.list[i], end - i, sizeof(*f.list), by_content);
		link_equal(&f, &f.list[i], end - i, out);
	}
	spread_names(out, plan->n_entries);
	digest_free(digest);
	free(f.list);
	return out;
}
