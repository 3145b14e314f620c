/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The cache: what was put comes back, or nothing does.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "host/remembered/cache.h"
#include "image/stored.h"
#include "support.h"

enum { LIMIT = 1 << 20 };

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

/* The only blob's path. */
static char *blob_of(struct place *p)
{
	DIR *d = opendir(p->dir);
	struct dirent *de;
	char *path = NULL;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			assert_true(asprintf(&path, "%s/%s", p->dir, de->d_name) > 0);
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

static void any_damaged_byte_is_noticed(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf good = BUF_INIT;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	path = blob_of(&p);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1000, &good), 0);
	for (size_t i = 0; i < 2 * good.len; i++) {
		_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		size_t len = i < good.len ? good.len : i - good.len;

		if (i < good.len)
			good.data[i] ^= 1;
		assert_int_equal(write_full(fd, good.data, len), 0);
		if (i < good.len)
			good.data[i] ^= 1;
		assert_misses(&p, "key");
		assert_int_equal(cache_dropped(p.cache), i + 1);
		assert_int_equal(count_names(p.dir), 0);
	}
	put(&p, "key", "data");
	assert_has(&p, "key", "data");
}

static void trailing_bytes_are_damage(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -1;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	path = blob_of(&p);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write_full(fd, "x", 1), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
}

static void a_blob_that_others_may_write_is_not_trusted(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	path = blob_of(&p);
	assert_int_equal(chmod(path, 0620), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
}

static void a_link_in_place_of_a_blob_is_not_followed(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL, *moved = NULL;

	(void)state;
	place_make(&p);
	put(&p, "key", "data");
	path = blob_of(&p);
	assert_true(asprintf(&moved, "%s/moved", p.folder) > 0);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(symlink(moved, path), 0);
	assert_misses(&p, "key");
	assert_int_equal(cache_dropped(p.cache), 1);
	assert_int_equal(type_of(p.folder, "moved"), S_IFREG);
}

static void a_blob_under_the_name_of_another_is_damaged(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *a = NULL, *b = NULL, *kept = NULL;

	(void)state;
	place_make(&p);
	put(&p, "a", "of a");
	a = blob_of(&p);
	assert_true(asprintf(&kept, "%s/kept", p.folder) > 0);
	assert_int_equal(rename(a, kept), 0);
	put(&p, "b", "of b");
	b = blob_of(&p);
	assert_int_equal(rename(kept, b), 0);
	assert_misses(&p, "b");
	assert_int_equal(cache_dropped(p.cache), 1);
}

static void assert_refused(struct place *p, const char *why)
{
	put(p, "key", "data");
	assert_misses(p, "key");
	assert_non_null(cache_problem(p->cache));
	assert_contains(cache_problem(p->cache), why);
	assert_contains(cache_problem(p->cache), p->dir);
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
	path = blob_of(&p);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(p.dir), 0);
	assert_misses(&p, "a");
	put(&p, "b", "data");
	assert_misses(&p, "b");
	assert_int_equal(cache_dropped(p.cache), 0);
}

static void age(struct place *p, const char *name, int seconds)
{
	struct timespec times[2] = {{time(NULL) - seconds, 0}, {time(NULL) - seconds, 0}};
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s%s%s", name[0] == '/' ? "" : p->dir,
			     name[0] == '/' ? "" : "/", name) > 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void age_but(struct place *p, const char *but, int seconds)
{
	DIR *d = opendir(p->dir);
	struct dirent *de;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.' && !strstr(but, de->d_name))
			age(p, de->d_name, seconds);
	closedir(d);
}

static bool has(struct place *p, const char *key)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	return cache_get(p->cache, key, LIMIT, &out, NULL);
}

static void what_was_not_used_for_longest_goes_first(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *first = NULL, *data = calloc(1, LIMIT / 3);

	(void)state;
	place_make(&p);
	cache_put(p.cache, "used", data, LIMIT / 3, NULL);
	first = blob_of(&p);
	age(&p, first, 200000);
	assert_true(has(&p, "used"));
	cache_put(p.cache, "old", data, LIMIT / 3, NULL);
	age_but(&p, first, 5000);
	cache_put(p.cache, "new", data, LIMIT / 3, NULL);
	cache_free(p.cache);
	p.cache = cache_new(p.dir, LIMIT);
	assert_false(has(&p, "old"));
	assert_true(has(&p, "used"));
	assert_true(has(&p, "new"));
}

static void only_dead_temporary_files_are_cleared(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put(&p, "a", "data");
	put_text(p.folder, "cache/.new-0123456789abcdef", "dead");
	put_text(p.folder, "cache/.new-0123456789abcdee", "alive");
	put_text(p.folder, "cache/other", "not ours");
	age(&p, ".new-0123456789abcdef", 4000);
	age(&p, "other", 400000);
	cache_free(p.cache);
	p.cache = cache_new(p.dir, LIMIT);
	assert_int_equal(type_of(p.dir, ".new-0123456789abcdef"), 0);
	assert_int_equal(type_of(p.dir, ".new-0123456789abcdee"), S_IFREG);
	assert_int_equal(type_of(p.dir, "other"), S_IFREG);
	assert_has(&p, "a", "data");
}

/* ---- known files ---- */

static struct stat stat_of(struct place *p, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	assert_true(asprintf(&path, "%s/%s", p->folder, name) > 0);
	assert_int_equal(stat(path, &st), 0);
	return st;
}

static void a_file_is_known_by_its_identity_alone(void **state)
{
	_cleanup_place_ struct place p;
	uint8_t sum[DIGEST_SIZE] = {1, 2, 3}, found[DIGEST_SIZE] = {0};
	struct stored *s;
	struct stat st, other;

	(void)state;
	place_make(&p);
	put_text(p.folder, "file", "content");
	st = stat_of(&p, "file");
	st.st_ctim.tv_sec -= 100;
	st.st_mtim.tv_sec -= 100;
	s = stored_open(p.cache);
	stored_learn(s, &st, sum);
	stored_close(s);
	s = stored_open(p.cache);
	assert_true(stored_know(s, &st, found));
	assert_memory_equal(found, sum, DIGEST_SIZE);
	for (int i = 0; i < 5; i++) {
		other = st;
		other.st_dev += i == 0;
		other.st_ino += i == 1;
		other.st_size += i == 2;
		other.st_mtim.tv_nsec += i == 3;
		other.st_ctim.tv_nsec += i == 4;
		assert_false(stored_know(s, &other, found));
	}
	/* It has changed: the new facts replace the old ones. */
	other = st;
	other.st_ctim.tv_sec++;
	stored_learn(s, &other, sum);
	stored_close(s);
	s = stored_open(p.cache);
	assert_false(stored_know(s, &st, found));
	assert_true(stored_know(s, &other, found));
	stored_close(s);
}

static void a_file_that_has_just_changed_is_not_known(void **state)
{
	_cleanup_place_ struct place p;
	uint8_t sum[DIGEST_SIZE] = {1};
	struct stored *s;
	struct stat st;

	(void)state;
	place_make(&p);
	put_text(p.folder, "file", "content");
	st = stat_of(&p, "file");
	s = stored_open(p.cache);
	stored_learn(s, &st, sum);
	stored_close(s);
	s = stored_open(p.cache);
	assert_false(stored_know(s, &st, sum));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_comes_back),
		cmocka_unit_test(what_is_longer_than_the_caller_takes_is_not_there),
		cmocka_unit_test(no_cache_at_all_has_nothing),
		cmocka_unit_test(any_damaged_byte_is_noticed),
		cmocka_unit_test(trailing_bytes_are_damage),
		cmocka_unit_test(a_blob_that_others_may_write_is_not_trusted),
		cmocka_unit_test(a_link_in_place_of_a_blob_is_not_followed),
		cmocka_unit_test(a_blob_under_the_name_of_another_is_damaged),
		cmocka_unit_test(a_folder_that_others_may_write_is_refused),
		cmocka_unit_test(a_link_in_place_of_the_folder_is_refused),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told_once),
		cmocka_unit_test(a_folder_deleted_in_use_is_no_failure),
		cmocka_unit_test(what_was_not_used_for_longest_goes_first),
		cmocka_unit_test(only_dead_temporary_files_are_cleared),
		cmocka_unit_test(a_file_is_known_by_its_identity_alone),
		cmocka_unit_test(a_file_that_has_just_changed_is_not_known),
		cmocka_unit_test(a_compressed_form_belongs_to_content_codec_and_level),
	};

	return RUN_TESTS(tests);
}
