/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/modules_priv.h"

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
		   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static void read_softdeps(struct modules *m)
{
	struct kmod_config_iter *it = kmod_config_get_softdeps(m->kmod);

	while (it && kmod_config_iter_next(it)) {
		if ((m->n_softdeps & (m->n_softdeps - 1)) == 0)
			m->softdeps = xrealloc(m->softdeps, m->n_softdeps ? m->n_softdeps * 2 : 1,
					       sizeof(*m->softdeps));
		m->softdeps[m->n_softdeps++] = (struct softdep){
			arena_strdup(m->arena, kmod_config_iter_get_key(it)),
			arena_strdup(m->arena, kmod_config_iter_get_value(it)),
		};
	}
	kmod_config_iter_free_iter(it);
}

struct conf_file {
	const char *name, *path;
};

static int by_file_name(const void *a, const void *b)
{
	return strcmp(((const struct conf_file *)a)->name, ((const struct conf_file *)b)->name);
}

/*
 * The configuration files of modprobe, each resolved below the root: libkmod would follow links
 * that lead out of it. Of two with one name the one in the earlier folder counts; they are read
 * in the order of their names.
 */
static const char *const *config_files(const struct root *root, struct arena *arena)
{
	static const char *const dirs[] = {"etc/modprobe.d", "run/modprobe.d",
					   "usr/local/lib/modprobe.d", "usr/lib/modprobe.d",
					   "lib/modprobe.d"};
	_cleanup_strset_ struct strset seen = STRSET_INIT;
	struct conf_file *list = NULL;
	const char **out;
	size_t n = 0;

	for (size_t d = 0; d < ARRAY_SIZE(dirs); d++) {
		char **names;
		int count = root_listdir(root, dirs[d], arena, &names);

		for (int i = 0; i < count; i++) {
			const char *path = arena_printf(arena, "%s/%s", dirs[d], names[i]);

			if (!str_ends(names[i], ".conf") || !strset_add(&seen, names[i], NULL))
				continue;
			path = root_resolve(root, path, arena);
			if (!path)
				continue;
			if ((n & (n - 1)) == 0)
				list = xrealloc(list, n ? n * 2 : 1, sizeof(*list));
			list[n++] = (struct conf_file){
				names[i], arena_printf(arena, "%s/%s", root_prefix(root), path)};
		}
	}
	if (n)
		qsort(list, n, sizeof(*list), by_file_name);
	out = arena_alloc(arena, (n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = list[i].path;
	free(list);
	return out;
}

int modules_open(const struct root *root, const struct kernel *kernel, struct arena *arena,
		 struct modules **out, struct err *err)
{
	const char *top = root_prefix(root);
	const char *dir = arena_printf(arena, "%s/%s", top, kernel->modules_dir);
	const char *const *config = config_files(root, arena);
	struct kmod_ctx *kmod = kmod_new(dir, config);
	struct modules *m;
	int r;

	if (!kmod)
		return err_set(err, -EIO, "%s: libkmod cannot open the module tree", dir);
	kmod_set_log_fn(kmod, no_log, NULL);
	r = kmod_load_resources(kmod);
	if (r < 0) {
		kmod_unref(kmod);
		err_sys(err, r, "%s: libkmod cannot read the module indexes", dir);
		return kernel_hint_depmod(root, kernel->version, err);
	}
	m = arena_alloc(arena, sizeof(*m));
	*m = (struct modules){
		.root = root, .kernel = kernel, .arena = arena, .kmod = kmod, .dir = dir,
		.dir_len = strlen(dir)};
	read_softdeps(m);
	*out = m;
	return 0;
}

void modules_close(struct modules *m)
{
	if (!m)
		return;
	kmod_unref(m->kmod);
	strset_clear(&m->by_name);
	free(m->list);
	free(m->softdeps);
}

const char *module_file(const struct modules *m, const struct module *mod)
{
	if (mod->path[0] == '/')
		return mod->path + 1;
	return arena_printf(m->arena, "%s/%s", m->kernel->modules_dir, mod->path);
}

static struct module *find(const struct modules *m, const char *name)
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

static int add_module(struct modules *m, struct kmod_module *km, unsigned flags,
		      const char *reason, struct module **out, struct err *err);

static int add_hard(struct modules *m, struct module *mod, struct kmod_module *km, unsigned flags,
		    struct err *err)
{
	const char *reason = arena_printf(m->arena, "module %s depends on it", mod->name);
	struct kmod_list *deps = kmod_module_get_dependencies(km), *item;
	int r = 0;

	kmod_list_foreach(item, deps) {
		struct kmod_module *dep = kmod_module_get_module(item);
		struct module *to = NULL;

		r = add_module(m, dep, flags & MODULES_REQUIRED, reason, &to, err);
		kmod_module_unref(dep);
		if (r < 0)
			break;
		if (to)
			push(m->arena, &mod->hard, &mod->n_hard, to);
	}
	kmod_module_unref_list(deps);
	return r;
}

/* NAME of a soft dependency: a module or an alias. What does not exist is no error. */
static int add_soft(struct modules *m, struct module *mod, const char *name, bool post,
		    struct err *err)
{
	const char *reason = arena_printf(m->arena, "module %s wants it (soft dependency %s)",
					  mod->name, name);
	struct kmod_list *found = NULL, *item;
	int r = kmod_module_new_from_lookup(m->kmod, name, &found);

	if (r < 0)
		return 0;
	kmod_list_foreach(item, found) {
		struct kmod_module *dep = kmod_module_get_module(item);
		struct module *to = NULL;

		r = add_module(m, dep, 0, reason, &to, err);
		kmod_module_unref(dep);
		if (r < 0)
			break;
		if (to && to != mod && post)
			push(m->arena, &mod->post, &mod->n_post, to);
		else if (to && to != mod)
			push(m->arena, &mod->pre, &mod->n_pre, to);
	}
	kmod_module_unref_list(found);
	return r;
}

/* libkmod hands out the first matching line only, but several count. */
static int add_softdeps(struct modules *m, struct module *mod, struct err *err)
{
	for (size_t i = 0; i < m->n_softdeps; i++) {
		_cleanup_free_ char *text = NULL;
		char *cursor, *word;
		bool post = false;

		if (fnmatch(m->softdeps[i].name, mod->name, 0) != 0)
			continue;
		cursor = text = xstrdup(m->softdeps[i].text);
		while ((word = strsep(&cursor, " \t"))) {
			int r = 0;

			if (strcmp(word, "pre:") == 0)
				post = false;
			else if (strcmp(word, "post:") == 0)
				post = true;
			else if (*word)
				r = add_soft(m, mod, word, post, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static const char *relative_path(struct modules *m, const char *path)
{
	const char *rest = path + m->dir_len;

	if (strncmp(path, m->dir, m->dir_len) != 0 || *rest != '/')
		return arena_strdup(m->arena, path); /* outside of the tree */
	return arena_strdup(m->arena, rest + strspn(rest, "/"));
}

/* Returns an enum modules_found; *OUT is set for MODULES_ADDED. */
static int add_module(struct modules *m, struct kmod_module *km, unsigned flags,
		      const char *reason, struct module **out, struct err *err)
{
	const char *name = kmod_module_get_name(km);
	const char *path = kmod_module_get_path(km);
	struct module *mod = find(m, name);
	int r;

	if (mod) {
		mod->flags |= flags;
		if (flags & MODULES_LOAD)
			mod->reason = reason;
		*out = mod;
		return MODULES_ADDED;
	}
	/* Without a path libkmod knows it from modules.builtin, or does not know it at all. The
	 * state is asked for in that case only: it would look at the running kernel's /sys. */
	if (!path)
		return kmod_module_get_initstate(km) == KMOD_MODULE_BUILTIN ? MODULES_BUILTIN
									    : MODULES_ABSENT;
	mod = arena_alloc(m->arena, sizeof(*mod));
	*mod = (struct module){.name = arena_strdup(m->arena, name),
			       .path = relative_path(m, path),
			       .reason = reason,
			       .flags = flags};
	if ((m->count & (m->count - 1)) == 0)
		m->list = xrealloc(m->list, m->count ? m->count * 2 : 1, sizeof(*m->list));
	m->list[m->count++] = mod;
	strset_add(&m->by_name, mod->name, mod);
	if (!root_exists(m->root, module_file(m, mod))) {
		err_set(err, -ENOENT, "module %s is listed in modules.dep, but /%s does not exist",
			name, module_file(m, mod));
		return kernel_hint_depmod(m->root, m->kernel->version, err);
	}
	r = add_hard(m, mod, km, flags, err);
	if (r == 0 || r > 0)
		r = add_softdeps(m, mod, err);
	if (r < 0)
		return r;
	*out = mod;
	return MODULES_ADDED;
}

int modules_add_name(struct modules *m, const char *name, unsigned flags, const char *reason,
		     struct err *err)
{
	char normal[MODINDEX_NAME_MAX];
	struct kmod_list *found = NULL, *item;
	struct module *mod;
	int r;

	if (!modindex_normalise(name, normal))
		return MODULES_ABSENT;
	r = kmod_module_new_from_lookup(m->kmod, normal, &found);
	if (r < 0)
		return MODULES_ABSENT;
	r = MODULES_ABSENT;
	kmod_list_foreach(item, found) {
		struct kmod_module *km = kmod_module_get_module(item);

		if (r >= 0 && strcmp(kmod_module_get_name(km), normal) == 0)
			r = add_module(m, km, flags, reason, &mod, err);
		kmod_module_unref(km);
	}
	kmod_module_unref_list(found);
	return r;
}

static bool list_has(struct kmod_list *list, const char *name)
{
	struct kmod_list *item;
	bool has = false;

	kmod_list_foreach(item, list) {
		struct kmod_module *km = kmod_module_get_module(item);

		has = has || strcmp(kmod_module_get_name(km), name) == 0;
		kmod_module_unref(km);
	}
	return has;
}

int modules_add_alias(struct modules *m, const char *modalias, const char *prefer, unsigned flags,
		      const char *reason, struct err *err)
{
	char only[MODINDEX_NAME_MAX] = "";
	struct kmod_list *found = NULL, *item;
	struct module *mod;
	int best = MODULES_ABSENT, r;

	/* libkmod refuses names over PATH_MAX; nothing has an alias of that length. */
	if (strlen(modalias) >= PATH_MAX || kmod_module_new_from_lookup(m->kmod, modalias, &found) < 0)
		return MODULES_ABSENT;
	if (prefer && (!modindex_normalise(prefer, only) || !list_has(found, only)))
		only[0] = '\0';
	kmod_list_foreach(item, found) {
		struct kmod_module *km = kmod_module_get_module(item);

		r = 0;
		if (best >= 0 && (!only[0] || strcmp(kmod_module_get_name(km), only) == 0))
			r = add_module(m, km, flags, reason, &mod, err);
		kmod_module_unref(km);
		if (r < 0 || (best >= 0 && r > best))
			best = r;
	}
	kmod_module_unref_list(found);
	return best;
}

/* Appends the names of what WORD leads to; with ONLY, of that name alone. */
static void describe(struct modules *m, const char *word, const char *only, struct buf *out)
{
	struct kmod_list *found = NULL, *item;

	if (strlen(word) >= PATH_MAX || kmod_module_new_from_lookup(m->kmod, word, &found) < 0)
		return;
	kmod_list_foreach(item, found) {
		struct kmod_module *km = kmod_module_get_module(item);
		const char *name = kmod_module_get_name(km);

		if (!only || strcmp(name, only) == 0)
			buf_printf(out, "%s%s", out->len ? "," : "",
				   kmod_module_get_path(km) ? name : "built in");
		kmod_module_unref(km);
	}
	kmod_module_unref_list(found);
}

const char *modules_describe(struct modules *m, const char *modalias, const char *driver)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char name[MODINDEX_NAME_MAX];

	if (driver && modindex_normalise(driver, name))
		describe(m, name, name, &text);
	if (!text.len && modalias)
		describe(m, modalias, NULL, &text);
	return text.len ? arena_strdup(m->arena, buf_cstr(&text)) : NULL;
}

int modules_add_tree(struct modules *m, const char *(*wanted)(const char *path), struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = modules_read_index(m, "modules.dep", &text, err), added = 0;
	char name[MODINDEX_NAME_MAX], *cursor = (char *)text.data;
	const char *path;

	while (r >= 0 && modules_next_dep(&cursor, &path, name)) {
		const char *reason = wanted(path);

		if (!reason)
			continue;
		r = modules_add_name(m, name, 0, reason, err);
		added += r == MODULES_ADDED;
	}
	return r < 0 ? r : added;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct module *const *)a)->name, (*(struct module *const *)b)->name);
}

static int add_files(struct modules *m, struct plan *plan, bool recompress, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct module *mod = m->list[i];
		const char *file = module_file(m, mod);
		bool compress = recompress && codec_by_suffix(file) == CODEC_NONE;
		struct plan_entry e = {
			.path = compress ? arena_printf(m->arena, "%s.zst", file) : file,
			.type = PLAN_FILE,
			.mode = 0644,
			.storage = PLAN_STORE,
			.source = file,
			.compress = compress,
			.reason = mod->reason,
		};
		int r = plan_add(plan, &e, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int modules_finish(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		   bool recompress, const char *(*known)(const char *path), struct err *err)
{
	int r;

	if (m->count)
		qsort(m->list, m->count, sizeof(*m->list), by_name);
	for (size_t i = 0; i < m->count; i++)
		m->list[i]->number = (uint32_t)i;
	r = add_files(m, plan, recompress, err);
	if (r == 0)
		r = modules_add_index(m, plan, known, err);
	if (r == 0)
		r = firmware_add(m, plan, config, config_len, err);
	return r;
}

size_t modules_load_list(struct modules *m, const char ***names)
{
	size_t n = 0;

	*names = arena_alloc(m->arena, (m->count + 1) * sizeof(**names));
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i]->flags & MODULES_LOAD)
			(*names)[n++] = m->list[i]->name;
	return n;
}

bool modules_has(struct modules *m, const char *name)
{
	char normal[MODINDEX_NAME_MAX];
	const char *text;

	if (!modindex_normalise(name, normal))
		return false;
	text = modules_describe(m, NULL, normal);
	return find(m, normal) || (text && strcmp(text, "built in") == 0);
}

size_t modules_count(const struct modules *m)
{
	return m->count;
}
