/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/modules/kit.h"

/* Built-in drivers need no module, but may need firmware and other modules. */

enum { MODINFO_MAX = 64 * 1024 * 1024 };

bool modules_is_builtin(const struct modules *m, const char *name)
{
	struct kmod_module *km;
	bool is_builtin;

	/* Nothing lists its drivers, but all of them are built in. */
	if (m->kernel->is_monolithic)
		return true;
	if (kmod_module_new_from_name(m->kmod, name, &km) < 0)
		return false;
	is_builtin = kmod_module_get_initstate(km) == KMOD_MODULE_BUILTIN;
	kmod_module_unref(km);
	return is_builtin;
}

void modules_note_builtin(struct modules *m, const char *name, unsigned flags)
{
	void **slot = strset_find(&m->builtins, name);
	struct builtin *b = slot ? *slot : arena_alloc(m->arena, sizeof(*b));

	if (!slot) {
		b->name = arena_strdup(m->arena, name);
		strset_add(&m->builtins, b->name, b);
	}
	b->flags |= flags;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct builtin *const *)a)->name,
		      (*(const struct builtin *const *)b)->name);
}

size_t modules_builtins(struct modules *m, struct builtin ***list)
{
	size_t n;

	*list = arena_alloc(m->arena, (m->builtins.count + 1) * sizeof(**list));
	n = strset_values(&m->builtins, (void **)*list);
	if (n)
		qsort(*list, n, sizeof(**list), by_name);
	return n;
}

int modules_read_builtin_modinfo(struct modules *m, struct buf *out, struct err *err)
{
	const char *path = arena_printf(m->arena, "%s/modules.builtin.modinfo",
					m->kernel->modules_dir);
	int r = root_read(m->root, path, MODINFO_MAX, out);

	/* Kernels before 5.2 have none. */
	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "module index /%s", path);
	buf_cstr(out);
	return 0;
}
