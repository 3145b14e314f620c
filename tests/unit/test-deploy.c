/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Replacing a file: the old content or the new one, never anything between.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "deploy/place/atomic.h"
#include "support.h"

struct place {
	char *folder, *path;
	struct atomic r;
	struct err err;
};

static void place_make(struct place *p)
{
	*p = (struct place){.folder = make_folder(), .r = {.fd = -1, .dir = -1}};
	assert_true(asprintf(&p->path, "%s/image", p->folder) > 0);
}

static void place_clear(struct place *p)
{
	atomic_end(&p->r);
	remove_folder(p->folder);
	free(p->path);
}

#define _cleanup_place_ __attribute__((cleanup(place_clear)))

static void begin(struct place *p, const char *content)
{
	assert_ok(atomic_begin(p->path, &p->r, &p->err), 0, &p->err);
	assert_int_equal(write_full(p->r.fd, content, strlen(content)), 0);
	assert_ok(atomic_sync(&p->r, &p->err), 0, &p->err);
}

static void a_committed_file_has_its_name_and_nothing_else_stays(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	begin(&p, "new");
	assert_int_equal(type_of(p.folder, "image"), 0);
	assert_int_equal(count_names(p.folder), 1);
	assert_ok(atomic_commit(&p.r, &p.err), 0, &p.err);
	atomic_end(&p.r);
	assert_content(p.folder, "image", "new");
	assert_int_equal(count_names(p.folder), 1);
}

static void what_was_there_is_replaced_whole(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "image", "the old and longer content");
	begin(&p, "new");
	assert_content(p.folder, "image", "the old and longer content");
	assert_ok(atomic_commit(&p.r, &p.err), 0, &p.err);
	atomic_end(&p.r);
	assert_content(p.folder, "image", "new");
	assert_int_equal(count_names(p.folder), 1);
}

static void who_holds_the_old_file_open_keeps_it(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_fd_ int fd = -1;
	char data[4] = "";

	(void)state;
	place_make(&p);
	put_text(p.folder, "image", "old");
	fd = open(p.path, O_RDONLY | O_CLOEXEC);
	begin(&p, "new");
	assert_ok(atomic_commit(&p.r, &p.err), 0, &p.err);
	assert_int_equal(read_full(fd, data, 3), 3);
	assert_string_equal(data, "old");
}

static void what_is_given_up_leaves_the_old_file(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "image", "old");
	begin(&p, "new");
	atomic_end(&p.r);
	assert_content(p.folder, "image", "old");
	assert_int_equal(count_names(p.folder), 1);
	atomic_end(&p.r); /* twice does no harm */
	assert_int_equal(count_names(p.folder), 1);
}

static void a_signal_removes_the_temporary_file(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "image", "old");
	begin(&p, "new");
	atomic_abort_signal();
	assert_content(p.folder, "image", "old");
	assert_int_equal(count_names(p.folder), 1);
	atomic_end(&p.r);
	put_text(p.folder, "image.preroot-00000000", "not ours any more");
	atomic_abort_signal(); /* nothing is pending */
	assert_int_equal(count_names(p.folder), 2);
}

static void a_signal_after_the_commit_removes_nothing(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	begin(&p, "new");
	assert_ok(atomic_commit(&p.r, &p.err), 0, &p.err);
	atomic_abort_signal();
	assert_content(p.folder, "image", "new");
}

static void nobody_else_may_read_it_while_it_is_written(void **state)
{
	_cleanup_place_ struct place p;
	mode_t mask = umask(0);
	struct stat st;

	(void)state;
	place_make(&p);
	begin(&p, "new");
	umask(mask);
	assert_int_equal(fstat(p.r.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void what_a_killed_run_left_is_removed(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "image.preroot-0a1b2c3d", "left");
	put_text(p.folder, "image.preroot-7fffffff", "left");
	begin(&p, "new");
	assert_int_equal(type_of(p.folder, "image.preroot-0a1b2c3d"), 0);
	assert_int_equal(type_of(p.folder, "image.preroot-7fffffff"), 0);
	assert_int_equal(count_names(p.folder), 1);
}

static void what_another_run_is_writing_is_left_alone(void **state)
{
	_cleanup_place_ struct place p, other;

	(void)state;
	place_make(&p);
	place_make(&other);
	begin(&p, "one");
	free(other.path);
	other.path = strdup(p.path);
	begin(&other, "two");
	assert_int_equal(count_names(p.folder), 2);
	assert_ok(atomic_commit(&p.r, &p.err), 0, &p.err);
	assert_content(p.folder, "image", "one");
	assert_ok(atomic_commit(&other.r, &other.err), 0, &other.err);
	assert_content(p.folder, "image", "two");
	assert_int_equal(count_names(p.folder), 1);
}

static void files_of_other_names_are_left_alone(void **state)
{
	static const char *const others[] = {"image.preroot-0a1b2c3",
					     "image.preroot-0a1b2c3d4",
					     "image2.preroot-0a1b2c3d",
					     "image.preroot",
					     "image.bak",
					     "mage.preroot-0a1b2c3d"};
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		put_text(p.folder, others[i], "kept");
	begin(&p, "new");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_content(p.folder, others[i], "kept");
}

static void only_a_regular_file_is_replaced(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_dir(p.folder, "image");
	assert_fails(atomic_begin(p.path, &p.r, &p.err), -EEXIST, &p.err);
	assert_int_equal(rmdir(p.path), 0);
	put_link(p.folder, "image", "elsewhere");
	assert_fails(atomic_begin(p.path, &p.r, &p.err), -EEXIST, &p.err);
	assert_int_equal(type_of(p.folder, "image"), S_IFLNK);
	assert_int_equal(unlink(p.path), 0);
	assert_int_equal(mkfifo(p.path, 0644), 0);
	assert_fails(atomic_begin(p.path, &p.r, &p.err), -EEXIST, &p.err);
	assert_int_equal(count_names(p.folder), 1);
}

static void a_path_that_cannot_be_a_file_is_refused(void **state)
{
	_cleanup_place_ struct place p;
	static const char *const names[] = {"", ".", ".."};

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = NULL;

		assert_true(asprintf(&path, "%s/%s", p.folder, names[i]) > 0);
		assert_fails(atomic_begin(path, &p.r, &p.err), -EISDIR, &p.err);
	}
	assert_fails(atomic_begin("", &p.r, &p.err), -EISDIR, &p.err);
	assert_int_equal(count_names(p.folder), 0);
}

static void a_folder_that_is_missing_is_told_with_a_remedy(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *path = NULL, *below_file = NULL;

	(void)state;
	place_make(&p);
	assert_true(asprintf(&path, "%s/no/image", p.folder) > 0);
	assert_fails(atomic_begin(path, &p.r, &p.err), -ENOENT, &p.err);
	assert_true(p.err.hint[0] != '\0');
	put_text(p.folder, "file", "x");
	assert_true(asprintf(&below_file, "%s/file/image", p.folder) > 0);
	assert_fails(atomic_begin(below_file, &p.r, &p.err), -ENOTDIR, &p.err);
	assert_int_equal(count_names(p.folder), 1);
}

static void a_name_without_room_for_the_temporary_one_is_refused(void **state)
{
	_cleanup_place_ struct place p;
	char name[NAME_MAX + 1];

	(void)state;
	place_make(&p);
	memset(name, 'n', sizeof(name));
	for (size_t len = NAME_MAX - 17; len <= NAME_MAX; len += 17) {
		_cleanup_free_ char *path = NULL;
		int r;

		assert_true(asprintf(&path, "%s/%.*s", p.folder, (int)len, name) > 0);
		r = atomic_begin(path, &p.r, &p.err);
		assert_int_equal(r, len == NAME_MAX ? -ENAMETOOLONG : 0);
		atomic_end(&p.r);
	}
	assert_int_equal(count_names(p.folder), 0);
}

static void a_secret_is_not_written_where_files_have_no_modes(void **state)
{
	static const struct {
		unsigned file, folder;
		int expected;
	} rows[] = {{0600, 0755, 0}, {0755, 0755, -EACCES}, {0640, 0711, -EACCES}, {0755, 0700, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *folder = make_folder();
		_cleanup_free_ char *path = NULL;
		struct err err = {0};
		struct atomic r;

		assert_true(asprintf(&path, "%s/image", folder) > 0);
		assert_ok(atomic_begin(path, &r, &err), 0, &err);
		assert_int_equal(fchmod(r.dir, rows[i].folder), 0);
		assert_int_equal(fchmod(r.fd, rows[i].file), 0);
		assert_ok(atomic_check_secret(&r, NULL, &err), 0, &err);
		assert_int_equal(atomic_check_secret(&r, "etc/shadow", &err), rows[i].expected);
		if (rows[i].expected) {
			assert_contains(err.text, "/etc/shadow");
			assert_contains(err.hint, "umask=0077");
		}
		atomic_end(&r);
		remove_folder(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_committed_file_has_its_name_and_nothing_else_stays),
		cmocka_unit_test(what_was_there_is_replaced_whole),
		cmocka_unit_test(who_holds_the_old_file_open_keeps_it),
		cmocka_unit_test(what_is_given_up_leaves_the_old_file),
		cmocka_unit_test(a_signal_removes_the_temporary_file),
		cmocka_unit_test(a_signal_after_the_commit_removes_nothing),
		cmocka_unit_test(nobody_else_may_read_it_while_it_is_written),
		cmocka_unit_test(what_a_killed_run_left_is_removed),
		cmocka_unit_test(what_another_run_is_writing_is_left_alone),
		cmocka_unit_test(files_of_other_names_are_left_alone),
		cmocka_unit_test(only_a_regular_file_is_replaced),
		cmocka_unit_test(a_path_that_cannot_be_a_file_is_refused),
		cmocka_unit_test(a_folder_that_is_missing_is_told_with_a_remedy),
		cmocka_unit_test(a_name_without_room_for_the_temporary_one_is_refused),
		cmocka_unit_test(a_secret_is_not_written_where_files_have_no_modes),
	};

	return RUN_TESTS(tests);
}
