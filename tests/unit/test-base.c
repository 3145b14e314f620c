/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The leaf helpers.
 */

#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "base/strset.h"
#include "base/text.h"
#include "support.h"

/* ---- text ---- */

static void a_decimal_number_is_taken_whole_or_not_at_all(void **state)
{
	static const char *const bad[] = {"",	 " 1",	"1 ", "+1", "-1",
					  "0x1", "1.0", "a",  "1a", "18446744073709551616"};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(parse_u64(bad[i], UINT64_MAX, &v));
		assert_int_equal(v, 7);
	}
	assert_true(parse_u64("18446744073709551615", UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(parse_u64("000", 0, &v));
	assert_int_equal(v, 0);
}

static void a_number_over_the_limit_is_refused(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(parse_u64("255", 255, &v));
	assert_int_equal(v, 255);
	assert_false(parse_u64("256", 255, &v));
	assert_false(parse_u64("7", 5, &v));
	assert_false(parse_u64("10", 5, &v));
	assert_false(parse_u64("99999999999999999999999999", 255, &v));
	assert_int_equal(v, 255);
}

static void hexadecimal_digits_have_a_value_and_nothing_else_has(void **state)
{
	static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	(void)state;
	for (int c = -128; c < 128; c++) {
		const char *at = c ? strchr(digits, c) : NULL;

		if (c && !at && (at = strchr(upper, c)))
			at = digits + (at - upper);
		assert_int_equal(hex_digit((char)c), at ? (int)(at - digits) : -1);
	}
}

static void only_a_plain_relative_path_is_clean(void **state)
{
	static const char *const clean[] = {"a", "usr/bin/x", "...", "a..b/.c", "a b", "\xc3\xa4"};
	static const char *const dirty[] = {"",	    "/",      "/a",   "a/",   "a//b",
					    ".",    "..",     "./a",  "a/.",  "a/..",
					    "../a", "a/../b", "a\nb", "\x7f", "a/\x1b[m"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clean); i++)
		if (!path_is_clean(clean[i]))
			fail_msg("\"%s\" is clean", clean[i]);
	for (size_t i = 0; i < ARRAY_SIZE(dirty); i++)
		if (path_is_clean(dirty[i]))
			fail_msg("\"%s\" is not clean", dirty[i]);
}

static void assert_matches_alike(const char *pattern, const char *text)
{
	if (text_matches(pattern, text) != (fnmatch(pattern, text, 0) == 0))
		fail_msg("[%s] and [%s]", pattern, text);
}

static void random_text(uint32_t *seed, const char *letters, char *out, size_t max)
{
	size_t len = next_random(seed) % (max + 1);

	for (size_t i = 0; i < len; i++)
		out[i] = letters[next_random(seed) / 64 % strlen(letters)];
	out[len] = '\0';
}

/* Ours against glibc's, but for ".", ":" and "=" in brackets, which begin its classes, and for "[a-",
 * which matches nothing there, while "[a" matches itself. */
static void a_pattern_matches_as_it_does_in_the_library(void **state)
{
	static const char *const patterns[] = {
		"", "*", "**", "?", "a", "a*", "*a", "*a*b*", "[", "[]", "[]]", "[!]]", "[a",
		"[a-]", "[-a]", "[a-c]x", "[c-a]", "[!a-c]", "[^a]", "\\*", "[\\]]", "[\\a-\\c]",
		"*[a-c]", "pci:v*d*sv*sd*bc01sc06i01*", "\xc3*", "[\x80-\xff]", "a**?*b"};
	static const char *const texts[] = {
		"", "a", "b", "c", "d", "-", "]", "[", "[]", "[a", "[a-", "*", "\\", "ax", "ab", "aab",
		"xaxb", "\xc3\xa4", "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01",
		"pci:v00008086d00002922sv00001AF4sd00001100bc01sc08i02"};
	uint32_t seed = 20231205;
	char pattern[12], text[12];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			assert_matches_alike(patterns[i], texts[k]);
	assert_true(text_matches("[a-", "[a-"));
	for (int i = 0; i < 200000; i++) {
		random_text(&seed, "ab*?[]!^-\\", pattern, sizeof(pattern) - 1);
		random_text(&seed, "ab-]\\", text, 6);
		assert_matches_alike(pattern, text);
	}
}

static void many_stars_end_soon(void **state)
{
	enum { STARS = 2000, LENGTH = 4000 };
	static char pattern[2 * STARS + 2], text[LENGTH + 1];

	(void)state;
	for (size_t i = 0; i < STARS; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	memset(text, 'a', LENGTH);
	assert_true(text_matches(pattern, text));
	pattern[sizeof(pattern) - 2] = 'b';
	assert_false(text_matches(pattern, text));
}

static void versions_are_ordered_as_people_read_them(void **state)
{
	static const char *const rising[] = {
		"",
		"5.10.0-9",
		"5.10.0-10",
		"5.10.0-10-amd64",
		"6.1",
		"6.1-rc1",
		"6.1.0",
		"6.1.9",
		"6.1.10",
		"6.10",
		"6.10.0a",
		"6.10.0b",
		"10.0",
		"99999999999999999999998",
		"99999999999999999999999",
		"sda",
		"sdb",
		"sdb2",
		"sdb10",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rising); i++)
		for (size_t k = 0; k < ARRAY_SIZE(rising); k++) {
			int diff = version_compare(rising[i], rising[k]);

			if ((diff > 0) - (diff < 0) != (i > k) - (i < k))
				fail_msg("\"%s\" against \"%s\": %d", rising[i], rising[k], diff);
		}
	assert_int_equal(version_compare("6.01", "6.1"), 0);
}

static void what_could_drive_a_terminal_is_spelt_out(void **state)
{
	char out[64];

	(void)state;
	escape_text("a\x1b[2Jb\n\\\x7f", out, sizeof(out));
	assert_string_equal(out, "a\\x1b[2Jb\\x0a\\x5c\\x7f");
	escape_text("\xc3\xa4\xc2\xa0", out, sizeof(out));
	assert_string_equal(out, "\xc3\xa4\xc2\xa0");
	/* The control characters of UTF-8: U+009B is what ESC [ is. */
	escape_text("\xc2\x9b"
		    "2J",
		    out, sizeof(out));
	assert_null(strstr(out, "\xc2\x9b"));
	assert_contains(out, "\\xc2");
}

static void a_spelt_out_text_never_leaves_its_room(void **state)
{
	(void)state;
	for (size_t size = 0; size < 40; size++) {
		_cleanup_free_ char *out = malloc(size ? size : 1);

		escape_text("abc\n\n\n\\def\x01ghi", out, size);
		if (size)
			assert_true(strlen(out) < size);
	}
}

/* ---- memory ---- */

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;
	uint8_t *before = NULL;

	(void)state;
	for (size_t size = 0; size < 200 * 1024; size = size * 2 + 1) {
		uint8_t *p = arena_alloc(&a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xa5, size);
		if (before)
			assert_int_equal(before[0], 0xa5);
		before = size ? p : before;
	}
}

static void arena_copies_do_not_change_with_their_original(void **state)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;
	char text[] = "original";
	char *copy = arena_strdup(&a, text), *part = arena_strndup(&a, text, 4);
	char *bytes = arena_memdup(&a, text, sizeof(text));

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_string_equal(copy, "original");
	assert_string_equal(part, "orig");
	assert_string_equal(bytes, "original");
	assert_string_equal(arena_printf(&a, "%s-%d", copy, 7), "original-7");
	assert_non_null(arena_memdup(&a, NULL, 0));
}

static void a_set_finds_what_was_added_and_nothing_else(void **state)
{
	_cleanup_strset_ struct strset s = STRSET_INIT;
	_cleanup_arena_ struct arena a = ARENA_INIT;

	(void)state;
	assert_null(strset_find(&s, "absent"));
	for (uintptr_t i = 0; i < 5000; i++)
		assert_true(strset_add(&s, arena_printf(&a, "key-%zu", (size_t)i), (void *)i));
	assert_int_equal(s.count, 5000);
	for (uintptr_t i = 0; i < 5000; i++) {
		void **slot = strset_find(&s, arena_printf(&a, "key-%zu", (size_t)i));

		assert_non_null(slot);
		assert_ptr_equal(*slot, (void *)i);
	}
	assert_false(strset_has(&s, "key-5000"));
	assert_false(strset_has(&s, ""));
}

static void adding_a_key_again_keeps_its_first_value(void **state)
{
	_cleanup_strset_ struct strset s = STRSET_INIT;
	int one, two;

	(void)state;
	assert_true(strset_add(&s, "k", &one));
	assert_false(strset_add(&s, "k", &two));
	assert_int_equal(s.count, 1);
	assert_ptr_equal(*strset_find(&s, "k"), &one);
	assert_true(strset_add(&s, "", NULL));
	assert_non_null(strset_find(&s, ""));
}

static void a_buffer_holds_what_was_added_in_order(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	buf_add_str(&b, "ab");
	buf_add(&b, "c\0d", 3);
	buf_add_zeros(&b, 2);
	buf_add_u32le(&b, 0x04030201);
	buf_printf(&b, "%d%%", 100);
	assert_int_equal(b.len, 15);
	assert_memory_equal(b.data,
			    "abc\0d\0\0\1\2\3\4"
			    "100%",
			    15);
	assert_int_equal(buf_status(&b), 0);
	assert_memory_equal(buf_cstr(&b), b.data, 15);
	assert_int_equal(b.len, 15);
	assert_int_equal(b.data[15], 0);
}

static void a_buffer_that_failed_once_stays_failed(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	buf_add_str(&b, "kept");
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -ENOMEM);
	buf_add_str(&b, "lost");
	buf_add_zeros(&b, 1);
	buf_add_u32le(&b, 1);
	buf_printf(&b, "lost");
	assert_int_equal(buf_reserve(&b, 1), -ENOMEM);
	assert_int_equal(buf_status(&b), -ENOMEM);
	assert_int_equal(b.len, 4);
	assert_string_equal(buf_cstr(&b), "");
	buf_clear(&b);
	buf_add_str(&b, "new");
	assert_int_equal(buf_status(&b), 0);
	assert_string_equal(buf_cstr(&b), "new");
}

/* ---- errors ---- */

static void an_error_tells_code_facts_place_and_remedy(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, -EBADMSG, "line %d", 3), -EBADMSG);
	assert_int_equal(err_hint(&e, "mend %s", "it"), -EBADMSG);
	assert_int_equal(err_prefix(&e, "/etc/x"), -EBADMSG);
	assert_string_equal(e.text, "/etc/x: line 3");
	assert_string_equal(e.hint, "mend it");
	assert_int_equal(err_sys(&e, -ENOENT, "/dev/x"), -ENOENT);
	assert_string_equal(e.text, "/dev/x: No such file or directory");
	assert_string_equal(e.hint, "");
}

static void an_error_text_that_is_too_long_is_cut(void **state)
{
	_cleanup_free_ char *many = malloc(5000);
	struct err e = {0};

	(void)state;
	memset(many, 'x', 4999);
	many[4999] = '\0';
	err_set(&e, -EIO, "%s", many);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_sys(&e, -EIO, "%s", many);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_prefix(&e, "place");
	assert_true(str_starts(e.text, "place: xxx"));
	err_prefix(&e, "%s", many);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_hint(&e, "%s", many);
	assert_int_equal(strlen(e.hint), ERR_HINT_MAX - 1);
}

static void who_wants_no_text_still_gets_the_code(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EBADMSG, "x"), -EBADMSG);
	assert_int_equal(err_sys(NULL, -ENOENT, "x"), -ENOENT);
	assert_true(err_prefix(NULL, "x") < 0);
	assert_true(err_hint(NULL, "x") < 0);
}

/* ---- many items at once ---- */

struct visits {
	_Atomic int count[1000];
	_Atomic unsigned worker_max;
};

static int visit(size_t item, unsigned worker, void *arg)
{
	struct visits *v = arg;

	v->count[item]++;
	if (worker > v->worker_max)
		v->worker_max = worker;
	return 1;
}

static void every_item_is_visited_once_by_any_number_of_threads(void **state)
{
	static const unsigned threads[] = {0, 1, 2, 3, 64, 1000};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++)
		for (size_t count = 0; count <= 1000; count += 333) {
			struct visits v = {0};

			assert_int_equal(parallel_run(count, threads[t], visit, &v), 0);
			for (size_t i = 0; i < 1000; i++)
				assert_int_equal(v.count[i], i < count);
			assert_true(v.worker_max == 0 || v.worker_max < threads[t]);
		}
	assert_true(parallel_cores() >= 1);
}

struct line {
	size_t window, taken, fail_at;
	_Atomic size_t made;
	_Atomic int wrong;
	size_t places[64]; /* of the item that was made there */
};

static int make_one(size_t item, unsigned worker, void *arg)
{
	struct line *l = arg;

	(void)worker;
	l->made++;
	l->places[item % l->window] = item;
	return item % 5 == 4 ? -(int)item : (int)item;
}

static int take_one(size_t item, int result, void *arg)
{
	struct line *l = arg;

	/* In order, with its own result, and nothing was made over it. */
	l->wrong += item != l->taken || result != (item % 5 == 4 ? -(int)item : (int)item) ||
		    l->places[item % l->window] != item || l->made > l->taken + l->window;
	l->taken++;
	return item == l->fail_at ? -77 : 1;
}

static void what_many_threads_make_is_taken_in_order(void **state)
{
	static const unsigned threads[] = {0, 1, 2, 3, 40};
	static const size_t windows[] = {1, 2, 7, 64};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++)
		for (size_t w = 0; w < ARRAY_SIZE(windows); w++)
			for (size_t count = 0; count <= 3000; count += 750) {
				struct line l = {.window = windows[w], .fail_at = SIZE_MAX};
				struct parallel_line line = {count, l.window, threads[t], make_one,
							     take_one, &l};

				assert_int_equal(parallel_line(&line), 0);
				assert_int_equal(l.taken, count);
				assert_int_equal(l.made, count);
				assert_int_equal(l.wrong, 0);
			}
}

static void what_cannot_be_taken_ends_the_line(void **state)
{
	static const unsigned threads[] = {0, 1, 3};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		struct line l = {.window = 8, .fail_at = 100};
		struct parallel_line line = {3000, l.window, threads[t], make_one, take_one, &l};

		assert_int_equal(parallel_line(&line), -77);
		assert_int_equal(l.taken, 101);
		assert_true(l.made >= 101 && l.made <= 101 + l.window);
	}
}

static int fail_some(size_t item, unsigned worker, void *arg)
{
	(void)worker;
	(*(_Atomic size_t *)arg)++;
	return item % 7 == 3 ? -(int)item : 0;
}

static void a_failure_stops_the_handing_out(void **state)
{
	_Atomic size_t ran = 0;

	(void)state;
	assert_int_equal(parallel_run(100000, 1, fail_some, &ran), -3);
	assert_int_equal(ran, 4);
}

/* The first thread fails only after the other one, which has a later item, has failed and ended. */
struct race {
	sem_t first_has_item, other_ended;
	size_t first_item;
	bool waited;
	pthread_key_t key;
};

static void tell_end(void *arg)
{
	sem_post(&((struct race *)arg)->other_ended);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		;
}

static int fail_earlier_item_last(size_t item, unsigned worker, void *arg)
{
	struct race *race = arg;

	if (worker == 0) {
		race->first_item = item;
		sem_post(&race->first_has_item);
		wait_for(&race->other_ended);
		return -100 - (int)item;
	}
	pthread_setspecific(race->key, race);
	if (!race->waited)
		wait_for(&race->first_has_item);
	race->waited = true;
	return item > race->first_item ? -200 : 0;
}

static void of_several_failures_the_lowest_item_tells(void **state)
{
	struct race race = {0};

	(void)state;
	assert_int_equal(sem_init(&race.first_has_item, 0, 0), 0);
	assert_int_equal(sem_init(&race.other_ended, 0, 0), 0);
	assert_int_equal(pthread_key_create(&race.key, tell_end), 0);
	assert_int_equal(parallel_run(3, 2, fail_earlier_item_last, &race),
			 -100 - (int)race.first_item);
	pthread_key_delete(race.key);
	sem_destroy(&race.first_has_item);
	sem_destroy(&race.other_ended);
}

/* ---- files ---- */

static void a_file_is_read_whole(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_fd_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf big = BUF_INIT, got = BUF_INIT;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		buf_add_u32le(&big, i);
	put_file(dir, "big", big.data, big.len);
	buf_add_str(&got, "before");
	assert_int_equal(read_file_at(fd, "big", big.len, &got), 0);
	assert_int_equal(got.len, big.len + 6);
	assert_memory_equal(got.data, "before", 6);
	assert_memory_equal(got.data + 6, big.data, big.len);
}

static void a_file_over_the_limit_is_refused(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), sparse = -1;
	_cleanup_buf_ struct buf b = BUF_INIT, c = BUF_INIT;

	(void)state;
	put_text(dir, "f", "12345");
	assert_int_equal(read_file_at(fd, "f", 4, &b), -E2BIG);
	sparse = openat(fd, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(sparse, (off_t)1 << 42), 0);
	assert_int_equal(read_file_at(fd, "sparse", 1000, &c), -E2BIG);
}

static void what_is_no_regular_file_is_not_waited_for(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_fd_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(mkfifoat(fd, "fifo", 0644), 0);
	assert_int_equal(read_file_at(fd, "fifo", 100, &b), -EINVAL);
	assert_int_equal(read_file_at(fd, ".", 100, &b), -EISDIR);
	assert_int_equal(read_file_at(fd, "absent", 100, &b), -ENOENT);
	assert_int_equal(b.len, 0);
}

static void files_without_a_size_are_read_too(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(read_file_at(AT_FDCWD, "/proc/self/status", 1 << 20, &b), 0);
	assert_contains(buf_cstr(&b), "Name:");
}

static void a_read_at_an_offset_leaves_the_position(void **state)
{
	_cleanup_fd_ int fd = memfd_create("x", MFD_CLOEXEC);
	char out[8] = "";

	(void)state;
	assert_int_equal(write_full(fd, "0123456789", 10), 0);
	assert_int_equal(pread_full(fd, out, 4, 8), 2);
	assert_memory_equal(out, "89", 2);
	assert_int_equal(pread_full(fd, out, 4, 20), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 10);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_full(fd, out, 4), 4);
	assert_memory_equal(out, "0123", 4);
	assert_int_equal(write_full(-1, "x", 1), -EBADF);
	assert_int_equal(read_full(-1, out, 1), -EBADF);
	assert_int_equal(pread_full(-1, out, 1, 0), -EBADF);
}

static void sha256_is_that_of_openssl(void **state)
{
	uint8_t data[300], own[SHA256_SIZE], sum[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct sha256 s;

		sha256_init(&s);
		sha256_add(&s, data, len / 3);
		sha256_add(&s, data + len / 3, len - len / 3);
		sha256_take(&s, own);
		digest_of(data, len, sum);
		assert_memory_equal(own, sum, sizeof(sum));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_that_of_openssl),
		cmocka_unit_test(a_decimal_number_is_taken_whole_or_not_at_all),
		cmocka_unit_test(a_number_over_the_limit_is_refused),
		cmocka_unit_test(hexadecimal_digits_have_a_value_and_nothing_else_has),
		cmocka_unit_test(only_a_plain_relative_path_is_clean),
		cmocka_unit_test(a_pattern_matches_as_it_does_in_the_library),
		cmocka_unit_test(many_stars_end_soon),
		cmocka_unit_test(versions_are_ordered_as_people_read_them),
		cmocka_unit_test(what_could_drive_a_terminal_is_spelt_out),
		cmocka_unit_test(a_spelt_out_text_never_leaves_its_room),
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(arena_copies_do_not_change_with_their_original),
		cmocka_unit_test(a_set_finds_what_was_added_and_nothing_else),
		cmocka_unit_test(adding_a_key_again_keeps_its_first_value),
		cmocka_unit_test(a_buffer_holds_what_was_added_in_order),
		cmocka_unit_test(a_buffer_that_failed_once_stays_failed),
		cmocka_unit_test(an_error_tells_code_facts_place_and_remedy),
		cmocka_unit_test(an_error_text_that_is_too_long_is_cut),
		cmocka_unit_test(who_wants_no_text_still_gets_the_code),
		cmocka_unit_test(every_item_is_visited_once_by_any_number_of_threads),
		cmocka_unit_test(what_many_threads_make_is_taken_in_order),
		cmocka_unit_test(what_cannot_be_taken_ends_the_line),
		cmocka_unit_test(a_failure_stops_the_handing_out),
		cmocka_unit_test(of_several_failures_the_lowest_item_tells),
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_file_over_the_limit_is_refused),
		cmocka_unit_test(what_is_no_regular_file_is_not_waited_for),
		cmocka_unit_test(files_without_a_size_are_read_too),
		cmocka_unit_test(a_read_at_an_offset_leaves_the_position),
	};

	return RUN_TESTS(tests);
}
