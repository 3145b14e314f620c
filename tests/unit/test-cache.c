/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The cache: what was put comes back, or nothing does.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/parallel.h"
#include "format/ours/blobfile.h"
#include "host/remembered/cache.h"
#include "host/remembered/stored.h"
#include "support.h"

enum { LIMIT = 1 << 20 };

static bool no_tmpfile; /* the filesystem knows no files without a name */

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat(dir, path, flags, 0600);
}

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
	return __wrap_openat(dir, path, flags);
}

struct place {
	char *folder, *dir;
	struct cache *cache;
};

static void place_make(struct place *p)
{
	*p = (struct place){.folder = make_folder()};
	assert_true(asprintf(&p->dir, "%s/cache", p->folder) > 0);
	p->cache = cache_new(p->dir, LIMIT);
}

static void place_clear(struct place *p)
{
	cache_free(p->cache);
	remove_folder(p->folder);
	free(p->dir);
}

#define _cleanup_place_ __attribute__((cleanup(place_clear)))

/* What was put is kept, and the next run begins. */
static void next_run(struct place *p)
{
	cache_free(p->cache);
	p->cache = cache_new(p->dir, LIMIT);
}

static void put(struct place *p, const char *key, const char *text)
{
	cache_put(p->cache, key, text, strlen(text), NULL);
}

static void assert_has(struct place *p, const char *key, const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint8_t sum[DIGEST_SIZE], wanted[DIGEST_SIZE];

	buf_add_str(&out, "before ");
	assert_true(cache_get(p->cache, key, 1000, &out, sum));
	assert_string_equal(buf_cstr(&out) + strlen("before "), text);
	digest_of(text, strlen(text), wanted);
	assert_memory_equal(sum, wanted, DIGEST_SIZE);
}

static void assert_misses(struct place *p, const char *key)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_add_str(&out, "before");
	assert_false(cache_get(p->cache, key, 1000, &out, NULL));
	assert_string_equal(buf_cstr(&out), "before");
}

/* The path of the only file. */
static char *file_of(struct place *p)
{
	DIR *d = opendir(p->dir);
	struct dirent *de;
	char *path = NULL;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.') {
			assert_null(path);
			assert_true(asprintf(&path, "%s/%s", p->dir, de->d_name) > 0);
		}
	closedir(d);
	assert_non_null(path);
	return path;
}

static void what_was_put_comes_back(void **state)
{
	_cleanup_place_ struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	assert_misses(&p, "a");
	assert_int_equal(type_of(p.folder, "cache"), 0);
	put(&p, "a", "first");
	put(&p, "b", "");
	assert_has(&p, "a", "first");
	assert_has(&p, "b", "");
	put(&p, "a", "another");
	assert_has(&p, "a", "another");
	assert_misses(&p, "c");
	next_run(&p);
	assert_has(&p, "a", "another");
	assert_has(&p, "b", "");
	put(&p, "b", "third");
	next_run(&p);
	assert_has(&p, "a", "another");
	assert_has(&p, "b", "third");
	assert_null(cache_problem(p.cache));
	assert_int_equal(cache_dropped(p.cache), 0);
	assert_int_equal(stat(p.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void what_is_longer_than_the_caller_takes_is_not_there(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	place_make(&p);
	put(&p, "a", "four");
	assert_false(cache_get(p.cache, "a", 3, &out, NULL));
	assert_true(cache_get(p.cache, "a", 4, &out, NULL));
	assert_int_equal(cache_dropped(p.cache), 0);
}

static void no_cache_at_all_has_nothing(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	cache_put(NULL, "a", "x", 1, NULL);
	assert_false(cache_get(NULL, "a", 1, &out, NULL));
	assert_null(cache_problem(NULL));
	assert_int_equal(cache_dropped(NULL), 0);
	assert_null(stored_open(NULL));
	stored_close(NULL);
}

static void a_cache_without_a_folder_lasts_for_a_run(void **state)
{
	struct place p = {.cache = cache_new(NULL, LIMIT)};

	(void)state;
	put(&p, "a", "first");
	assert_has(&p, "a", "first");
	assert_misses(&p, "b");
	assert_null(cache_problem(p.cache));
	cache_free(p.cache);
}

static void write_file(const char *path, const void *data, size_t len)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write_full(fd, data, len), 0);
}

/* The days of use, which nothing depends on. */
static bool is_day(const struct buf *file, size_t at)
{
	struct blobfile_footer foot;

	assert_true(blobfile_decode_footer(file->data + file->len - BLOBFILE_FOOTER, file->len,
					   &foot));
	return at >= foot.index + foot.count * BLOBFILE_ENTRY && at < file->len - BLOBFILE_FOOTER;
}

static void any_damaged_byte_is_noticed(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf good = BUF_INIT;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	next_run(&p);
	path = file_of(&p);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1000, &good), 0);
	for (size_t i = 0; i < 2 * good.len; i++) {
		size_t len = i < good.len ? good.len : i - good.len;

		if (i < good.len && is_day(&good, i))
			continue;
		good.data[i % good.len] ^= i < good.len;
		write_file(path, good.data, len);
		good.data[i % good.len] ^= i < good.len;
		assert_misses(&p, "key");
		assert_int_equal(cache_dropped(p.cache), 1);
		next_run(&p);
		assert_int_equal(count_names(p.dir), 0);
	}
	put(&p, "key", "data");
	next_run(&p);
	assert_has(&p, "key", "data");
}

static void what_is_not_damaged_in_a_file_stays(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf file = BUF_INIT;
	uint8_t *data;

	(void)state;
	place_make(&p);
	put(&p, "a", "first");
	put(&p, "b", "second");
	next_run(&p);
	path = file_of(&p);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1000, &file), 0);
	data = memmem(file.data, file.len, "second", strlen("second"));
	assert_non_null(data);
	*data ^= 1;
	write_file(path, file.data, file.len);
	assert_misses(&p, "b");
	assert_has(&p, "a", "first");
	assert_int_equal(cache_dropped(p.cache), 1);
	next_run(&p);
	assert_has(&p, "a", "first");
	assert_misses(&p, "b");
	assert_int_equal(cache_dropped(p.cache), 0);
}

static void trailing_bytes_are_damage(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -1;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	next_run(&p);
	path = file_of(&p);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write_full(fd, "x", 1), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
}

static void a_file_that_others_may_write_is_not_trusted(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	next_run(&p);
	path = file_of(&p);
	assert_int_equal(chmod(path, 0620), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
}

static void a_link_in_place_of_a_file_is_not_followed(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL, *moved = NULL;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	next_run(&p);
	path = file_of(&p);
	assert_true(asprintf(&moved, "%s/moved", p.folder) > 0);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(symlink(moved, path), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
	next_run(&p);
	assert_int_equal(count_names(p.dir), 0);
	assert_int_equal(type_of(p.folder, "moved"), S_IFREG);
}

/* What the folder does not take is there for this run, in memory. */
static void assert_refused(struct place *p, const char *why)
{
	put(p, "key", "data");
	assert_has(p, "key", "data");
	assert_false(cache_keeps(p->cache));
	assert_non_null(cache_problem(p->cache));
	assert_contains(cache_problem(p->cache), why);
	assert_contains(cache_problem(p->cache), p->dir);
	next_run(p);
	assert_misses(p, "key");
}

static void a_folder_that_others_may_write_is_refused(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdir(p.dir, 0700), 0);
	assert_int_equal(chmod(p.dir, 0770), 0);
	assert_refused(&p, "others");
	assert_int_equal(count_names(p.dir), 0);
}

static void a_link_in_place_of_the_folder_is_refused(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *slashed = NULL;

	(void)state;
	place_make(&p);
	put_dir(p.folder, "real");
	put_link(p.folder, "cache", "real");
	assert_refused(&p, "link");
	cache_free(p.cache);
	assert_true(asprintf(&slashed, "%s//", p.dir) > 0);
	p.cache = cache_new(slashed, LIMIT);
	assert_refused(&p, "link");
}

static void a_folder_that_cannot_be_made_is_told_once(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "cache", "a file");
	assert_refused(&p, "not a folder");
	assert_content(p.folder, "cache", "a file");
}

static void a_folder_deleted_in_use_is_no_failure(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;

	(void)state;
	place_make(&p);
	put(&p, "a", "data");
	next_run(&p);
	assert_has(&p, "a", "data");
	put(&p, "b", "more");
	path = file_of(&p);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(p.dir), 0);
	assert_has(&p, "a", "data");
	assert_has(&p, "b", "more");
	cache_commit(p.cache);
	assert_int_equal(cache_dropped(p.cache), 0);
	next_run(&p);
	assert_misses(&p, "a");
}

static void two_runs_at_once_lose_nothing(void **state)
{
	_cleanup_place_ struct place p;
	struct place other;

	(void)state;
	place_make(&p);
	put(&p, "before", "0");
	next_run(&p);
	other = (struct place){.cache = cache_new(p.dir, LIMIT)};
	assert_has(&p, "before", "0");
	assert_has(&other, "before", "0");
	put(&p, "a", "1");
	put(&other, "b", "2");
	assert_misses(&other, "a");
	/* It takes over the file that the other one still reads. */
	next_run(&p);
	assert_has(&other, "before", "0");
	cache_free(other.cache);
	next_run(&p);
	assert_has(&p, "before", "0");
	assert_has(&p, "a", "1");
	assert_has(&p, "b", "2");
	assert_int_equal(cache_dropped(p.cache), 0);
}

static void what_is_out_of_date_in_part_is_not_deleted_beside_another_run(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *data = calloc(1, 40000);
	struct place other;

	(void)state;
	place_make(&p);
	put(&p, "a", "first");
	cache_put(p.cache, "b", data, 10000, NULL);
	next_run(&p);
	other = (struct place){.cache = cache_new(p.dir, LIMIT)};
	assert_has(&other, "a", "first");
	put(&p, "x", "small");
	next_run(&p);
	put(&other, "a", "second");
	cache_put(other.cache, "c", data, 40000, NULL);
	cache_free(other.cache);
	next_run(&p);
	for (const char *key = "bcx"; *key; key++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_true(cache_get(p.cache, (char[]){*key, '\0'}, LIMIT, &out, NULL));
	}
}

enum { AT_ONCE = 400 };

static int put_and_get(size_t item, unsigned worker, void *arg)
{
	struct place *p = arg;
	_cleanup_buf_ struct buf out = BUF_INIT;
	char key[32], of_another[32];

	(void)worker;
	snprintf(key, sizeof(key), "%zu", item);
	snprintf(of_another, sizeof(of_another), "%zu", item / 2);
	put(p, key, key);
	if (!cache_get(p->cache, key, 32, &out, NULL) || strcmp(buf_cstr(&out), key) != 0)
		return -EIO;
	out.len = 0;
	/* Whether it is there yet or not: if it is, it is whole. */
	return !cache_get(p->cache, of_another, 32, &out, NULL) ||
			       strcmp(buf_cstr(&out), of_another) == 0
		       ? 0
		       : -EIO;
}

static void threads_may_put_and_get_at_once(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(parallel_run(AT_ONCE, 4, put_and_get, &p), 0);
	next_run(&p);
	assert_int_equal(parallel_run(AT_ONCE, 4, put_and_get, &p), 0);
	assert_int_equal(cache_dropped(p.cache), 0);
}

static void what_a_killed_run_had_put_is_not_there(void **state)
{
	_cleanup_place_ struct place p;
	pid_t child;
	int status;

	(void)state;
	place_make(&p);
	put(&p, "a", "data");
	next_run(&p);
	child = fork();
	if (child == 0) {
		cache_put(p.cache, "b", "x", 1, NULL);
		_exit(cache_get(p.cache, "b", 1, &(struct buf)BUF_INIT, NULL) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	next_run(&p);
	assert_has(&p, "a", "data");
	assert_misses(&p, "b");
	assert_int_equal(count_names(p.dir), 1);
}

static void many_runs_make_few_files(void **state)
{
	_cleanup_place_ struct place p;
	char key[32];

	(void)state;
	place_make(&p);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(&p, key, key);
		put(&p, "record", key);
		next_run(&p);
		assert_in_range(count_names(p.dir), 1, 12);
	}
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_has(&p, key, key);
	}
	assert_has(&p, "record", "199");
}

/* All that is in the only file was last used DAYS ago. */
static void age(struct place *p, uint32_t days)
{
	_cleanup_free_ char *path = file_of(p);
	_cleanup_buf_ struct buf file = BUF_INIT, day = BUF_INIT;
	struct blobfile_footer foot;
	uint8_t *at;

	assert_int_equal(read_file_at(AT_FDCWD, path, 2 * LIMIT, &file), 0);
	assert_true(blobfile_decode_footer(file.data + file.len - BLOBFILE_FOOTER, file.len,
					   &foot));
	at = file.data + foot.index + foot.count * BLOBFILE_ENTRY;
	buf_add_u32le(&day, le32(at) - days);
	for (size_t i = 0; i < foot.count; i++)
		memcpy(at + i * BLOBFILE_DAY, day.data, BLOBFILE_DAY);
	write_file(path, file.data, file.len);
}

static bool has(struct place *p, const char *key)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	return cache_get(p->cache, key, LIMIT, &out, NULL);
}

static uint64_t size_of_all(struct place *p)
{
	DIR *d = opendir(p->dir);
	struct dirent *de;
	uint64_t total = 0;
	struct stat st;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (fstatat(dirfd(d), de->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
	closedir(d);
	return total;
}

static void what_was_not_used_for_longest_goes_first(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *data = calloc(1, LIMIT / 3);

	(void)state;
	place_make(&p);
	cache_put(p.cache, "old", data, LIMIT / 3, NULL);
	cache_put(p.cache, "used", data, LIMIT / 3, NULL);
	next_run(&p);
	age(&p, 10);
	assert_true(has(&p, "used"));
	next_run(&p);
	cache_put(p.cache, "new", data, LIMIT / 3, NULL);
	next_run(&p);
	assert_false(has(&p, "old"));
	assert_true(has(&p, "used"));
	assert_true(has(&p, "new"));
	assert_in_range(size_of_all(&p), 1, LIMIT);
}

static void the_limit_holds_for_what_one_run_puts(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *data = calloc(1, LIMIT / 3);
	char key[2] = "a";

	(void)state;
	place_make(&p);
	for (; key[0] < 'k'; key[0]++)
		cache_put(p.cache, key, data, LIMIT / 3, NULL);
	next_run(&p);
	assert_in_range(size_of_all(&p), 1, LIMIT);
	assert_true(has(&p, "j"));
}

static void a_frozen_cache_writes_nothing(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
	_cleanup_free_ char *path = NULL;

	(void)state;
	place_make(&p);
	put(&p, "a", "data");
	next_run(&p);
	age(&p, 10);
	path = file_of(&p);
	assert_int_equal(read_file_at(AT_FDCWD, path, LIMIT, &before), 0);
	cache_freeze(p.cache);
	put(&p, "b", "more");
	assert_has(&p, "a", "data");
	assert_misses(&p, "b");
	next_run(&p);
	assert_int_equal(read_file_at(AT_FDCWD, path, LIMIT, &after), 0);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
}

static void make_old(struct place *p, const char *name)
{
	struct timespec times[2] = {{time(NULL) - 4000, 0}, {time(NULL) - 4000, 0}};
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", p->dir, name) > 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void only_what_is_dead_and_ours_is_cleared(void **state)
{
	static const char of_before[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	_cleanup_place_ struct place p;
	_cleanup_free_ char *old = NULL;

	(void)state;
	place_make(&p);
	put(&p, "a", "data");
	next_run(&p);
	assert_true(asprintf(&old, "cache/%s", of_before) > 0);
	put_text(p.folder, old, "a blob of an earlier version");
	put_text(p.folder, "cache/.new-0123456789abcdef", "dead");
	put_text(p.folder, "cache/.new-0123456789abcdee", "alive");
	put_text(p.folder, "cache/other", "not ours");
	make_old(&p, ".new-0123456789abcdef");
	make_old(&p, "other");
	put(&p, "b", "data");
	next_run(&p);
	assert_int_equal(type_of(p.dir, of_before), 0);
	assert_int_equal(type_of(p.dir, ".new-0123456789abcdef"), 0);
	assert_int_equal(type_of(p.dir, ".new-0123456789abcdee"), S_IFREG);
	assert_int_equal(type_of(p.dir, "other"), S_IFREG);
	assert_has(&p, "a", "data");
}

/* ---- known files ---- */

static struct file_identity identity_of(struct place *p, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	assert_true(asprintf(&path, "%s/%s", p->folder, name) > 0);
	assert_int_equal(stat(path, &st), 0);
	return file_identity(&st);
}

static void another_run(struct place *p, struct stored **s)
{
	stored_keep(*s);
	stored_close(*s);
	next_run(p);
	*s = stored_open(p->cache);
}

static void a_file_is_known_by_its_identity_alone(void **state)
{
	_cleanup_place_ struct place p;
	uint8_t sum[DIGEST_SIZE] = {1, 2, 3}, found[DIGEST_SIZE] = {0};
	struct file_identity id, other;
	struct stored *s;

	(void)state;
	place_make(&p);
	put_text(p.folder, "file", "content");
	id = identity_of(&p, "file");
	id.ctime -= 100000000000;
	id.mtime -= 100000000000;
	s = stored_open(p.cache);
	stored_learn(s, &id, sum);
	assert_true(stored_know(s, &id, found));
	another_run(&p, &s);
	assert_true(stored_know(s, &id, found));
	assert_memory_equal(found, sum, DIGEST_SIZE);
	for (int i = 0; i < 5; i++) {
		other = id;
		other.device += i == 0;
		other.inode += i == 1;
		other.size += i == 2;
		other.mtime += i == 3;
		other.ctime += i == 4;
		assert_false(stored_know(s, &other, found));
	}
	/* It changed: what is known of it now replaces what was. */
	other = id;
	other.ctime++;
	stored_learn(s, &other, sum);
	another_run(&p, &s);
	assert_false(stored_know(s, &id, found));
	assert_true(stored_know(s, &other, found));
	stored_close(s);
}

static void a_file_that_has_just_changed_is_not_known(void **state)
{
	_cleanup_place_ struct place p;
	uint8_t sum[DIGEST_SIZE] = {1};
	struct file_identity id;
	struct stored *s;

	(void)state;
	place_make(&p);
	put_text(p.folder, "file", "content");
	id = identity_of(&p, "file");
	s = stored_open(p.cache);
	stored_learn(s, &id, sum);
	assert_false(stored_know(s, &id, sum));
	another_run(&p, &s);
	assert_false(stored_know(s, &id, sum));
	stored_close(s);
}

static void a_compressed_form_belongs_to_content_codec_and_level(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf data = BUF_INIT, out = BUF_INIT;
	uint8_t sum[DIGEST_SIZE] = {1}, other[DIGEST_SIZE] = {2}, digest[DIGEST_SIZE];
	struct stored *s;

	(void)state;
	place_make(&p);
	buf_add_str(&data, "compressed");
	digest_of(data.data, data.len, digest);
	s = stored_open(p.cache);
	stored_put(s, sum, &(struct stored_form){.codec = CODEC_ZSTD, .level = 9}, &data, digest);
	assert_false(stored_get(s, other, &(struct stored_form){.codec = CODEC_ZSTD, .level = 9}, &out, digest));
	assert_false(stored_get(s, sum, &(struct stored_form){.codec = CODEC_XZ, .level = 9}, &out, digest));
	assert_false(stored_get(s, sum, &(struct stored_form){.codec = CODEC_ZSTD, .level = 8}, &out, digest));
	assert_true(stored_get(s, sum, &(struct stored_form){.codec = CODEC_ZSTD, .level = 9}, &out, digest));
	assert_string_equal(buf_cstr(&out), "compressed");
	stored_close(s);
}

static void a_filesystem_without_files_that_have_no_name_will_do(void **state)
{
	_cleanup_place_ struct place p;
	struct dirent *de;
	size_t files = 0;
	DIR *dir;

	(void)state;
	no_tmpfile = true;
	place_make(&p);
	put(&p, "one", "first");
	next_run(&p);
	assert_has(&p, "one", "first");
	put(&p, "two", "second");
	next_run(&p);
	no_tmpfile = false;
	assert_has(&p, "one", "first");
	assert_has(&p, "two", "second");
	assert_null(cache_problem(p.cache));
	/* No temporary name is left. */
	dir = opendir(p.dir);
	assert_non_null(dir);
	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0) {
			assert_int_not_equal(de->d_name[0], '.');
			files++;
		}
	closedir(dir);
	assert_true(files >= 1 && files <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_comes_back),
		cmocka_unit_test(what_is_longer_than_the_caller_takes_is_not_there),
		cmocka_unit_test(no_cache_at_all_has_nothing),
		cmocka_unit_test(a_cache_without_a_folder_lasts_for_a_run),
		cmocka_unit_test(any_damaged_byte_is_noticed),
		cmocka_unit_test(what_is_not_damaged_in_a_file_stays),
		cmocka_unit_test(trailing_bytes_are_damage),
		cmocka_unit_test(a_file_that_others_may_write_is_not_trusted),
		cmocka_unit_test(a_link_in_place_of_a_file_is_not_followed),
		cmocka_unit_test(a_folder_that_others_may_write_is_refused),
		cmocka_unit_test(a_link_in_place_of_the_folder_is_refused),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told_once),
		cmocka_unit_test(a_folder_deleted_in_use_is_no_failure),
		cmocka_unit_test(two_runs_at_once_lose_nothing),
		cmocka_unit_test(what_is_out_of_date_in_part_is_not_deleted_beside_another_run),
		cmocka_unit_test(threads_may_put_and_get_at_once),
		cmocka_unit_test(what_a_killed_run_had_put_is_not_there),
		cmocka_unit_test(many_runs_make_few_files),
		cmocka_unit_test(what_was_not_used_for_longest_goes_first),
		cmocka_unit_test(the_limit_holds_for_what_one_run_puts),
		cmocka_unit_test(a_frozen_cache_writes_nothing),
		cmocka_unit_test(only_what_is_dead_and_ours_is_cleared),
		cmocka_unit_test(a_file_is_known_by_its_identity_alone),
		cmocka_unit_test(a_file_that_has_just_changed_is_not_known),
		cmocka_unit_test(a_compressed_form_belongs_to_content_codec_and_level),
		cmocka_unit_test(a_filesystem_without_files_that_have_no_name_will_do),
	};

	return RUN_TESTS(tests);
}
