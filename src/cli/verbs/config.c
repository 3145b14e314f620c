/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "host/boot/kernels.h"
#include "host/config/dracut_modules.h"
#include "host/config/import/import.h"
#include "transaction/configure.h"

struct options {
	struct settings settings;
	const char *root, *kernel;
	bool json, check, modules;
};

static void clear(struct options *o)
{
	settings_clear(&o->settings);
}

static int apply(const struct option_spec *spec, char **args, void *arg, struct err *err)
{
	struct options *o = arg;
	int r = settings_apply(&o->settings, spec, args, err);

	if (r != 0)
		return r < 0 ? r : 0;
	switch (spec->id) {
	case OPT_ROOT:
		o->root = args[0];
		return 0;
	case OPT_KERNEL:
		o->kernel = args[0];
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_LIST_MODULES:
		o->modules = true;
		return 0;
	default:
		o->json = true;
		return 0;
	}
}

/* ---- the merged result ---- */

/* In double quotes, as the language reads it. */
static void print_value(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (strchr("\"\\$`", *text))
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* For a comment: whatever TEXT holds, it stays on its line. */
static const char *escaped(const char *text, struct arena *arena)
{
	size_t size = 4 * strlen(text) + 1;
	char *out = arena_alloc(arena, size);

	escape_command(text, out, size);
	return out;
}

static const char *places(const struct conf *c, const char *key, struct arena *arena)
{
	const struct conf_assignment *a = NULL;
	const char *out = NULL;

	while ((a = conf_next(c, key, a)))
		out = arena_printf(arena, "%s%s%s", out ? out : "", out ? ", " : "",
				   escaped(conf_place(a, arena), arena));
	return out;
}

/* The value of KEY; parts that were added are words of a list. */
static const char *joined(const struct conf *c, const char *key, struct arena *arena)
{
	const struct conf_assignment *a = NULL;
	const char *out = NULL;

	while ((a = conf_next(c, key, a)))
		out = out ? arena_printf(arena, "%s %s", out, a->text) : a->text;
	return out;
}

/* Blanks in one element of an array do not separate words. */
static bool is_array(const struct conf *c, const char *key)
{
	const struct conf_assignment *a = NULL;
	bool some = false;

	while ((a = conf_next(c, key, a)))
		some |= a->is_array;
	return some;
}

static void print_array(const struct conf *c, const char *key, struct arena *arena)
{
	struct conf_word *words;
	size_t n = conf_words(c, key, arena, &words);

	putchar('(');
	for (size_t i = 0; i < n; i++) {
		if (i)
			putchar(' ');
		print_value(words[i].text);
	}
	putchar(')');
}

static bool is_first(const struct conf *c, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(c->list[i].key, c->list[at].key) == 0)
			return false;
	return true;
}

static void print_merged(const struct conf *c, struct arena *arena)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *key = c->list[i].key;

		if (!is_first(c, i))
			continue;
		printf("%s=", key);
		if (is_array(c, key))
			print_array(c, key, arena);
		else
			print_value(joined(c, key, arena));
		printf("  # %s\n", places(c, key, arena));
	}
}

static struct json_object *json_words(const struct conf *c, const char *key, struct arena *arena)
{
	struct json_object *list = json_object_new_array();
	struct conf_word *words;
	size_t n = conf_words(c, key, arena, &words);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, cli_json_text(words[i].text));
	return list;
}

static struct json_object *json_places(const struct conf *c, const char *key)
{
	struct json_object *list = json_object_new_array();
	const struct conf_assignment *a = NULL;

	while ((a = conf_next(c, key, a))) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "file", cli_json_text(a->file));
		json_object_object_add(o, "line", a->line ? json_object_new_int64(a->line) : NULL);
		json_object_array_add(list, o);
	}
	return list;
}

struct notes {
	const struct config *config;
	struct config_note *list; /* about keys */
	size_t n;
	struct request request;	  /* with its wishes, of which some are notes */
};

static size_t count_notes(const struct notes *notes)
{
	size_t n = notes->n + notes->config->n_lost;

	for (size_t i = 0; i < notes->request.n_wishes; i++)
		n += notes->request.wishes[i].kind == WISH_NOTE;
	return n;
}

static void json_add_note(struct json_object *list, const char *from, const char *key,
			  const char *text)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "from", cli_json_text(from));
	json_object_object_add(o, "key", key ? cli_json_text(key) : NULL);
	json_object_object_add(o, "message", cli_json_text(text));
	json_object_array_add(list, o);
}

static struct json_object *json_notes(const struct notes *notes, struct arena *arena)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < notes->config->n_lost; i++)
		json_add_note(list, import_place_text(&notes->config->lost[i].from, arena), NULL,
			      notes->config->lost[i].text);
	for (size_t i = 0; i < notes->n; i++) {
		const struct config_note *note = &notes->list[i];

		json_add_note(list, conf_place(note->from, arena), note->from->key, note->text);
	}
	for (size_t i = 0; i < notes->request.n_wishes; i++) {
		const struct request_wish *w = &notes->request.wishes[i];

		if (w->kind == WISH_NOTE)
			json_add_note(list, w->from, NULL, w->word);
	}
	return list;
}

static void print_notes(const struct notes *notes, struct arena *arena)
{
	for (size_t i = 0; i < notes->config->n_lost; i++)
		cli_warn("%s: %s", import_place_text(&notes->config->lost[i].from, arena),
			 notes->config->lost[i].text);
	for (size_t i = 0; i < notes->n; i++)
		cli_warn("%s: %s", conf_place(notes->list[i].from, arena), notes->list[i].text);
	for (size_t i = 0; i < notes->request.n_wishes; i++)
		if (notes->request.wishes[i].kind == WISH_NOTE)
			cli_warn("%s: %s", notes->request.wishes[i].from,
				 notes->request.wishes[i].word);
}

static void print_json(const struct config *config, const struct notes *notes, struct arena *arena)
{
	struct json_object *o = json_object_new_object(), *keys = json_object_new_object();
	const struct conf *c = &config->values;

	for (size_t i = 0; i < c->n; i++) {
		struct json_object *key = json_object_new_object();

		if (!is_first(c, i)) {
			json_object_put(key);
			continue;
		}
		json_object_object_add(key, "value", cli_json_text(joined(c, c->list[i].key, arena)));
		json_object_object_add(key, "words", json_words(c, c->list[i].key, arena));
		json_object_object_add(key, "places", json_places(c, c->list[i].key));
		json_object_object_add(keys, c->list[i].key, key);
	}
	json_object_object_add(o, "files", cli_json_texts(config->files, config->n_files));
	json_object_object_add(o, "keys", keys);
	json_object_object_add(o, "notes", json_notes(notes, arena));
	cli_print_json(o);
}

/* $kernel is that of the kernel an image would be made for, if there is one. */
static const char *choose_kernel(const struct options *o, const struct root *root,
				 struct arena *arena)
{
	struct kernel kernel;

	if (o->kernel)
		return o->kernel;
	return kernel_find(root, NULL, arena, &kernel, NULL) == 0 ? kernel.version : "";
}

static int print_errors(const struct options *o, const struct err_list *errors,
			const struct notes *notes, struct arena *arena)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	bool is_wrong = false;

	for (size_t i = 0; i < errors->n; i++) {
		is_wrong |= settings_is_wrong(errors->list[i]->code);
		json_object_array_add(list, cli_json_err(errors->list[i]));
	}
	json_object_object_add(object, "error", cli_json_err(errors->list[0]));
	json_object_object_add(object, "errors", list);
	json_object_object_add(object, "notes", json_notes(notes, arena));
	if (o->json)
		cli_print_json(object);
	else
		json_object_put(object);
	for (size_t i = 0; i < errors->n; i++)
		cli_error(errors->list[i]);
	if (errors->more)
		cli_warn("there are %zu more errors", errors->more);
	if (!o->json)
		print_notes(notes, arena);
	return cli_end(is_wrong ? EXIT_USAGE : EXIT_FAILED);
}

static int show(struct options *o, const struct root *root, struct arena *arena, struct err *err)
{
	struct err_list errors = {.arena = arena};
	struct settings *s = &o->settings;
	struct notes notes = {.config = &s->config};
	int r;

	s->places.errors = &errors;
	r = settings_read(s, root, choose_kernel(o, root, arena), arena, err);
	if (r < 0)
		return settings_is_wrong(r) ? cli_usage(r, err) : cli_fail(err);
	configure_check(root, &s->config.values, &errors, &notes.request);
	if (o->check)
		configure_check_items(root, &notes.request, &errors);
	notes.n = config_notes(&s->config.values, arena, &notes.list);
	if (errors.n)
		return print_errors(o, &errors, &notes, arena);
	if (o->json)
		print_json(&s->config, &notes, arena);
	else if (!o->check)
		print_merged(&s->config.values, arena);
	if (!o->json)
		print_notes(&notes, arena);
	return cli_end(o->check && count_notes(&notes) ? EXIT_FINDING : EXIT_DONE);
}

/* ---- modules of dracut ---- */

static const char *effect_name(enum dracut_effect effect)
{
	static const char *const names[] = {
		[DRACUT_ESSENTIAL] = "always", [DRACUT_DONE] = "always",
		[DRACUT_FEATURE] = "feature",  [DRACUT_DRIVER] = "driver",
		[DRACUT_NEEDLESS] = "needless", [DRACUT_LESS] = "without",
		[DRACUT_MISSING] = "missing",  [DRACUT_FOREIGN] = "foreign"};

	return names[effect];
}

static int list_modules(const struct options *o)
{
	struct json_object *list = json_object_new_array();

	for (const struct dracut_module *m = dracut_modules; m->name; m++) {
		struct json_object *row = json_object_new_object();

		if (!o->json)
			printf("%-28s %-8s %s\n", m->name, effect_name(m->effect), m->text);
		json_object_object_add(row, "name", cli_json_text(m->name));
		json_object_object_add(row, "effect", cli_json_text(effect_name(m->effect)));
		json_object_object_add(row, "text", cli_json_text(m->text));
		json_object_array_add(list, row);
	}
	if (o->json)
		cli_print_json(list);
	else
		json_object_put(list);
	return cli_end(EXIT_DONE);
}

/* ---- import ---- */

static int fail_unknown(const char *name)
{
	struct err err = {0};

	err_set(&err, -EINVAL, "there is no import from \"%s\"", name);
	err_hint(&err, "there is: initramfs-tools, mkinitcpio, booster");
	return cli_usage(-EINVAL, &err);
}

/* The importer NAME, or without one the only one whose file is there. NULL: an error. */
static const struct importer *choose_importer(const struct root *root, const char *name,
					      struct err *err)
{
	const struct importer *found = NULL;

	for (const struct importer *i = importers; i->name; i++) {
		if (name ? strcmp(i->name, name) != 0 : !root_exists(root, i->config))
			continue;
		if (found) {
			err_set(err, -EINVAL, "there are settings of both %s and %s", found->name,
				i->name);
			err_hint(err, "name one: preroot config import %s", i->name);
			return NULL;
		}
		found = i;
	}
	if (found && !root_exists(root, found->config)) {
		err_set(err, -ENOENT, "there are no settings of %s: %s/%s", name,
			root_prefix(root), found->config);
		return NULL;
	}
	if (!found) {
		err_set(err, -ENOENT, "there are no settings of another image builder");
		err_hint(err, "looked for etc/initramfs-tools/initramfs.conf, etc/mkinitcpio.conf and "
			      "etc/booster.yaml below %s/", root_prefix(root));
	}
	return found;
}

static void print_assignment(const struct conf_assignment *a, struct arena *arena)
{
	/* Words of a list need blanks around, since dracut joins the texts. */
	printf("%s%s=%s", a->key, a->append ? "+" : "", a->is_array ? "(" : "");
	print_value(a->append && !a->is_array ? arena_printf(arena, " %s ", a->text) : a->text);
	printf("%s  # %s\n", a->is_array ? ")" : "", escaped(conf_place(a, arena), arena));
}

static void print_note(const struct import_note *note, bool check, struct arena *arena)
{
	const char *place = import_place_text(&note->from, arena);

	if (!check)
		printf("# Not imported: %s: %s\n", escaped(place, arena), escaped(note->text, arena));
	cli_warn("%s: %s", place, note->text);
}

static void print_import(const struct importer *importer, const struct import *im)
{
	printf("# Settings of %s, imported by preroot config import.\n", importer->name);
	for (size_t i = 0; i < im->out.n; i++)
		print_assignment(&im->out.list[i], im->arena);
}

/* What is imported would hide the settings that are read as they are, and each later change of them. */
static bool warn_live(const struct importer *importer, const struct import *im)
{
	bool is_live = importer->run == import_initramfs_tools &&
		       config_reads_initramfs_tools(im->root, im->arena);

	if (is_live)
		cli_warn("/" IMPORT_INITRAMFS_TOOLS ": these settings are in effect here without an import, "
			 "since update-initramfs is preroot; the imported file would override them, and "
			 "what is changed in them later");
	return is_live;
}

static int import(const struct options *o, const struct root *root, const char *name,
		  struct arena *arena)
{
	struct err err = {0};
	struct import im = {.root = root, .arena = arena};
	const struct importer *importer = choose_importer(root, name, &err);
	bool is_live;
	int r;

	if (!importer)
		return cli_fail(&err);
	r = importer->run(&im, &err);
	if (r < 0)
		return settings_is_wrong(r) ? cli_usage(r, &err) : cli_fail(&err);
	if (!o->check)
		print_import(importer, &im);
	is_live = warn_live(importer, &im);
	for (size_t i = 0; i < im.n_notes; i++)
		print_note(&im.notes[i], o->check, arena);
	return cli_end(im.n_notes || (o->check && is_live) ? EXIT_FINDING : EXIT_DONE);
}

/* Of the options, an import has --root and --check. */
static bool has_other_options(const struct options *o)
{
	const struct config_places *p = &o->settings.places;

	return o->json || o->kernel || o->modules || p->file || p->folder || p->added || p->n_given ||
	       p->initramfs_tools;
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_(clear) struct options o = {.root = "/"};
	struct err err = {0};
	int n = options_parse(self, argc, argv, apply, &o, &err);

	if (n < 0)
		return cli_usage(n, &err);
	if (n && strcmp(argv[0], "import") != 0) {
		err_set(&err, -EINVAL, "\"%s\" is not understood", argv[0]);
		err_hint(&err, "see: preroot config --help");
		return cli_usage(-EINVAL, &err);
	}
	if (n > 1 && !importer_find(argv[1]))
		return fail_unknown(argv[1]);
	if (n && has_other_options(&o)) {
		err_set(&err, -EINVAL, "config import has no other options than --root and --check");
		return cli_usage(-EINVAL, &err);
	}
	if (o.modules)
		return list_modules(&o);
	if (root_open(o.root, &root, &err) < 0)
		return cli_fail(&err);
	return n ? import(&o, &root, n > 1 ? argv[1] : NULL, &arena)
		 : show(&o, &root, &arena, &err);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT, false},
	CONF_OPTIONS,
	{"kver", 0, "VERSION", "the value of $kernel", OPT_KERNEL, false},
	{"check", 0, NULL, "only say what is wrong, has no effect, or is misspelt", OPT_CHECK, false},
	{"list-modules", 0, NULL, "what the modules of dracut are here", OPT_LIST_MODULES, false},
	JSON_OPTION,
	{0},
};

const struct command command_config = {
	.name = "config",
	.positional = "[import [BUILDER]]",
	.summary = "Show the settings with their places, or import another builder's.",
	.options = options,
	.min = 0,
	.max = 2,
	.run = run,
};
