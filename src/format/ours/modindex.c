/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/modindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	MAGIC = 0x494d5250, /* "PRMI" */
	VERSION = 1,
	WORD = 4,
	HEADER_WORDS = 13,
	MODULE_WORDS = 10,
	GROUP_WORDS = 5,
	ALIAS_WORDS = 2,
};

/* Words of a module record. */
enum { M_NAME, M_PATH, M_OPTIONS, M_FLAGS, M_DEPS };
/* Words of a group record. */
enum { G_PATTERN, G_LENGTH, G_PARENT, G_FIRST, G_COUNT };
/* Words of an alias record. */
enum { A_PATTERN, A_MODULE };

bool modindex_normalise(const char *name, char out[MODINDEX_NAME_MAX])
{
	size_t len = strlen(name);

	if (len >= MODINDEX_NAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++)
		out[i] = name[i] == '-' ? '_' : name[i];
	return true;
}

static size_t literal_length(const char *pattern)
{
	return strcspn(pattern, "*?[\\");
}

/* ---- encoding ---- */

static int compare_literal(const char *a, size_t la, const char *b, size_t lb)
{
	int diff = memcmp(a, b, la < lb ? la : lb);

	return diff ? diff : (la > lb) - (la < lb);
}

static int compare_alias(const void *pa, const void *pb)
{
	const struct modindex_alias *a = pa, *b = pb;
	int diff = compare_literal(a->pattern, literal_length(a->pattern), b->pattern,
				   literal_length(b->pattern));

	if (!diff)
		diff = strcmp(a->pattern, b->pattern);
	return diff ? diff : (a->module > b->module) - (a->module < b->module);
}

static uint32_t add_string(struct buf *strings, const char *s, size_t len)
{
	uint32_t at = (uint32_t)strings->len;

	buf_add(strings, s, len);
	buf_add(strings, "", 1);
	return at;
}

static void add_list(struct buf *modules, struct buf *refs, struct modindex_list list)
{
	buf_add_u32le(modules, (uint32_t)(refs->len / WORD));
	buf_add_u32le(modules, (uint32_t)list.count);
	for (size_t i = 0; i < list.count; i++)
		buf_add_u32le(refs, list.refs[i]);
}

struct group {
	const char *prefix;
	size_t len;
	uint32_t parent, first, count;
};

/* The longest earlier prefix that this one starts with: walk up from the previous group. */
static uint32_t find_parent(const struct group *groups, uint32_t n, const char *prefix, size_t len)
{
	uint32_t g = n ? n - 1 : MODINDEX_NONE;

	while (g != MODINDEX_NONE &&
	       (groups[g].len > len || memcmp(groups[g].prefix, prefix, groups[g].len) != 0))
		g = groups[g].parent;
	return g;
}

static uint32_t make_groups(const struct modindex_alias *aliases, size_t n, struct group *groups)
{
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const char *p = aliases[i].pattern;
		size_t len = literal_length(p);
		struct group *g = count ? &groups[count - 1] : NULL;

		if (!g || g->len != len || memcmp(g->prefix, p, len) != 0) {
			uint32_t parent = find_parent(groups, count, p, len);

			g = &groups[count++];
			*g = (struct group){p, len, parent, (uint32_t)i, 0};
		}
		g->count++;
	}
	return count;
}

struct tables {
	struct buf modules, groups, aliases, refs, strings;
};

static void add_table(struct buf *out, const struct buf *table, size_t words, uint32_t *offset)
{
	buf_add_u32le(out, *offset);
	buf_add_u32le(out, (uint32_t)(table->len / (words * WORD)));
	*offset += (uint32_t)table->len;
}

static void assemble(const struct tables *t, struct buf *out)
{
	uint32_t offset = HEADER_WORDS * WORD;
	size_t total = offset + t->modules.len + t->groups.len + t->aliases.len + t->refs.len +
		       t->strings.len;

	buf_add_u32le(out, MAGIC);
	buf_add_u32le(out, VERSION);
	buf_add_u32le(out, (uint32_t)total);
	add_table(out, &t->modules, MODULE_WORDS, &offset);
	add_table(out, &t->groups, GROUP_WORDS, &offset);
	add_table(out, &t->aliases, ALIAS_WORDS, &offset);
	add_table(out, &t->refs, 1, &offset);
	buf_add_u32le(out, offset);
	buf_add_u32le(out, (uint32_t)t->strings.len);
	buf_add(out, t->modules.data, t->modules.len);
	buf_add(out, t->groups.data, t->groups.len);
	buf_add(out, t->aliases.data, t->aliases.len);
	buf_add(out, t->refs.data, t->refs.len);
	buf_add(out, t->strings.data, t->strings.len);
	if (t->modules.failed || t->groups.failed || t->aliases.failed || t->refs.failed ||
	    t->strings.failed)
		out->failed = true;
}

static void add_modules(struct tables *t, const struct modindex_source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct modindex_source *m = &sources[i];

		buf_add_u32le(&t->modules, add_string(&t->strings, m->name, strlen(m->name)));
		buf_add_u32le(&t->modules, add_string(&t->strings, m->path, strlen(m->path)));
		buf_add_u32le(&t->modules, add_string(&t->strings, m->options, strlen(m->options)));
		buf_add_u32le(&t->modules, m->flags);
		add_list(&t->modules, &t->refs, m->hard);
		add_list(&t->modules, &t->refs, m->pre);
		add_list(&t->modules, &t->refs, m->post);
	}
}

static void add_aliases(struct tables *t, const struct modindex_alias *sorted,
			const struct group *groups, uint32_t n_groups)
{
	for (uint32_t g = 0; g < n_groups; g++) {
		buf_add_u32le(&t->groups, (uint32_t)t->strings.len); /* its first pattern */
		buf_add_u32le(&t->groups, (uint32_t)groups[g].len);
		buf_add_u32le(&t->groups, groups[g].parent);
		buf_add_u32le(&t->groups, groups[g].first);
		buf_add_u32le(&t->groups, groups[g].count);
		for (uint32_t i = 0; i < groups[g].count; i++) {
			const struct modindex_alias *a = &sorted[groups[g].first + i];

			buf_add_u32le(&t->aliases,
				      add_string(&t->strings, a->pattern, strlen(a->pattern)));
			buf_add_u32le(&t->aliases, a->module);
		}
	}
}

int modindex_encode(const struct modindex_source *sources, size_t n_sources,
		    const struct modindex_alias *aliases, size_t n_aliases, struct buf *out)
{
	_cleanup_free_ struct modindex_alias *sorted = calloc(n_aliases + 1, sizeof(*sorted));
	_cleanup_free_ struct group *groups = calloc(n_aliases + 1, sizeof(*groups));
	struct tables t = {0};
	uint32_t n_groups;

	if (!sorted || !groups)
		return -ENOMEM;
	if (n_aliases)
		memcpy(sorted, aliases, n_aliases * sizeof(*sorted));
	qsort(sorted, n_aliases, sizeof(*sorted), compare_alias);
	n_groups = make_groups(sorted, n_aliases, groups);
	add_modules(&t, sources, n_sources);
	add_aliases(&t, sorted, groups, n_groups);
	assemble(&t, out);
	buf_clear(&t.modules);
	buf_clear(&t.groups);
	buf_clear(&t.aliases);
	buf_clear(&t.refs);
	buf_clear(&t.strings);
	return buf_status(out);
}

/* ---- decoding ---- */

static uint32_t word(const struct modindex *x, uint32_t offset, uint32_t n)
{
	const uint8_t *p = x->data + offset + (size_t)n * WORD;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t module_word(const struct modindex *x, uint32_t module, uint32_t field)
{
	return word(x, x->modules, module * MODULE_WORDS + field);
}

static uint32_t group_word(const struct modindex *x, uint32_t group, uint32_t field)
{
	return word(x, x->groups, group * GROUP_WORDS + field);
}

static uint32_t alias_word(const struct modindex *x, uint32_t alias, uint32_t field)
{
	return word(x, x->aliases, alias * ALIAS_WORDS + field);
}

/* Whether FIRST and COUNT are a range within a table of LIMIT entries. */
static bool range_ok(uint32_t first, uint32_t count, uint32_t limit)
{
	return first <= limit && count <= limit - first;
}

static bool modules_ok(const struct modindex *x)
{
	for (uint32_t m = 0; m < x->n_modules; m++) {
		if (module_word(x, m, M_NAME) >= x->strings_len ||
		    module_word(x, m, M_PATH) >= x->strings_len ||
		    module_word(x, m, M_OPTIONS) >= x->strings_len)
			return false;
		for (uint32_t k = MODINDEX_HARD; k <= MODINDEX_POST; k++)
			if (!range_ok(module_word(x, m, M_DEPS + 2 * k),
				      module_word(x, m, M_DEPS + 2 * k + 1), x->n_refs))
				return false;
	}
	for (uint32_t i = 0; i < x->n_refs; i++)
		if (word(x, x->refs, i) >= x->n_modules)
			return false;
	return true;
}

static bool aliases_ok(const struct modindex *x)
{
	for (uint32_t g = 0; g < x->n_groups; g++) {
		uint32_t parent = group_word(x, g, G_PARENT);

		if (group_word(x, g, G_PATTERN) >= x->strings_len ||
		    group_word(x, g, G_LENGTH) >= x->strings_len - group_word(x, g, G_PATTERN) ||
		    (parent != MODINDEX_NONE && parent >= g) ||
		    !range_ok(group_word(x, g, G_FIRST), group_word(x, g, G_COUNT), x->n_aliases))
			return false;
	}
	for (uint32_t a = 0; a < x->n_aliases; a++)
		if (alias_word(x, a, A_PATTERN) >= x->strings_len ||
		    alias_word(x, a, A_MODULE) >= x->n_modules)
			return false;
	return true;
}

static bool table_ok(uint32_t offset, uint32_t count, uint32_t words, size_t len)
{
	return offset <= len && count <= (len - offset) / ((size_t)words * WORD);
}

int modindex_decode(const void *data, size_t len, struct modindex *out, struct err *err)
{
	struct modindex x = {.data = data};
	uint32_t strings;

	if (len < HEADER_WORDS * WORD || word(&x, 0, 0) != MAGIC)
		return err_set(err, -EBADMSG, "not a module index");
	if (word(&x, 0, 1) != VERSION)
		return err_set(err, -EPROTONOSUPPORT, "module index of version %u, not %d",
			       word(&x, 0, 1), VERSION);
	if (word(&x, 0, 2) != len)
		return err_set(err, -EBADMSG, "module index of %zu bytes says it has %u", len,
			       word(&x, 0, 2));
	x.modules = word(&x, 0, 3);
	x.n_modules = word(&x, 0, 4);
	x.groups = word(&x, 0, 5);
	x.n_groups = word(&x, 0, 6);
	x.aliases = word(&x, 0, 7);
	x.n_aliases = word(&x, 0, 8);
	x.refs = word(&x, 0, 9);
	x.n_refs = word(&x, 0, 10);
	strings = word(&x, 0, 11);
	x.strings_len = word(&x, 0, 12);
	if (!table_ok(x.modules, x.n_modules, MODULE_WORDS, len) ||
	    !table_ok(x.groups, x.n_groups, GROUP_WORDS, len) ||
	    !table_ok(x.aliases, x.n_aliases, ALIAS_WORDS, len) ||
	    !table_ok(x.refs, x.n_refs, 1, len) || strings > len ||
	    x.strings_len > len - strings || x.n_modules > MODINDEX_MODULES_MAX)
		return err_set(err, -EBADMSG, "module index: a table lies outside of it");
	x.strings = (const char *)data + strings;
	if (x.strings_len && x.strings[x.strings_len - 1] != '\0')
		return err_set(err, -EBADMSG, "module index: the last string has no end");
	if (!modules_ok(&x) || !aliases_ok(&x))
		return err_set(err, -EBADMSG, "module index: a reference leads nowhere");
	*out = x;
	return 0;
}

const char *modindex_name(const struct modindex *x, uint32_t module)
{
	return x->strings + module_word(x, module, M_NAME);
}

const char *modindex_path(const struct modindex *x, uint32_t module)
{
	return x->strings + module_word(x, module, M_PATH);
}

const char *modindex_options(const struct modindex *x, uint32_t module)
{
	return x->strings + module_word(x, module, M_OPTIONS);
}

uint32_t modindex_flags(const struct modindex *x, uint32_t module)
{
	return module_word(x, module, M_FLAGS);
}

uint32_t modindex_count(const struct modindex *x, uint32_t module, enum modindex_deps kind)
{
	return module_word(x, module, M_DEPS + 2 * kind + 1);
}

uint32_t modindex_dep(const struct modindex *x, uint32_t module, enum modindex_deps kind,
		      uint32_t i)
{
	return word(x, x->refs, module_word(x, module, M_DEPS + 2 * kind) + i);
}

uint32_t modindex_find(const struct modindex *x, const char *name)
{
	char wanted[MODINDEX_NAME_MAX];
	uint32_t low = 0, high = x->n_modules;

	if (!modindex_normalise(name, wanted))
		return MODINDEX_NONE;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int diff = strcmp(modindex_name(x, mid), wanted);

		if (diff == 0)
			return mid;
		if (diff < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return MODINDEX_NONE;
}

/* The last group whose prefix does not sort after S; MODINDEX_NONE. */
static uint32_t last_group_before(const struct modindex *x, const char *s)
{
	uint32_t low = 0, high = x->n_groups;
	size_t len = strlen(s);

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare_literal(x->strings + group_word(x, mid, G_PATTERN),
				    group_word(x, mid, G_LENGTH), s, len) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? low - 1 : MODINDEX_NONE;
}

void modindex_match(const struct modindex *x, const char *modalias,
		    void (*fn)(uint32_t module, void *arg), void *arg)
{
	for (uint32_t g = last_group_before(x, modalias); g != MODINDEX_NONE;
	     g = group_word(x, g, G_PARENT)) {
		uint32_t first = group_word(x, g, G_FIRST);

		if (strncmp(modalias, x->strings + group_word(x, g, G_PATTERN),
			    group_word(x, g, G_LENGTH)) != 0)
			continue;
		for (uint32_t i = 0; i < group_word(x, g, G_COUNT); i++) {
			const char *pattern = x->strings + alias_word(x, first + i, A_PATTERN);

			if (text_matches(pattern, modalias))
				fn(alias_word(x, first + i, A_MODULE), arg);
		}
	}
}
