/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "host/remembered/blobs.h"

enum {
	FREE_PART = 20, /* this part of the filesystem stays free, */
	FREE_MIB = 512, /* or this much when that is less */
	ROOM_STEP = 8 * 1024 * 1024, /* bytes after which the room is looked at again */
	PROBLEM_MAX = 512,
};

struct cache {
	char *dir; /* NULL: nothing is kept */
	bool makes_parent;
	uint64_t limit;
	pthread_mutex_t lock;
	int fd;		     /* -1: not opened */
	struct blobs *blobs; /* NULL: not opened */
	struct blobs *spare; /* in memory, for this run: what BLOBS cannot take; NULL: nothing */
	bool refused;	     /* not to be used at all */
	bool frozen;	     /* nothing is written */
	bool committed;
	uint64_t room_until; /* there is room for that many bytes of new blobs */
	_Atomic bool full;   /* nothing is put any more */
	char problem[PROBLEM_MAX];
};

struct cache *cache_new(const char *dir, uint64_t limit)
{
	struct cache *c = xrealloc(NULL, 1, sizeof(*c));
	size_t len;

	*c = (struct cache){.dir = dir ? xstrdup(dir) : NULL, .limit = limit, .fd = -1};
	/* "x/" would follow a link x. */
	for (len = dir ? strlen(dir) : 0; len > 1 && c->dir[len - 1] == '/'; len--)
		c->dir[len - 1] = '\0';
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void cache_make_parent(struct cache *c)
{
	c->makes_parent = true;
}

/* ---- the folder ---- */

/* Only the first problem is reported. */
static void set_problem(struct cache *c, const char *what, int code)
{
	if (!c->problem[0])
		snprintf(c->problem, sizeof(c->problem), "cache folder %.300s %s%s%s",
			 c->dir ? c->dir : "(in memory)", what,
			 code ? ": " : "", code ? strerror(code) : "");
}

static bool refuse(struct cache *c, const char *what, int code)
{
	set_problem(c, what, code);
	c->refused = true;
	return false;
}

/* What others own or can write to may hold anything. */
static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static bool make_dir(const struct cache *c)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	if (mkdir(c->dir, 0700) == 0 || errno == EEXIST)
		return true;
	return errno == ENOENT && c->makes_parent &&
	       (mkdir(arena_folder(&arena, c->dir), 0700) == 0 || errno == EEXIST) &&
	       (mkdir(c->dir, 0700) == 0 || errno == EEXIST);
}

static bool open_dir(struct cache *c, bool make)
{
	struct stat st;

	if (make && !make_dir(c))
		return refuse(c, "cannot be created", errno);
	c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0 && errno == ENOENT && !make)
		return false;
	if (c->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return refuse(c, "is a link or not a folder, and is not used", 0);
	if (c->fd < 0)
		return refuse(c, "cannot be opened", errno);
	if (fstat(c->fd, &st) == 0 && is_ours(&st))
		return true;
	c->fd = close_fd(c->fd);
	return refuse(c, "belongs to another user or can be written by others, and is not used", 0);
}

static bool open_blobs(struct cache *c, bool make)
{
	if (c->refused || c->blobs)
		return !c->refused;
	if (c->dir && !open_dir(c, make))
		return false;
	c->blobs = blobs_open(c->fd);
	return true;
}

/* What there is of C->blobs and C->spare; with MAKE, where blobs are to be put. */
static struct blobs *places(struct cache *c, bool make, struct blobs **spare)
{
	struct blobs *blobs = NULL;

	*spare = NULL;
	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	if (open_blobs(c, make))
		blobs = c->blobs;
	if (make && !c->spare && (!blobs || c->full))
		c->spare = blobs_open(-1);
	*spare = c->spare;
	pthread_mutex_unlock(&c->lock);
	return blobs;
}

const char *cache_problem(struct cache *c)
{
	return c && c->problem[0] ? c->problem : NULL;
}

size_t cache_dropped(struct cache *c)
{
	return c && c->blobs ? blobs_damaged(c->blobs) : 0;
}

/* ---- blobs ---- */

static bool get(struct cache *c, const char *key, size_t max, struct buf *out, uint8_t *sha256,
		bool mark)
{
	struct blobs *spare, *blobs = places(c, false, &spare);
	uint8_t sum[DIGEST_SIZE];
	bool found = spare && blobs_get(spare, key, max, false, out, sum) > 0;

	if (!found)
		found = blobs && blobs_get(blobs, key, max, mark, out, sum) > 0;
	if (found && sha256)
		memcpy(sha256, sum, DIGEST_SIZE);
	return found;
}

bool cache_get(struct cache *c, const char *key, size_t max, struct buf *out,
	       uint8_t sha256[DIGEST_SIZE])
{
	return get(c, key, max, out, sha256, c && !c->frozen);
}

bool cache_peek(struct cache *c, const char *key, size_t max, struct buf *out,
		uint8_t sha256[DIGEST_SIZE])
{
	return get(c, key, max, out, sha256, false);
}

/* Bytes that may be written: the cache must not take the last space from what it is there to
 * help. */
static uint64_t room_of(struct cache *c)
{
	struct statvfs v;
	uint64_t keep, left;

	if (c->fd < 0)
		return UINT64_MAX;
	if (fstatvfs(c->fd, &v) < 0)
		return 0;
	keep = (uint64_t)v.f_blocks * v.f_frsize / FREE_PART;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (keep > (uint64_t)FREE_MIB << 20)
		keep = (uint64_t)FREE_MIB << 20;
	return left > keep ? left - keep : 0;
}

/* Call with the lock held. */
static bool has_room(struct cache *c, uint64_t len)
{
	uint64_t wanted = blobs_new_bytes(c->blobs) + len, room;

	if (wanted <= c->room_until)
		return true;
	room = room_of(c);
	if (room < len)
		return false;
	c->room_until = wanted + (room - len < ROOM_STEP ? room - len : ROOM_STEP);
	return true;
}

static void give_up(struct cache *c, int code)
{
	pthread_mutex_lock(&c->lock);
	if (code == -ENOSPC)
		set_problem(c, "is on a filesystem that is nearly full: nothing more is put there", 0);
	else
		set_problem(c, "cannot be written", -code);
	c->full = true;
	pthread_mutex_unlock(&c->lock);
}

/* 0, or what is wrong with the folder. */
static int put_there(struct cache *c, struct blobs *blobs, const char *key, const void *data,
		     size_t len, const uint8_t *sha256)
{
	bool fits;

	pthread_mutex_lock(&c->lock);
	fits = has_room(c, len);
	pthread_mutex_unlock(&c->lock);
	return fits ? blobs_put(blobs, key, data, len, sha256) : -ENOSPC;
}

void cache_freeze(struct cache *c)
{
	if (c)
		c->frozen = true;
}

bool cache_takes(const struct cache *c)
{
	return c && !c->frozen && !c->committed;
}

bool cache_keeps(const struct cache *c)
{
	return cache_takes(c) && c->dir && !c->refused && !c->full;
}

void cache_put(struct cache *c, const char *key, const void *data, size_t len,
	       const uint8_t *sha256)
{
	struct blobs *blobs, *spare;
	uint8_t sum[DIGEST_SIZE];
	int r;

	if (!cache_takes(c) || strlen(key) > CACHE_KEY_MAX || len > c->limit / 2)
		return;
	if (!sha256)
		digest_of(data, len, sum);
	sha256 = sha256 ? sha256 : sum;
	blobs = places(c, true, &spare);
	r = blobs && !spare ? put_there(c, blobs, key, data, len, sha256) : 0;
	if (r < 0) {
		give_up(c, r);
		places(c, true, &spare);
	}
	if (spare)
		blobs_put(spare, key, data, len, sha256);
}

uint64_t cache_removable(struct cache *c)
{
	struct blobs *spare;
	int fd = places(c, false, &spare) && c->fd >= 0
			 ? openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			 : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool is_only_ours = true;
	struct dirent *de;
	uint64_t total = 0;
	struct stat st;

	if (!dir) {
		close_fd(fd);
		return 0;
	}
	while ((de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		is_only_ours = is_only_ours && blobs_is_ours(de->d_name);
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			total += (uint64_t)st.st_blocks * 512;
	}
	closedir(dir);
	return is_only_ours ? total : 0;
}

void cache_commit(struct cache *c)
{
	int r;

	if (!c || !c->blobs || c->frozen || c->committed)
		return;
	c->committed = true;
	r = blobs_commit(c->blobs, c->limit, room_of(c));
	if (r < 0)
		set_problem(c, "cannot be written", -r);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	cache_commit(c);
	blobs_close(c->blobs);
	blobs_close(c->spare);
	close_fd(c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c->dir);
	free(c);
}
