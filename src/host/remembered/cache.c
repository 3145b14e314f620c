/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define MAGIC	  "PRB1"
#define TEMP_MARK ".new-"

enum {
	HEAD = 4 + 4 + 8 + DIGEST_SIZE,
	NAME = 2 * DIGEST_SIZE,
	TEMP_RANDOM = 16,
	TEMP_AGE = 3600,      /* seconds after which the writer must be dead */
	USED_AGE = 24 * 3600, /* a blob's time of use is updated once a day */
	FREE_PART = 20,	      /* 1/20 of the filesystem stays free, */
	FREE_MIB = 512,	      /* or this much if it is less */
	PROBLEM_MAX = 512,
};

struct cache {
	char *dir;
	uint64_t limit;
	pthread_mutex_t lock;
	int fd;		   /* -1: not opened */
	bool refused;	   /* the folder is not used at all */
	bool frozen;	   /* read only */
	_Atomic bool full; /* a write failed: nothing more is added */
	_Atomic bool wrote;
	_Atomic size_t dropped;
	char problem[PROBLEM_MAX];
};

struct cache *cache_new(const char *dir, uint64_t limit)
{
	struct cache *c = xrealloc(NULL, 1, sizeof(*c));
	size_t len;

	*c = (struct cache){.dir = xstrdup(dir), .limit = limit, .fd = -1};
	/* O_NOFOLLOW does not apply to a link with a trailing slash. */
	for (len = strlen(c->dir); len > 1 && c->dir[len - 1] == '/'; len--)
		c->dir[len - 1] = '\0';
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

/* ---- the folder ---- */

/* Only the first problem is reported. */
static void set_problem(struct cache *c, const char *what, int code)
{
	if (!c->problem[0])
		snprintf(c->problem, sizeof(c->problem), "cache folder %.300s %s%s%s", c->dir, what,
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

static bool open_dir(struct cache *c, bool make)
{
	struct stat st;

	if (c->refused || c->fd >= 0)
		return !c->refused;
	if (make && mkdir(c->dir, 0700) < 0 && errno != EEXIST)
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

static bool ready(struct cache *c, bool make)
{
	bool is_open;

	if (!c)
		return false;
	pthread_mutex_lock(&c->lock);
	is_open = open_dir(c, make);
	pthread_mutex_unlock(&c->lock);
	return is_open;
}

const char *cache_problem(struct cache *c)
{
	return c && c->problem[0] ? c->problem : NULL;
}

size_t cache_dropped(struct cache *c)
{
	return c ? c->dropped : 0;
}

/* ---- blobs ---- */

static void name_of(const char *key, char out[NAME + 1])
{
	uint8_t sum[DIGEST_SIZE];

	digest_of(key, strlen(key), sum);
	digest_text(sum, out);
}

static void add_head(struct buf *out, const char *key, size_t len, const uint8_t *sha256)
{
	buf_add_str(out, MAGIC);
	buf_add_u32le(out, (uint32_t)strlen(key));
	buf_add_u32le(out, (uint32_t)len);
	buf_add_u32le(out, (uint32_t)((uint64_t)len >> 32));
	buf_add(out, sha256, DIGEST_SIZE);
	buf_add_str(out, key);
}

static int open_blob(struct cache *c, const char *name)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(c->fd, name, flags | O_NOATIME);

	/* O_NOATIME fails on another user's file, which read_blob() then refuses. */
	return fd < 0 && errno == EPERM ? openat(c->fd, name, flags) : fd;
}

/* 1: the data was appended to OUT; 0: longer than MAX; -1: damaged or not ours. */
static int read_blob(int fd, const struct stat *st, const char *key, size_t max, struct buf *out,
		     uint8_t sha256[DIGEST_SIZE])
{
	_cleanup_buf_ struct buf head = BUF_INIT, wanted = BUF_INIT;
	size_t start = HEAD + strlen(key), len;

	if (!S_ISREG(st->st_mode) || !is_ours(st) || (uint64_t)st->st_size < start)
		return -1;
	len = (size_t)st->st_size - start;
	if (len > max)
		return 0;
	if (buf_reserve(&head, start) < 0 || buf_reserve(out, len + 1) < 0)
		return 0;
	if (read_full(fd, head.data, start) != (ssize_t)start ||
	    read_full(fd, out->data + out->len, len + 1) != (ssize_t)len)
		return -1;
	digest_of(out->data + out->len, len, sha256);
	add_head(&wanted, key, len, sha256);
	if (buf_status(&wanted) < 0 || memcmp(head.data, wanted.data, start) != 0)
		return -1;
	out->len += len;
	return 1;
}

static bool get(struct cache *c, const char *key, size_t max, struct buf *out, uint8_t *sha256,
		bool mark)
{
	char name[NAME + 1];
	uint8_t sum[DIGEST_SIZE];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	if (!ready(c, false))
		return false;
	name_of(key, name);
	fd = open_blob(c, name);
	if (fd < 0 && errno == ENOENT)
		return false;
	r = fd < 0 || fstat(fd, &st) < 0 ? -1 : read_blob(fd, &st, key, max, out, sum);
	if (r < 0) {
		/* Nobody else writes here, so whatever has the name, even a link, can go. */
		unlinkat(c->fd, name, 0);
		c->dropped++;
	}
	if (r <= 0)
		return false;
	if (mark && st.st_mtime < time(NULL) - USED_AGE)
		futimens(fd, NULL);
	if (sha256)
		memcpy(sha256, sum, DIGEST_SIZE);
	return true;
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

/* The cache must not fill the filesystem. */
static bool has_room(struct cache *c, size_t len)
{
	struct statvfs v;
	uint64_t keep, left;

	if (fstatvfs(c->fd, &v) < 0)
		return false;
	keep = (uint64_t)v.f_blocks * v.f_frsize / FREE_PART;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (keep > (uint64_t)FREE_MIB << 20)
		keep = (uint64_t)FREE_MIB << 20;
	return left >= keep && left - keep >= len;
}

static int make_temp(struct cache *c, char temp[NAME + 1])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -1;
	snprintf(temp, NAME + 1, TEMP_MARK "%016llx", (unsigned long long)random);
	return openat(c->fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool write_blob(struct cache *c, const char *name, const struct buf *head, const void *data,
		       size_t len)
{
	char temp[NAME + 1];
	_cleanup_fd_ int fd = make_temp(c, temp);
	int r;

	if (fd < 0)
		return false;
	r = write_full(fd, head->data, head->len);
	if (r == 0)
		r = write_full(fd, data, len);
	if (r == 0 && renameat(c->fd, temp, c->fd, name) == 0)
		return true;
	r = r < 0 ? -r : errno;
	unlinkat(c->fd, temp, 0);
	errno = r;
	return false;
}

static void give_up(struct cache *c, const char *what, int code)
{
	pthread_mutex_lock(&c->lock);
	set_problem(c, what, code);
	pthread_mutex_unlock(&c->lock);
	c->full = true;
}

void cache_freeze(struct cache *c)
{
	if (c)
		c->frozen = true;
}

void cache_put(struct cache *c, const char *key, const void *data, size_t len,
	       const uint8_t *sha256)
{
	_cleanup_buf_ struct buf head = BUF_INIT;
	uint8_t sum[DIGEST_SIZE];
	char name[NAME + 1];

	if (!c || c->frozen || c->full || strlen(key) > CACHE_KEY_MAX || len > c->limit / 2 || !ready(c, true))
		return;
	if (!has_room(c, len)) {
		give_up(c, "is on a filesystem that is nearly full: nothing more is put there", 0);
		return;
	}
	if (!sha256)
		digest_of(data, len, sum);
	add_head(&head, key, len, sha256 ? sha256 : sum);
	if (buf_status(&head) < 0)
		return;
	name_of(key, name);
	if (write_blob(c, name, &head, data, len))
		c->wrote = true;
	else
		give_up(c, "cannot be written", errno);
}

/* ---- keeping the limit ---- */

struct aged {
	char name[NAME + 1];
	struct timespec used;
	uint64_t size;
};

static int oldest_first(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_blob(const char *name)
{
	return strlen(name) == NAME && strspn(name, "0123456789abcdef") == NAME;
}

static bool is_temp(const char *name)
{
	return str_starts(name, TEMP_MARK) && strlen(name) == strlen(TEMP_MARK) + TEMP_RANDOM;
}

/* Lists the blobs, and removes temporary files of dead runs. Other files are not ours, and stay. */
static size_t list_blobs(struct cache *c, DIR *dir, struct aged **out, uint64_t *total)
{
	struct dirent *de;
	struct stat st;
	size_t n = 0;

	while ((de = readdir(dir))) {
		bool temp = is_temp(de->d_name);

		if ((!temp && !is_blob(de->d_name)) ||
		    fstatat(c->fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (temp) {
			if (st.st_mtime < time(NULL) - TEMP_AGE)
				unlinkat(c->fd, de->d_name, 0);
			continue;
		}
		if ((n & (n - 1)) == 0)
			*out = xrealloc(*out, n ? n * 2 : 1, sizeof(**out));
		(*out)[n] = (struct aged){.used = st.st_mtim, .size = (uint64_t)st.st_size};
		snprintf((*out)[n++].name, NAME + 1, "%s", de->d_name);
		*total += (uint64_t)st.st_size;
	}
	return n;
}

uint64_t cache_removable(struct cache *c)
{
	int fd = ready(c, false) ? openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
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
		is_only_ours = is_only_ours && (is_blob(de->d_name) || is_temp(de->d_name));
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			total += (uint64_t)st.st_blocks * 512;
	}
	closedir(dir);
	return is_only_ours ? total : 0;
}

static void trim(struct cache *c)
{
	int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct aged *list = NULL;
	uint64_t total = 0;
	size_t n;

	if (!dir) {
		close_fd(fd);
		return;
	}
	n = list_blobs(c, dir, &list, &total);
	closedir(dir);
	if (total <= c->limit)
		return;
	qsort(list, n, sizeof(*list), oldest_first);
	/* Go 10 % below the limit, so that not every run has to trim. */
	for (size_t i = 0; i < n && total > c->limit / 10 * 9; i++)
		if (unlinkat(c->fd, list[i].name, 0) == 0)
			total -= list[i].size;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	if (c->wrote)
		trim(c);
	close_fd(c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c->dir);
	free(c);
}
