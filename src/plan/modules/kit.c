/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules/kit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The set of added modules, with their dependencies. */

/* PATH is from modules.dep, and may be absolute. */
const char *modules_file_of(const struct modules *m, const char *path)
{
	if (path[0] == '/')
		return path + 1;
	return arena_printf(m->arena, "%s/%s", m->kernel->modules_dir, path);
}

const char *module_file(const struct modules *m, const struct module *mod)
{
	return modules_file_of(m, mod->path);
}

struct module *modules_find(const struct modules *m, const char *name)
{
	void **slot = strset_find(&m->by_name, name);

	return slot ? *slot : NULL;
}

static void push(struct arena *a, struct module ***list, size_t *count, struct module *mod)
{
	struct module **grown;

	for (size_t i = 0; i < *count; i++)
		if ((*list)[i] == mod)
			return;
	grown = arena_alloc(a, (*count + 1) * sizeof(*grown));
	if (*count)
		memcpy(grown, *list, *count * sizeof(*grown));
	grown[(*count)++] = mod;
	*list = grown;
}

const struct dep *modules_dep_of(const struct modules *m, const char *name)
{
	void **slot = strset_find(&m->deps, name);

	return slot ? *slot : NULL;
}

static int fail_missing(struct modules *m, const char *name, const char *path, struct err *err)
{
	err_set(err, -ENOENT, "module %s is listed in modules.dep, but %s/%s/%s does not exist",
		name, root_prefix(m->root), m->kernel->modules_dir, path);
	return kernel_hint_depmod(m->root, m->kernel->version, err);
}

int modules_read_files(struct modules *m, size_t first, const struct facts_file *more, size_t n,
		       struct err *err)
{
	size_t own = m->count - first;
	_cleanup_free_ struct facts_file *files = xrealloc(NULL, own + n + 1, sizeof(*files));
	int r;

	for (size_t i = 0; i < own; i++)
		files[i] = (struct facts_file){.name = module_file(m, m->list[first + i])};
	if (n)
		memcpy(files + own, more, n * sizeof(*files));
	r = facts_read(m->facts, files, own + n, err);
	for (size_t i = 0; i < own && r == -ENOENT; i++) {
		const struct module *mod = m->list[first + i];

		if (!root_exists(m->root, files[i].name))
			return fail_missing(m, mod->name, mod->path, err);
	}
	return r == -ENOENT ? kernel_hint_depmod(m->root, m->kernel->version, err) : r;
}

static int add_hard(struct modules *m, struct module *mod, const struct dep *dep, unsigned flags,
		    struct err *err)
{
	const char *reason = arena_printf(m->arena, "module %s depends on it", mod->name);
	char *cursor = arena_strdup(m->arena, dep->needs), *path;
	int r = 0;

	while (r >= 0 && (path = strsep(&cursor, " "))) {
		void **slot = strset_find(&m->dep_paths, path);
		struct module *to = NULL;

		if (!*path)
			continue;
		if (!slot)
			return fail_missing(m, mod->name, path, err);
		r = modules_add(m, *slot, flags & (MODULES_REQUIRED | MODULES_IN_USE), reason, &to,
			       err);
		if (to)
			push(m->arena, &mod->hard, &mod->n_hard, to);
	}
	return r < 0 ? r : 0;
}

int modules_each_found(struct modules *m, const char *word,
		       int (*fn)(struct modules *m, const char *name, void *arg), void *arg)
{
	char normal[MODINDEX_NAME_MAX];
	struct kmod_list *found = NULL, *item;
	int r = 0;

	if (modindex_normalise(word, normal) && modules_dep_of(m, normal))
		return fn(m, normal, arg);
	/* libkmod fails on names over PATH_MAX; no alias is that long. */
	if (strlen(word) >= PATH_MAX || kmod_module_new_from_lookup(m->kmod, word, &found) < 0)
		return 0;
	kmod_list_foreach(item, found) {
		struct kmod_module *km = kmod_module_get_module(item);

		if (r >= 0)
			r = fn(m, kmod_module_get_name(km), arg);
		kmod_module_unref(km);
	}
	kmod_module_unref_list(found);
	return r;
}

void modules_order(struct modules *m, struct module *mod, struct module *to, bool before,
		   bool after)
{
	if (before)
		push(m->arena, &mod->pre, &mod->n_pre, to);
	if (after)
		push(m->arena, &mod->post, &mod->n_post, to);
}

/* Returns MODULES_ADDED and sets *OUT, or -errno. */
int modules_add(struct modules *m, const struct dep *dep, unsigned flags, const char *reason,
		      struct module **out, struct err *err)
{
	struct module *mod = modules_find(m, dep->name);
	int r;

	if (mod) {
		if (!(flags & MODULES_LATE))
			mod->flags &= ~(unsigned)MODULES_LATE;
		mod->flags |= flags & ~(unsigned)MODULES_LATE;
		if (flags & MODULES_LOAD)
			mod->reason = reason;
		*out = mod;
		return MODULES_ADDED;
	}
	mod = arena_alloc(m->arena, sizeof(*mod));
	*mod = (struct module){
		.name = dep->name, .path = dep->path, .reason = reason, .flags = flags};
	if ((m->count & (m->count - 1)) == 0)
		m->list = xrealloc(m->list, m->count ? m->count * 2 : 1, sizeof(*m->list));
	m->list[m->count++] = mod;
	strset_add(&m->by_name, mod->name, mod);
	r = add_hard(m, mod, dep, flags, err);
	if (r < 0)
		return r;
	*out = mod;
	return MODULES_ADDED;
}

int modules_add_name(struct modules *m, const char *name, unsigned flags, const char *reason,
		     struct err *err)
{
	char normal[MODINDEX_NAME_MAX];
	const struct dep *dep;
	struct module *mod;

	if (!modindex_normalise(name, normal))
		return MODULES_ABSENT;
	dep = modules_dep_of(m, normal);
	if (dep)
		return modules_add(m, dep, flags, reason, &mod, err);
	if (!modules_is_builtin(m, normal))
		return MODULES_ABSENT;
	modules_note_builtin(m, normal, flags);
	return MODULES_BUILTIN;
}

const char *modules_image_path(struct modules *m, const struct module *mod)
{
	const char *file = module_file(m, mod);

	return m->level && codec_by_suffix(file) == CODEC_NONE
		       ? arena_printf(m->arena, "%s.zst", file)
		       : file;
}
