/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "plan/modules/kit.h"

/* Removes modules from the plan, provided that no remaining module depends on them. */

static bool is_dropped(const struct modules *m, const struct module *mod)
{
	return !strset_has(&m->by_name, mod->name);
}

static size_t remove_dropped(const struct modules *m, struct module **list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_dropped(m, list[i]))
			list[kept++] = list[i];
	return kept;
}

/* MOD must still load without the dropped modules. */
static int drop_dependencies(const struct modules *m, struct module *mod, struct err *err)
{
	for (size_t i = 0; i < mod->n_hard; i++)
		if (is_dropped(m, mod->hard[i])) {
			err_set(err, -EBUSY, "module %s cannot be taken out: module %s needs it",
				mod->hard[i]->name, mod->name);
			return err_hint(err, "also take out module %s", mod->name);
		}
	mod->n_pre = remove_dropped(m, mod->pre, mod->n_pre);
	mod->n_post = remove_dropped(m, mod->post, mod->n_post);
	return 0;
}

int modules_drop(struct modules *m, bool (*unwanted)(const char *path, void *arg), void *arg,
		 struct err *err)
{
	size_t kept = 0;
	int r = 0;

	strset_clear(&m->by_name);
	for (size_t i = 0; i < m->count && r == 0; i++) {
		struct module *mod = m->list[i];

		if (!unwanted(modules_image_path(m, mod), arg)) {
			strset_add(&m->by_name, mod->name, mod);
			m->list[kept++] = mod;
		} else if (mod->flags & (MODULES_LOAD | MODULES_REQUIRED)) {
			r = err_set(err, -EBUSY, "module %s cannot be taken out: %s", mod->name,
				    mod->reason);
		}
	}
	m->count = kept;
	for (size_t i = 0; i < m->count && r == 0; i++)
		r = drop_dependencies(m, m->list[i], err);
	return r;
}
