/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/changes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/ours/manifest.h"

struct contents {
	struct manifest_entry *list; /* sorted by path; points into the text */
	size_t n;
};

static int by_path(const void *a, const void *b)
{
	const struct manifest_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int read_contents(struct buf *text, struct arena *arena, struct contents *out,
			 struct err *err)
{
	struct manifest_entry e;
	unsigned line = 0;
	char *cursor;
	int r;

	*out = (struct contents){NULL, 0};
	if (!text->len)
		return 0;
	buf_cstr(text);
	cursor = (char *)text->data;
	r = manifest_open(cursor, text->len, err);
	while (r >= 0 && (r = manifest_next(&cursor, &line, &e, err)) > 0) {
		out->list = arena_grow(arena, out->list, out->n, sizeof(*out->list));
		out->list[out->n++] = e;
	}
	if (r == 0 && out->n)
		qsort(out->list, out->n, sizeof(*out->list), by_path);
	return r;
}

static void add(struct change_list *list, const char *path, struct arena *arena)
{
	list->paths = arena_grow(arena, list->paths, list->n, sizeof(*list->paths));
	list->paths[list->n++] = arena_strdup(arena, path);
}

static bool is_same(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return a->type == b->type && a->mode == b->mode && a->has_digest == b->has_digest &&
	       (!a->has_digest || memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0);
}

int changes_find(struct buf *old, struct buf *new, struct arena *arena, struct changes *out,
		 struct err *err)
{
	struct contents before, after;
	struct err damage = {0};
	size_t i = 0, k = 0;
	int r;

	if (read_contents(old, arena, &before, &damage) < 0) {
		before.n = 0;
		out->why = arena_printf(arena, "the manifest of the image that is there: %s",
					damage.text);
	}
	r = read_contents(new, arena, &after, err);
	while (r == 0 && (i < before.n || k < after.n)) {
		int order = i == before.n  ? 1
			    : k == after.n ? -1
					   : by_path(&before.list[i], &after.list[k]);

		if (order < 0)
			add(&out->removed, before.list[i].path, arena);
		else if (order > 0)
			add(&out->added, after.list[k].path, arena);
		else if (!is_same(&before.list[i], &after.list[k]))
			add(&out->changed, after.list[k].path, arena);
		i += order <= 0;
		k += order >= 0;
	}
	return r;
}
