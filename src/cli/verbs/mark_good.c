/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "deploy/good.h"

struct options {
	const char *root;
	bool json;
	struct settings settings;
	struct caching caching; /* where the records of builds are */
};

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct options *o = options;
	int r = settings_apply(&o->settings, spec, args, err);

	if (r)
		return r;
	if (spec->id == OPT_ROOT)
		o->root = args[0];
	else if (spec->id == OPT_JSON)
		o->json = true;
	else
		return caching_apply(&o->caching, spec, args, err) < 0 ? -EINVAL : 0;
	return 0;
}

/* ---- what was done ---- */

/* Writes a line to the log and, without --json, to standard output. */
static void report_line(const struct options *o, struct runlog *log, const struct good *g,
			bool is_bad, const char *text)
{
	runlog_line(log, g->kernel, "mark-good", is_bad ? RUNLOG_WARN : RUNLOG_INFO, "%s (%.12s)",
		    text, g->id);
	if (!o->json && cli_shows(is_bad ? RUNLOG_WARN : RUNLOG_INFO))
		printf("%s: %s\n", g->kernel, text);
}

struct speaker {
	const struct options *options;
	struct runlog *log;
};

static void say_step(const char *text, void *arg)
{
	const struct speaker *s = arg;

	runlog_line(s->log, NULL, "boot-loader", RUNLOG_INFO, "%s", text);
	if (!s->options->json && cli_shows(RUNLOG_INFO))
		printf("%s\n", text);
}

static void report(const struct options *o, struct runlog *log, const struct good *g)
{
	if (g->has_failed)
		report_line(o, log, g, true,
			    "this boot went on only after it had failed: not marked");
	else if (g->why_not && !o->json && cli_shows(RUNLOG_INFO))
		printf("nothing to mark: %s\n", g->why_not);
	if (g->trial_kept)
		report_line(o, log, g, false, "the trial has booted: it is the image in use now");
	if (g->trial_dropped)
		report_line(o, log, g, true, "the trial did not boot to the end: it was removed");
	if (g->is_marked)
		report_line(o, log, g, false, "the image that booted is marked as good");
	if (g->spared) {
		runlog_line(log, g->kernel, "mark-good", RUNLOG_WARN, "%s", g->spared);
		cli_warn("%s", g->spared);
	}
	if (g->problem)
		cli_warn("%s", g->problem);
	if (runlog_problem(log))
		cli_warn("%s", runlog_problem(log));
}

static void add_flag(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? cli_json_text(text) : NULL);
}

static void print_json(const struct good *g)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "kernel", g->kernel);
	add_text(o, "image", g->path);
	add_text(o, "id", g->id);
	add_text(o, "why-not", g->why_not);
	add_flag(o, "marked", g->is_marked);
	add_flag(o, "trial-kept", g->trial_kept);
	add_flag(o, "trial-failed", g->trial_dropped);
	add_flag(o, "trial-waits", g->trial_waits);
	json_object_object_add(o, "error", g->loader.code ? cli_json_err(&g->loader) : NULL);
	cli_print_json(o);
}

static void clear(struct options *o)
{
	caching_end(&o->caching);
	settings_clear(&o->settings);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_cache_ struct cache *cache = NULL;
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_runlog_ struct runlog log = {.fd = -1, .socket = -1};
	_cleanup_(clear) struct options o = {
		.root = "/", .settings = {.is_lenient = true}};
	struct speaker speaker = {.options = &o, .log = &log};
	struct good_request q = {.root = &root, .arena = &arena, .say = say_step, .arg = &speaker,
				 .waiting = cli_tell_waiting};
	struct good good = {0};
	struct err err = {0};
	const char *folder;
	int r;

	caching_init(&o.caching);
	r = options_parse(self, argc, argv, apply, &o, &err);
	if (r < 0)
		return cli_usage(r, &err);
	folder = caching_folder(&o.caching, &arena);
	cache = folder ? cache_new(folder, o.caching.size) : NULL;
	q.cache = cache;
	r = root_open(o.root, &root, &err);
	if (r < 0)
		return cli_fail(&err);
	r = settings_read(&o.settings, &root, NULL, &arena, &err);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	runlog_open(&log, &root);
	settings_use_log(&o.settings, &log);
	r = good_mark(&q, &good, &err);
	report(&o, &log, &good);
	if (r < 0) {
		runlog_line(&log, good.kernel, "mark-good", RUNLOG_ERROR, "%s", err.text);
		return cli_fail(&err);
	}
	if (o.json)
		print_json(&good);
	if (good.loader.code) {
		runlog_line(&log, good.kernel, "mark-good", RUNLOG_ERROR, "%s", good.loader.text);
		return cli_end(cli_fail_after(&good.loader));
	}
	return cli_end(good.has_failed ? EXIT_FINDING : EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "the system below DIR instead of /", OPT_ROOT, false},
	RECORDS_OPTION,
	JSON_OPTION,
	SETTINGS_OPTIONS,
	{0},
};

const struct command command_mark_good = {
	.name = "mark-good",
	.positional = "",
	.summary = "Remember the image that booted as good.",
	.options = options,
	.run = run,
};
