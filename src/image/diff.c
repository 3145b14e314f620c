/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/diff.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/ours/modindex.h"

struct comparison {
	const struct diff_side *a, *b;
	struct arena *arena;
	struct diff *out;
};

/* ---- what is compared with what ---- */

static bool has_kernel(const struct diff_side *s, const char *kernel)
{
	for (size_t i = 0; i < s->n_kernels; i++)
		if (strcmp(s->kernels[i], kernel) == 0)
			return true;
	return false;
}

/* A kernel that both images have is compared with itself; of the others the first is compared with
 * the first, and so on. */
static const char *kernel_label(const struct diff_side *own, const struct diff_side *other,
				const char *kernel, struct arena *arena)
{
	unsigned n = 0;

	/* If an image does not name its kernel, modules in a single folder count as the first
	 * kernel's. */
	if (!kernel)
		return arena_printf(arena, "\001%u", n);
	if (has_kernel(other, kernel))
		return kernel;
	for (size_t i = 0; strcmp(own->kernels[i], kernel) != 0; i++)
		n += !has_kernel(other, own->kernels[i]);
	return arena_printf(arena, "\001%u", n);
}

static bool in_merged(const char *path)
{
	static const char *const moved[] = {"bin/", "sbin/", "lib/", "lib64/"};

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++)
		if (str_starts(path, moved[i]))
			return true;
	return false;
}

/* The key that is equal for two entries that are to be compared. Its first bytes distinguish
 * modules from what is compared by path, since no path can start with them. */
static const char *file_key(const struct diff_side *own, const struct diff_side *other,
			    const struct diff_entry *e, struct arena *arena)
{
	if (e->kernel)
		return arena_printf(arena, "usr/lib/modules/%s%s",
				    kernel_label(own, other, e->kernel, arena), e->below);
	return in_merged(e->path) ? arena_printf(arena, "usr/%s", e->path) : e->path;
}

static const char *module_key(const struct diff_side *own, const struct diff_side *other,
			      const struct diff_entry *e, struct arena *arena)
{
	return arena_printf(arena, "\002%s/%s", kernel_label(own, other, e->kernel, arena),
			    e->module->name);
}

/* Indexes all entries by key. If a key is already taken, as by lib/x beside usr/lib/x or by a
 * module that is there twice, the path itself is used. */
static void index_side(const struct diff_side *own, const struct diff_side *other,
		       struct arena *arena, struct strset *out)
{
	for (size_t i = 0; i < own->n_entries; i++) {
		struct diff_entry *e = own->entries[i];

		if (e->module && strset_add(out, module_key(own, other, e, arena), e))
			continue;
		if (!strset_add(out, file_key(own, other, e, arena), e))
			strset_add(out, arena_printf(arena, "\003%s", e->path), e);
	}
}

/* ---- what differs ---- */

static unsigned compare(const struct diff_entry *a, const struct diff_entry *b)
{
	unsigned what = 0;

	if ((a->mode & S_IFMT) != (b->mode & S_IFMT))
		return DIFF_TYPE;
	if ((a->mode & 07777) != (b->mode & 07777))
		what |= DIFF_MODE;
	if (a->uid != b->uid || a->gid != b->gid)
		what |= DIFF_OWNER;
	if ((S_ISCHR(a->mode) || S_ISBLK(a->mode)) &&
	    (a->major != b->major || a->minor != b->minor))
		what |= DIFF_DEVICE;
	if (a->module && b->module) {
		if (memcmp(a->module->plain, b->module->plain, sizeof(a->module->plain)) != 0)
			what |= DIFF_CONTENT;
		return what;
	}
	if (a->size != b->size)
		what |= DIFF_SIZE;
	if (memcmp(a->sha256, b->sha256, sizeof(a->sha256)) != 0)
		what |= DIFF_CONTENT;
	return what;
}

static void add_change(struct diff_change **list, size_t *n, const struct diff_change *c)
{
	if ((*n & (*n - 1)) == 0)
		*list = xrealloc(*list, *n ? *n * 2 : 1, sizeof(**list));
	(*list)[(*n)++] = *c;
}

static void note(struct comparison *c, const struct diff_entry *a, const struct diff_entry *b)
{
	struct diff_change change = {.a = a, .b = b};
	bool is_module = (!a || a->module) && (!b || b->module);

	if (a && b) {
		change.what = compare(a, b);
		if (!change.what && is_module &&
		    memcmp(a->sha256, b->sha256, sizeof(a->sha256)) != 0)
			c->out->repacked++;
		if (!change.what)
			return;
	}
	if (is_module)
		add_change(&c->out->modules, &c->out->n_modules, &change);
	else
		add_change(&c->out->files, &c->out->n_files, &change);
}

static const struct diff_entry *shown(const struct diff_change *c)
{
	return c->b ? c->b : c->a;
}

static int by_path(const void *a, const void *b)
{
	const struct diff_change *x = a, *y = b;
	int order = strcmp(shown(x)->path, shown(y)->path);

	return order ? order : !!x->b - !!y->b;
}

static int by_module(const void *a, const void *b)
{
	int order = strcmp(shown(a)->module->name, shown(b)->module->name);

	return order ? order : by_path(a, b);
}

/* Sorts a list, and moves it into the arena. */
static void settle(struct arena *arena, struct diff_change **list, size_t n,
		   int (*order)(const void *, const void *))
{
	struct diff_change *made = *list;

	if (n)
		qsort(made, n, sizeof(*made), order);
	*list = arena_memdup(arena, made, n * sizeof(*made));
	free(made);
}

static void compare_sides(struct comparison *c)
{
	_cleanup_strset_ struct strset a = STRSET_INIT, b = STRSET_INIT, seen = STRSET_INIT;
	struct strset *sides[] = {&a, &b};

	index_side(c->a, c->b, c->arena, &a);
	index_side(c->b, c->a, c->arena, &b);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		const char *key;
		size_t at = 0;

		while ((key = strset_next(sides[i], &at))) {
			void **x = strset_find(&a, key), **y = strset_find(&b, key);

			if (strset_add(&seen, key, NULL))
				note(c, x ? *x : NULL, y ? *y : NULL);
		}
	}
	settle(c->arena, &c->out->files, c->out->n_files, by_path);
	settle(c->arena, &c->out->modules, c->out->n_modules, by_module);
}

/* ---- options of modules, which are in the index of our images ---- */

static const char *options_of(const struct modindex *x, const char *module)
{
	uint32_t number = modindex_find(x, module);

	return number == MODINDEX_NONE ? "" : modindex_options(x, number);
}

static void compare_options(struct comparison *c)
{
	struct modindex a, b;
	struct diff *d = c->out;

	if (modindex_decode(c->a->index, c->a->index_len, &a, NULL) < 0 ||
	    modindex_decode(c->b->index, c->b->index_len, &b, NULL) < 0)
		return;
	d->options = arena_alloc(c->arena, (a.n_modules + b.n_modules + 1) * sizeof(*d->options));
	for (uint32_t i = 0; i < a.n_modules + b.n_modules; i++) {
		const char *name = i < a.n_modules ? modindex_name(&a, i)
						   : modindex_name(&b, i - a.n_modules);
		struct diff_option o = {name, options_of(&a, name), options_of(&b, name)};

		if (i >= a.n_modules && modindex_find(&a, name) != MODINDEX_NONE)
			continue;
		if (strcmp(o.a, o.b) != 0)
			d->options[d->n_options++] = o;
	}
}

void diff_compare(const struct diff_side *a, const struct diff_side *b, struct arena *arena,
		  struct diff *out)
{
	struct comparison c = {.a = a, .b = b, .arena = arena, .out = out};

	*out = (struct diff){.other_kernels = a->n_kernels != b->n_kernels};
	for (size_t i = 0; i < a->n_kernels; i++)
		if (!has_kernel(b, a->kernels[i]))
			out->other_kernels = true;
	compare_sides(&c);
	if (a->index && b->index)
		compare_options(&c);
}

bool diff_is_empty(const struct diff *d)
{
	return !d->n_files && !d->n_modules && !d->n_options && !d->other_kernels;
}
