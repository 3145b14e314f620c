/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "format/kernel/cpio.h"

enum { LINKS_MAX = 40, WAY_MAX = 2 * CPIO_NAME_MAX };

void tree_clear(struct tree *t)
{
	strset_clear(&t->paths);
	free(t->all);
	t->all = NULL;
	t->n = 0;
}

struct tree_node *tree_find(const struct tree *t, const char *place)
{
	void **slot = strset_find(&t->paths, place);

	return slot ? *slot : NULL;
}

struct tree_node *tree_add(struct tree *t, const char *place)
{
	struct tree_node *n = tree_find(t, place);

	if (n)
		return n;
	n = arena_alloc(t->arena, sizeof(*n));
	*n = (struct tree_node){.path = arena_strdup(t->arena, place)};
	strset_add(&t->paths, n->path, n);
	if ((t->n & (t->n - 1)) == 0)
		t->all = xrealloc(t->all, t->n ? t->n * 2 : 1, sizeof(*t->all));
	t->all[t->n++] = n;
	return n;
}

/* A path that is being resolved: DONE has no links, REST is still to be walked. */
struct way {
	char done[WAY_MAX], rest[WAY_MAX];
	unsigned links;
};

static void go_up(struct way *w)
{
	char *slash = strrchr(w->done, '/');

	*(slash ? slash : w->done) = '\0';
}

/* Puts TARGET before the rest. */
static int enter_link(struct way *w, const char *target)
{
	char rest[WAY_MAX];

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, sizeof(rest));
	go_up(w);
	if (*target == '/')
		*w->done = '\0';
	return 0;
}

/* Moves the next component from the rest to DONE. 1: moved; 0: there is none. */
static int next_part(struct way *w)
{
	char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/"), have = strlen(w->done);

	if (!len)
		return 0;
	if (len == 2 && memcmp(at, "..", 2) == 0) {
		go_up(w);
	} else if (!(len == 1 && *at == '.')) {
		if (have + len + 2 > sizeof(w->done))
			return -ENAMETOOLONG;
		if (have)
			w->done[have++] = '/';
		memcpy(w->done + have, at, len);
		w->done[have + len] = '\0';
	}
	at += len;
	at += strspn(at, "/");
	memmove(w->rest, at, strlen(at) + 1);
	return 1;
}

/* WHOLE: the last component is followed as well, and must exist. */
static int walk(const struct tree *t, struct way *w, bool whole)
{
	int r;

	while ((r = next_part(w)) > 0) {
		const struct tree_node *n;

		if (!*w->done || (!whole && !*w->rest))
			continue;
		n = tree_find(t, w->done);
		if (!n && (strcmp(w->done, "dev") == 0 || strcmp(w->done, "root") == 0))
			continue;
		if (!n)
			return -ENOENT;
		if (S_ISLNK(n->mode))
			r = enter_link(w, n->target);
		else if (!S_ISDIR(n->mode) && *w->rest)
			r = -ENOTDIR;
		if (r < 0)
			return r;
	}
	return r;
}

int tree_place(struct tree *t, const char *path, const char **out)
{
	const char *slash = strrchr(path, '/');
	const struct tree_node *parent;
	struct way w = {0};
	int r;

	*out = path;
	if (!slash && strcmp(path, "..") != 0)
		return 0;
	/* A folder that is found under its name as written has no links on its way. */
	if (slash && strcmp(slash, "/..") != 0) {
		_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));

		parent = dir ? tree_find(t, dir) : NULL;
		if (parent && S_ISDIR(parent->mode))
			return 0;
	}
	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	strcpy(w.rest, path);
	r = walk(t, &w, false);
	if (r < 0)
		return r;
	*out = arena_strdup(t->arena, *w.done ? w.done : ".");
	return 0;
}

const struct tree_node *tree_follow(const struct tree *t, const char *path)
{
	struct way w = {0};

	if (strlen(path) >= sizeof(w.rest))
		return NULL;
	strcpy(w.rest, path);
	return walk(t, &w, true) < 0 ? NULL : tree_find(t, w.done);
}
