/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/modules/kit.h"

/* The configuration of modules: modprobe.d and modules-load.d. */

enum { CONFIG_MAX = 16 * 1024 * 1024 };

struct conf_file {
	const char *name, *path;
};

static int by_file_name(const void *a, const void *b)
{
	return strcmp(((const struct conf_file *)a)->name, ((const struct conf_file *)b)->name);
}

const char *const modules_modprobe_dirs[] = {"etc/modprobe.d", "run/modprobe.d",
					     "usr/local/lib/modprobe.d", "usr/lib/modprobe.d",
					     "lib/modprobe.d", NULL};
static const char *const load_dirs[] = {"etc/modules-load.d", "run/modules-load.d",
					"usr/local/lib/modules-load.d", "usr/lib/modules-load.d",
					"lib/modules-load.d", NULL};

const char *const *modules_config_files(const struct root *root, const char *const *dirs,
					struct arena *arena)
{
	_cleanup_strset_ struct strset seen = STRSET_INIT;
	struct conf_file *list = NULL;
	const char **out;
	size_t n = 0;

	for (size_t d = 0; dirs[d]; d++) {
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
			list[n++] = (struct conf_file){names[i], path};
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

/* The same paths with the root in front, for libkmod. */
static const char *const *below(const struct root *root, const char *const *files,
				struct arena *arena)
{
	const char **out;
	size_t n = 0;

	while (files[n])
		n++;
	out = arena_alloc(arena, (n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = arena_printf(arena, "%s/%s", root_prefix(root), files[i]);
	return out;
}

static int add_load_line(struct modules *m, struct plan *plan, const char *name, const char *file,
			 struct err *err)
{
	const char *reason = arena_printf(m->arena, "/%s asks for it", file);
	int r;

	if (modules_is_blacklisted(m, name)) {
		plan_remark(plan, "/%s asks for module %s, which modprobe.d excludes (blacklist): the "
			    "image does not load it, nor will the system", file, name);
		return 0;
	}
	r = modules_add_name(m, name, MODULES_LOAD, reason, err);

	if (r == MODULES_ABSENT)
		plan_warn(plan, "/%s asks for module %s, which kernel %s does not have", file, name,
			  m->kernel->version);
	return r;
}

int modules_add_load_files(struct modules *m, struct plan *plan, struct err *err)
{
	const char *const *files = modules_config_files(m->root, load_dirs, m->arena);
	int r = 0;

	for (; *files && r >= 0; files++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		char *cursor, *line;

		r = root_read(m->root, *files, CONFIG_MAX, &text);
		if (r < 0)
			return err_sys(err, r, "module list /%s", *files);
		buf_cstr(&text);
		cursor = (char *)text.data;
		while ((line = strsep(&cursor, "\n")) && r >= 0) {
			line += strspn(line, " \t");
			line[strcspn(line, " \t\r")] = '\0';
			if (*line && *line != '#' && *line != ';')
				r = add_load_line(m, plan, line, *files, err);
		}
	}
	return r < 0 ? r : 0;
}

/* "install NAME COMMAND" in modprobe.d: PID 1 runs no commands of a configuration. */
void modules_warn_install_commands(struct modules *m, struct plan *plan)
{
	struct kmod_config_iter *it = kmod_config_get_install_commands(m->kmod);

	while (it && kmod_config_iter_next(it)) {
		const char *pattern = kmod_config_iter_get_key(it);

		for (size_t i = 0; i < m->count; i++)
			if (fnmatch(pattern, m->list[i]->name, 0) == 0)
				plan_warn(plan, "modprobe.d says \"install %s %s\": the image %s",
					  m->list[i]->name, kmod_config_iter_get_value(it),
					  m->list[i]->flags & MODULES_LOAD
						  ? "loads the module itself and runs no command"
						  : "takes that as \"blacklist\"");
	}
	kmod_config_iter_free_iter(it);
}

const char *const *modules_modprobe_files(const struct root *root, struct arena *arena)
{
	const char *const *files = modules_config_files(root, modules_modprobe_dirs, arena);

	/* libkmod opens them itself, so they have to be noted as inputs here. */
	for (size_t i = 0; files[i]; i++)
		root_note(root, files[i]);
	return below(root, files, arena);
}
