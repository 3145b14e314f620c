/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/modules/kit.h"

/* Chooses modules by rules: by their folder in the module tree, and by what they provide. */

enum { BUILTIN_MAX = 16 * 1024 * 1024 };

static int by_dep_path(const void *a, const void *b)
{
	return strcmp((*(const struct dep *const *)a)->path, (*(const struct dep *const *)b)->path);
}

static bool holds(const char *folder, const char *path)
{
	return strchr(folder, '*') ? fnmatch(folder, path, 0) == 0 : str_starts(path, folder);
}

const struct modules_rule *modules_rule_of(const struct modules_rule *rules, const char *path)
{
	for (; rules->folder; rules++)
		if (holds(rules->folder, path))
			return rules->reason ? rules : NULL;
	return NULL;
}

/* Does a module that RULE decides about drive a device on the way to root? Dependencies do not
 * count: every SCSI disk needs something of drivers/scsi. */
static bool has_kind(const struct modules *m, const struct modules_rule *rules,
		     const struct modules_rule *rule)
{
	const unsigned drives = MODULES_REQUIRED | MODULES_LOAD;

	for (size_t i = 0; i < m->count; i++)
		if ((m->list[i]->flags & drives) == drives &&
		    modules_rule_of(rules, m->list[i]->path) == rule)
			return true;
	return false;
}

/* The rules that apply to images of REACH, or NULL if none does. A rule for a kind of hardware
 * applies if has_kind(). */
static const struct modules_rule *reaching(struct modules *m, const struct modules_rule *rules,
					   unsigned reach)
{
	struct modules_rule *out;
	size_t n = 0, counting = 0;

	while (rules[n].folder)
		n++;
	out = arena_memdup(m->arena, rules, (n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		if (!(rules[i].reach & reach & ~REACH_KIND) &&
		    !(rules[i].reach & reach && has_kind(m, rules, &rules[i])))
			out[i].reason = NULL;
		counting += out[i].reason != NULL;
	}
	return counting ? out : NULL;
}

/* Built-in drivers of the same folders need their firmware, too. They have no file that would say
 * what they provide, so only the folder decides. */
static int note_builtins(struct modules *m, const struct modules_rule *rules, struct err *err)
{
	const char *path = arena_printf(m->arena, "%s/modules.builtin", m->kernel->modules_dir);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char name[MODINDEX_NAME_MAX], *cursor, *line;
	int r = root_read(m->root, path, BUILTIN_MAX, &text);

	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "module index /%s", path);
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		const struct modules_rule *rule = modules_rule_of(rules, line);
		const char *slash = strrchr(line, '/');

		if (!rule || !slash)
			continue;
		line = (char *)slash + 1;
		line[strcspn(line, ".")] = '\0';
		if (modindex_normalise(line, name))
			modules_note_builtin(m, name, 0);
	}
	return 0;
}

int modules_add_rules(struct modules *m, const struct modules_rule *all, unsigned reach,
		      struct err *err)
{
	const struct modules_rule *rules = reaching(m, all, reach);

	if (!rules)
		return 0;
	m->tables = xrealloc(m->tables, m->n_tables + 1, sizeof(*m->tables));
	m->tables[m->n_tables++] = rules;
	return note_builtins(m, rules, err);
}

static bool accepts(const struct modules *m, const struct modules_rule *rule, const char *path)
{
	const struct facts *f;

	if (!rule->provides)
		return true;
	f = facts_of(m->facts, modules_file_of(m, path));
	return f && f->provides & rule->provides;
}

/* Adds what the tables accept of LIST; without a look into files, or after one. */
static int add_accepted(struct modules *m, const struct dep **list, size_t n, bool by_facts,
			struct err *err)
{
	int r = 0;

	for (size_t t = 0; t < m->n_tables; t++)
		for (size_t i = 0; i < n && r >= 0; i++) {
			const struct modules_rule *rule =
				modules_rule_of(m->tables[t], list[i]->path);
			struct module *mod;

			if (!rule || (rule->provides != 0) != by_facts ||
			    !accepts(m, rule, list[i]->path))
				continue;
			r = modules_add(m, list[i], rule->reach & RULE_LATE ? MODULES_LATE : 0,
					rule->reason, &mod, err);
		}
	return r < 0 ? r : 0;
}

/* What the files of LIST would have to provide, for those whose files decide. */
static size_t find_candidates(struct modules *m, const struct dep **list, size_t n,
			      struct facts_file *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned provides = 0;

		for (size_t t = 0; t < m->n_tables; t++) {
			const struct modules_rule *rule =
				modules_rule_of(m->tables[t], list[i]->path);

			provides |= rule ? rule->provides : 0;
		}
		if (provides && !modules_find(m, list[i]->name))
			out[found++] = (struct facts_file){
				.name = modules_file_of(m, list[i]->path), .provides = provides};
	}
	return found;
}

int modules_apply_rules(struct modules *m, struct err *err)
{
	_cleanup_free_ const struct dep **list = xrealloc(NULL, m->deps.count + 1, sizeof(*list));
	_cleanup_free_ struct facts_file *files = xrealloc(NULL, m->deps.count + 1, sizeof(*files));
	size_t n = strset_values(&m->deps, (void **)list);
	int r;

	/* Sorted, so that a module with two reasons always gets the same one. */
	if (n)
		qsort(list, n, sizeof(*list), by_dep_path);
	r = add_accepted(m, list, n, false, err);
	if (r == 0)
		r = modules_read_files(m, 0, files, find_candidates(m, list, n, files), err);
	return r < 0 ? r : add_accepted(m, list, n, true, err);
}
