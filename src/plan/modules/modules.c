/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules/modules.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/modules/kit.h"

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
		   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

/* Reads modules.dep as text, since libkmod ignores a module whose file is missing without an
 * error. */
static int read_deps(struct modules *m, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = modules_read_index(m, "modules.dep", &text, err);
	char name[MODINDEX_NAME_MAX], *cursor;
	const char *path, *needs;

	if (r < 0)
		return r;
	cursor = arena_strdup(m->arena, buf_cstr(&text));
	while (modules_next_dep(&cursor, &path, name, &needs)) {
		struct dep *d = arena_alloc(m->arena, sizeof(*d));

		*d = (struct dep){arena_strdup(m->arena, name), path, needs};
		/* depmod lists the file that overrides others first. */
		if (!strset_add(&m->deps, d->name, d))
			m->double_path = path;
		strset_add(&m->dep_paths, d->path, d);
	}
	return 0;
}

/* libkmod opens these itself, so they have to be noted as inputs here. */
static void note_indexes(const struct root *root, const struct kernel *kernel, struct arena *arena)
{
	static const char *const names[] = {
		"modules.alias.bin", "modules.builtin.alias.bin", "modules.builtin.bin",
		"modules.builtin.modinfo", "modules.dep.bin", "modules.softdep",
		"modules.symbols.bin", "modules.weakdep",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		root_note(root, arena_printf(arena, "%s/%s", kernel->modules_dir, names[i]));
	root_note_outside(root, "/proc/cmdline");
}

int modules_open(const struct root *root, const struct kernel *kernel, int level,
		 struct arena *arena, struct modules **out, struct err *err)
{
	const char *top = root_prefix(root);
	const char *dir = arena_printf(arena, "%s/%s", top, kernel->modules_dir);
	struct kmod_ctx *kmod;
	struct modules *m;
	int r;

	/* kmod_new() would log to stderr before kmod_set_log_fn() can turn that off. */
	setenv("KMOD_LOG", "0", 1);
	note_indexes(root, kernel, arena);
	kmod = kmod_new(dir, modules_modprobe_files(root, arena));
	if (!kmod)
		return err_set(err, -EIO, "%s: libkmod cannot open the module tree", dir);
	kmod_set_log_fn(kmod, no_log, NULL);
	r = kernel->is_monolithic ? 0 : kmod_load_resources(kmod);
	if (r < 0) {
		kmod_unref(kmod);
		err_sys(err, r, "%s: libkmod cannot read the module indexes", dir);
		return kernel_hint_depmod(root, kernel->version, err);
	}
	m = arena_alloc(arena, sizeof(*m));
	*m = (struct modules){
		.root = root, .kernel = kernel, .arena = arena, .kmod = kmod, .level = level};
	root_hold(root, kernel->modules_dir);
	m->facts = facts_new(root, kernel->modules_dir, level, arena);
	r = read_deps(m, err);
	if (r == 0)
		r = modules_read_wishes(m, err);
	if (r < 0) {
		modules_close(m);
		return r;
	}
	*out = m;
	return 0;
}

void modules_close(struct modules *m)
{
	if (!m)
		return;
	kmod_unref(m->kmod);
	strset_clear(&m->by_name);
	strset_clear(&m->deps);
	strset_clear(&m->dep_paths);
	strset_clear(&m->builtins);
	facts_free(m->facts);
	free(m->list);
	free(m->tables);
	free(m->softdeps);
}

struct alias {
	const char *only; /* NULL: all */
	bool has_only;
	unsigned flags;
	const char *reason;
	int best;
	struct err *err;
};

static int note_only(struct modules *m, const char *name, void *arg)
{
	struct alias *a = arg;

	(void)m;
	a->has_only = a->has_only || strcmp(name, a->only) == 0;
	return 0;
}

static int add_one_alias(struct modules *m, const char *name, void *arg)
{
	struct alias *a = arg;
	int r = MODULES_ABSENT;

	if (!a->has_only || strcmp(name, a->only) == 0)
		r = modules_add_name(m, name, a->flags, a->reason, a->err);
	if (r > a->best)
		a->best = r;
	return r;
}

int modules_add_alias(struct modules *m, const char *modalias, const char *prefer, unsigned flags,
		      const char *reason, struct err *err)
{
	char only[MODINDEX_NAME_MAX];
	struct alias a = {.flags = flags, .reason = reason, .best = MODULES_ABSENT, .err = err};
	int r;

	/* Nothing says which of its drivers serves a device. */
	if (m->kernel->is_monolithic)
		return MODULES_BUILTIN;
	if (prefer && modindex_normalise(prefer, only)) {
		a.only = only;
		modules_each_found(m, modalias, note_only, &a);
	}
	r = modules_each_found(m, modalias, add_one_alias, &a);
	return r < 0 ? r : a.best;
}

static int describe(struct modules *m, const char *name, void *arg)
{
	struct buf *out = arg;

	buf_printf(out, "%s%s", out->len ? "," : "", modules_dep_of(m, name) ? name : "built in");
	return 0;
}

const char *modules_describe(struct modules *m, const char *modalias, const char *driver)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char name[MODINDEX_NAME_MAX];

	if (driver && modindex_normalise(driver, name) && (modules_dep_of(m, name) || modules_is_builtin(m, name)))
		describe(m, name, &text);
	else if (modalias)
		modules_each_found(m, modalias, describe, &text);
	return text.len ? arena_strdup(m->arena, buf_cstr(&text)) : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct module *const *)a)->name, (*(struct module *const *)b)->name);
}

static int add_files(struct modules *m, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct module *mod = m->list[i];
		const char *file = module_file(m, mod);
		const char *path = modules_image_path(m, mod);
		const struct facts *facts = facts_of(m->facts, file);
		struct plan_entry e = {
			.path = path,
			.type = PLAN_FILE,
			.mode = 0644,
			.storage = PLAN_STORE,
			.source = file,
			.id = facts->racy ? NULL : &facts->id,
			.compress = strcmp(path, file) != 0,
			.reason = mod->reason,
		};
		int r = plan_add(plan, &e, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int modules_finish(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		   const struct modules_rule *known, struct err *err)
{
	int r;

	if (m->double_path)
		plan_warn(plan, "modules.dep lists two files for one module: %s and another; the "
			  "first is used", m->double_path);
	if (m->count)
		qsort(m->list, m->count, sizeof(*m->list), by_name);
	for (size_t i = 0; i < m->count; i++)
		m->list[i]->number = (uint32_t)i;
	modules_warn_install_commands(m, plan);
	r = add_files(m, plan, err);
	if (r == 0)
		r = modules_add_index(m, plan, known, err);
	if (r == 0)
		r = firmware_add(m, plan, config, config_len, err);
	facts_keep(m->facts);
	return r;
}

size_t modules_load_list(struct modules *m, const char ***names)
{
	size_t n = 0;

	*names = arena_alloc(m->arena, (m->count + 1) * sizeof(**names));
	for (unsigned required = MODULES_REQUIRED;; required = 0) {
		for (size_t i = 0; i < m->count; i++)
			if (m->list[i]->flags & MODULES_LOAD &&
			    (m->list[i]->flags & MODULES_REQUIRED) == required)
				(*names)[n++] = m->list[i]->name;
		if (!required)
			return n;
	}
}

bool modules_has(struct modules *m, const char *name)
{
	char normal[MODINDEX_NAME_MAX];

	return modindex_normalise(name, normal) && (modules_find(m, normal) || modules_is_builtin(m, normal));
}

bool modules_packs(const struct modules *m, const char *name)
{
	return modules_find(m, name) != NULL;
}

bool modules_packs_below(const struct modules *m, const char *folder)
{
	for (size_t i = 0; i < m->count; i++)
		if (str_starts(m->list[i]->path, folder))
			return true;
	return false;
}

size_t modules_count(const struct modules *m)
{
	return m->count;
}

const char *modules_required(const struct modules *m, size_t i, const char **reason)
{
	*reason = m->list[i]->reason;
	return m->list[i]->flags & MODULES_REQUIRED ? m->list[i]->name : NULL;
}

const char *modules_vermagic(const struct modules *m, size_t i, const char **file)
{
	*file = module_file(m, m->list[i]);
	return facts_of(m->facts, *file)->vermagic;
}
