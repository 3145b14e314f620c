/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plan: what may go in, where it lands, and what is refused.
 */

#include <stdio.h>

#include "format/kernel/cpio.h"
#include "plan/plan.h"
#include "support.h"

static const struct plan_entry *entry(const struct plan *p, const char *path)
{
	const struct plan_entry *e = plan_find(p, path);

	if (!e)
		fail_msg("/%s is not in the plan", path);
	return e;
}

static void parent_folders_come_by_themselves(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};

	(void)state;
	plan_init(&p);
	assert_ok(plan_add_text(&p, "etc/preroot/boot.conf", 0644, "x", 1, "test", &err), 0, &err);
	assert_int_equal(p.n_entries, 3);
	assert_int_equal(entry(&p, "etc")->type, PLAN_DIR);
	assert_int_equal(entry(&p, "etc")->mode, 0755);
	assert_int_equal(entry(&p, "etc/preroot")->type, PLAN_DIR);
	assert_contains(entry(&p, "etc/preroot")->reason, "/etc/preroot/boot.conf");
	assert_string_equal(entry(&p, "etc/preroot/boot.conf")->reason, "test");
	assert_null(plan_find(&p, "preroot"));
}

static void bin_and_lib_lie_below_usr(void **state)
{
	static const char *const paths[] = {"bin/sh", "sbin/init", "lib/x.so", "lib64/ld.so"};
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	char merged[64];

	(void)state;
	plan_init(&p);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_ok(plan_add_text(&p, paths[i], 0755, "x", 1, "test", &err), 0, &err);
		snprintf(merged, sizeof(merged), "usr/%s", paths[i]);
		assert_string_equal(entry(&p, paths[i])->path, merged);
		assert_ptr_equal(entry(&p, merged), entry(&p, paths[i]));
	}
	/* The same file by its other name. */
	assert_ok(plan_add_text(&p, "usr/bin/sh", 0755, "x", 1, "test", &err), 0, &err);
	assert_int_equal(plan_add_text(&p, "usr/bin/sh", 0755, "y", 1, "test", &err), -EEXIST);
	/* The links of those names themselves, and what only starts alike. */
	assert_ok(plan_add_link(&p, "bin", "usr/bin", "test", &err), 0, &err);
	assert_string_equal(entry(&p, "bin")->path, "bin");
	assert_ok(plan_add_text(&p, "library/x", 0644, "x", 1, "test", &err), 0, &err);
	assert_string_equal(entry(&p, "library/x")->path, "library/x");
}

static void the_same_thing_twice_is_one_entry(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	struct plan_entry file = {.path = "usr/bin/x",
				  .type = PLAN_FILE,
				  .mode = 0755,
				  .source = "bin/x",
				  .reason = "first"};

	(void)state;
	plan_init(&p);
	for (int i = 0; i < 2; i++) {
		assert_ok(plan_add(&p, &file, &err), 0, &err);
		assert_ok(plan_add_dir(&p, "d", 0700, "first", &err), 0, &err);
		assert_ok(plan_add_link(&p, "l", "d", "first", &err), 0, &err);
		assert_ok(plan_add_text(&p, "t", 0644, "text", 4, "first", &err), 0, &err);
		assert_int_equal(p.n_entries, 6);
		file.reason = "second";
	}
	assert_string_equal(entry(&p, "usr/bin/x")->reason, "first");
}

static void two_different_things_on_one_path_are_refused(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	struct plan_entry file = {
		.path = "f", .type = PLAN_FILE, .source = "other", .reason = "the second"};

	(void)state;
	plan_init(&p);
	assert_ok(plan_add_text(&p, "f", 0644, "abc", 3, "the first", &err), 0, &err);
	assert_fails(plan_add_text(&p, "f", 0644, "abd", 3, "the second", &err), -EEXIST, &err);
	assert_contains(err.text, "the first");
	assert_contains(err.text, "the second");
	assert_fails(plan_add_text(&p, "f", 0644, "abcd", 4, "x", &err), -EEXIST, &err);
	assert_fails(plan_add_text(&p, "f", 0644, "", 0, "x", &err), -EEXIST, &err);
	assert_fails(plan_add_link(&p, "f", "abc", "x", &err), -EEXIST, &err);
	assert_fails(plan_add_dir(&p, "f", 0755, "x", &err), -EEXIST, &err);
	assert_fails(plan_add(&p, &file, &err), -EEXIST, &err);
	assert_contains(err.text, "the second (/other)");
	assert_ok(plan_add_link(&p, "l", "a", "x", &err), 0, &err);
	assert_fails(plan_add_link(&p, "l", "b", "x", &err), -EEXIST, &err);
	assert_int_equal(p.n_entries, 2);
	assert_int_equal(entry(&p, "f")->len, 3);
}

static void nothing_lies_below_what_is_no_folder(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};

	(void)state;
	plan_init(&p);
	assert_ok(plan_add_link(&p, "var/run", "../run", "a link", &err), 0, &err);
	assert_fails(plan_add_text(&p, "var/run/x", 0644, "x", 1, "x", &err), -EEXIST, &err);
	assert_contains(err.text, "var/run");
	assert_fails(plan_add_dir(&p, "var/run/x/y/z", 0755, "x", &err), -EEXIST, &err);
	assert_int_equal(p.n_entries, 2);
}

static void a_path_that_is_not_clean_is_refused(void **state)
{
	static const char *const bad[] = {"",	 "/etc/x",   "../x", "a/../x", "a//b",	"a/",
					  "./a", "lib/../x", "lib/", "a\nb",   "bin//x"};
	_cleanup_plan_ struct plan p;
	struct err err = {0};

	(void)state;
	plan_init(&p);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(plan_add_text(&p, bad[i], 0644, "x", 1, "x", &err), -EINVAL, &err);
	assert_fails(plan_add_text(&p, "\x1b[2J", 0644, "x", 1, "x", &err), -EINVAL, &err);
	assert_null(strchr(err.text, '\x1b'));
	assert_int_equal(p.n_entries, 0);
}

static void what_the_format_cannot_hold_is_refused(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	char path[CPIO_NAME_MAX + 1], target[CPIO_TARGET_MAX + 1];

	(void)state;
	plan_init(&p);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 100 == 99 ? '/' : 'p';
	path[CPIO_NAME_MAX] = '\0';
	assert_fails(plan_add_text(&p, path, 0644, "x", 1, "x", &err), -E2BIG, &err);
	path[CPIO_NAME_MAX - 1] = '\0';
	assert_ok(plan_add_text(&p, path, 0644, "x", 1, "x", &err), 0, &err);
	memset(target, 't', sizeof(target));
	target[CPIO_TARGET_MAX] = '\0';
	assert_fails(plan_add_link(&p, "l", target, "x", &err), -E2BIG, &err);
	target[CPIO_TARGET_MAX - 1] = '\0';
	assert_ok(plan_add_link(&p, "l", target, "x", &err), 0, &err);
	assert_fails(plan_add_link(&p, "e", "", "x", &err), -E2BIG, &err);
}

static void what_the_user_asked_for_wins(void **state)
{
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	struct plan_entry wanted = {.path = "bin/x",
				    .type = PLAN_FILE,
				    .mode = 0700,
				    .data = "new",
				    .len = 3,
				    .reason = "asked for"};

	(void)state;
	plan_init(&p);
	assert_ok(plan_add_text(&p, "usr/bin/x", 0755, "old", 3, "needed", &err), 0, &err);
	assert_ok(plan_replace(&p, &wanted, &err), 0, &err);
	assert_int_equal(p.n_entries, 3);
	assert_string_equal(entry(&p, "usr/bin/x")->reason, "asked for");
	assert_int_equal(entry(&p, "usr/bin/x")->mode, 0700);
	assert_memory_equal(entry(&p, "usr/bin/x")->data, "new", 3);
	wanted.path = "usr/bin"; /* a folder with something in it */
	assert_fails(plan_replace(&p, &wanted, &err), -EEXIST, &err);
	wanted.path = "usr/share/y"; /* new */
	assert_ok(plan_replace(&p, &wanted, &err), 0, &err);
	assert_int_equal(entry(&p, "usr/share/y")->mode, 0700);
}

static void a_folder_that_is_asked_for_has_the_mode_that_was_asked_for(void **state)
{
	_cleanup_plan_ struct plan before, behind;
	struct err err = {0};

	(void)state;
	plan_init(&before);
	plan_init(&behind);
	assert_ok(plan_add_dir(&before, "root", 0700, "home", &err), 0, &err);
	assert_ok(plan_add_text(&before, "root/x", 0600, "x", 1, "x", &err), 0, &err);
	assert_int_equal(entry(&before, "root")->mode, 0700);
	/* The other way round the folder is there already, as the parent of x. */
	assert_ok(plan_add_text(&behind, "root/x", 0600, "x", 1, "x", &err), 0, &err);
	assert_ok(plan_add_dir(&behind, "root", 0700, "home", &err), 0, &err);
	assert_int_equal(entry(&behind, "root")->mode, 0700);
}

static void sorted_entries_have_their_parents_first(void **state)
{
	static const char *const added[] = {"z", "a/b/c", "a-b", "a.b/x", "a/b-c", "B", "a/b.c/d"};
	_cleanup_plan_ struct plan p;
	struct err err = {0};

	(void)state;
	plan_init(&p);
	plan_sort(&p);
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		assert_ok(plan_add_text(&p, added[i], 0644, "x", 1, "x", &err), 0, &err);
	plan_sort(&p);
	for (size_t i = 0; i < p.n_entries; i++) {
		const char *path = p.entries[i].path, *slash = strrchr(path, '/');

		assert_true(i == 0 || strcmp(p.entries[i - 1].path, path) < 0);
		assert_ptr_equal(plan_find(&p, path), &p.entries[i]);
		if (slash) {
			_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));

			assert_true(plan_find(&p, dir) < &p.entries[i]);
		}
	}
	assert_int_equal(p.n_entries, 11);
}

static void warnings_are_kept_and_counted(void **state)
{
	_cleanup_plan_ struct plan p;

	(void)state;
	plan_init(&p);
	plan_warn(&p, "first %d", 1);
	plan_warn(&p, "second");
	assert_int_equal(p.warnings, 2);
	assert_string_equal(p.notes->text, "second");
	assert_string_equal(p.notes->next->text, "first 1");
	assert_null(p.notes->next->next);
}

static bool ends_in_x(const struct plan_entry *e, void *arg)
{
	(*(int *)arg)++;
	return e->path[strlen(e->path) - 1] == 'x';
}

static void what_is_filtered_out_leaves_no_empty_parents(void **state)
{
	static const char *const kept[] = {"a", "a/b", "a-b", "a-b/y", "e", NULL};
	_cleanup_plan_ struct plan p;
	struct err err = {0};
	int asked = 0;

	(void)state;
	plan_init(&p);
	assert_ok(plan_add_text(&p, "a/x", 0644, "1", 1, "test", &err), 0, &err);
	assert_ok(plan_add_text(&p, "a/b", 0644, "1", 1, "test", &err), 0, &err);
	assert_ok(plan_add_text(&p, "a-b/y", 0644, "1", 1, "test", &err), 0, &err);
	assert_ok(plan_add_text(&p, "c/d/x", 0644, "1", 1, "test", &err), 0, &err);
	assert_ok(plan_add_dir(&p, "e", 0755, "asked for", &err), 0, &err);
	assert_ok(plan_add_text(&p, "e/x", 0644, "1", 1, "test", &err), 0, &err);
	plan_sort(&p);
	plan_filter(&p, ends_in_x, &asked);
	assert_true(asked > 0);
	assert_int_equal(p.n_entries, 5);
	for (int i = 0; kept[i]; i++)
		entry(&p, kept[i]);
	assert_null(plan_find(&p, "a/x"));
	for (size_t i = 1; i < p.n_entries; i++)
		assert_true(strcmp(p.entries[i - 1].path, p.entries[i].path) < 0);
}

static void the_store_is_compressed_with_zstd_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		int level;
	} good[] = {
		{"auto", PLAN_STORE_AUTO}, {"none", PLAN_STORE_PLAIN}, {"zstd", PLAN_STORE_LEVEL},
		{"zstd:1", 1},		   {"zstd:19", 19},
	};
	static const char *const bad[] = {"",	    "xz",      "lz4",	   "zstd:",  "zstd:0",
					  "zstd:20", "zstd:-1", "zstd:3x", "none:1", "auto:3",
					  "zst",    "zstd -3", "nonesuch"};
	struct err err;
	int level;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(plan_parse_store(good[i].text, &level, &err), 0);
		assert_int_equal(level, good[i].level);
	}
	level = 7;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err = (struct err){0};
		assert_int_equal(plan_parse_store(bad[i], &level, &err), -EINVAL);
		assert_true(err.text[0]);
		assert_int_equal(level, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parent_folders_come_by_themselves),
		cmocka_unit_test(bin_and_lib_lie_below_usr),
		cmocka_unit_test(the_same_thing_twice_is_one_entry),
		cmocka_unit_test(two_different_things_on_one_path_are_refused),
		cmocka_unit_test(nothing_lies_below_what_is_no_folder),
		cmocka_unit_test(a_path_that_is_not_clean_is_refused),
		cmocka_unit_test(what_the_format_cannot_hold_is_refused),
		cmocka_unit_test(what_the_user_asked_for_wins),
		cmocka_unit_test(a_folder_that_is_asked_for_has_the_mode_that_was_asked_for),
		cmocka_unit_test(sorted_entries_have_their_parents_first),
		cmocka_unit_test(what_is_filtered_out_leaves_no_empty_parents),
		cmocka_unit_test(warnings_are_kept_and_counted),
		cmocka_unit_test(the_store_is_compressed_with_zstd_or_not_at_all),
	};

	return RUN_TESTS(tests);
}
