/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/caching.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define SYSTEM_DIR "/var/cache/preroot"

enum { SIZE_MAX_MIB = 1024 * 1024 };

void caching_init(struct caching *c)
{
	*c = (struct caching){.size = (uint64_t)CACHE_SIZE_DEFAULT << 20};
}

void caching_end(struct caching *c)
{
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

int caching_apply(struct caching *c, const struct option_spec *spec, char **args, struct err *err)
{
	switch (spec->id) {
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
	default:
		options_weigh(&c->words, spec, args);
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

/* The machine's for root, the user's own for others; NULL without a home. */
static const char *default_dir(struct arena *arena)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return SYSTEM_DIR;
	if (base && *base == '/')
		return arena_printf(arena, "%s/preroot", base);
	return home && *home == '/' ? arena_printf(arena, "%s/.cache/preroot", home) : NULL;
}

const char *caching_folder(const struct caching *c, struct arena *arena)
{
	if (c->no_cache || c->dir)
		return c->no_cache ? NULL : c->dir;
	/* Its files get their names through /proc, which a container may not have. */
	return access("/proc/self/fd", X_OK) == 0 ? default_dir(arena) : NULL;
}

struct reuse_options caching_options(const struct caching *c, struct arena *arena)
{
	return (struct reuse_options){.folder = caching_folder(c, arena),
				      /* The rule of the XDG Base Directory Specification; the system's
				       * /var/cache belongs to all. */
				      .makes_parent = !c->dir && geteuid() != 0,
				      .size = c->size,
				      .key = &c->words,
				      .if_changed = c->if_changed};
}
