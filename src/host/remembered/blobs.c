/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "host/remembered/blobs_kit.h"

#define TEMP_MARK ".new-"

/* ---- names ---- */

static bool is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static bool is_file(const char *name)
{
	const char *number = name + strlen(BLOBS_PREFIX);

	return str_starts(name, BLOBS_PREFIX) && strlen(number) == 2 * HEX + 1 && is_hex(number, HEX) &&
	       number[HEX] == '-' && is_hex(number + HEX + 1, HEX);
}

static bool is_temp(const char *name)
{
	return str_starts(name, TEMP_MARK) && strlen(name) == strlen(TEMP_MARK) + HEX;
}

static bool is_old_version(const char *name)
{
	return strlen(name) == OLD_NAME && is_hex(name, OLD_NAME);
}

bool blobs_is_ours(const char *name)
{
	return is_file(name) || is_temp(name) || is_old_version(name);
}

bool blobs_random(unsigned long long *out)
{
	return getrandom(out, sizeof(*out), GRND_NONBLOCK) == sizeof(*out);
}

/* ---- files of earlier runs ---- */

int blobs_open_file(int folder, const char *name, int mode)
{
	int flags = mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(folder, name, flags | O_NOATIME);

	/* It is somebody else's: examined, and refused, below. */
	return fd < 0 && errno == EPERM ? openat(folder, name, flags) : fd;
}

/* Somebody else's file, or one that others write to, may hold anything. */
static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* 1: read. 0: not usable. -1: no way to tell, at the moment. */
static int read_index(struct file *f)
{
	_cleanup_free_ uint8_t *data = NULL;
	uint8_t footer[BLOBFILE_FOOTER];
	struct blobfile_footer foot;
	struct stat st;
	uint64_t end;

	if (fstat(f->fd, &st) < 0)
		return -1;
	if (!is_ours(&st) || st.st_size < BLOBFILE_FOOTER)
		return 0;
	end = (uint64_t)st.st_size - BLOBFILE_FOOTER;
	if (pread_full(f->fd, footer, BLOBFILE_FOOTER, end) != BLOBFILE_FOOTER)
		return -1;
	if (!blobfile_decode_footer(footer, (uint64_t)st.st_size, &foot))
		return 0;
	end -= foot.index;
	data = malloc(end + 1);
	f->list = calloc(foot.count + 1, sizeof(*f->list));
	f->count = foot.count;
	f->size = foot.index;
	if (!data || !f->list || pread_full(f->fd, data, end, foot.index) != (ssize_t)end)
		return -1;
	return blobfile_decode_index(&foot, data, f->list);
}

void blobs_forget(struct file *f)
{
	f->fd = close_fd(f->fd);
	free(f->list);
	f->list = NULL;
}

static void note_unusable(struct blobs *b, const char *name)
{
	b->unusable = xrealloc(b->unusable, b->n_unusable + 1, sizeof(*b->unusable));
	snprintf(b->unusable[b->n_unusable++], NAME, "%s", name);
}

static void add_file(struct blobs *b, const char *name)
{
	struct file *f = &b->files[b->n_files];
	int r;

	*f = (struct file){.fd = blobs_open_file(b->folder, name, O_RDONLY)};
	/* A link is none of ours. */
	if (f->fd < 0 && errno != ELOOP)
		return;
	snprintf(f->name, sizeof(f->name), "%s", name);
	r = f->fd < 0 ? 0 : read_index(f);
	if (r > 0) {
		b->n_files++;
		return;
	}
	blobs_forget(f);
	if (r < 0)
		return;
	note_unusable(b, name);
	b->damaged++;
}

static int newest_first(const void *a, const void *b)
{
	return -strcmp(a, b);
}

/* A killed run's file, or what was not taken over from an older version of this program. */
static bool is_dead(int folder, const char *name)
{
	struct stat st;

	return is_old_version(name) ||
	       (is_temp(name) && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_mtime < time(NULL) - TEMP_AGE);
}

static size_t list_names(struct blobs *b, DIR *dir, char (**out)[NAME])
{
	struct dirent *de;
	size_t n = 0;

	while ((de = readdir(dir))) {
		if (is_dead(b->folder, de->d_name))
			note_unusable(b, de->d_name);
		if (!is_file(de->d_name))
			continue;
		if ((n & (n - 1)) == 0)
			*out = xrealloc(*out, n ? n * 2 : 1, sizeof(**out));
		snprintf((*out)[n++], NAME, "%s", de->d_name);
	}
	return n;
}

static void open_files(struct blobs *b)
{
	int fd = openat(b->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ char(*names)[NAME] = NULL;
	size_t n;

	if (!dir) {
		close_fd(fd);
		return;
	}
	n = list_names(b, dir, &names);
	closedir(dir);
	if (!n)
		return;
	qsort(names, n, sizeof(*names), newest_first);
	b->number = strtoull(names[0] + strlen(BLOBS_PREFIX), NULL, 16);
	b->files = xrealloc(NULL, FILES_MAX, sizeof(*b->files));
	for (size_t i = 0; i < n; i++) {
		if (b->n_files < FILES_MAX)
			add_file(b, names[i]);
		else
			note_unusable(b, names[i]);
	}
}

struct blobs *blobs_open(int folder)
{
	struct blobs *b = xrealloc(NULL, 1, sizeof(*b));

	*b = (struct blobs){
		.folder = folder, .own.fd = -1, .today = (uint32_t)(time(NULL) / DAY)};
	pthread_mutex_init(&b->lock, NULL);
	if (folder >= 0)
		open_files(b);
	return b;
}

void blobs_close(struct blobs *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_files; i++)
		blobs_forget(&b->files[i]);
	if (b->temp[0])
		unlinkat(b->folder, b->temp, 0);
	blobs_forget(&b->own);
	pthread_mutex_destroy(&b->lock);
	free(b->files);
	free(b->unusable);
	free(b);
}

size_t blobs_damaged(struct blobs *b)
{
	return b->damaged;
}

uint64_t blobs_new_bytes(struct blobs *b)
{
	uint64_t bytes;

	pthread_mutex_lock(&b->lock);
	bytes = b->new_bytes;
	pthread_mutex_unlock(&b->lock);
	return bytes;
}

/* ---- looking up ---- */

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct blobfile_entry *)a)->key,
		      ((const struct blobfile_entry *)b)->key, DIGEST_SIZE);
}

struct blobfile_entry *blobs_find(const struct file *f, const uint8_t *key)
{
	struct blobfile_entry wanted, *e;

	memcpy(wanted.key, key, DIGEST_SIZE);
	e = f->count ? bsearch(&wanted, f->list, f->count, sizeof(wanted), by_key) : NULL;
	return e && __atomic_load_n(&e->size, __ATOMIC_RELAXED) ? e : NULL;
}

/* Where the first entry not before KEY is. */
static size_t place_of(const struct file *f, const uint8_t *key)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(f->list[middle].key, key, DIGEST_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Reads two parts that follow each other. False: not all of them. */
static bool read_both(int fd, struct iovec parts[2], uint64_t offset)
{
	ssize_t n = preadv(fd, parts, 2, (off_t)offset);
	size_t done = n > 0 ? (size_t)n : 0, all = parts[0].iov_len + parts[1].iov_len;

	if (n < 0 && errno != EINTR)
		return false;
	for (int i = 0; i < 2 && done < all; i++) {
		size_t have = done < parts[i].iov_len ? done : parts[i].iov_len;
		size_t left = parts[i].iov_len - have;

		if (pread_full(fd, (char *)parts[i].iov_base + have, left, offset + have) !=
		    (ssize_t)left)
			return false;
		offset += parts[i].iov_len;
		done -= have;
	}
	return true;
}

/* 1: appended to OUT; 0: too long for the caller; -1: not usable. */
static int read_blob(const struct file *f, const struct blobfile_entry *e, const char *key,
		     size_t max, struct buf *out, uint8_t *sha256)
{
	_cleanup_buf_ struct buf head = BUF_INIT, wanted = BUF_INIT;
	size_t head_len = BLOBFILE_HEAD + strlen(key), len;
	struct iovec parts[2];

	if (e->size < head_len)
		return -1;
	len = (size_t)e->size - head_len;
	if (len > max || buf_reserve(&head, head_len) < 0 || buf_reserve(out, len) < 0)
		return 0;
	parts[0] = (struct iovec){head.data, head_len};
	parts[1] = (struct iovec){out->data + out->len, len};
	if (!read_both(f->fd, parts, e->offset))
		return -1;
	digest_of(out->data + out->len, len, sha256);
	blobfile_add_head(&wanted, key, len, sha256);
	if (buf_status(&wanted) < 0 || memcmp(head.data, wanted.data, head_len) != 0)
		return -1;
	out->len += len;
	return 1;
}

/* -ENOENT: this run has put none. */
static int get_own(struct blobs *b, const uint8_t *sum, const char *key, size_t max,
		   struct buf *out, uint8_t *sha256)
{
	struct blobfile_entry copy = {0};
	const struct blobfile_entry *e;

	pthread_mutex_lock(&b->lock);
	e = blobs_find(&b->own, sum);
	if (e)
		copy = *e;
	pthread_mutex_unlock(&b->lock);
	return e ? read_blob(&b->own, &copy, key, max, out, sha256) : -ENOENT;
}

static int get_old(struct blobs *b, struct file *f, struct blobfile_entry *e, const char *key,
		   size_t max, bool mark, struct buf *out, uint8_t *sha256)
{
	/* Another thread may find it damaged meanwhile. */
	struct blobfile_entry copy = {
		.offset = e->offset, .size = __atomic_load_n(&e->size, __ATOMIC_RELAXED)};
	int r = copy.size ? read_blob(f, &copy, key, max, out, sha256) : 0;

	if (r < 0 && __atomic_exchange_n(&e->size, 0, __ATOMIC_RELAXED)) {
		f->damaged = true;
		b->damaged++;
	}
	if (r > 0 && mark && __atomic_exchange_n(&e->day, b->today, __ATOMIC_RELAXED) != b->today)
		f->used = true;
	return r;
}

int blobs_get(struct blobs *b, const char *key, size_t max, bool mark, struct buf *out,
	      uint8_t sha256[DIGEST_SIZE])
{
	uint8_t sum[DIGEST_SIZE];
	int r;

	digest_of(key, strlen(key), sum);
	r = get_own(b, sum, key, max, out, sha256);
	if (r != -ENOENT)
		return r;
	for (size_t i = 0; i < b->n_files; i++) {
		struct blobfile_entry *e = blobs_find(&b->files[i], sum);

		/* What older files have is out of date. */
		if (e)
			return get_old(b, &b->files[i], e, key, max, mark, out, sha256);
	}
	return 0;
}

/* ---- putting ---- */

static int make_temp(struct blobs *b)
{
	unsigned long long number;
	int fd;

	if (b->folder < 0)
		return memfd_create("preroot", MFD_CLOEXEC);
	fd = openat(b->folder, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	if (!blobs_random(&number))
		return -1;
	snprintf(b->temp, NAME, TEMP_MARK "%016llx", number);
	fd = openat(b->folder, b->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		b->temp[0] = '\0';
	return fd;
}

/* Takes SIZE bytes of the own file, which is made first if need be. Call with the lock held. */
int blobs_reserve(struct blobs *b, uint64_t size, uint64_t *offset)
{
	if (b->own.fd < 0)
		b->own.fd = make_temp(b);
	if (b->own.fd < 0)
		return -errno;
	*offset = b->own.size;
	b->own.size += size;
	return 0;
}

int blobs_write(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int write_both(int fd, const struct buf *head, const void *data, size_t len, uint64_t offset)
{
	struct iovec parts[] = {{head->data, head->len}, {(void *)data, len}};
	ssize_t n = pwritev(fd, parts, ARRAY_SIZE(parts), (off_t)offset);
	size_t done = n > 0 ? (size_t)n : 0;
	int r;

	if (n < 0 && errno != EINTR)
		return -errno;
	if (done < head->len) {
		r = blobs_write(fd, head->data + done, head->len - done, offset + done);
		if (r < 0)
			return r;
		done = head->len;
	}
	return blobs_write(fd, (const char *)data + (done - head->len), len - (done - head->len),
			   offset + done);
}

void blobs_insert(struct file *f, const struct blobfile_entry *e)
{
	size_t at = place_of(f, e->key);

	if (at < f->count && memcmp(f->list[at].key, e->key, DIGEST_SIZE) == 0) {
		f->list[at] = *e;
		return;
	}
	if ((f->count & (f->count - 1)) == 0)
		f->list = xrealloc(f->list, f->count ? f->count * 2 : 1, sizeof(*f->list));
	memmove(&f->list[at + 1], &f->list[at], (f->count - at) * sizeof(*e));
	f->list[at] = *e;
	f->count++;
}

int blobs_put(struct blobs *b, const char *key, const void *data, size_t len,
	      const uint8_t sha256[DIGEST_SIZE])
{
	struct blobfile_entry e = {.size = BLOBFILE_HEAD + strlen(key) + len, .day = b->today};
	_cleanup_buf_ struct buf head = BUF_INIT;
	int r;

	blobfile_add_head(&head, key, len, sha256);
	if (buf_status(&head) < 0)
		return -ENOMEM;
	digest_of(key, strlen(key), e.key);
	pthread_mutex_lock(&b->lock);
	r = b->own.count < BLOBFILE_COUNT_MAX ? blobs_reserve(b, e.size, &e.offset) : -ENOSPC;
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = write_both(b->own.fd, &head, data, len, e.offset);
	if (r < 0)
		return r;
	pthread_mutex_lock(&b->lock);
	blobs_insert(&b->own, &e);
	b->new_bytes += e.size;
	pthread_mutex_unlock(&b->lock);
	return 0;
}
