/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parallel.h"
#include "cli/caching.h"
#include "cli/settings.h"
#include "deploy/place/atomic.h"
#include "image/pack.h"
#include "image/readback.h"

static int write_image(struct build *b, const char *out, struct pack_result *packed,
		       struct err *err)
{
	struct atomic file;
	struct progress progress;
	struct pack pack = {
		.plan = &b->plan,
		.root = b->root,
		.cache = b->root->cache,
		.codec = b->codec,
		.level = b->level,
		.x86_filter = b->x86_filter,
		.threads = parallel_cores(),
		.progress = progress_step,
		.progress_arg = &progress,
	};
	int r = atomic_begin(out, &file, err);

	if (r < 0)
		return r;
	progress_begin(&progress, "packing");
	r = pack_write(&pack, file.fd, packed, err);
	progress_end(&progress);
	if (packed->packages.code < 0)
		plan_warn(&b->plan, "%s", packed->packages.text);
	if (r == 0)
		r = atomic_sync(&file, err);
	if (r == -ENOSPC || r == -EDQUOT || r == -EFBIG)
		err_hint(err, "free space in the folder of %s; nothing was changed", out);
	if (r == 0)
		r = image_read_back(file.fd, out, packed, &b->plan.arena, err);
	if (r == 0)
		r = atomic_commit(&file, err);
	atomic_end(&file);
	return r;
}

static void report(const struct cli_request *q, const struct build *b, const char *out,
		   const struct pack_result *packed, double seconds)
{
	const char *mode = cli_mode_name(b->request->mode);
	struct json_object *o;
	char size[32];

	if (!q->json) {
		cli_print_notes(&b->plan);
		if (!cli_shows(RUNLOG_INFO))
			return;
		printf("%s: kernel %s, %s, %s, %zu files, %zu modules, %s, %.2f s, %zu warning%s\n",
		       out, b->kernel.version, mode, cli_size(packed->bytes, size), packed->files,
		       modules_count(b->modules), codec_info(b->codec)->name, seconds,
		       b->plan.warnings, cli_plural(b->plan.warnings));
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "image", cli_json_text(out));
	json_object_object_add(o, "changed", json_object_new_boolean(true));
	json_object_object_add(o, "kernel", cli_json_text(b->kernel.version));
	json_object_object_add(o, "mode", cli_json_text(mode));
	json_object_object_add(o, "compress", cli_json_text(codec_info(b->codec)->name));
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)packed->bytes));
	json_object_object_add(o, "files", json_object_new_int64((int64_t)packed->files));
	json_object_object_add(o, "modules",
			       json_object_new_int64((int64_t)modules_count(b->modules)));
	json_object_object_add(o, "seconds", json_object_new_double(seconds));
	json_object_object_add(o, "warnings", cli_notes_json(&b->plan));
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
	struct request request; /* with what the settings add */
};

/* 1: OUT holds what would be written, 0: it was written. */
static int build_image(struct build_options *o, struct build *b, const char *out,
		       struct pack_result *packed, struct err *err)
{
	struct caching *c = &o->caching;
	int r = caching_is_unchanged(c);

	if (r)
		return r;
	r = settings_request(&o->settings, b->root, &o->q.arena, &o->request, err);
	if (r == 0)
		r = build_make(&o->request, b->root, b, err);
	if (r == 0)
		r = caching_settle(c, b, err);
	if (r == 0)
		r = write_image(b, out, packed, err);
	if (r == 0)
		caching_keep(c, packed->sha256, &b->plan);
	return r;
}

static void clear_options(struct build_options *o)
{
	caching_end(&o->caching);
	cli_request_clear(&o->q);
}

static int apply(int id, char **args, void *options, struct err *err)
{
	struct build_options *o = options;
	int r = caching_apply(&o->caching, id, args, err);

	if (r == 0)
		r = settings_apply(&o->settings, id, args, err);
	return r ? r : cli_request_apply(id, args, &o->q, err);
}

int run_build(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear_options) struct build_options o = {.settings = {.q = &o.q}};
	_cleanup_build_ struct build b = {0};
	_cleanup_root_ struct root root = {.fd = -1};
	struct pack_result packed = {0};
	struct err err = {0};
	double start = cli_now();
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
	b.root = &root;
	r = root_open(o.q.root, &root, &err);
	if (r == 0)
		r = settings_read(&o.settings, &root, o.q.request.kernel, &o.q.arena, &err);
	if (r == 0) {
		settings_report(&o.settings);
		r = caching_begin(&o.caching, &o.q, &root, argv[0], &err);
	}
	if (r == 0)
		r = build_image(&o, &b, argv[0], &packed, &err);
	buf_clear(&packed.manifest);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	if (r > 0)
		report_unchanged(&o.q, argv[0]);
	else
		report(&o.q, &b, argv[0], &packed, cli_now() - start);
	r = cli_end(EXIT_DONE);
	if (r != EXIT_DONE)
		cli_warn("%s is in place all the same", argv[0]);
	return r;
}
