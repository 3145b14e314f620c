/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/modprobe.h"
#include "plan/modules/kit.h"

/* Soft and weak dependencies, of the modules themselves and from the configuration. */

enum { WISHES_MAX = 16 * 1024 * 1024 };

enum wish {
	WISH_NONE,
	WISH_PRE,  /* loaded before the module */
	WISH_POST, /* loaded after it */
	WISH_WEAK, /* only packed: the module requests it when it needs it */
};

/* ---- what is written down ---- */

static void push(struct modules *m, const char *name, const char *text)
{
	if ((m->n_softdeps & (m->n_softdeps - 1)) == 0)
		m->softdeps = xrealloc(m->softdeps, m->n_softdeps ? m->n_softdeps * 2 : 1,
				       sizeof(*m->softdeps));
	m->softdeps[m->n_softdeps++] = (struct softdep){name, text};
}

static int read_file(struct modules *m, const char *path, const char *keyword, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = root_read(m->root, path, WISHES_MAX, &text);
	bool is_weak = strcmp(keyword, "weakdep") == 0;
	struct modprobe_line line;
	char *cursor;

	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "module configuration /%s", path);
	cursor = arena_strdup(m->arena, buf_cstr(&text));
	while (modprobe_next(&cursor, &line))
		if (strcmp(line.keyword, keyword) == 0)
			push(m, line.name,
			     is_weak ? arena_printf(m->arena, "weak: %s", line.rest) : line.rest);
	return 0;
}

int modules_read_wishes(struct modules *m, struct err *err)
{
	const char *dir = m->kernel->modules_dir;
	const char *const *files = modules_config_files(m->root, modules_modprobe_dirs, m->arena);
	int r;

	r = read_file(m, arena_printf(m->arena, "%s/modules.softdep", dir), "softdep", err);
	if (r == 0)
		r = read_file(m, arena_printf(m->arena, "%s/modules.weakdep", dir), "weakdep", err);
	for (; *files && r == 0; files++) {
		r = read_file(m, *files, "softdep", err);
		if (r == 0)
			r = read_file(m, *files, "weakdep", err);
	}
	return r;
}

/* ---- what follows from it ---- */

/* The module MOD, or a built-in driver, whose dependencies are added. */
struct wisher {
	const char *name;
	struct module *mod;
	unsigned flags;
	const char *reason;
	enum wish wish;
	struct err *err;
};

/* A module that does not exist, or is built in, is no error. */
static int add_one(struct modules *m, const char *name, void *arg)
{
	struct wisher *w = arg;
	const struct dep *dep = modules_dep_of(m, name);
	unsigned flags = w->wish == WISH_WEAK ? 0 : w->flags;
	struct module *to = NULL;
	int r = dep ? modules_add(m, dep, flags, w->reason, &to, w->err) : 0;

	if (to && to != w->mod && w->mod)
		modules_order(m, w->mod, to, w->wish == WISH_PRE, w->wish == WISH_POST);
	return r;
}

static int add_word(struct modules *m, struct wisher *w, const char *word)
{
	w->reason = arena_printf(m->arena, "module %s wants it (%s dependency %s)", w->name,
				 w->wish == WISH_WEAK ? "weak" : "soft", word);
	return modules_each_found(m, word, add_one, w);
}

/* "pre: a b post: c". Words before the first keyword are ignored, as libkmod does. */
static int add_text(struct modules *m, struct wisher *w, const char *text)
{
	_cleanup_free_ char *own = xstrdup(text);
	char *cursor = own, *word;
	int r = 0;

	w->wish = WISH_NONE;
	while (r >= 0 && (word = strsep(&cursor, " \t\r\v\f\n"))) {
		if (strcmp(word, "pre:") == 0)
			w->wish = WISH_PRE;
		else if (strcmp(word, "post:") == 0)
			w->wish = WISH_POST;
		else if (strcmp(word, "weak:") == 0)
			w->wish = WISH_WEAK;
		else if (*word && w->wish != WISH_NONE)
			r = add_word(m, w, word);
	}
	return r < 0 ? r : 0;
}

/* All matching lines count. libkmod would return the first one only. */
static int add_written(struct modules *m, struct wisher *w)
{
	int r = 0;

	for (size_t i = 0; i < m->n_softdeps && r == 0; i++)
		if (fnmatch(m->softdeps[i].name, w->name, 0) == 0)
			r = add_text(m, w, m->softdeps[i].text);
	return r;
}

/* A built-in driver is never loaded. Its dependencies are, with the modules of the machine's
 * devices, if a device needs the driver: udev would do the same. */
static struct wisher wisher_of(const struct builtin *b, struct err *err)
{
	return (struct wisher){.name = b->name, .flags = b->flags & MODULES_LOAD, .err = err};
}

/* PAIR is "NAME.KEY=VALUE". */
static int add_of_pair(struct modules *m, const char *pair, struct err *err)
{
	size_t len = strcspn(pair, ".");
	const char *key = pair + len;
	bool is_weak = str_starts(key, ".weakdep=");
	char name[MODINDEX_NAME_MAX];
	struct wisher w;
	void **slot;

	if (len >= sizeof(name) || (!is_weak && !str_starts(key, ".softdep=")))
		return 0;
	memcpy(name, pair, len);
	name[len] = '\0';
	slot = strset_find(&m->builtins, name);
	if (!slot)
		return 0;
	w = wisher_of(*slot, err);
	key = strchr(key, '=') + 1;
	return add_text(m, &w, is_weak ? arena_printf(m->arena, "weak: %s", key) : key);
}

static int add_of_builtins(struct modules *m, struct err *err)
{
	_cleanup_buf_ struct buf modinfo = BUF_INIT;
	struct builtin **list;
	size_t n = modules_builtins(m, &list);
	int r = n ? modules_read_builtin_modinfo(m, &modinfo, err) : 0;

	for (size_t at = 0; at < modinfo.len && r == 0;) {
		const char *pair = (const char *)modinfo.data + at;

		r = add_of_pair(m, pair, err);
		at += strlen(pair) + 1;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct wisher w = wisher_of(list[i], err);

		r = add_written(m, &w);
	}
	return r;
}

static int add_of_module(struct modules *m, struct module *mod, struct err *err)
{
	struct wisher w = {.name = mod->name, .mod = mod, .err = err};
	const struct facts *f = facts_of(m->facts, module_file(m, mod));
	int r = add_written(m, &w);

	w.wish = WISH_WEAK;
	for (size_t at = 0; at < f->weakdeps_len && r >= 0; at += strlen(f->weakdeps + at) + 1)
		r = add_word(m, &w, f->weakdeps + at);
	return r < 0 ? r : 0;
}

int modules_add_softdeps(struct modules *m, struct err *err)
{
	size_t done = 0;
	int r = add_of_builtins(m, err);

	while (done < m->count && r >= 0) {
		size_t n = m->count - done;

		r = modules_read_files(m, done, NULL, 0, err);
		for (size_t i = 0; i < n && r >= 0; i++)
			r = add_of_module(m, m->list[done + i], err);
		done += n;
	}
	return r < 0 ? r : 0;
}

/* ---- what is lost when modules are left out ---- */

struct providers {
	bool some, stays;
};

static int note_provider(struct modules *m, const char *name, void *arg)
{
	const struct module *mod = modules_find(m, name);
	struct providers *p = arg;

	p->some |= mod != NULL;
	p->stays |= mod ? !(mod->flags & MODULES_OMITTED) : modules_is_builtin(m, name);
	return 0;
}

static const char *lost_word(struct modules *m, const char *text)
{
	char *cursor = arena_strdup(m->arena, text), *word;
	bool is_pre = false;

	while ((word = strsep(&cursor, " \t\r\v\f\n"))) {
		struct providers p = {false, false};

		if (str_ends(word, ":"))
			is_pre = strcmp(word, "pre:") == 0;
		else if (*word && is_pre)
			modules_each_found(m, word, note_provider, &p);
		if (p.some && !p.stays)
			return word;
	}
	return NULL;
}

const char *modules_lost_wish(struct modules *m, const struct module *mod)
{
	const char *word = NULL;

	for (size_t i = 0; i < m->n_softdeps && !word; i++)
		if (fnmatch(m->softdeps[i].name, mod->name, 0) == 0)
			word = lost_word(m, m->softdeps[i].text);
	return word;
}
