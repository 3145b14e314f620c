/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/profile.h"
#include "cli/caching.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "transaction/build.h"

static void report(const struct cli_request *q, const struct build_outcome *b, const char *out,
		   double seconds)
{
	const char *mode = cli_mode_name(b->mode), *codec = codec_info(b->codec)->name;
	struct json_object *o;
	char size[32], codecs[64];

	if (!q->json) {
		cli_warn_all(b->warnings, b->n_warnings);
		if (!cli_shows(RUNLOG_INFO))
			return;
		printf("%s: kernel %s, %s, %s, %zu file%s, %zu module%s, %s, %.2f s, %zu warning%s\n",
		       out, b->kernel, mode, cli_size(b->bytes, size), b->files,
		       cli_plural(b->files), b->modules, cli_plural(b->modules),
		       cli_codec_names(b->codec, b->store, codecs), seconds,
		       cli_warnings(), cli_plural(cli_warnings()));
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "image", cli_json_text(out));
	json_object_object_add(o, "changed", json_object_new_boolean(true));
	json_object_object_add(o, "kernel", cli_json_text(b->kernel));
	json_object_object_add(o, "mode", cli_json_text(mode));
	json_object_object_add(o, "compress", cli_json_text(codec));
	json_object_object_add(o, "compress_store", cli_json_text(codec_info(b->store)->name));
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)b->bytes));
	json_object_object_add(o, "files", json_object_new_int64((int64_t)b->files));
	json_object_object_add(o, "modules", json_object_new_int64((int64_t)b->modules));
	json_object_object_add(o, "seconds", json_object_new_double(seconds));
	json_object_object_add(o, "warnings", cli_json_texts(b->warnings, b->n_warnings));
	cli_print_json(o);
}

static void report_unchanged(const struct cli_request *q, const char *out)
{
	struct json_object *o;

	if (!q->json) {
		if (cli_shows(RUNLOG_INFO))
			printf("%s: unchanged\n", out);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "image", cli_json_text(out));
	json_object_object_add(o, "changed", json_object_new_boolean(false));
	cli_print_json(o);
}

struct build_options {
	struct cli_request q;
	struct caching caching;
	struct settings settings;
	struct runlog log;
};

/* Only whoever wants a log of single images gets one. */
static void log_result(struct build_options *o, const char *out, const struct build_outcome *b,
		       const struct err *err)
{
	if (!o->settings.logfile_given && !cli_caller()->log)
		return;
	if (err->code)
		runlog_line(&o->log, o->q.request.kernel, "build", RUNLOG_ERROR, "%s", err->text);
	else if (b->changed)
		runlog_line(&o->log, b->kernel, "build", RUNLOG_INFO, "%s is written: %llu bytes", out,
			    (unsigned long long)b->bytes);
	for (size_t i = 0; i < b->n_warnings; i++)
		runlog_line(&o->log, b->kernel, "plan", RUNLOG_WARN, "%s", b->warnings[i]);
	if (runlog_problem(&o->log))
		cli_warn("%s", runlog_problem(&o->log));
	runlog_close(&o->log);
}

static int build_image(struct build_options *o, const char *out, struct build_outcome *result,
		       struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct teller teller = {.json = o->q.json};
	struct transaction t = {
		.root = &root,
		.given = &o->q.request,
		.places = &o->settings.places,
		.reuse = caching_options(&o->caching, &o->q.arena),
		.tell = teller_tell,
		.arg = &teller,
	};
	int r = root_open(o->q.root, &root, err);

	if (r == 0)
		r = settings_read(&o->settings, &root, o->q.request.kernel, &o->q.arena, err);
	if (r < 0)
		return r;
	settings_report(&o->settings);
	if (!o->q.request.kernel)
		cli_warn_of_choice(&root, NULL);
	runlog_open(&o->log, &root);
	settings_use_log(&o->settings, &o->log);
	r = transaction_build(&t, out, &o->q.arena, result, err);
	teller_end(&teller);
	log_result(o, out, result, err);
	return r;
}

static void clear_options(struct build_options *o)
{
	caching_end(&o->caching);
	cli_request_clear(&o->q);
	settings_clear(&o->settings);
}

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct build_options *o = options;
	int r;

	if (spec->id == OPT_PROFILE) {
		profile_start();
		return 0;
	}
	r = caching_apply(&o->caching, spec, args, err);
	if (r == 0)
		r = settings_apply(&o->settings, spec, args, err);
	return r ? r : cli_request_apply(spec, args, &o->q, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear_options) struct build_options o = {.settings = {.q = &o.q}};
	struct build_outcome result;
	struct err err = {0};
	double start = clock_now();
	int r;

	cli_request_init(&o.q);
	caching_init(&o.caching);
	r = options_parse(self, argc, argv, apply, &o, &err);
	if (r >= 0 && (cli_request_settle(&o.q, &err) < 0 || caching_check(&o.caching, &err) < 0))
		r = err.code;
	if (r < 0)
		return cli_usage(r, &err);
	o.q.request.kernel = r > 1 ? argv[1] : NULL;
	o.q.request.init = cli_find_init(&o.q.arena);
	r = build_image(&o, argv[0], &result, &err);
	if (r < 0 && o.q.json)
		cli_print_json_err(&err);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	if (result.changed)
		report(&o.q, &result, argv[0], clock_now() - start);
	else
		report_unchanged(&o.q, argv[0]);
	r = cli_end(EXIT_DONE);
	if (r != EXIT_DONE)
		cli_warn("%s is in place all the same", argv[0]);
	return r;
}

static const struct option_spec options[] = {
	REQUEST_OPTIONS,
	CACHE_OPTIONS,
	TELLING_OPTIONS,
	PROFILE_OPTION,
	{"logfile", 0, "FILE", "log to FILE what was built", OPT_LOGFILE, false},
	{0},
};

const struct command command_build = {
	.name = "build",
	.positional = "OUT [KVER]",
	.summary = "Write an image file, and nothing else.",
	.options = options,
	.min = 1,
	.max = 2,
	.run = run,
};
