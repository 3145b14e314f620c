/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/profile.h"
#include "base/text.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/report/rebuild_end.h"
#include "cli/settings.h"
#include "deploy/lock.h"
#include "host/boot/bootdir.h"
#include "host/boot/kernels.h"
#include "transaction/rebuild.h"

static const char *const result_names[] = {
	[REBUILD_UNCHANGED] = "unchanged",
	[REBUILD_DONE] = "rebuilt",
	[REBUILD_WOULD_CHANGE] = "would-change",
	[REBUILD_TO_BE_TRIED] = "to-be-tried",
	[REBUILD_FAILED] = "failed",
};

struct rebuild_options {
	struct cli_request q;
	struct caching caching;
	struct settings settings;
	bool all, check, force, try_next, no_loader;
	uint64_t lock_seconds, mode;

	struct teller teller;
	struct root root;
	struct runlog log;
	char **named; /* kernels on the command line */
	size_t n_named;
	size_t n; /* kernels that are rebuilt */
};

static void clear(struct rebuild_options *o)
{
	runlog_close(&o->log);
	caching_end(&o->caching);
	root_close(&o->root);
	cli_request_clear(&o->q);
	settings_clear(&o->settings);
}

/* ---- telling ---- */

static void print_rebuilt(const struct rebuild_kernel *k)
{
	char before[32], bytes[32];

	cli_size(k->bytes, bytes);
	if (k->before)
		printf("%s: rebuilt, %s -> %s, %.2f s\n", k->version, cli_size(k->before, before),
		       bytes, k->seconds);
	else
		printf("%s: rebuilt, %s, %.2f s\n", k->version, bytes, k->seconds);
}

/* BEFORE, and a TEXT that may hold names of files. */
static void print_line(const char *before, const char *text)
{
	size_t size = 4 * strlen(text) + 1; /* every byte as \xNN */
	_cleanup_free_ char *shown = xrealloc(NULL, size, 1);

	escape_command(text, shown, size);
	printf("%s%s\n", before, shown);
}

static void print(const struct rebuild_kernel *k)
{
	char bytes[32];

	if (k->result != REBUILD_FAILED && !cli_shows(RUNLOG_INFO))
		return;
	switch (k->result) {
	case REBUILD_UNCHANGED:
		printf("%s: unchanged\n", k->version);
		break;
	case REBUILD_WOULD_CHANGE:
		printf("%s: would change", k->version);
		print_line(k->changes.why ? ": " : "", k->changes.why ? k->changes.why : "");
		break;
	case REBUILD_DONE:
		print_rebuilt(k);
		break;
	case REBUILD_TO_BE_TRIED:
		printf("%s: the next boot tries /%s, %s\n", k->version, k->image,
		       cli_size(k->bytes, bytes));
		break;
	case REBUILD_FAILED:
		printf("%s: failed", k->version);
		print_line(": ", k->err.text);
		if (cli_hint(&k->err))
			print_line("  ", cli_hint(&k->err));
	}
	fflush(stdout);
}

static void tell(const struct step *step, void *arg)
{
	struct rebuild_options *o = arg;
	const struct rebuild_kernel *k = step->result;

	teller_tell(step, &o->teller);
	if (step->kind != STEP_KERNEL || o->q.json)
		return;
	cli_warn_all(k->warnings, k->n_warnings);
	/* The error of an only kernel is printed at the end. */
	if (o->n > 1 || k->result != REBUILD_FAILED)
		print(k);
}

static bool is_module(const char *path)
{
	const char *name = strrchr(path, '/'), *end = strstr(name ? name : path, ".ko");

	return end && (!end[3] || end[3] == '.');
}

/* The paths of LIST that are modules, or those that are not. */
static struct json_object *paths_json(const struct change_list *list, bool modules)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		if (is_module(list->paths[i]) == modules)
			json_object_array_add(o, cli_json_text(list->paths[i]));
	return o;
}

static struct json_object *changes_json(const struct changes *c, bool modules)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "added", paths_json(&c->added, modules));
	json_object_object_add(o, "removed", paths_json(&c->removed, modules));
	json_object_object_add(o, "changed", paths_json(&c->changed, modules));
	return o;
}

static struct json_object *kernel_json(const struct rebuild_kernel *k)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "kernel", cli_json_text(k->version));
	json_object_object_add(o, "image", cli_json_text(k->image));
	json_object_object_add(o, "result", json_object_new_string(result_names[k->result]));
	if (k->before)
		json_object_object_add(o, "bytes-before",
				       json_object_new_int64((int64_t)k->before));
	if (k->bytes)
		json_object_object_add(o, "bytes", json_object_new_int64((int64_t)k->bytes));
	json_object_object_add(o, "seconds", json_object_new_double(k->seconds));
	json_object_object_add(o, "warnings", cli_json_texts(k->warnings, k->n_warnings));
	if (k->changes.why) {
		json_object_object_add(o, "why", cli_json_text(k->changes.why));
		json_object_object_add(o, "modules", changes_json(&k->changes, true));
		json_object_object_add(o, "files", changes_json(&k->changes, false));
	}
	if (k->result == REBUILD_FAILED) {
		json_object_object_add(o, "error", cli_json_err(&k->err));
	} else if (k->loader.code) {
		json_object_object_add(o, "error", cli_json_err(&k->loader));
	}
	return o;
}

static void print_json(const struct rebuild_outcome *out)
{
	struct json_object *o = json_object_new_object(), *kernels = json_object_new_array();

	for (size_t i = 0; i < out->n; i++)
		json_object_array_add(kernels, kernel_json(&out->kernels[i]));
	json_object_object_add(o, "changed", json_object_new_boolean(out->n_changed > 0));
	json_object_object_add(o, "kernels", kernels);
	cli_print_json(o);
}

static int conclude(const struct rebuild_options *o, const struct rebuild_outcome *out)
{
	struct err err = {0};

	if (o->q.json)
		print_json(out);
	for (size_t i = 0; i < out->n; i++) {
		const struct rebuild_kernel *k = &out->kernels[i];

		if (k->loader.code && k->result == REBUILD_UNCHANGED)
			cli_fail(&k->loader);
		else if (k->loader.code)
			cli_fail_after(&k->loader);
	}
	if (out->n_failed && out->n == 1)
		return cli_fail(&out->kernels[0].err);
	if (rebuild_end(out, o->check, &err) < 0)
		return cli_fail(&err);
	if (out->loader_failed)
		return EXIT_FAILED;
	if (out->scripts_failed)
		return cli_end(EXIT_AFTER);
	return cli_end(o->check && out->n_changed ? EXIT_FINDING : EXIT_DONE);
}

/* ---- the run ---- */

/* The kernels that were named, or else the one that kernel_find() chooses. Their number. */
static int find_named(struct rebuild_options *o, struct kernel **out, struct err *err)
{
	size_t n = o->n_named ? o->n_named : 1;
	int e = 0;

	*out = arena_alloc(&o->q.arena, n * sizeof(**out));
	for (size_t i = 0; i < n && e == 0; i++)
		e = kernel_find(&o->root, o->n_named ? o->named[i] : NULL, &o->q.arena, &(*out)[i],
				err);
	return e < 0 ? e : (int)n;
}

/* Sets *OUT to the versions of the kernels to rebuild, and returns their number. */
static int choose(struct rebuild_options *o, const char *const **out, struct err *err)
{
	struct kernel *kernels;
	const char **versions;
	int n = o->all ? kernels_list(&o->root, &o->q.arena, &kernels, err)
		       : find_named(o, &kernels, err);

	if (n == 0)
		return err_set(err, -ENOENT, "there is no kernel below %s/lib/modules",
			       root_prefix(&o->root));
	versions = arena_alloc(&o->q.arena, (size_t)(n > 0 ? n : 1) * sizeof(*versions));
	for (int i = 0; i < n; i++)
		versions[i] = kernels[i].version;
	*out = versions;
	return n;
}

/* A kernel that --all cannot take. This is no failure: what is left of a removed kernel would
 * otherwise make every later rebuild fail. */
static void warn_of_skipped(struct rebuild_options *o)
{
	struct kernel *list;
	size_t n = kernels_without_modules(&o->root, &o->q.arena, &list);

	for (size_t i = 0; i < n; i++) {
		const char *text = kernel_skipped_text(&o->root, &list[i], &o->q.arena);

		cli_warn("%s", text);
		if (!o->check)
			runlog_line(&o->log, list[i].version, "rebuild", RUNLOG_WARN, "%s", text);
	}
}

/* Finds the kernels to rebuild, and reads the settings. */
static int prepare(struct rebuild_options *o, const char *const **versions, struct err *err)
{
	struct bootdir bootdir; /* a /boot that is not mounted hides kernels */
	int n = root_open(o->q.root, &o->root, err);

	if (n == 0)
		n = bootdir_read(&o->root, &o->q.arena, &bootdir, err);
	if (n == 0)
		n = choose(o, versions, err);
	if (n >= 0 &&
	    settings_read(&o->settings, &o->root, n == 1 ? **versions : NULL, &o->q.arena, err) < 0)
		n = err->code;
	if (n < 0)
		return n;
	if (!o->all && !o->n_named)
		cli_warn_of_choice(&o->root, **versions);
	runlog_open(&o->log, &o->root);
	settings_use_log(&o->settings, &o->log);
	settings_report(&o->settings);
	if (o->all)
		warn_of_skipped(o);
	return n;
}

static int run(struct rebuild_options *o, struct rebuild_outcome *out, struct err *err)
{
	const char *const *versions = NULL;
	int n = prepare(o, &versions, err);
	struct rebuild_request q = {
		.t = {.root = &o->root,
		      .given = &o->q.request,
		      .places = &o->settings.places,
		      .reuse = caching_options(&o->caching, &o->q.arena),
		      .log = &o->log,
		      .tell = tell,
		      .arg = o},
		.versions = versions,
		.check = o->check,
		.explain = o->q.json,
		.force = o->force,
		.try_next = o->try_next,
		.no_loader = o->no_loader,
		.lock_seconds = (unsigned)o->lock_seconds,
		.keep = (unsigned)o->settings.keep,
		.mode = (unsigned)o->mode,
	};

	if (n < 0)
		return n;
	q.n_versions = o->n = (size_t)n;
	n = transaction_rebuild(&q, &o->q.arena, out, err);
	teller_end(&o->teller);
	return n;
}

/* ---- options ---- */

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct rebuild_options *o = options;
	int e;

	switch (spec->id) {
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_FORCE:
		o->force = true;
		return 0;
	case OPT_TRY_NEXT:
		o->try_next = true;
		return 0;
	case OPT_NO_LOADER:
		o->no_loader = true;
		return 0;
	case OPT_PROFILE:
		profile_start();
		return 0;
	case OPT_LOCK_TIMEOUT:
		return cli_take_number("lock-timeout", args[0], LOCK_SECONDS_MAX, &o->lock_seconds,
				       err);
	case OPT_MODE:
		return cli_take_mode(args[0], &o->mode, err);
	default:
		e = caching_apply(&o->caching, spec, args, err);
		if (e == 0)
			e = settings_apply(&o->settings, spec, args, err);
		return e ? e : cli_request_apply(spec, args, &o->q, err);
	}
}

static int check_options(struct rebuild_options *o, int n_args, struct err *err)
{
	if (o->all && n_args)
		return err_set(err, -EINVAL, "--all is for every kernel: it takes no KVER");
	if (o->check && (o->force || o->try_next))
		return err_set(err, -EINVAL,
			       "--check changes nothing: it goes with neither --force "
			       "nor --try-next");
	if (o->try_next && (o->all || n_args > 1 || o->no_loader))
		return err_set(err, -EINVAL,
			       "--try-next is for one kernel and takes the boot "
			       "loader: it goes with neither --all nor "
			       "--no-boot-loader");
	if (cli_request_settle(&o->q, err) < 0 || caching_check(&o->caching, err) < 0)
		return err->code;
	return 0;
}

static int run_verb(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct rebuild_options o = {.lock_seconds = LOCK_SECONDS,
						     .mode = REBUILD_MODE,
						     .log = {.fd = -1, .socket = -1},
						     .root = {.fd = -1}};
	struct rebuild_outcome out;
	struct err err = {0};
	int r;

	cli_request_init(&o.q);
	caching_init(&o.caching);
	o.settings.q = &o.q;
	r = options_parse(self, argc, argv, apply, &o, &err);
	if (r >= 0 && check_options(&o, r, &err) < 0)
		r = err.code;
	if (r < 0)
		return cli_usage(r, &err);
	o.teller.json = o.q.json;
	o.q.request.init = cli_find_init(&o.q.arena);
	o.named = argv;
	o.n_named = (size_t)r;
	r = run(&o, &out, &err);
	if (r < 0 && o.q.json)
		cli_print_json_err(&err);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	r = conclude(&o, &out);
	if (runlog_problem(&o.log))
		cli_warn("%s", runlog_problem(&o.log));
	return r;
}

static const struct option_spec options[] = {
	{"all", 0, NULL, "every kernel that has modules", OPT_ALL, false},
	{"check", 0, NULL, "change nothing; end with status 3 if something would change",
	 OPT_CHECK, false},
	{"force", 'f', NULL, "build even if nothing has changed", OPT_FORCE, false},
	{"try-next", 0, NULL, "let the next boot, and only that one, try the image",
	 OPT_TRY_NEXT, false},
	{"keep", 0, "N", "previous images to keep (1)", OPT_KEEP, false},
	{"mode", 0, "MODE", "permissions of the image: 0600 (the default), 0640, 0644",
	 OPT_MODE, false},
	NO_LOADER_OPTION,
	LOCK_OPTION,
	REQUEST_OPTIONS,
	REBUILD_CACHE_OPTIONS,
	SETTINGS_OPTIONS,
	PROFILE_OPTION,
	{0},
};

const struct command command_rebuild = {
	.name = "rebuild",
	.positional = "[KVER...]",
	.summary = "Rebuild the images that kernels boot with.",
	.options = options,
	.max = -1,
	.run = run_verb,
};
