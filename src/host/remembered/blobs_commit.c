/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "host/remembered/blobs_kit.h"

/* What is kept for the next run, and what is deleted. */

enum { CHUNK = 256 * 1024 };

/* In an older file, what a newer one has, too. */
static void drop_replaced(struct blobs *b)
{
	for (size_t i = 0; i < b->n_files; i++)
		for (size_t k = 0; k < b->files[i].count; k++) {
			struct blobfile_entry *e = &b->files[i].list[k];
			bool newer = blobs_find(&b->own, e->key);

			for (size_t j = 0; j < i && !newer; j++)
				newer = blobs_find(&b->files[j], e->key);
			if (newer)
				e->size = 0;
		}
}

static uint64_t live_bytes(const struct file *f)
{
	uint64_t total = 0;

	for (size_t i = 0; i < f->count; i++)
		total += f->list[i].size;
	return total;
}

/* All that F takes in its folder. */
static uint64_t file_bytes(const struct file *f)
{
	return f->size + f->count * (BLOBFILE_ENTRY + BLOBFILE_DAY);
}

struct aged {
	struct blobfile_entry *entry;
	size_t age; /* of its file */
};

static int oldest_first(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->entry->day != y->entry->day)
		return x->entry->day < y->entry->day ? -1 : 1;
	if (x->age != y->age)
		return x->age > y->age ? -1 : 1;
	return (x->entry->offset > y->entry->offset) - (x->entry->offset < y->entry->offset);
}

static size_t collect(struct file *f, size_t age, struct aged *out)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].size)
			out[n++] = (struct aged){&f->list[i], age};
	return n;
}

/* A little more than asked, so that not every run has to. */
static void drop_unused(struct blobs *b, uint64_t limit)
{
	_cleanup_free_ struct aged *list = NULL;
	uint64_t total = file_bytes(&b->own);
	size_t n = b->own.count;

	for (size_t i = 0; i < b->n_files; i++)
		total += file_bytes(&b->files[i]);
	b->tight = total > limit;
	if (!b->tight)
		return;
	for (size_t i = 0; i < b->n_files; i++)
		n += b->files[i].count;
	list = xrealloc(NULL, n + 1, sizeof(*list));
	n = collect(&b->own, 0, list);
	for (size_t i = 0; i < b->n_files; i++)
		n += collect(&b->files[i], i + 1, list + n);
	if (n)
		qsort(list, n, sizeof(*list), oldest_first);
	total = 0;
	for (size_t i = n; i--;) {
		total += list[i].entry->size + BLOBFILE_ENTRY + BLOBFILE_DAY;
		if (total > limit / 10 * 9)
			list[i].entry->size = 0;
	}
}

/* So that the number of files stays small, and the work for that in proportion to what is new. */
static bool is_to_merge(const struct blobs *b, const struct file *f, uint64_t live, uint64_t newer)
{
	return f->damaged || live < f->size / 2 || (b->tight && live < f->size) ||
	       (b->own.size && live <= 2 * newer);
}

static int copy_blob(int from, int to, const struct blobfile_entry *e, uint64_t offset,
		     uint8_t *chunk)
{
	for (uint64_t done = 0; done < e->size;) {
		size_t want = e->size - done < CHUNK ? (size_t)(e->size - done) : CHUNK;
		int r = pread_full(from, chunk, want, e->offset + done) == (ssize_t)want ? 0 : -EIO;

		if (r == 0)
			r = blobs_write(to, chunk, want, offset + done);
		if (r < 0)
			return r;
		done += want;
	}
	return 0;
}

/* Appends the blobs of F to the own file. */
static int merge(struct blobs *b, const struct file *f)
{
	_cleanup_free_ uint8_t *chunk = xrealloc(NULL, 1, CHUNK);
	int r = 0;

	for (size_t i = 0; i < f->count && r == 0; i++) {
		struct blobfile_entry e = f->list[i];

		if (!e.size)
			continue;
		r = blobs_reserve(b, e.size, &e.offset);
		if (r == 0)
			r = copy_blob(f->fd, b->own.fd, &f->list[i], e.offset, chunk);
		if (r == 0)
			blobs_insert(&b->own, &e);
	}
	return r;
}

/* The own file without what was dropped from it. */
static int shrink_own(struct blobs *b, uint64_t *room)
{
	struct file old = b->own;
	uint64_t live = live_bytes(&old);
	char temp[NAME];
	int r = 0;

	if (!b->tight || live == old.size)
		return 0;
	memcpy(temp, b->temp, NAME);
	b->own = (struct file){.fd = -1};
	b->temp[0] = '\0';
	if (live <= *room) {
		r = merge(b, &old);
		*room -= live;
	}
	blobs_forget(&old);
	if (temp[0])
		unlinkat(b->folder, temp, 0);
	return r;
}

/* Has another run added a file since this one began? Then blobs of older files must not get a newer
 * name than its own have. */
static bool has_company(const struct blobs *b)
{
	int fd = openat(b->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	bool found = false;

	if (!dir) {
		close_fd(fd);
		return true;
	}
	while (!found && (de = readdir(dir)))
		found = str_starts(de->d_name, BLOBS_PREFIX) &&
			strtoull(de->d_name + strlen(BLOBS_PREFIX), NULL, 16) > b->number;
	closedir(dir);
	return found;
}

static int name_own(struct blobs *b)
{
	char name[NAME], self[64];
	unsigned long long number;
	int r;

	if (!blobs_random(&number))
		return -errno;
	snprintf(name, NAME, BLOBS_PREFIX "%016llx-%016llx", (unsigned long long)b->number + 1, number);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", b->own.fd);
	r = b->temp[0] ? renameat(b->folder, b->temp, b->folder, name)
		       : linkat(AT_FDCWD, self, b->folder, name, AT_SYMLINK_FOLLOW);
	if (r < 0)
		return -errno;
	b->temp[0] = '\0';
	return 0;
}

static int write_own(struct blobs *b)
{
	_cleanup_buf_ struct buf index = BUF_INIT;
	int r;

	if (!b->own.count)
		return 0;
	blobfile_add_index(&index, b->own.list, b->own.count, b->own.size);
	r = buf_status(&index);
	if (r == 0)
		r = blobs_write(b->own.fd, index.data, index.len, b->own.size);
	return r < 0 ? r : name_own(b);
}

/* Only decides what is deleted first, later: that it could not be written does not matter. */
static void write_days(struct blobs *b, const struct file *f)
{
	_cleanup_fd_ int fd = blobs_open_file(b->folder, f->name, O_WRONLY);
	_cleanup_buf_ struct buf days = BUF_INIT;
	struct stat st, opened;

	if (fd < 0 || fstat(fd, &st) < 0 || fstat(f->fd, &opened) < 0 || st.st_ino != opened.st_ino)
		return;
	for (size_t i = 0; i < f->count; i++)
		buf_add_u32le(&days, f->list[i].day);
	if (buf_status(&days) == 0)
		blobs_write(fd, days.data, days.len, f->size + f->count * BLOBFILE_ENTRY);
}

static void remove_file(struct blobs *b, struct file *f)
{
	unlinkat(b->folder, f->name, 0);
	f->name[0] = '\0';
}

/* Marks in GONE which files have become part of the own one. What cannot be copied, for want of room
 * or beside another run, stays, unless it is damaged or there is too much. */
static int merge_files(struct blobs *b, uint64_t room, bool *gone)
{
	uint64_t newer = b->own.size;
	bool may_merge = !has_company(b);
	int r = 0;

	for (size_t i = 0; i < b->n_files && r == 0; i++) {
		struct file *f = &b->files[i];
		uint64_t live = live_bytes(f);
		bool fits = may_merge && live <= room &&
			    b->own.count + f->count <= BLOBFILE_COUNT_MAX;

		gone[i] = fits ? is_to_merge(b, f, live, newer)
			       : f->damaged || (b->tight && live < f->size);
		if (!gone[i] || !fits)
			continue;
		r = merge(b, f);
		newer += live;
		room -= live;
	}
	return r;
}

int blobs_commit(struct blobs *b, uint64_t limit, uint64_t room)
{
	_cleanup_free_ bool *gone = calloc(b->n_files + 1, sizeof(*gone));
	int r;

	if (!gone || b->folder < 0)
		return gone ? 0 : -ENOMEM;
	drop_replaced(b);
	drop_unused(b, limit);
	r = shrink_own(b, &room);
	if (r == 0)
		r = merge_files(b, room, gone);
	if (r == 0)
		r = write_own(b);
	for (size_t i = 0; i < b->n_unusable; i++)
		unlinkat(b->folder, b->unusable[i], 0);
	for (size_t i = 0; i < b->n_files; i++) {
		if (r == 0 && gone[i])
			remove_file(b, &b->files[i]);
		else if (b->files[i].used)
			write_days(b, &b->files[i]);
	}
	return r;
}
