/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/complete/values.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "cli/compat/kit.h"
#include "features/features.h"
#include "format/codec/codec.h"
#include "host/config/config.h"
#include "host/config/dracut_modules.h"
#include "host/config/import/import.h"
#include "host/root.h"
#include "image/open.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

enum { MODULES_DEP_MAX = 16 * 1024 * 1024, CANDIDATES_MAX = 64 * 1024, PATHS_MAX = 4096 };

/* Of an image: more takes longer than anybody waits for a completion. */
#define WORK_MAX (1ull << 30)

void complete_add(struct complete *c, const char *word, const char *help)
{
	const char *whole;

	if (!str_starts(word, c->typed) || c->n >= CANDIDATES_MAX ||
	    word[strspn(word, LETTERS DIGITS "/._+,:@%=-")])
		return;
	whole = arena_printf(&c->arena, "%s%s", c->before, word);
	c->list = arena_grow(&c->arena, c->list, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct complete_candidate){whole, help};
}

static void add_files(struct complete *c)
{
	c->list = arena_grow(&c->arena, c->list, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct complete_candidate){":files", NULL};
}

static void add_dirs(struct complete *c)
{
	c->list = arena_grow(&c->arena, c->list, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct complete_candidate){":dirs", NULL};
}

static void add_kernels(struct complete *c)
{
	const char **versions;
	struct err err = {0};
	int n = kit_kernels(c->root, &c->arena, &versions, &err);

	for (int i = 0; i < n; i++)
		complete_add(c, versions[i], NULL);
}

static void add_all_and_kernels(struct complete *c)
{
	complete_add(c, "all", NULL);
	add_kernels(c);
}

static void add_codecs(struct complete *c)
{
	for (enum codec i = 0; i < CODEC_COUNT; i++)
		complete_add(c, codec_info(i)->name, NULL);
}

static void add_auto_and_codecs(struct complete *c)
{
	complete_add(c, "auto", NULL);
	add_codecs(c);
}

static void add_keys(struct complete *c)
{
	const char *key;

	for (size_t i = 0; (key = config_key(i)); i++)
		if (config_effect(key) == CONFIG_HONOURED)
			complete_add(c, arena_printf(&c->arena, "%s=", key), NULL);
}

static void add_builders(struct complete *c)
{
	for (const struct importer *i = importers; i->name; i++)
		complete_add(c, i->name, NULL);
}

/* NAME.conf is the feature NAME. */
static void add_dropins(struct complete *c)
{
	_cleanup_root_ struct root root = {.fd = -1};
	const char **paths;
	struct err err = {0};
	int n;

	if (root_open(c->root, &root, &err) < 0)
		return;
	n = dropin_list(&root, &c->arena, &paths, &err);
	for (int i = 0; i < n; i++) {
		const char *name = base_name(paths[i]);

		name = arena_strndup(&c->arena, name, strlen(name) - strlen(".conf"));
		if (dropin_find(&root, name, &c->arena)) /* it is not masked */
			complete_add(c, name, "a drop-in feature");
	}
}

static void add_features(struct complete *c)
{
	for (const struct feature *f = features; f->name; f++)
		if (f->flags & FEATURE_OPTIONAL)
			complete_add(c, f->name, f->summary);
	for (const struct dracut_module *m = dracut_modules; m->name; m++)
		if (m->effect != DRACUT_MISSING && m->effect != DRACUT_FOREIGN)
			complete_add(c, m->name, m->text);
	add_dropins(c);
}

/* The kernel that the command line names, otherwise the one that runs or is the newest. */
static const char *choose_kernel(struct complete *c, const struct root *root)
{
	const char **versions;
	struct err err = {0};
	struct utsname u;

	if (c->kernel)
		return c->kernel;
	if (uname(&u) == 0 && root_exists(root, arena_printf(&c->arena, "lib/modules/%s", u.release)))
		return arena_strdup(&c->arena, u.release);
	return kit_kernels(c->root, &c->arena, &versions, &err) > 0 ? versions[0] : NULL;
}

/* The modules that depmod has found: the lines of modules.dep begin with their paths. */
static void add_modules(struct complete *c)
{
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *version, *path;
	struct err err = {0};
	char *line, *rest;

	if (root_open(c->root, &root, &err) < 0 || !(version = choose_kernel(c, &root)))
		return;
	path = arena_printf(&c->arena, "lib/modules/%s/modules.dep", version);
	if (root_read(&root, path, MODULES_DEP_MAX, &text) < 0)
		return;
	rest = arena_strdup(&c->arena, buf_cstr(&text));
	while ((line = strsep(&rest, "\n"))) {
		char *end;

		line[strcspn(line, ":")] = '\0';
		end = strstr(base_name(line), ".ko");
		if (end)
			*end = '\0';
		if (end)
			complete_add(c, base_name(line), NULL);
	}
}

/* What is in the image, up to the next slash. Whatever an image is, this ends soon, and with what it has
 * found by then. */
static void add_paths(struct complete *c)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_strset_ struct strset seen = STRSET_INIT;
	const char *slash = *c->typed == '/' ? "/" : "", *path = c->image;
	const size_t len = strlen(c->typed);
	char word[CPIO_NAME_MAX + 2], *end;
	struct image_entry e;
	struct err err = {0};

	if (!path && kit_image_of(c->kernel, &c->arena, &path, &err) < 0)
		return;
	if (image_open(path, &image, &err) < 0)
		return;
	image_limit_work(image, WORK_MAX);
	while (c->n < PATHS_MAX && image_next(image, &e, &err) > 0) {
		const size_t n = c->n;

		snprintf(word, sizeof(word), "%s%s", slash, e.path);
		if (!str_starts(word, c->typed))
			continue;
		end = strchr(word + len, '/');
		if (end)
			end[1] = '\0';
		if (strset_has(&seen, word))
			continue;
		complete_add(c, word, NULL);
		if (c->n > n)
			strset_add(&seen, c->list[n].word + strlen(c->before), NULL);
	}
}

/* ---- the table ---- */

static const struct row {
	const char *of; /* only of this option or command; NULL: of any other */
	const char *arg;
	void (*add)(struct complete *c); /* NULL: WORDS */
	const char *words;		 /* NULL without ADD: it can be anything */
	bool is_list;			 /* separated by commas */
} rows[] = {
	{"add", "LIST", add_features, NULL, true},
	{"add-drivers", "LIST", add_modules, NULL, true},
	{"drivers", "LIST", add_modules, NULL, true},
	{"filesystems", "LIST", add_modules, NULL, true},
	{"force-add", "LIST", add_features, NULL, true},
	{"force-drivers", "LIST", add_modules, NULL, true},
	{"install", "LIST", add_files, NULL, false},
	{"install-optional", "LIST", add_files, NULL, false},
	{"libdirs", "LIST", add_dirs, NULL, false},
	{"modules", "LIST", add_features, NULL, true},
	{"omit", "LIST", add_features, NULL, true},
	{"omit-drivers", "LIST", add_modules, NULL, true},
	{"prefer", "LIST", add_features, NULL, true},
	{NULL, "LIST", NULL, NULL, false},

	{"compress-store", "CODEC[:LEVEL]", NULL, "auto none zstd", false},
	{"hostonly-mode", "MODE", NULL, "portable sloppy strict", false},
	{"nvmf-nbft-mode", "MODE", NULL, NULL, false},
	{"lsinitrd", "FILE", add_paths, NULL, false},
	{"file", "FILE", add_paths, NULL, false},
	{"mode", "MODE", NULL, "0600 0640 0644", false},
	{"stdlog", "LEVEL", NULL, "0 1 2 3 4 5 6", false},
	{"update-initramfs", "VERSION", add_all_and_kernels, NULL, false},

	{NULL, "A", add_files, NULL, false},
	{NULL, "B", add_files, NULL, false},
	{NULL, "BUILDER", add_builders, NULL, false},
	{NULL, "CODEC", add_codecs, NULL, false},
	{NULL, "CODEC[:LEVEL]", add_auto_and_codecs, NULL, false},
	{NULL, "COMMAND", add_codecs, NULL, false},
	{NULL, "DEVICE", add_files, NULL, false},
	{NULL, "DIR", add_dirs, NULL, false},
	{NULL, "DIRS", add_dirs, NULL, false},
	{NULL, "DST", NULL, NULL, false},
	{NULL, "FILE", add_files, NULL, false},
	{NULL, "IMAGE", add_files, NULL, false},
	{NULL, "KEY=VALUE", add_keys, NULL, false},
	{NULL, "KVER", add_kernels, NULL, false},
	{NULL, "LINE", NULL, NULL, false},
	{NULL, "MIB", NULL, NULL, false},
	{NULL, "MODULE", add_modules, NULL, false},
	{NULL, "N", NULL, NULL, false},
	{NULL, "NAME", NULL, NULL, false},
	{NULL, "OPTIONS", NULL, NULL, false},
	{NULL, "OUT", add_files, NULL, false},
	{NULL, "PATH", add_paths, NULL, false},
	{NULL, "POLICY", NULL, NULL, false},
	{NULL, "ROOT", NULL, NULL, false},
	{NULL, "SECONDS", NULL, NULL, false},
	{NULL, "SRC", add_files, NULL, false},
	{NULL, "TYPE", add_modules, NULL, false},
	{NULL, "VERSION", add_kernels, NULL, false},
	{NULL, "WHO", NULL, "open password", false},
	{NULL, "WORDS", NULL, NULL, false},
	{NULL, "import", NULL, "import", false},
};

static const struct row *find(const char *of, const char *arg)
{
	const struct row *found = NULL;

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++)
		if (strcmp(r->arg, arg) == 0 && (!r->of || strcmp(r->of, of) == 0) &&
		    (r->of || !found))
			found = r;
	return found;
}

/* Only the last word of a list is completed. Shells would quote a blank each in its own way, so only
 * commas separate here. */
static void split_list(struct complete *c)
{
	const char *comma = strrchr(c->typed, ','), *last = comma ? comma + 1 : c->typed;

	c->before = arena_printf(&c->arena, "%s%.*s", c->before, (int)(last - c->typed), c->typed);
	c->typed = last;
}

bool complete_value(struct complete *c, const char *of, const char *arg)
{
	const struct row *r = find(of, arg);
	char *words, *word;

	if (!r)
		return false;
	if (r->is_list)
		split_list(c);
	if (r->add)
		r->add(c);
	words = r->words ? arena_strdup(&c->arena, r->words) : NULL;
	while ((word = strsep(&words, " ")))
		complete_add(c, word, NULL);
	return true;
}
