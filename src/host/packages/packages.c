/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/packages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "host/packages/kit.h"

struct packages *packages_new(const struct root *root)
{
	struct packages *p = xrealloc(NULL, 1, sizeof(*p));

	*p = (struct packages){.root = root};
	pthread_mutex_init(&p->lock, NULL);
	packages_find_merged(p);
	p->filter = arena_alloc(&p->arena, (1u << PACKAGES_FILTER_BITS) / 8);
	return p;
}

void packages_free(struct packages *p)
{
	if (!p)
		return;
	strset_clear(&p->asked);
	strset_clear(&p->folders);
	free(p->slots);
	free(p->names);
	pthread_mutex_destroy(&p->lock);
	arena_clear(&p->arena);
	free(p);
}

/* ---- questions ---- */

/* Many files are in few folders, so each folder is resolved once. */
static const char *resolve_folder(struct packages *p, const char *folder)
{
	void **slot = strset_find(&p->folders, folder);
	const char *real;

	if (slot)
		return *slot;
	real = root_resolve(p->root, folder, &p->arena);
	if (!real)
		real = folder;
	strset_add(&p->folders, folder, (void *)real);
	return real;
}

/* PATH with the links of its folders resolved, but not a link in its last part. */
static const char *resolve_parents(struct packages *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *folder;

	if (!slash || slash == path)
		return path;
	folder = resolve_folder(p, arena_strndup(&p->arena, path, (size_t)(slash - path)));
	return arena_printf(&p->arena, "%s%s", folder, slash);
}

static struct wanted *want(struct packages *p, const char *path)
{
	return packages_entry(p, packages_key(p, (struct span){path, strlen(path)}), true);
}

void packages_want(struct packages *p, const char *path)
{
	struct asked *a;
	struct stat st;
	const char *real;

	if (strset_has(&p->asked, path))
		return;
	a = arena_alloc(&p->arena, sizeof(*a));
	strset_add(&p->asked, arena_strdup(&p->arena, path), a);
	a->link = want(p, resolve_parents(p, path));
	a->file = a->link;
	if (root_lstat(p->root, path, &st) < 0 || !S_ISLNK(st.st_mode))
		return;
	real = root_resolve(p->root, path, &p->arena);
	if (real)
		a->file = want(p, real);
}

/* ---- answers ---- */

int packages_read(struct packages *p, unsigned threads, struct err *err)
{
	static const struct {
		const char *kind;
		bool (*read)(struct packages *p, unsigned threads);
	} readers[] = {{"deb", packages_read_dpkg},
		       {"alpm", packages_read_pacman},
		       {"rpm", packages_read_rpm}};

	for (size_t i = 0; i < ARRAY_SIZE(readers) && !p->kind; i++)
		if (readers[i].read(p, threads))
			p->kind = readers[i].kind;
	if (!p->n_damaged)
		return 0;
	err_set(err, p->damage.code, "package database: %s", p->damage.text);
	if (p->n_damaged > 1)
		err_set(err, p->damage.code, "package database: %s, and %zu further faults",
			p->damage.text, p->n_damaged - 1);
	return p->damage.code;
}

static const struct package *owner_of(const struct packages *p, const struct wanted *w)
{
	const struct package *o = w->owner == PACKAGES_NOBODY ? NULL : &p->owners[w->owner];

	return o && o->name ? o : NULL;
}

const struct package *packages_owner(const struct packages *p, const char *path)
{
	void **slot = strset_find(&p->asked, path);
	const struct asked *a = slot ? *slot : NULL;
	const struct package *o = a ? owner_of(p, a->file) : NULL;

	return o || !a ? o : owner_of(p, a->link);
}

const char *packages_kind(const struct packages *p)
{
	return p->kind;
}
