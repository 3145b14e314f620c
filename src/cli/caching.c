/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/caching.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/fingerprint.h"

#define SYSTEM_DIR "/var/cache/preroot"

enum { SIZE_MAX_MIB = 1024 * 1024 };

void caching_init(struct caching *c)
{
	*c = (struct caching){.size = (uint64_t)CACHE_SIZE_DEFAULT << 20};
}

void caching_finish(struct caching *c)
{
	history_close(&c->history);
	trace_free(c->trace);
	cache_free(c->cache);
	c->history = (struct history){0};
	c->trace = NULL;
	c->cache = NULL;
	if (c->n_options < c->words.len)
		c->words.len = c->n_options;
}

void caching_end(struct caching *c)
{
	caching_finish(c);
	buf_clear(&c->words);
}

static int set_size(struct caching *c, const char *text, struct err *err)
{
	if (!parse_u64(text, SIZE_MAX_MIB, &c->size) || !c->size) {
		err_set(err, -EINVAL, "--cache-size takes a number of MiB from 1 to %d, not \"%s\"",
			SIZE_MAX_MIB, text);
		return err_hint(err, "--no-cache keeps nothing");
	}
	c->size <<= 20;
	return 0;
}

/* With its end, so that two words are not one. */
static void add_word(struct caching *c, const char *word)
{
	buf_add(&c->words, word, strlen(word) + 1);
}

int caching_apply(struct caching *c, int id, char **args, struct err *err)
{
	switch (id) {
	case OPT_IF_CHANGED:
		c->if_changed = true;
		return 1;
	case OPT_CACHE_DIR:
		c->dir = args[0];
		return 1;
	case OPT_CACHE_SIZE:
		return set_size(c, args[0], err) < 0 ? -EINVAL : 1;
	case OPT_NO_CACHE:
		c->no_cache = true;
		return 1;
	case OPT_JSON:
	case OPT_KEEP:
	case OPT_STDLOG:
	case OPT_VERBOSE:
	case OPT_QUIET:
	case OPT_LOGFILE:
		return 0; /* of no weight for what is built */
	default:
		buf_printf(&c->words, "option %d", id);
		add_word(c, "");
		for (int i = 0; i < OPTION_ARGS_MAX && args[i]; i++)
			add_word(c, args[i]);
		return 0;
	}
}

int caching_check(const struct caching *c, struct err *err)
{
	if (c->no_cache && (c->if_changed || c->dir))
		return err_set(err, -EINVAL, "--no-cache leaves %s nothing to go by",
			       c->if_changed ? "--if-changed" : "--cache-dir");
	return 0;
}

/* Of the machine for root, the user's own for others; NULL when they have no home. */
static const char *default_dir(struct arena *arena)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return SYSTEM_DIR;
	if (base && *base == '/')
		return arena_printf(arena, "%s/preroot", base);
	return home && *home == '/' ? arena_printf(arena, "%s/.cache/preroot", home) : NULL;
}

/* What the plan depends on beside the options and the machine's files. */
static void add_surroundings(struct caching *c, const struct request *q)
{
	char cwd[PATH_MAX];
	struct utsname u;

	add_word(c, q->kernel ? q->kernel : "");
	add_word(c, !q->kernel && uname(&u) == 0 ? u.release : "");
	add_word(c, q->init);
	add_word(c, getcwd(cwd, sizeof(cwd)) ? cwd : "");
	buf_printf(&c->words, "user %u", geteuid());
}

const char *caching_folder(const struct caching *c, struct arena *arena)
{
	return c->no_cache ? NULL : c->dir ? c->dir : default_dir(arena);
}

int caching_begin(struct caching *c, const struct cli_request *q, struct root *root,
		  const char *out, struct err *err)
{
	struct arena scratch = ARENA_INIT;
	const char *dir = caching_folder(c, &scratch);

	c->n_options = c->words.len;
	if (dir) {
		c->cache = cache_new(dir, c->size);
		if (c->only_look)
			cache_freeze(c->cache);
		c->trace = trace_new(root, err);
	}
	arena_clear(&scratch);
	if (!c->cache)
		return 0;
	if (!c->trace)
		return err->code;
	add_surroundings(c, &q->request);
	history_open(&c->history, c->cache, c->trace, out, &c->words);
	root->cache = c->cache;
	root->trace = c->trace;
	return 0;
}

bool caching_is_unchanged(struct caching *c)
{
	return c->if_changed && history_holds(&c->history);
}

int caching_settle(struct caching *c, const struct build *b, struct err *err)
{
	int r;

	if (!c->cache)
		return 0;
	trace_note_program(c->trace);
	r = plan_fingerprint(&b->plan, b->root, b->codec,
			     &(struct encode_options){b->level, 0, b->x86_filter}, c->plan, err);
	if (r < 0 || !c->if_changed || !history_same(&c->history, c->plan))
		return r;
	if (!c->only_look)
		history_keep(&c->history, c->plan, NULL);
	return 1;
}

void caching_keep(struct caching *c, const uint8_t image[DIGEST_SIZE], struct plan *plan)
{
	size_t dropped;

	if (!c->cache)
		return;
	history_keep(&c->history, c->plan, image);
	if (cache_problem(c->cache))
		plan_warn(plan, "%s", cache_problem(c->cache));
	dropped = cache_dropped(c->cache);
	if (dropped)
		plan_warn(plan, "%zu damaged or foreign file%s in the cache, dropped", dropped,
			  cli_plural(dropped));
}
