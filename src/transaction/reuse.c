/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/reuse.h"

#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/profile.h"
#include "features/make.h"
#include "plan/fingerprint.h"

/* With the NUL, so that two words differ from one. */
static void add_word(struct buf *key, const char *word)
{
	buf_add(key, word, strlen(word) + 1);
}

/* Adds the inputs of the plan other than the options and the machine's files. */
static void add_surroundings(struct buf *key, const struct request *q)
{
	char cwd[PATH_MAX];
	struct utsname u;

	add_word(key, q->kernel ? q->kernel : "");
	add_word(key, !q->kernel && uname(&u) == 0 ? u.release : "");
	add_word(key, q->init);
	add_word(key, q->elsewhere ? q->elsewhere : "");
	add_word(key, q->elsewhere_has_disk ? "disk" : "");
	add_word(key, q->hardware_text ? q->hardware_text : "");
	add_word(key, getcwd(cwd, sizeof(cwd)) ? cwd : "");
	buf_printf(key, "user %u", geteuid());
}

int reuse_begin(struct reuse *u, const struct request *request, struct root *root, const char *out,
		struct err *err)
{
	const struct reuse_options *o = &u->options;

	profile_stage("last record");
	u->root = root;
	u->cache = cache_new(o->folder, o->folder ? o->size : UINT64_MAX);
	if (o->makes_parent)
		cache_make_parent(u->cache);
	if (o->only_look)
		cache_freeze(u->cache);
	root->stored = u->stored = stored_open(u->cache);
	if (!o->folder)
		return 0;
	u->trace = trace_new(root, err);
	if (!u->trace)
		return err->code;
	buf_add(&u->key, o->key->data, o->key->len);
	add_surroundings(&u->key, request);
	history_open(&u->history, u->cache, u->trace, out, &u->key);
	root->cache = u->cache;
	root->trace = u->trace;
	return 0;
}

void reuse_end(struct reuse *u)
{
	history_close(&u->history);
	stored_close(u->stored);
	trace_free(u->trace);
	cache_free(u->cache);
	buf_clear(&u->key);
	if (u->root) {
		u->root->cache = NULL;
		u->root->stored = NULL;
		u->root->trace = NULL;
	}
	*u = (struct reuse){0};
}

bool reuse_is_unchanged(struct reuse *u)
{
	return u->options.if_changed && history_holds(&u->history);
}

int reuse_settle(struct reuse *u, const struct build *b, struct err *err)
{
	int r;

	if (!u->trace)
		return 0;
	profile_stage("fingerprint");
	trace_note_program(u->trace);
	r = plan_fingerprint(&b->plan, b->root, b->codec,
			     &(struct encode_options){b->level, 0, b->x86_filter}, u->plan, err);
	if (r < 0 || !u->options.if_changed || !history_same(&u->history, u->plan))
		return r;
	if (!u->options.only_look)
		history_keep(&u->history, u->plan, NULL);
	return 1;
}

void reuse_keep(struct reuse *u, const uint8_t image[DIGEST_SIZE], struct plan *plan)
{
	size_t dropped;

	if (!u->trace)
		return;
	profile_stage("record, cache");
	history_keep(&u->history, u->plan, image);
	stored_keep(u->stored);
	cache_commit(u->cache);
	if (cache_problem(u->cache))
		plan_warn(plan, "%s", cache_problem(u->cache));
	dropped = cache_dropped(u->cache);
	if (dropped)
		plan_warn(plan, "%zu damaged or foreign file%s in the cache, dropped", dropped,
			  dropped == 1 ? "" : "s");
}
