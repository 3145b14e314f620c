/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "image/diff.h"

/* How two images differ. */

enum { BIGGEST = 10 };

struct pair {
	const char *paths[2];
	struct diff_side sides[2];
	struct diff diff;
	struct arena arena;
};

static const char *type_name(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	default:
		return "special";
	}
}

/* TEXT escaped for a terminal, in the arena. */
static const char *shown(struct pair *p, const char *text)
{
	size_t size = 4 * strlen(text) + 8;
	char *out = arena_alloc(&p->arena, size);

	escape_text(text, out, size);
	return out;
}

/* PATH with a leading slash. The root's own entry is ".". */
static const char *shown_path(struct pair *p, const char *path)
{
	return strcmp(path, ".") == 0 ? "/" : arena_printf(&p->arena, "/%s", shown(p, path));
}

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

/* ---- text ---- */

static void print_side(struct pair *p, int n)
{
	const struct diff_side *s = &p->sides[n];
	char size[32], plain[32];

	printf("%s %s: %s", n ? "+++" : "---", shown(p, p->paths[n]), cli_size(s->bytes, size));
	for (size_t i = 0; i < s->n_kernels; i++)
		printf(", %s%s", i ? "" : "kernel ", shown(p, s->kernels[i]));
	putchar('\n');
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct image_segment *g = &s->segments[i];

		printf("    segment %zu: %s, %llu entr%s, %s, %s unpacked\n", i + 1,
		       g->codec == CODEC_NONE ? "uncompressed" : codec_info(g->codec)->name,
		       (unsigned long long)g->entries, g->entries == 1 ? "y" : "ies", cli_size(g->size, size),
		       cli_size(g->plain, plain));
	}
}

static void print_heading(const char *what, const struct diff_change *list, size_t n)
{
	size_t added = 0, removed = 0;

	for (size_t i = 0; i < n; i++) {
		added += !list[i].a;
		removed += !list[i].b;
	}
	if (n)
		printf("\n%s: %zu added, %zu removed, %zu changed\n", what, added, removed,
		       n - added - removed);
}

/* Prints, after a colon, how the entry differs between the two images. */
static void print_what(const struct diff_change *c)
{
	const struct diff_entry *a = c->a, *b = c->b;
	const char *mark = ":";

	if (c->what & DIFF_TYPE) {
		printf("%s %s -> %s", mark, type_name(a->mode), type_name(b->mode));
		mark = ",";
	}
	if (c->what & DIFF_MODE) {
		printf("%s mode %04o -> %04o", mark, a->mode & 07777, b->mode & 07777);
		mark = ",";
	}
	if (c->what & DIFF_OWNER) {
		printf("%s owner %u:%u -> %u:%u", mark, a->uid, a->gid, b->uid, b->gid);
		mark = ",";
	}
	if (c->what & DIFF_DEVICE) {
		printf("%s device %u:%u -> %u:%u", mark, a->major, a->minor, b->major, b->minor);
		mark = ",";
	}
	if (c->what & DIFF_SIZE) {
		printf("%s size %llu -> %llu", mark, (unsigned long long)a->size,
		       (unsigned long long)b->size);
		mark = ",";
	}
	if (c->what & DIFF_CONTENT)
		printf("%s %s", mark, S_ISLNK(b->mode) ? "target" : "content");
}

static void print_files(struct pair *p)
{
	const struct diff *d = &p->diff;

	print_heading("files", d->files, d->n_files);
	for (size_t i = 0; i < d->n_files; i++) {
		const struct diff_change *c = &d->files[i];
		const struct diff_entry *e = c->b ? c->b : c->a;

		printf("%c %s", !c->a ? '+' : !c->b ? '-' : '!', shown_path(p, e->path));
		if (c->a && c->b)
			print_what(c);
		else
			printf(" (%s, %04o, %llu byte%s)", type_name(e->mode), e->mode & 07777,
			       (unsigned long long)e->size, cli_plural(e->size));
		putchar('\n');
	}
}

static void print_info(struct pair *p, const char *name, const char *a, const char *b)
{
	if (a != b && (!a || !b || strcmp(a, b) != 0))
		printf(", %s \"%s\" -> \"%s\"", name, shown(p, or_none(a)), shown(p, or_none(b)));
}

static void print_modules(struct pair *p)
{
	const struct diff *d = &p->diff;

	print_heading("modules", d->modules, d->n_modules);
	for (size_t i = 0; i < d->n_modules; i++) {
		const struct diff_change *c = &d->modules[i];
		const struct diff_module *a = c->a ? c->a->module : NULL;
		const struct diff_module *b = c->b ? c->b->module : NULL;
		const struct diff_module *m = b ? b : a;

		printf("%c %s", !a ? '+' : !b ? '-' : '!', shown(p, m->name));
		if (a && b) {
			print_what(c);
			print_info(p, "version", a->version, b->version);
			print_info(p, "srcversion", a->srcversion, b->srcversion);
			print_info(p, "vermagic", a->vermagic, b->vermagic);
		} else if (m->vermagic) {
			printf(" (vermagic \"%s\")", shown(p, m->vermagic));
		}
		putchar('\n');
	}
	if (d->repacked)
		printf("\n%zu module%s only compressed in another way\n", d->repacked,
		       d->repacked == 1 ? " is" : "s are");
}

static void print_line(char kind, const char *line, size_t len, void *arg)
{
	struct pair *p = arg;

	printf("%c%s\n", kind, shown(p, arena_strndup(&p->arena, line, len)));
}

/* The texts of a changed configuration file. False if there is nothing to show. */
static bool texts_of(const struct diff_change *c, const char **a, const char **b)
{
	*a = c->a ? c->a->text : "";
	*b = c->b ? c->b->text : "";
	return *a && *b && strcmp(*a, *b) != 0;
}

static void print_configuration(struct pair *p)
{
	const struct diff *d = &p->diff;
	const char *a, *b;

	for (size_t i = 0; i < d->n_files; i++) {
		const struct diff_change *c = &d->files[i];

		if (!texts_of(c, &a, &b))
			continue;
		printf("\n--- %s\n", c->a ? shown_path(p, c->a->path) : "none");
		printf("+++ %s\n", c->b ? shown_path(p, c->b->path) : "none");
		diff_lines(a, b, print_line, p);
	}
	if (d->n_options)
		printf("\noptions of modules:\n");
	for (size_t i = 0; i < d->n_options; i++)
		printf("! %s: \"%s\" -> \"%s\"\n", shown(p, d->options[i].module),
		       shown(p, d->options[i].a), shown(p, d->options[i].b));
}

/* ---- the largest changes of size ---- */

static int64_t growth(const struct diff_change *c)
{
	return (int64_t)(c->b ? c->b->size : 0) - (int64_t)(c->a ? c->a->size : 0);
}

/* The path of a change, which has at least one side. */
static const char *path_of(const struct diff_change *c)
{
	const struct diff_entry *side = c->b ? c->b : c->a;

	assert(side);
	return side->path;
}

static int by_growth(const void *a, const void *b)
{
	const struct diff_change *x = a, *y = b;
	uint64_t gx = (uint64_t)llabs(growth(x)), gy = (uint64_t)llabs(growth(y));

	if (gx != gy)
		return gx > gy ? -1 : 1;
	return strcmp(path_of(x), path_of(y));
}

/* The BIGGEST changes of size, the largest first. */
static size_t biggest(struct pair *p, struct diff_change **out)
{
	const struct diff *d = &p->diff;
	size_t n = d->n_files + d->n_modules, changed = 0;

	*out = arena_alloc(&p->arena, (n + 1) * sizeof(**out));
	for (size_t i = 0; i < n; i++) {
		const struct diff_change *c = i < d->n_files ? &d->files[i]
							     : &d->modules[i - d->n_files];

		if (growth(c))
			(*out)[changed++] = *c;
	}
	if (changed)
		qsort(*out, changed, sizeof(**out), by_growth);
	return changed < BIGGEST ? changed : BIGGEST;
}

static void print_biggest(struct pair *p)
{
	struct diff_change *list;
	size_t n = biggest(p, &list);

	if (n)
		printf("\nlargest changes of size:\n");
	for (size_t i = 0; i < n; i++)
		printf("%+12lld /%s\n", (long long)growth(&list[i]), shown(p, path_of(&list[i])));
}

static void print_text(struct pair *p)
{
	print_side(p, 0);
	print_side(p, 1);
	print_files(p);
	print_modules(p);
	print_configuration(p);
	print_biggest(p);
	if (diff_is_empty(&p->diff))
		printf("\nthe same files, modules and configuration\n");
}

/* ---- JSON ---- */

static struct json_object *side_json(const struct pair *p, int n)
{
	const struct diff_side *s = &p->sides[n];
	struct json_object *o = json_object_new_object(), *kernels = json_object_new_array(),
			   *segments = json_object_new_array();

	json_object_object_add(o, "image", cli_json_text(p->paths[n]));
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)s->bytes));
	for (size_t i = 0; i < s->n_kernels; i++)
		json_object_array_add(kernels, cli_json_text(s->kernels[i]));
	json_object_object_add(o, "kernels", kernels);
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct image_segment *g = &s->segments[i];
		struct json_object *segment = json_object_new_object();

		json_object_object_add(segment, "compress",
				       cli_json_text(codec_info(g->codec)->name));
		json_object_object_add(segment, "entries",
				       json_object_new_int64((int64_t)g->entries));
		json_object_object_add(segment, "size", json_object_new_int64((int64_t)g->size));
		json_object_object_add(segment, "unpacked",
				       json_object_new_int64((int64_t)g->plain));
		json_object_array_add(segments, segment);
	}
	json_object_object_add(o, "segments", segments);
	return o;
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, cli_json_text(text));
}

static struct json_object *entry_json(const struct diff_entry *e)
{
	struct json_object *o = json_object_new_object();
	char text[2 * DIGEST_SIZE + 1];

	add_text(o, "path", e->path);
	add_text(o, "type", type_name(e->mode));
	snprintf(text, sizeof(text), "%04o", e->mode & 07777);
	add_text(o, "mode", text);
	json_object_object_add(o, "uid", json_object_new_int64(e->uid));
	json_object_object_add(o, "gid", json_object_new_int64(e->gid));
	json_object_object_add(o, "size", json_object_new_int64((int64_t)e->size));
	for (int i = 0; i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", e->sha256[i]);
	if (S_ISREG(e->mode) || S_ISLNK(e->mode))
		add_text(o, "sha256", text);
	if (e->module) {
		add_text(o, "vermagic", e->module->vermagic);
		add_text(o, "srcversion", e->module->srcversion);
		add_text(o, "version", e->module->version);
	}
	return o;
}

static void json_line(char kind, const char *line, size_t len, void *arg)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_add(&b, &kind, 1);
	buf_add(&b, line, len);
	json_object_array_add(arg, cli_json_text(buf_cstr(&b)));
}

static struct json_object *change_json(const struct diff_change *c)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{DIFF_TYPE, "type"},	{DIFF_MODE, "mode"},   {DIFF_OWNER, "owner"},
		     {DIFF_DEVICE, "device"}, {DIFF_SIZE, "size"},   {DIFF_CONTENT, "content"}};
	struct json_object *o = json_object_new_object(), *what = json_object_new_array(), *lines;
	const struct diff_entry *e = c->b ? c->b : c->a;
	const char *a, *b;

	add_text(o, "change", !c->a ? "added" : !c->b ? "removed" : "changed");
	if (e && e->module)
		add_text(o, "module", e->module->name);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (c->what & names[i].bit)
			json_object_array_add(what, json_object_new_string(names[i].name));
	json_object_object_add(o, "what", what);
	if (c->a)
		json_object_object_add(o, "a", entry_json(c->a));
	if (c->b)
		json_object_object_add(o, "b", entry_json(c->b));
	if (texts_of(c, &a, &b)) {
		lines = json_object_new_array();
		diff_lines(a, b, json_line, lines);
		json_object_object_add(o, "lines", lines);
	}
	return o;
}

static struct json_object *changes_json(const struct diff_change *list, size_t n)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(o, change_json(&list[i]));
	return o;
}

static void print_json(struct pair *p)
{
	struct json_object *o = json_object_new_object(), *options = json_object_new_array();
	const struct diff *d = &p->diff;

	json_object_object_add(o, "same", json_object_new_boolean(diff_is_empty(d)));
	json_object_object_add(o, "a", side_json(p, 0));
	json_object_object_add(o, "b", side_json(p, 1));
	json_object_object_add(o, "files", changes_json(d->files, d->n_files));
	json_object_object_add(o, "modules", changes_json(d->modules, d->n_modules));
	json_object_object_add(o, "recompressed", json_object_new_int64((int64_t)d->repacked));
	for (size_t i = 0; i < d->n_options; i++) {
		struct json_object *option = json_object_new_object();

		add_text(option, "module", d->options[i].module);
		add_text(option, "a", d->options[i].a);
		add_text(option, "b", d->options[i].b);
		json_object_array_add(options, option);
	}
	json_object_object_add(o, "options", options);
	cli_print_json(o);
}

static int read_side(const char *path, struct arena *arena, struct diff_side *out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = image_open(path, &image, err);

	return r < 0 ? r : diff_read(image, arena, out, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct pair p = {0};
	struct err err = {0};
	bool json = false;
	int r = options_parse(self, argc, argv, cli_take_json, &json, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = 0;
	for (int i = 0; i < 2 && r == 0; i++) {
		p.paths[i] = argv[i];
		r = read_side(argv[i], &p.arena, &p.sides[i], &err);
	}
	if (r == 0) {
		diff_compare(&p.sides[0], &p.sides[1], &p.arena, &p.diff);
		if (json)
			print_json(&p);
		else
			print_text(&p);
		r = cli_end(diff_is_empty(&p.diff) ? EXIT_DONE : EXIT_FINDING);
	} else {
		r = cli_fail(&err);
	}
	arena_clear(&p.arena);
	return r;
}

static const struct option_spec options[] = {
	JSON_OPTION,
	{0},
};

const struct command command_diff = {
	.name = "diff",
	.positional = "A B",
	.summary = "Show how two images differ.",
	.options = options,
	.min = 2,
	.max = 2,
	.run = run,
};
