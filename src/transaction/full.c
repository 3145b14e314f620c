/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/full.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "host/remembered/cache.h"

enum { BLOCK = 512, NEARLY_NOTHING = 1024 * 1024 };

/* Bytes that the file in FD has and could have got. 0: the filesystem is not full, as where inodes
 * ran out. */
static uint64_t room(int fd)
{
	struct statvfs v;
	struct stat st;
	uint64_t left;

	if (fstat(fd, &st) < 0 || fstatvfs(fd, &v) < 0)
		return 0;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	return left > NEARLY_NOTHING ? 0 : (uint64_t)st.st_blocks * BLOCK + left;
}

static int cache_hint(const struct pack_target *to, struct cache *cache, const char *lacks,
		      struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	uint64_t bytes = cache_removable(cache);

	if (bytes)
		return err_hint(err,
				"%s; rm -r %s frees %.1f MB, which the next build makes again, and "
				"preroot's option --no-cache packs in memory; nothing was changed",
				lacks, quote_word(to->folder, &arena), (double)bytes / 1e6);
	return err_hint(err, "%s; free space there, or pack in memory with preroot's option "
			     "--no-cache; nothing was changed", lacks);
}

int full_hint(const struct pack_target *to, struct cache *cache, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	uint64_t bytes = room(to->fd);
	const char *lacks = arena_printf(&arena, "there is no room in %s", to->folder);

	if (err->code == -EFBIG)
		return err_hint(err, "the image is larger than a file in %s may be (ulimit -f shows "
				     "the limit of this process); nothing was changed", to->folder);
	if (err->code != -ENOSPC && err->code != -EDQUOT)
		return err->code;
	if (err->code == -EDQUOT)
		lacks = arena_printf(&arena, "the quota in %s is used up", to->folder);
	else if (bytes)
		lacks = arena_printf(&arena, "there is room for %.1f MB in %s, and the image is larger",
				     (double)bytes / 1e6, to->folder);
	if (to->is_cache)
		return cache_hint(to, cache, lacks, err);
	return err_hint(err, "%s; free space there; nothing was changed", lacks);
}
