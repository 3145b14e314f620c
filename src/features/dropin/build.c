/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/items.h"
#include "format/ours/bootconf.h"
#include "format/machine/conf.h"

/*
 * Drop-in features: files that have things packed, kernel parameters embedded and programs run at
 * boot, without any code. man/preroot.features.5.scd has the keys.
 */

enum { SECONDS_DEFAULT = 90, SHOWN_MAX = 256, ARGUMENT_MAX = 1024 };

#define SUFFIX ".conf"

static const char *const folders[] = {"/etc/preroot/features.d", "/usr/local/lib/preroot/features.d",
				      "/usr/lib/preroot/features.d"};

struct run {
	struct bootconf_run run;
	const struct conf_assignment *from;
};

/* One file, and the programs of all of them. */
struct dropin {
	struct build *b;
	const char *file;
	struct conf conf;
	const char *description;
	unsigned seconds;
	bool required;
	const char *param;		   /* each program of this file depends on it; NULL */
	const struct conf_word *arguments; /* of each program of this file */
	size_t n_arguments;
	struct run *runs;
	size_t n_runs;
	size_t cmdline_len; /* in all files together */
};

static const char *shown(struct dropin *d, const char *text)
{
	char out[SHOWN_MAX];

	escape_text(text, out, sizeof(out));
	return arena_strdup(&d->b->plan.arena, out);
}

static const char *reason(struct dropin *d, const struct conf_assignment *from)
{
	return arena_printf(&d->b->plan.arena, "%s:%u (%s)%s%s", from->file, from->line, from->key,
			    d->description ? ": " : "", d->description ? d->description : "");
}

/* ---- what each key does with a word of its list ---- */

static int add_item(struct dropin *d, const struct conf_word *w, struct err *err)
{
	const char *path;
	int r = items_find(d->b, w->text, &path, err);

	if (r < 0)
		return err_prefix(err, "%s:%u", w->from->file, w->from->line);
	if (r == 0) {
		err_set(err, -ENOENT, "%s:%u: there is no %s", w->from->file, w->from->line,
			shown(d, w->text));
		return *w->text == '/' ? err->code
				       : err_hint(err, "a program is looked for in %s", items_folders);
	}
	if (items_add(d->b, path, reason(d, w->from), err) < 0)
		return err_prefix(err, "%s:%u", w->from->file, w->from->line);
	return 0;
}

static int need_path(struct dropin *d, const struct conf_word *w, struct err *err)
{
	if (*w->text == '/')
		return 0;
	err_set(err, -EINVAL, "%s:%u: %s: \"%s\" is no path with a leading slash", w->from->file,
		w->from->line, w->from->key, shown(d, w->text));
	return err_hint(err, "programs by name belong to binaries=");
}

static int add_file(struct dropin *d, const struct conf_word *w, struct err *err)
{
	int r = need_path(d, w, err);

	return r < 0 ? r : add_item(d, w, err);
}

/* 1: it was there, 0: it is not. */
static int add_present(struct dropin *d, const struct conf_word *w, struct err *err)
{
	const char *path;
	int r = items_find(d->b, w->text, &path, err);

	if (r < 0)
		return err_prefix(err, "%s:%u", w->from->file, w->from->line);
	if (r == 0)
		return 0;
	r = add_item(d, w, err);
	return r < 0 ? r : 1;
}

static int add_optional(struct dropin *d, const struct conf_word *w, struct err *err)
{
	int r = add_present(d, w, err);

	if (r == 0)
		plan_warn(&d->b->plan, "%s:%u: there is no %s; the image is made without it",
			  w->from->file, w->from->line, shown(d, w->text));
	return r < 0 ? r : 0;
}

static int add_optional_file(struct dropin *d, const struct conf_word *w, struct err *err)
{
	int r = need_path(d, w, err);

	return r < 0 ? r : add_optional(d, w, err);
}

static int add_file_if_present(struct dropin *d, const struct conf_word *w, struct err *err)
{
	int r = need_path(d, w, err);

	if (r == 0)
		r = add_present(d, w, err);
	return r < 0 ? r : 0;
}

static int add_module_with(struct dropin *d, const struct conf_word *w, unsigned flags,
			   struct err *err)
{
	int r = modules_add_name(d->b->modules, w->text, flags | MODULES_NAMED,
				 reason(d, w->from), err);

	if (r == MODULES_ABSENT)
		return err_set(err, -ENOENT, "%s:%u: kernel %s has no module \"%s\"", w->from->file,
			       w->from->line, d->b->kernel.version, shown(d, w->text));
	return r < 0 ? err_prefix(err, "%s:%u", w->from->file, w->from->line) : 0;
}

static int add_module(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_module_with(d, w, 0, err);
}

static int load_module(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_module_with(d, w, MODULES_LOAD, err);
}

/* Programs are sorted by stage and name; then by what distinguishes two of one name. */
static int compare_runs(const struct bootconf_run *a, const struct bootconf_run *b)
{
	int r = a->stage != b->stage ? (a->stage < b->stage ? -1 : 1)
				     : strcmp(base_name(a->path), base_name(b->path));

	if (r == 0)
		r = strcmp(a->path, b->path);
	if (r == 0)
		r = strcmp(a->param ? a->param : "", b->param ? b->param : "");
	for (size_t i = 0; r == 0 && i < a->n_arguments && i < b->n_arguments; i++)
		r = strcmp(a->arguments[i], b->arguments[i]);
	return r ? r : (a->n_arguments > b->n_arguments) - (a->n_arguments < b->n_arguments);
}

/* If a program is named twice for a stage, with the same arguments, the stricter setting of each
 * kind applies. */
static bool merge_run(struct dropin *d, const struct bootconf_run *run)
{
	for (size_t i = 0; i < d->n_runs; i++) {
		struct bootconf_run *there = &d->runs[i].run;

		if (compare_runs(there, run) != 0)
			continue;
		there->required = there->required || run->required;
		if (run->seconds > there->seconds)
			there->seconds = run->seconds;
		return true;
	}
	return false;
}

static int add_run(struct dropin *d, const struct conf_word *w, enum bootconf_stage stage,
		   struct err *err)
{
	struct bootconf_run run = {.stage = stage,
				   .seconds = d->seconds,
				   .required = d->required,
				   .param = d->param};
	struct stat st;
	int r = add_item(d, w, err);

	if (r >= 0)
		r = items_find(d->b, w->text, &run.path, err);
	if (r < 0)
		return r;
	r = root_stat(d->b->root, run.path, &st);
	if (r < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111) || strchr(run.path, '\n')) {
		err_set(err, -EACCES, "%s:%u: %s is no executable file", w->from->file,
			w->from->line, shown(d, run.path));
		return err_hint(err, "chmod 755 %s",
				root_quoted(d->b->root, run.path + strspn(run.path, "/"),
					    &d->b->plan.arena));
	}
	for (size_t i = 0; i < d->n_arguments; i++)
		bootconf_argument(d->arguments[i].text, &run);
	if (merge_run(d, &run))
		return 0;
	if (d->n_runs == BOOTCONF_RUNS_MAX)
		return err_set(err, -E2BIG, "%s:%u: over %d programs are to be run at boot",
			       w->from->file, w->from->line, BOOTCONF_RUNS_MAX);
	d->runs[d->n_runs++] = (struct run){run, w->from};
	return 0;
}

static int run_pre_trigger(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_run(d, w, RUN_PRE_TRIGGER, err);
}

static int run_pre_mount(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_run(d, w, RUN_PRE_MOUNT, err);
}

static int run_post_mount(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_run(d, w, RUN_POST_MOUNT, err);
}

static int run_pre_pivot(struct dropin *d, const struct conf_word *w, struct err *err)
{
	return add_run(d, w, RUN_PRE_PIVOT, err);
}

/* Keys without a function are single values, not lists. */
static const struct {
	const char *name;
	int (*add)(struct dropin *d, const struct conf_word *w, struct err *err);
} keys[] = {
	{"description", NULL},
	{"condition_mode", NULL},
	{"condition_path_exists", NULL},
	{"condition_kernel_cmdline", NULL},
	{"binaries", add_item},
	{"optional_binaries", add_optional},
	{"files", add_file},
	{"optional_files", add_optional_file},
	{"files_if_present", add_file_if_present},
	{"modules", add_module},
	{"load_modules", load_module},
	{"kernel_cmdline", NULL},
	{"pre_trigger", run_pre_trigger},
	{"pre_mount", run_pre_mount},
	{"post_mount", run_post_mount},
	{"pre_pivot", run_pre_pivot},
	{"arguments", NULL},
	{"timeout", NULL},
	{"required", NULL},
	{"on_request", NULL},
};

static void warn_unknown(struct dropin *d)
{
	const char *known[ARRAY_SIZE(keys) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known[i] = keys[i].name;
	for (size_t i = 0; i < d->conf.n; i++) {
		const struct conf_assignment *a = &d->conf.list[i];
		const char *near = nearest_word(a->key, known);
		bool is_known = near && strcmp(near, a->key) == 0;

		if (!is_known)
			plan_warn(&d->b->plan, "%s:%u: there is no key \"%s\"%s%s%s", a->file, a->line,
				  shown(d, a->key), near ? "; is it meant to be \"" : "",
				  near ? near : "", near ? "\"?" : "");
	}
}

/* ---- values ---- */

static int read_values(struct dropin *d, struct err *err)
{
	const struct conf_assignment *a = conf_find(&d->conf, "description");
	uint64_t seconds = SECONDS_DEFAULT;
	int r = 0;

	d->description = a && *a->text ? shown(d, a->text) : NULL;
	d->required = false;
	a = conf_find(&d->conf, "required");
	if (a)
		r = conf_switch(a, &d->required, err);
	a = conf_find(&d->conf, "timeout");
	if (r == 0 && a && (!parse_u64(a->text, BOOTCONF_SECONDS_MAX, &seconds) || !seconds))
		r = err_set(err, -EINVAL, "%s:%u: timeout=\"%s\": it is seconds, 1 to %d", a->file,
			    a->line, shown(d, a->text), BOOTCONF_SECONDS_MAX);
	d->seconds = (unsigned)seconds;
	return r;
}

static int read_param(struct dropin *d, struct err *err)
{
	const struct conf_assignment *a = conf_find(&d->conf, "condition_kernel_cmdline");

	d->param = a && a->n_words ? a->words[0] : NULL;
	if (!d->param || (a->n_words == 1 && !strpbrk(d->param, "=\"\n")))
		return 0;
	return err_set(err, -EINVAL,
		       "%s:%u: condition_kernel_cmdline=\"%s\": it is the name of one parameter",
		       a->file, a->line, shown(d, a->text));
}

static int read_arguments(struct dropin *d, struct err *err)
{
	struct conf_word *words;

	d->n_arguments = conf_words(&d->conf, "arguments", &d->b->plan.arena, &words);
	d->arguments = words;
	for (size_t i = 0; i < d->n_arguments; i++) {
		const struct conf_assignment *from = words[i].from;

		if (i == BOOTCONF_ARGUMENTS_MAX)
			return err_set(err, -E2BIG, "%s:%u: arguments: over %d of them", from->file,
				       from->line, BOOTCONF_ARGUMENTS_MAX);
		if (strlen(words[i].text) > ARGUMENT_MAX || strchr(words[i].text, '\n'))
			return err_set(err, -EINVAL,
				       "%s:%u: arguments: one has over %d bytes, or a line break",
				       from->file, from->line, ARGUMENT_MAX);
	}
	return 0;
}

/* A file may be for those images only whose request names it. 1: it applies. */
static int check_request(struct dropin *d, struct err *err)
{
	const struct conf_assignment *a = conf_find(&d->conf, "on_request");
	const char *base = base_name(d->file);
	const char *name = arena_strndup(&d->b->plan.arena, base, strlen(base) - strlen(SUFFIX));
	bool on_request = false;
	int r = a ? conf_switch(a, &on_request, err) : 0;

	return r < 0 ? r : features_wants_name(d->b->request, name, !on_request);
}

/* 1: all conditions hold, 0: one does not. */
static int check_conditions(struct dropin *d, struct err *err)
{
	const char *mode = d->b->request->mode == MODE_GENERIC ? "generic" : "hostonly";
	const struct conf_assignment *a = conf_find(&d->conf, "condition_mode");
	struct conf_word *paths;
	size_t n = conf_words(&d->conf, "condition_path_exists", &d->b->plan.arena, &paths);

	if (a && strcmp(a->text, "hostonly") != 0 && strcmp(a->text, "generic") != 0)
		return err_set(err, -EINVAL,
			       "%s:%u: condition_mode=\"%s\": it is hostonly or generic", a->file,
			       a->line, shown(d, a->text));
	if (a && strcmp(a->text, mode) != 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int r = need_path(d, &paths[i], err);

		if (r < 0 || !root_exists(d->b->root, paths[i].text))
			return r;
	}
	return 1;
}

/* The line is put in front of the real command line, and must not change the meaning of that. */
static int check_cmdline(struct dropin *d, const struct conf_assignment *a, char *line,
			 struct err *err)
{
	size_t quotes = 0;

	for (char *s = line; *s; s++) {
		quotes += *s == '"';
		if (*s == '\n' || *s == '\t')
			*s = ' ';
	}
	if (quotes % 2)
		return err_set(err, -EINVAL, "%s:%u: kernel_cmdline: a quote is never closed", a->file,
			       a->line);
	for (size_t i = 0; i < a->n_words; i++)
		if (strcmp(a->words[i], "--") == 0)
			return err_set(err, -EINVAL,
				       "%s:%u: kernel_cmdline: \"--\" would end the kernel's "
				       "parameters",
				       a->file, a->line);
	d->cmdline_len += strlen(line) + 1;
	if (d->cmdline_len > BOOTCONF_CMDLINE_MAX)
		return err_set(err, -E2BIG, "%s:%u: kernel_cmdline: over %d bytes in all drop-in "
					    "features",
			       a->file, a->line, BOOTCONF_CMDLINE_MAX);
	return 0;
}

static int add_cmdline(struct dropin *d, struct err *err)
{
	const struct conf_assignment *a = NULL;

	while ((a = conf_next(&d->conf, "kernel_cmdline", a))) {
		char *line = arena_strdup(&d->b->plan.arena, a->text);
		int r = check_cmdline(d, a, line, err);

		if (r < 0)
			return r;
		if (a->n_words)
			build_add_cmdline(d->b, line,
					  arena_printf(&d->b->plan.arena, "%s:%u", a->file, a->line));
	}
	return 0;
}

static int add_lists(struct dropin *d, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++) {
		struct conf_word *words;
		size_t n;

		if (!keys[i].add)
			continue;
		n = conf_words(&d->conf, keys[i].name, &d->b->plan.arena, &words);
		for (size_t k = 0; k < n && r == 0; k++)
			r = keys[i].add(d, &words[k], err);
	}
	return r;
}

/* ---- files ---- */

static int read_file(struct dropin *d, struct err *err)
{
	struct conf_variable variables[] = {{"kernel", d->b->kernel.version}, {0}};
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct conf_source source = {
		.file = d->file, .variables = variables,
		.path = root_path(d->b->root, d->file, &d->b->plan.arena)};
	int r = root_read(d->b->root, d->file, CONF_SIZE_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "drop-in feature %s", d->file);
	source.text = buf_cstr(&text);
	source.len = text.len;
	d->conf = (struct conf){0};
	return conf_parse(&d->conf, &d->b->plan.arena, &source, err);
}

/* A link to /dev/null also masks the files of the same name in the folders behind. */
static bool is_masked(const struct root *root, const char *path, struct arena *arena)
{
	const char *target = root_readlink(root, path, arena);

	return target && strcmp(target, "/dev/null") == 0;
}

const char *dropin_find(const struct root *root, const char *name, struct arena *arena)
{
	if (strchr(name, '/'))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *path = arena_printf(arena, "%s/%s" SUFFIX, folders[i], name);

		if (is_masked(root, path, arena))
			return NULL;
		if (root_exists(root, path))
			return path;
	}
	return NULL;
}

static int apply_file(struct dropin *d, const char *path, struct err *err)
{
	int r;

	d->file = path;
	if (is_masked(d->b->root, path, &d->b->plan.arena))
		return 0;
	r = read_file(d, err);
	if (r < 0)
		return r;
	warn_unknown(d);
	r = read_values(d, err);
	if (r == 0)
		r = check_request(d, err);
	if (r > 0)
		r = check_conditions(d, err);
	if (r <= 0)
		return r;
	r = read_param(d, err);
	if (r == 0)
		r = read_arguments(d, err);
	if (r == 0)
		r = add_cmdline(d, err);
	return r < 0 ? r : add_lists(d, err);
}

static int by_base_name(const void *a, const void *b)
{
	return strcmp(base_name(*(const char *const *)a), base_name(*(const char *const *)b));
}

int dropin_list(const struct root *root, struct arena *a, const char ***out, struct err *err)
{
	_cleanup_strset_ struct strset seen = STRSET_INIT;
	char **names[ARRAY_SIZE(folders)];
	int count[ARRAY_SIZE(folders)], n = 0, room = 1;

	for (size_t f = 0; f < ARRAY_SIZE(folders); f++) {
		count[f] = root_listdir(root, folders[f], a, &names[f]);
		if (count[f] < 0 && count[f] != -ENOENT)
			return err_sys(err, count[f], "%s", folders[f]);
		room += count[f] < 0 ? 0 : count[f];
	}
	*out = arena_alloc(a, (size_t)room * sizeof(**out));
	for (size_t f = 0; f < ARRAY_SIZE(folders); f++)
		for (int i = 0; i < count[f]; i++)
			if (str_ends(names[f][i], SUFFIX) && strset_add(&seen, names[f][i], NULL))
				(*out)[n++] = arena_printf(a, "%s/%s", folders[f], names[f][i]);
	if (n)
		qsort(*out, (size_t)n, sizeof(**out), by_base_name);
	return n;
}

static int by_stage_and_name(const void *a, const void *b)
{
	return compare_runs(&((const struct run *)a)->run, &((const struct run *)b)->run);
}

static void write_runs(struct dropin *d)
{
	qsort(d->runs, d->n_runs, sizeof(*d->runs), by_stage_and_name);
	if (d->n_runs)
		buf_printf(&d->b->boot_conf, "feature=dropin\n");
	for (size_t i = 0; i < d->n_runs; i++) {
		const struct bootconf_run *run = &d->runs[i].run;

		buf_printf(&d->b->boot_conf, "dropin.run=%s %u %s %s\n",
			   bootconf_stage_name(run->stage), run->seconds,
			   run->required ? "required" : "optional", run->path);
		if (run->param)
			buf_printf(&d->b->boot_conf, "dropin.if=%s\n", run->param);
		for (size_t k = 0; k < run->n_arguments; k++)
			buf_printf(&d->b->boot_conf, "dropin.argument=%s\n", run->arguments[k]);
	}
}

int dropin_build(struct build *b, struct err *err)
{
	struct dropin d = {.b = b};
	const char **files = NULL;
	int n = dropin_list(b->root, &b->plan.arena, &files, err), r = n < 0 ? n : 0;

	d.runs = arena_alloc(&b->plan.arena, BOOTCONF_RUNS_MAX * sizeof(*d.runs));
	for (int i = 0; i < n && r == 0; i++)
		r = apply_file(&d, files[i], err);
	if (r == 0)
		write_runs(&d);
	return r < 0 ? r : buf_status(&b->boot_conf);
}
