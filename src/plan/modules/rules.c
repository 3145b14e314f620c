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

/* LOOKED becomes the number of bytes of PATH that the answer depends on, if that is more. */
static bool holds(const char *folder, const char *path, size_t *looked)
{
	size_t n = 0, depends;
	bool is_pattern;

	while (folder[n] && folder[n] != '*' && folder[n] == path[n])
		n++;
	is_pattern = folder[n] == '*';
	depends = is_pattern ? strlen(path) + 1 : folder[n] ? n + 1 : n;
	*looked = depends > *looked ? depends : *looked;
	return !folder[n] || (is_pattern && fnmatch(folder, path, 0) == 0);
}

static const struct modules_rule *find_rule(const struct modules_rule *rules, const char *path,
					    size_t *looked)
{
	for (; rules->folder; rules++)
		if (holds(rules->folder, path, looked))
			return rules->reason ? rules : NULL;
	return NULL;
}

const struct modules_rule *modules_rule_of(const struct modules_rule *rules, const char *path)
{
	size_t looked = 0;

	return find_rule(rules, path, &looked);
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

/* All modules of the kernel, and what the tables say about them. */
struct choice {
	const struct dep **list; /* by path, so that a module with two reasons always gets the same one */
	size_t n;
	const struct modules_rule **rules; /* table by table, a row for each of LIST, or NULL */
};

/* Most modules differ from the one before them only where no row looks. */
static void match_table(const struct modules_rule *table, const struct choice *c,
			const struct modules_rule **out)
{
	size_t looked = 0;

	for (size_t i = 0; i < c->n; i++) {
		const char *path = c->list[i]->path;

		if (i && strncmp(path, c->list[i - 1]->path, looked) == 0) {
			out[i] = out[i - 1];
			continue;
		}
		looked = 0;
		out[i] = find_rule(table, path, &looked);
	}
}

/* Adds what the tables accept; without a look into files, or after one. */
static int add_accepted(struct modules *m, const struct choice *c, bool by_facts, struct err *err)
{
	int r = 0;

	for (size_t k = 0; k < m->n_tables * c->n && r >= 0; k++) {
		const struct modules_rule *rule = c->rules[k];
		const struct dep *dep = c->list[k % c->n];
		struct module *mod;

		if (!rule || (rule->provides != 0) != by_facts || !accepts(m, rule, dep->path))
			continue;
		r = modules_add(m, dep, rule->reach & RULE_LATE ? MODULES_LATE : 0, rule->reason,
				&mod, err);
	}
	return r < 0 ? r : 0;
}

/* What the files would have to provide, for those whose files decide. */
static size_t find_candidates(const struct modules *m, const struct choice *c,
			      struct facts_file *out)
{
	size_t found = 0;

	for (size_t i = 0; i < c->n; i++) {
		unsigned provides = 0;

		for (size_t t = 0; t < m->n_tables; t++) {
			const struct modules_rule *rule = c->rules[t * c->n + i];

			provides |= rule ? rule->provides : 0;
		}
		if (provides && !modules_find(m, c->list[i]->name))
			out[found++] = (struct facts_file){
				.name = modules_file_of(m, c->list[i]->path), .provides = provides};
	}
	return found;
}

/* LIST becomes all modules of the kernel, by path. Their number. */
static size_t list_all(const struct modules *m, const struct dep **list)
{
	size_t n = strset_values(&m->deps, (void **)list);

	if (n)
		qsort(list, n, sizeof(*list), by_dep_path);
	return n;
}

int modules_apply_rules(struct modules *m, struct err *err)
{
	size_t all = m->deps.count;
	_cleanup_free_ const struct dep **list = xrealloc(NULL, all + 1, sizeof(*list));
	_cleanup_free_ struct facts_file *files = xrealloc(NULL, all + 1, sizeof(*files));
	_cleanup_free_ const struct modules_rule **rules =
		xrealloc(NULL, m->n_tables * all + 1, sizeof(*rules));
	struct choice c = {.list = list, .n = list_all(m, list), .rules = rules};
	int r;

	for (size_t t = 0; t < m->n_tables; t++)
		match_table(m->tables[t], &c, rules + t * c.n);
	r = add_accepted(m, &c, false, err);
	if (r == 0)
		r = modules_read_files(m, 0, files, find_candidates(m, &c, files), err);
	return r < 0 ? r : add_accepted(m, &c, true, err);
}

static bool is_below(const char *path, const char *folder, size_t len)
{
	static const char *const tops[] = {"kernel/", "extra/", "updates/"};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		const char *rest = path + strlen(tops[i]);

		if (str_starts(path, tops[i]) && strncmp(rest, folder, len) == 0 && rest[len] == '/')
			return true;
	}
	return false;
}

int modules_add_folder(struct modules *m, const char *folder, unsigned flags, const char *reason,
		       struct err *err)
{
	_cleanup_free_ const struct dep **list = xrealloc(NULL, m->deps.count + 1, sizeof(*list));
	size_t n = list_all(m, list), len;
	int r = MODULES_ABSENT;

	folder += strspn(folder, "/");
	len = strlen(folder);
	while (len && folder[len - 1] == '/')
		len--;
	for (size_t i = 0; i < n && len && r >= 0; i++) {
		struct module *mod;

		if (is_below(list[i]->path, folder, len))
			r = modules_add(m, list[i], flags, reason, &mod, err);
	}
	return r;
}
