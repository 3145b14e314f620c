/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/profile.h"
#include "base/text.h"
#include "deploy/loader/loader.h"
#include "deploy/loader/scripts.h"
#include "deploy/lock.h"
#include "deploy/place/exchange.h"
#include "deploy/place/swap.h"
#include "deploy/prune.h"
#include "deploy/state.h"
#include "host/boot/images.h"
#include "image/contents.h"
#include "image/identity.h"
#include "transaction/configure.h"
#include "transaction/judge.h"
#include "transaction/pack.h"

struct rebuild {
	const struct rebuild_request *q;
	struct transaction *t; /* that of Q */
	struct root *root;
	struct arena *arena; /* the caller's: the outcome points into it */
	struct bootdir bootdir;
	bool is_first; /* the first image of ours on this machine */
};

/* The rebuild of one kernel's image. */
struct run {
	struct rebuild *r;
	struct rebuild_kernel *o;
	struct state state;
	struct reuse reuse;
	struct build build;
};

/* ---- steps ---- */

static void log_packed(const struct run *run, const struct pack_result *packed)
{
	const struct build *b = &run->build;
	const struct rebuild *r = run->r;
	size_t modules = modules_count(b->modules);
	char text[256];

	snprintf(text, sizeof(text), "%zu file%s, %zu module%s, %s", packed->files,
		 text_plural((long long)packed->files), modules, text_plural((long long)modules), codec_info(b->codec)->name);
	runlog_line(r->t->log, run->o->version, "pack", RUNLOG_DEBUG, "%s", text);
	r->t->tell(&(struct step){.kind = STEP_DETAIL,
				  .kernel = run->o->version,
				  .name = "pack",
				  .text = text},
		   r->t->arg);
}

/* ---- the boot loader ---- */

static int update_loader(struct rebuild *r, const char *version, struct err *err)
{
	struct loader_request q = transaction_loader(r->t, &r->bootdir, version);
	int e = r->q->no_loader ? 0 : loader_update(&q, err);

	return e < 0 ? err_prefix(err, "the boot loader could not be brought in line") : 0;
}

static int update_menu(struct run *run, struct err *err)
{
	const struct rebuild_kernel *o = run->o;
	struct loader_request q = transaction_loader(run->r->t, &run->r->bootdir, o->version);
	int e = update_loader(run->r, o->version, err);

	if (e < 0 || run->r->q->no_loader)
		return e;
	return run->r->q->try_next ? loader_try_next(&q, o->version, o->image, err)
				   : loader_check(&q, o->image, err);
}

/* Once the image is in place: updates the boot loader, or undoes everything. */
static int finish(struct run *run, struct swap_result *swapped, struct err *err)
{
	const char *version = run->o->version;
	struct loader_request q = transaction_loader(run->r->t, &run->r->bootdir, version);
	struct err undo = {0};
	int e;

	profile_stage("boot loader");
	e = update_menu(run, err);

	/* The image was there already, but the loader may not know the trial yet. */
	if (swapped->same)
		return e;
	if (e == 0) {
		rotate_finish(&swapped->keep);
		return 0;
	}
	if (rotate_undo(&swapped->keep, &undo) < 0)
		transaction_tell(run->r->t, STEP_ALARM, version, "%s: the old image is not back: %s",
				 version, undo.text);
	/* Of the menus, too, nothing is new then: there is nothing to say. */
	q.say = NULL;
	if (!run->r->q->no_loader && !*undo.text)
		loader_update(&q, NULL);
	return e;
}

/* ---- one image ---- */

static void record(struct run *run, const struct pack_result *packed, const char *id)
{
	const struct rebuild *r = run->r;
	struct state *state = &run->state;
	struct err err = {0};

	if (r->q->try_next) {
		snprintf(state->trial, sizeof(state->trial), "%s", id);
		state_this_boot(r->root, state->trial_boot);
		state->trial_keep = r->q->keep;
	} else {
		snprintf(state->image, sizeof(state->image), "%s", run->o->image);
		snprintf(state->id, sizeof(state->id), "%s", id);
		digest_text(packed->sha256, state->sha256);
		state->bytes = packed->bytes;
	}
	if (state_write(r->root, run->o->version, state, &err) < 0)
		transaction_tell(r->t, STEP_WARNING, run->o->version, "%s", err.text);
}

/* Compares the new image, with its identity in ID, with the current one and with the last trial. */
static int compare_trials(struct run *run, int fd, char id[MANIFEST_ID + 1], bool *keep_current,
			  struct err *err)
{
	const char *image = run->o->image, *failed = run->state.failed;
	_cleanup_fd_ int now = root_openat(run->r->root, image, O_RDONLY | O_NONBLOCK);
	char old[MANIFEST_ID + 1] = "";

	image_identity(fd, image, id, NULL);
	if (now >= 0)
		image_identity(now, image, old, NULL);
	else if (now != -ENOENT)
		return err_sys(err, now, "/%s", image);
	/* A trial that was not tried is none to go back to. */
	*keep_current = !run->r->q->try_next && (!*failed || strcmp(old, failed) != 0);
	if (*id && strcmp(id, failed) == 0)
		plan_warn(&run->build.plan, "this very image did not boot when it was tried last");
	return 0;
}

static int pack(struct run *run, int fd, struct pack_result *packed, struct err *err)
{
	const char *folder = run->r->t->reuse.folder;
	struct pack_target to = {.fd = fd, .folder = folder ? folder : "memory",
				  .is_cache = folder};
	int e = transaction_pack(run->r->t, &run->build, &to, packed, err);

	if (e == 0)
		log_packed(run, packed);
	/* From here on we change files ourselves, so reads are no longer inputs. */
	run->r->root->trace = NULL;
	return e;
}

/* Makes the packed image in FD the one that the machine boots with. */
static int put_in_place(struct run *run, int fd, const struct pack_result *packed, struct err *err)
{
	struct rebuild *r = run->r;
	struct rebuild_kernel *o = run->o;
	char id[MANIFEST_ID + 1] = "";
	struct swap_result swapped;
	struct swap swap = {
		.root = r->root,
		.bootdir = &r->bootdir,
		.path = o->image,
		.keep = r->q->keep,
		.mode = r->q->mode,
		.secret = plan_secret(&run->build.plan),
		.packed = fd,
		.image = packed,
		.arena = &run->build.plan.arena,
	};
	int e = compare_trials(run, fd, id, &swap.keep_current, err);

	/* Read again: the previous kernel's image has changed the free space. */
	if (e == 0)
		e = bootdir_read(r->root, r->arena, &r->bootdir, err);
	if (e == 0)
		e = swap_image(&swap, &swapped, err);
	if (e == -ENOSPC)
		prune_hint(r->root, r->q->keep, err);
	if (e < 0)
		return e;
	o->before = swapped.before;
	o->result = r->q->try_next ? REBUILD_TO_BE_TRIED
		    : swapped.same ? REBUILD_UNCHANGED
				   : REBUILD_DONE;
	if (!swapped.same || r->q->try_next)
		e = finish(run, &swapped, err);
	if (e == 0 && !swapped.same && swapped.keep.has_spared)
		plan_warn(&run->build.plan, "%s",
			  rotate_spared(r->root, o->image, r->q->keep, r->arena));
	if (e == 0) {
		reuse_keep(&run->reuse, packed->sha256, &run->build.plan);
		record(run, packed, id);
	}
	return e;
}

static int make_image(struct run *run, struct err *err)
{
	_cleanup_fd_ int fd = swap_scratch(run->r->t->reuse.folder, err);
	struct pack_result packed = {0};
	int e = fd < 0 ? fd : pack(run, fd, &packed, err);

	run->o->bytes = packed.bytes;
	if (e == 0)
		e = put_in_place(run, fd, &packed, err);
	pack_result_clear(&packed);
	return e;
}

/* Returns 1 if the current image is what would be built. */
static int plan_image(struct run *run, struct request *request, struct err *err)
{
	struct rebuild *r = run->r;
	struct build *b = &run->build;
	int e = configure_for(r->t, run->o->version, r->arena, request, err);

	if (e == 0)
		e = build_make(request, r->root, b, err);
	if (e == 0)
		e = judge_mode(&b->plan, r->q->mode, err);
	if (e == 0)
		e = reuse_settle(&run->reuse, b, err);
	if (e == 0)
		e = judge_machine(request, r->root, &b->plan, err);
	if (e == 0)
		e = judge_reach(b, r->root, &b->plan, err);
	if (e == 0)
		e = judge_modules(b, &b->plan, err);
	return e;
}

static void note_warnings(struct run *run)
{
	struct rebuild_kernel *o = run->o;
	const struct rebuild_request *q = run->r->q;

	o->n_warnings = transaction_notes(run->build.plan.notes, run->r->arena, &o->warnings);
	for (size_t i = 0; i < o->n_warnings; i++)
		if (!q->check && o->result != REBUILD_UNCHANGED)
			runlog_line(run->r->t->log, o->version, "plan", RUNLOG_WARN, "%s", o->warnings[i]);
}

/* ---- what would change ---- */

/* Reads the current image's manifest; empty, with the reason, if there is none. */
static void read_current(const struct run *run, struct buf *out)
{
	const char *path = run->o->image;
	_cleanup_image_ struct image *image = NULL;
	_cleanup_fd_ int fd = root_openat(run->r->root, path, O_RDONLY | O_NONBLOCK);
	struct err err = {0};
	int e = fd;

	if (fd == -ENOENT)
		err_set(&err, fd, "there is no image /%s", path);
	else if (fd < 0)
		err_sys(&err, fd, "/%s", path);
	else
		e = image_open_fd(fd, path, &image, &err);
	if (fd >= 0 && e == 0)
		e = image_contents(image, path, out, &err);
	if (e >= 0)
		return;
	run->o->changes.why = arena_strdup(run->r->arena, err.text);
	out->len = 0;
}

static const char *find_reason(struct run *run)
{
	static const char *const reasons[] = {
		[HISTORY_NONE] = "there is no record of the build of the image",
		[HISTORY_OTHER] = "the image is not the one that was written last",
		[HISTORY_CHANGED] = "the machine has changed",
		[HISTORY_SAME] = "other options or other hardware than in the last build"};
	struct rebuild *r = run->r;
	struct trace *trace = run->reuse.cache ? trace_new(r->root, NULL) : NULL;
	const char *path = arena_printf(r->arena, "%s/%s", root_prefix(r->root), run->o->image);
	const char *changed = NULL;
	enum history_verdict verdict = HISTORY_NONE;

	if (trace)
		verdict = history_judge(run->reuse.cache, trace, path, r->arena, &changed);
	trace_free(trace);
	return changed ? arena_printf(r->arena, "%s has changed", changed) : reasons[verdict];
}

/* Without a look into the image. */
static const char *reason_at_a_glance(struct run *run)
{
	struct rebuild *r = run->r;

	return root_exists(r->root, run->o->image)
		       ? find_reason(run)
		       : arena_printf(r->arena, "there is no image /%s", run->o->image);
}

static int explain(struct run *run, struct err *err)
{
	_cleanup_fd_ int fd = swap_scratch(NULL, err);
	_cleanup_buf_ struct buf old = BUF_INIT;
	struct pack_result packed = {0};
	struct pack_target to = {.fd = fd, .folder = "memory"};
	int e = fd < 0 ? fd : 0;

	read_current(run, &old);
	if (e == 0 && !run->o->changes.why)
		run->o->changes.why = find_reason(run);
	if (e == 0)
		e = transaction_pack(run->r->t, &run->build, &to, &packed, err);
	if (e == 0)
		e = changes_find(&old, &packed.manifest, run->r->arena, &run->o->changes, err);
	pack_result_clear(&packed);
	return e;
}

/* Users of other builders may expect a shell, so the first image of ours comes with a note. */
static void note_no_shell(const struct run *run, const struct request *request)
{
	const struct rebuild *r = run->r;

	if (features_wants(request, features_find("rescue")))
		return;
	transaction_tell(r->t, STEP_NOTE, run->o->version,
			 "images of preroot have no shell for boots that fail, only an account of "
			 "what is missing; --add rescue packs one");
}

static int rebuild_changed(struct run *run, struct err *err)
{
	struct request request;
	int e = plan_image(run, &request, err);

	if (e == 0 && run->r->q->check) {
		run->o->result = REBUILD_WOULD_CHANGE;
		if (run->r->q->explain)
			e = explain(run, err);
		else
			run->o->changes.why = reason_at_a_glance(run);
	} else if (e == 0) {
		e = make_image(run, err);
	}
	if (e == 0 && run->r->is_first && run->o->result != REBUILD_WOULD_CHANGE) {
		note_no_shell(run, &request);
		run->r->is_first = false;
	}
	if (e >= 0)
		note_warnings(run);
	build_clear(&run->build);
	return e;
}

static int begin_reuse(struct run *run, struct err *err)
{
	struct rebuild *r = run->r;
	const char *path = arena_printf(r->arena, "%s/%s", root_prefix(r->root), run->o->image);
	struct request request = *r->t->given;
	int e;

	request.kernel = run->o->version;
	run->reuse.options = r->t->reuse;
	run->reuse.options.if_changed = !r->q->force && !r->q->try_next && r->t->reuse.folder;
	run->reuse.options.only_look = r->q->check;
	e = reuse_begin(&run->reuse, &request, r->root, path, err);
	run->reuse.history.mode = r->q->mode;
	run->reuse.history.any_mode = !r->bootdir.has_links;
	return e;
}

/* Finishes or removes what a killed run has left of this image and, for a trial, of the image in
 * use. */
static int clear_up(struct run *run, struct err *err)
{
	struct rebuild *r = run->r;
	const char *image = run->o->image;
	int e = exchange_recover(
		r->root, boot_image_path(r->root, &r->bootdir, run->o->version, r->arena), err);

	if (e == 0 && r->q->try_next)
		e = exchange_recover(r->root, image, err);
	if (e == 0)
		atomic_clean(r->root, image);
	return e;
}

static void log_outcome(const struct rebuild *r, const struct rebuild_kernel *o)
{
	if (o->result == REBUILD_FAILED)
		runlog_line(r->t->log, o->version, "rebuild", RUNLOG_ERROR, "%s", o->err.text);
	else if (o->result == REBUILD_DONE || o->result == REBUILD_TO_BE_TRIED)
		runlog_line(r->t->log, o->version, "rebuild", RUNLOG_INFO,
			    "/%s is in place: %llu bytes, %llu before", o->image,
			    (unsigned long long)o->bytes, (unsigned long long)o->before);
}

/* One file must not be the image of two kernels. The N kernels before O in its array are done. */
static int check_image(struct rebuild *r, const struct rebuild_kernel *o, size_t n, struct err *err)
{
	const char *path = boot_image_own(r->root, &r->bootdir, o->version, r->arena, err);

	if (!path)
		return err->code;
	for (const struct rebuild_kernel *k = o - n; k < o; k++)
		if (strcmp(k->version, o->version) != 0 && strcmp(k->image, o->image) == 0)
			return err_set(err, -EINVAL,
				       "/%s is the image of kernels %s and %s; give each its own",
				       path, k->version, o->version);
	return 0;
}

static void rebuild_one(struct rebuild *r, const char *version, struct rebuild_kernel *o, size_t n)
{
	struct run run = {.r = r, .o = o};
	double start = clock_now();
	int e;

	*o = (struct rebuild_kernel){
		.version = version,
		.image = boot_image_path(r->root, &r->bootdir, version, r->arena)};
	if (r->q->try_next)
		o->image = boot_image_trial(o->image, r->arena);
	if (state_read(r->root, version, &run.state, &o->err) < 0)
		transaction_tell(r->t, STEP_WARNING, version, "%s", o->err.text);
	o->err = (struct err){0};
	e = check_image(r, o, n, &o->err);
	if (e == 0 && !r->q->check)
		e = clear_up(&run, &o->err);
	if (e == 0)
		e = begin_reuse(&run, &o->err);
	if (e == 0 && !reuse_is_unchanged(&run.reuse))
		e = rebuild_changed(&run, &o->err);
	reuse_end(&run.reuse);
	if (e < 0)
		o->result = REBUILD_FAILED;
	o->seconds = clock_now() - start;
	if (!r->q->check)
		log_outcome(r, o);
	r->t->tell(&(struct step){.kind = STEP_KERNEL, .kernel = version, .result = o}, r->t->arg);
}

/* ---- all of them ---- */

static void rebuild_all(struct rebuild *r, struct rebuild_outcome *out)
{
	const struct rebuild_request *q = r->q;

	out->n = q->n_versions;
	out->kernels = arena_alloc(r->arena, (out->n ? out->n : 1) * sizeof(*out->kernels));
	for (size_t i = 0; i < out->n; i++) {
		rebuild_one(r, q->versions[i], &out->kernels[i], i);
		out->n_failed += out->kernels[i].result == REBUILD_FAILED;
		out->n_changed += out->kernels[i].result != REBUILD_FAILED &&
				  out->kernels[i].result != REBUILD_UNCHANGED;
	}
	/* Only once all images are in place, since the menu may name any of them. */
	for (size_t i = 0; i < out->n && !q->check; i++) {
		struct rebuild_kernel *o = &out->kernels[i];

		if (o->result == REBUILD_UNCHANGED && update_loader(r, o->version, &o->loader) < 0)
			out->loader_failed = true;
	}
}

/* What others want to be run for images that were replaced. */
static void run_scripts(struct rebuild *r, struct rebuild_outcome *out)
{
	for (size_t i = 0; i < out->n; i++) {
		struct rebuild_kernel *o = &out->kernels[i];
		struct loader_request q = transaction_loader(r->t, &r->bootdir, o->version);

		if (o->result != REBUILD_DONE || r->q->no_loader ||
		    loader_run_scripts(&q, o->image, &o->loader) == 0)
			continue;
		out->scripts_failed = true;
		runlog_line(r->t->log, o->version, "boot-loader", RUNLOG_ERROR, "%s", o->loader.text);
	}
}

int transaction_rebuild(const struct rebuild_request *q, struct arena *arena,
			struct rebuild_outcome *out, struct err *err)
{
	struct transaction t = q->t;
	struct rebuild r = {.q = q, .t = &t, .root = t.root, .arena = arena};
	_cleanup_lock_ struct lock lock = {0};
	int e;

	*out = (struct rebuild_outcome){.loader_failed = false};
	if (!q->check) {
		e = lock_take(t.root, q->lock_seconds, transaction_say_waiting, &t, &lock, err);
		if (e < 0)
			return e;
	}
	/* Read again: another run may have changed the menu before we got the lock. */
	e = bootdir_read(r.root, arena, &r.bootdir, err);
	if (e < 0)
		return e;
	r.is_first = !q->check && !state_is_any(r.root, arena);
	rebuild_all(&r, out);
	lock_release(&lock);
	run_scripts(&r, out);
	return 0;
}
