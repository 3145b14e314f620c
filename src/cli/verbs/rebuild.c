/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/verbs/audit.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "deploy/loader/loader.h"
#include "deploy/lock.h"
#include "deploy/place/exchange.h"
#include "deploy/state.h"
#include "deploy/place/swap.h"
#include "image/identity.h"

enum { MODE_DEFAULT = 0600 };

enum result {
	UNCHANGED,
	REBUILT,
	WOULD_CHANGE,
	TO_BE_TRIED, /* the next boot will */
	FAILED,
};

static const char *const result_names[] = {"unchanged", "rebuilt", "would-change", "to-be-tried",
					   "failed"};

struct rebuild {
	struct cli_request q;
	struct caching caching;
	struct settings settings;
	bool all, check, force, try_next, no_loader;
	uint64_t lock_seconds, mode;

	struct root root;
	struct bootdir bootdir;
	struct runlog log;
	struct arena arena;
	const char *folder; /* for the image before it is put in place; NULL */
};

/* What became of one kernel. */
struct outcome {
	const char *version, *image;
	enum result result;
	uint64_t before, bytes;
	double seconds;
	struct err err;
	struct json_object *warnings; /* NULL: none */
};

static void clear(struct rebuild *r)
{
	runlog_close(&r->log);
	caching_end(&r->caching);
	root_close(&r->root);
	arena_clear(&r->arena);
	cli_request_clear(&r->q);
}

/* ---- one kernel ---- */

static void say_step(const char *text, void *arg)
{
	struct rebuild *r = arg;

	runlog_line(&r->log, NULL, "boot-loader", RUNLOG_INFO, "%s", text);
	if (!r->q.json && cli_shows(RUNLOG_INFO))
		printf("%s\n", text);
}

static struct loader_request loader_of(struct rebuild *r, const char *version)
{
	return (struct loader_request){.root = &r->root,
				       .bootdir = &r->bootdir,
				       .version = version,
				       .say = say_step,
				       .arg = r};
}

/* VERSION must be in the menu; NULL: none. */
static int update_loader(struct rebuild *r, const char *version, struct err *err)
{
	struct loader_request q = loader_of(r, version);
	int e;

	if (r->no_loader)
		return 0;
	e = loader_update(&q, err);
	return e < 0 ? err_prefix(err, "the boot loader could not be brought in line") : 0;
}

/* A file of the image that not everybody may read on this machine. */
static const char *secret_of(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->type == PLAN_FILE && !(e->mode & 04))
			return e->path;
	}
	return NULL;
}

static int check_mode(const struct rebuild *r, const struct plan *plan, struct err *err)
{
	const char *secret = r->mode & 077 ? secret_of(plan) : NULL;

	if (!secret)
		return 0;
	err_set(err, -EACCES, "/%s goes into the image, and not everybody may read it: --mode %04o "
			      "would let others read it",
		secret, (unsigned)r->mode);
	return err_hint(err, "leave --mode out: the image is for root alone then");
}

static int pack(struct rebuild *r, struct build *b, int fd, struct pack_result *out,
		struct err *err)
{
	struct progress progress;
	struct pack p = {
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
	int e;

	progress_begin(&progress, arena_printf(&r->arena, "packing %s", b->kernel.version));
	e = pack_write(&p, fd, out, err);
	progress_end(&progress);
	if (e == -ENOSPC || e == -EDQUOT || e == -EFBIG)
		err_hint(err, "free space in %s; nothing was changed",
			 r->folder ? r->folder : "memory");
	if (out->packages.code < 0)
		plan_warn(&b->plan, "%s", out->packages.text);
	if (e == 0)
		cli_log_step(&r->log, b->kernel.version, "pack", "%zu files, %zu modules, %s",
			     out->files, modules_count(b->modules), codec_info(b->codec)->name);
	return e;
}

static int tell_loader(struct rebuild *r, const struct outcome *o, struct err *err)
{
	struct loader_request q = loader_of(r, o->version);
	int e = update_loader(r, o->version, err);

	if (e == 0 && !r->no_loader)
		e = loader_check(&q, o->image, err);
	return e == 0 && r->try_next ? loader_try_next(&q, o->version, o->image, err) : e;
}

/* The image is in its place: now the boot loader, or all is taken back. */
static int settle(struct rebuild *r, const struct outcome *o, struct swap_result *swapped,
		  struct err *err)
{
	struct loader_request q = loader_of(r, o->version);
	const char *version = o->version;
	struct err undo = {0};
	int e = tell_loader(r, o, err);

	/* It was there already, but perhaps nobody has told the loader to try it. */
	if (swapped->same)
		return e;
	if (e == 0) {
		rotate_finish(&swapped->keep);
		return 0;
	}
	if (rotate_undo(&swapped->keep, &undo) < 0)
		cli_alarm("%s: the old image is not back: %s", version, undo.text);
	else if (!r->no_loader)
		loader_update(&q, NULL);
	return e;
}

static void record(struct rebuild *r, const char *version, const char *path,
		   const struct pack_result *packed, const char *id, struct state *state)
{
	struct err err = {0};

	if (r->try_next) {
		snprintf(state->trial, sizeof(state->trial), "%s", id);
		state_this_boot(&r->root, state->trial_boot);
		state->trial_keep = (unsigned)r->settings.keep;
	} else {
		snprintf(state->image, sizeof(state->image), "%s", path);
		snprintf(state->id, sizeof(state->id), "%s", id);
		digest_text(packed->sha256, state->sha256);
		state->bytes = packed->bytes;
	}
	if (state_write(&r->root, version, state, &err) < 0)
		cli_warn("%s", err.text);
}

static int put_in_place(struct rebuild *r, struct build *b, struct state *state,
			struct outcome *o, struct err *err)
{
	_cleanup_fd_ int fd = swap_scratch(r->folder, err);
	struct pack_result packed = {0};
	struct swap_result swapped;
	struct swap swap = {
		.root = &r->root,
		.bootdir = &r->bootdir,
		.path = o->image,
		.keep = r->try_next ? 0 : (unsigned)r->settings.keep,
		.mode = (unsigned)r->mode,
		.packed = fd,
		.image = &packed,
		.arena = &b->plan.arena,
	};
	char id[MANIFEST_ID + 1] = "", old[MANIFEST_ID + 1] = "";
	int e = fd < 0 ? fd : pack(r, b, fd, &packed, err);

	/* What is there now is changed below: it is no answer to keep. */
	r->root.trace = NULL;
	if (e == 0) {
		_cleanup_fd_ int now = root_openat(&r->root, o->image, O_RDONLY | O_NONBLOCK);

		image_identity(fd, o->image, id, NULL);
		if (now >= 0)
			image_identity(now, o->image, old, NULL);
		else if (now != -ENOENT)
			e = err_sys(err, now, "/%s", o->image);
		swap.keep_current = !*state->failed || strcmp(old, state->failed) != 0;
		if (*id && strcmp(id, state->failed) == 0)
			plan_warn(&b->plan, "this very image did not boot when it was tried last");
	}
	/* What is free now, not what was before the last kernel. */
	if (e == 0)
		e = bootdir_read(&r->root, &r->arena, &r->bootdir, err);
	if (e == 0)
		e = swap_image(&swap, &swapped, err);
	o->bytes = packed.bytes;
	if (e == 0) {
		o->before = swapped.before;
		o->result = r->try_next ? TO_BE_TRIED : swapped.same ? UNCHANGED : REBUILT;
		if (!swapped.same || r->try_next)
			e = settle(r, o, &swapped, err);
	}
	if (e == 0) {
		caching_keep(&r->caching, packed.sha256, &b->plan);
		record(r, o->version, o->image, &packed, id, state);
	}
	buf_clear(&packed.manifest);
	return e;
}

/* 0, and what became of it in O. */
static int rebuild_planned(struct rebuild *r, struct state *state, struct outcome *o,
			   struct err *err)
{
	_cleanup_build_ struct build b = {0};
	struct request request;
	int e;

	r->q.request.kernel = o->version;
	e = settings_request(&r->settings, &r->root, &r->arena, &request, err);
	if (e == 0)
		e = build_make(&request, &r->root, &b, err);
	if (e == 0)
		e = check_mode(r, &b.plan, err);
	if (e == 0)
		e = caching_settle(&r->caching, &b, err);
	if (e == 0)
		e = audit_rebuild(&request, &r->root, &b.plan, err);
	if (e == 0 && r->check)
		o->result = WOULD_CHANGE;
	else if (e == 0)
		e = put_in_place(r, &b, state, o, err);
	if (!r->check && e >= 0 && o->result != UNCHANGED)
		cli_log_notes(&r->log, o->version, &b.plan);
	if (b.plan.notes && e >= 0) {
		if (r->q.json)
			o->warnings = cli_notes_json(&b.plan);
		else
			cli_print_notes(&b.plan);
	}
	return e;
}

static int begin_caching(struct rebuild *r, const struct outcome *o, struct err *err)
{
	const char *whole = arena_printf(&r->arena, "%s/%s", root_prefix(&r->root), o->image);
	int e;

	r->q.request.kernel = o->version;
	r->caching.if_changed = !r->force && !r->try_next && !r->caching.no_cache;
	r->caching.only_look = r->check;
	e = caching_begin(&r->caching, &r->q, &r->root, whole, err);
	r->caching.history.mode = (unsigned)r->mode;
	r->caching.history.any_mode = !r->bootdir.has_links;
	return e;
}

static void log_outcome(struct rebuild *r, const struct outcome *o)
{
	if (o->result == FAILED)
		runlog_line(&r->log, o->version, "rebuild", RUNLOG_ERROR, "%s", o->err.text);
	else if (o->result == REBUILT || o->result == TO_BE_TRIED)
		runlog_line(&r->log, o->version, "rebuild", RUNLOG_INFO,
			    "/%s is in place: %llu bytes, %llu before", o->image,
			    (unsigned long long)o->bytes, (unsigned long long)o->before);
}

/* What a killed run has left of this image, and of that in use if this one is on trial. */
static int clear_up(struct rebuild *r, const struct outcome *o, struct err *err)
{
	const char *current = boot_image_path(&r->root, &r->bootdir, o->version, &r->arena);
	int e = exchange_recover(&r->root, current, err);

	if (e == 0 && r->try_next)
		e = exchange_recover(&r->root, o->image, err);
	if (e == 0)
		atomic_clean(&r->root, o->image);
	return e;
}

static void rebuild_one(struct rebuild *r, const char *version, struct outcome *o)
{
	double start = cli_now();
	struct state state;
	int e;

	*o = (struct outcome){.version = version,
			      .image = boot_image_path(&r->root, &r->bootdir, version, &r->arena)};
	if (r->try_next)
		o->image = boot_image_trial(o->image, &r->arena);
	if (state_read(&r->root, version, &state, &o->err) < 0)
		cli_warn("%s", o->err.text);
	o->err = (struct err){0};
	e = r->check ? 0 : clear_up(r, o, &o->err);
	if (e == 0)
		e = begin_caching(r, o, &o->err);
	if (e == 0 && !caching_is_unchanged(&r->caching))
		e = rebuild_planned(r, &state, o, &o->err);
	caching_finish(&r->caching);
	r->root.cache = NULL;
	r->root.trace = NULL;
	if (e < 0)
		o->result = FAILED;
	o->seconds = cli_now() - start;
	if (!r->check)
		log_outcome(r, o);
}

/* ---- telling ---- */

static void print(const struct rebuild *r, const struct outcome *o)
{
	char before[32], bytes[32];

	if (r->q.json || (o->result != FAILED && !cli_shows(RUNLOG_INFO)))
		return;
	switch (o->result) {
	case UNCHANGED:
		printf("%s: unchanged\n", o->version);
		break;
	case WOULD_CHANGE:
		printf("%s: would change\n", o->version);
		break;
	case REBUILT:
		if (o->before)
			printf("%s: rebuilt, %s -> %s, %.2f s\n", o->version,
			       cli_size(o->before, before), cli_size(o->bytes, bytes), o->seconds);
		else
			printf("%s: rebuilt, %s, %.2f s\n", o->version, cli_size(o->bytes, bytes),
			       o->seconds);
		break;
	case TO_BE_TRIED:
		printf("%s: the next boot tries /%s, %s\n", o->version, o->image,
		       cli_size(o->bytes, bytes));
		break;
	case FAILED:
		printf("%s: failed: %s\n", o->version, o->err.text);
		if (*o->err.hint)
			printf("  %s\n", o->err.hint);
	}
	fflush(stdout);
}

static struct json_object *outcome_json(struct outcome *o)
{
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "kernel", cli_json_text(o->version));
	json_object_object_add(j, "image", cli_json_text(o->image));
	json_object_object_add(j, "result", json_object_new_string(result_names[o->result]));
	if (o->before)
		json_object_object_add(j, "bytes-before",
				       json_object_new_int64((int64_t)o->before));
	if (o->bytes)
		json_object_object_add(j, "bytes", json_object_new_int64((int64_t)o->bytes));
	json_object_object_add(j, "seconds", json_object_new_double(o->seconds));
	json_object_object_add(j, "warnings",
			       o->warnings ? o->warnings : json_object_new_array());
	if (o->result == FAILED) {
		json_object_object_add(j, "error", cli_json_text(o->err.text));
		json_object_object_add(j, "hint", cli_json_text(o->err.hint));
	}
	return j;
}

static int conclude(const struct rebuild *r, struct outcome *list, size_t n, bool loader_failed)
{
	struct json_object *kernels = r->q.json ? json_object_new_array() : NULL;
	size_t failed = 0, changed = 0;
	struct err err;

	for (size_t i = 0; i < n; i++) {
		failed += list[i].result == FAILED;
		changed += list[i].result != FAILED && list[i].result != UNCHANGED;
		if (kernels)
			json_object_array_add(kernels, outcome_json(&list[i]));
	}
	if (kernels) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "changed", json_object_new_boolean(changed > 0));
		json_object_object_add(o, "kernels", kernels);
		cli_print_json(o);
	}
	if (failed && n == 1)
		return cli_fail(&list[0].err);
	if (failed) {
		err_set(&err, -EIO, "%zu of %zu kernels could not be rebuilt; the others are done",
			failed, n);
		return cli_fail(&err);
	}
	if (loader_failed)
		return EXIT_FAILED;
	return cli_end(r->check && changed ? EXIT_FINDING : EXIT_DONE);
}

/* ---- the run ---- */

static int choose(struct rebuild *r, const char *version, const char ***out, struct err *err)
{
	struct kernel *kernels, one;
	int n = 1;

	if (!r->all) {
		int e = kernel_find(&r->root, version, &r->arena, &one, err);

		if (e < 0)
			return e;
		kernels = &one;
	} else {
		n = kernels_list(&r->root, &r->arena, &kernels, err);
		if (n == 0)
			return err_set(err, -ENOENT, "there is no kernel below %s/lib/modules",
				       root_prefix(&r->root));
	}
	*out = arena_alloc(&r->arena, (size_t)(n > 0 ? n : 1) * sizeof(**out));
	for (int i = 0; i < n; i++)
		(*out)[i] = kernels[i].version;
	return n;
}

static int prepare(struct rebuild *r, const char *version, const char ***versions,
		   struct err *err)
{
	int lock, n = root_open(r->q.root, &r->root, err);

	if (n < 0)
		return n;
	runlog_open(&r->log, &r->root);
	n = bootdir_read(&r->root, &r->arena, &r->bootdir, err);
	if (n == 0)
		n = choose(r, version, versions, err);
	if (n >= 0 && settings_read(&r->settings, &r->root, n == 1 ? **versions : NULL, &r->arena,
				    err) < 0)
		return err->code;
	if (n < 0)
		return n;
	settings_use_log(&r->settings, &r->log);
	settings_report(&r->settings);
	if (r->check)
		return n;
	/* Held until the program ends. */
	lock = lock_take(&r->root, (unsigned)r->lock_seconds, cli_tell_waiting, err);
	if (lock < 0)
		return lock;
	r->folder = caching_folder(&r->caching, &r->arena);
	return n;
}

static int run(struct rebuild *r, const char *version, struct err *err)
{
	const char **versions = NULL;
	int n = prepare(r, version, &versions, err), status;
	struct outcome *list;
	bool loader_failed = false;

	if (n < 0)
		return r->settings.is_wrong ? cli_usage(n, err) : cli_fail(err);
	list = arena_alloc(&r->arena, (size_t)n * sizeof(*list));
	for (int i = 0; i < n; i++) {
		rebuild_one(r, versions[i], &list[i]);
		if (n > 1 || list[i].result != FAILED)
			print(r, &list[i]);
	}
	for (int i = 0; i < n && !r->check; i++)
		if (list[i].result == UNCHANGED && update_loader(r, list[i].version, err) < 0) {
			loader_failed = true;
			cli_fail(err);
		}
	status = conclude(r, list, (size_t)n, loader_failed);
	if (runlog_problem(&r->log))
		cli_warn("%s", runlog_problem(&r->log));
	return status;
}

/* ---- options ---- */

static int apply(int id, char **args, void *options, struct err *err)
{
	struct rebuild *r = options;
	int e;

	switch (id) {
	case OPT_ALL:
		r->all = true;
		return 0;
	case OPT_CHECK:
		r->check = true;
		return 0;
	case OPT_FORCE:
		r->force = true;
		return 0;
	case OPT_TRY_NEXT:
		r->try_next = true;
		return 0;
	case OPT_NO_LOADER:
		r->no_loader = true;
		return 0;
	case OPT_LOCK_TIMEOUT:
		return cli_take_number("lock-timeout", args[0], LOCK_SECONDS_MAX, &r->lock_seconds,
				       err);
	case OPT_MODE:
		return cli_take_mode(args[0], &r->mode, err);
	default:
		e = caching_apply(&r->caching, id, args, err);
		if (e == 0)
			e = settings_apply(&r->settings, id, args, err);
		return e ? e : cli_request_apply(id, args, &r->q, err);
	}
}

static int check_options(struct rebuild *r, int n_args, struct err *err)
{
	if (r->all && n_args)
		return err_set(err, -EINVAL, "--all is for every kernel: it takes no KVER");
	if (r->check && (r->force || r->try_next))
		return err_set(err, -EINVAL, "--check changes nothing: it goes with neither --force "
					     "nor --try-next");
	if (r->try_next && (r->all || r->no_loader))
		return err_set(err, -EINVAL, "--try-next is for one kernel and takes the boot "
					     "loader: it goes with neither --all nor "
					     "--no-boot-loader");
	if (cli_request_settle(&r->q, err) < 0 || caching_check(&r->caching, err) < 0)
		return err->code;
	return 0;
}

int run_rebuild(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct rebuild r = {.lock_seconds = LOCK_SECONDS,
					     .mode = MODE_DEFAULT,
					     .log = {.fd = -1, .socket = -1},
					     .root = {.fd = -1}};
	struct err err = {0};
	int n;

	cli_request_init(&r.q);
	caching_init(&r.caching);
	r.settings.q = &r.q;
	n = options_parse(self, argc, argv, apply, &r, &err);
	if (n >= 0 && check_options(&r, n, &err) < 0)
		n = err.code;
	if (n < 0)
		return cli_usage(n, &err);
	r.q.request.init = cli_find_init(&r.q.arena);
	return run(&r, n > 0 ? argv[0] : NULL, &err);
}
