/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/build.h"

#include <string.h>

#include "base/profile.h"
#include "deploy/place/atomic.h"
#include "image/readback.h"
#include "transaction/configure.h"
#include "transaction/full.h"
#include "transaction/judge.h"
#include "transaction/pack.h"

static int write_image(const struct transaction *t, struct build *b, const char *out,
		       struct pack_result *packed, struct err *err)
{
	const char *slash = strrchr(out, '/');
	struct pack_target to = {
		.to_disk = true,
		.folder = !slash ? "." : slash == out ? "/"
			: arena_strndup(&b->plan.arena, out, (size_t)(slash - out))};
	struct atomic file;
	int r = atomic_begin(out, &file, err);

	if (r < 0)
		return r;
	to.fd = file.fd;
	r = atomic_check_secret(&file, plan_secret(&b->plan), err);
	if (r == 0)
		r = transaction_pack(t, b, &to, packed, err);
	profile_stage("sync");
	if (r == 0 && (r = atomic_sync(&file, err)) < 0)
		full_hint(&to, NULL, err);
	if (r == 0)
		r = image_read_back(file.fd, out, packed, &b->plan.arena, err);
	profile_stage("rename");
	if (r == 0)
		r = atomic_commit(&file, err);
	atomic_end(&file);
	return r;
}

static void note(const struct build *b, const struct pack_result *packed, struct arena *arena,
		 struct build_outcome *o)
{
	o->changed = true;
	o->kernel = arena_strdup(arena, b->kernel.version);
	o->mode = b->request->mode;
	o->codec = b->codec;
	o->store = b->plan.store_level ? CODEC_ZSTD : CODEC_NONE;
	o->bytes = packed->bytes;
	o->files = packed->files;
	o->modules = modules_count(b->modules);
	o->n_warnings = transaction_notes(b->plan.notes, arena, &o->warnings);
}

int transaction_build(const struct transaction *t, const char *out, struct arena *arena,
		      struct build_outcome *result, struct err *err)
{
	_cleanup_reuse_ struct reuse reuse = {.options = t->reuse};
	_cleanup_build_ struct build b = {0};
	struct pack_result packed = {0};
	struct request request;
	int r = reuse_begin(&reuse, t->given, t->root, out, err);

	*result = (struct build_outcome){.changed = false};
	if (r < 0 || reuse_is_unchanged(&reuse))
		return r;
	r = configure_for(t, t->given->kernel, arena, &request, err);
	if (r == 0)
		r = build_make(&request, t->root, &b, err);
	if (r == 0)
		r = reuse_settle(&reuse, &b, err);
	if (r == 0)
		r = judge_modules(&b, &b.plan, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = write_image(t, &b, out, &packed, err);
	if (r == 0) {
		reuse_keep(&reuse, packed.sha256, &b.plan);
		note(&b, &packed, arena, result);
	}
	pack_result_clear(&packed);
	return r;
}
