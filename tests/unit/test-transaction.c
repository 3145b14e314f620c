/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A rebuild as a call: facts in, outcome out, steps in between; and what is asked of a plan first.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "archive.h"
#include "deploy/lock.h"
#include "support.h"
#include "transaction/judge.h"
#include "transaction/pack.h"
#include "transaction/prune.h"
#include "transaction/rebuild.h"
#include "transaction/restore.h"

struct fixture {
	char *folder;
	struct root root;
	struct arena arena;
	struct runlog log;
	struct request given;
	struct config_places places;
	struct buf key, told;
	struct err err;
};

static void tell(const struct step *step, void *arg)
{
	struct fixture *f = arg;

	buf_printf(&f->told, "%d %s ", step->kind, step->kernel ? step->kernel : "-");
}

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){.folder = make_folder(), .given = {.init = "/nonexistent"}};
	assert_ok(root_open(f->folder, &f->root, &f->err), 0, &f->err);
	assert_int_equal(mkdirat(f->root.fd, "boot", 0755), 0);
	runlog_open(&f->log, &f->root);
}

static void fixture_clear(struct fixture *f)
{
	runlog_close(&f->log);
	root_close(&f->root);
	arena_clear(&f->arena);
	buf_clear(&f->told);
	remove_folder(f->folder);
}
#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static struct rebuild_request request_of(struct fixture *f)
{
	return (struct rebuild_request){.t = {.root = &f->root,
					      .given = &f->given,
					      .places = &f->places,
					      .reuse = {.key = &f->key},
					      .log = &f->log,
					      .tell = tell,
					      .arg = f},
					.mode = REBUILD_MODE};
}

static void each_kernel_is_told_and_the_others_go_on(void **state)
{
	static const char *const versions[] = {"1.0", "2.0"};
	_cleanup_fixture_ struct fixture f;
	struct rebuild_outcome out;
	struct rebuild_request q;
	char expected[64];

	(void)state;
	fixture_make(&f);
	q = request_of(&f);
	q.versions = versions;
	q.n_versions = 2;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.n_failed, 2);
	assert_int_equal(out.n_changed, 0);
	for (size_t i = 0; i < out.n; i++) {
		assert_int_equal(out.kernels[i].result, REBUILD_FAILED);
		assert_string_equal(out.kernels[i].version, versions[i]);
		assert_non_null(strstr(out.kernels[i].err.text, versions[i]));
	}
	snprintf(expected, sizeof(expected), "%d 1.0 %d 2.0 ", STEP_KERNEL, STEP_KERNEL);
	assert_string_equal(buf_cstr(&f.told), expected);
}

static void the_lock_is_free_again_afterwards(void **state)
{
	static const char *const versions[] = {"1.0"};
	_cleanup_fixture_ struct fixture f;
	struct rebuild_outcome out;
	struct rebuild_request q;
	_cleanup_lock_ struct lock lock = {0};

	(void)state;
	fixture_make(&f);
	q = request_of(&f);
	q.versions = versions;
	q.n_versions = 1;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &lock, &f.err), 0, &f.err);

	/* Another run holds the lock: nothing is started. */
	assert_int_equal(transaction_rebuild(&q, &f.arena, &out, &f.err), -ETIMEDOUT);
	assert_int_equal(out.n, 0);
	/* Who changes nothing needs none. */
	q.check = true;
	assert_ok(transaction_rebuild(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_int_equal(out.n, 1);
}

static void what_was_made_for_a_lock_alone_goes_with_it(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct lock lock = {0}, other = {0};

	(void)state;
	fixture_make(&f);
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &lock, &f.err), 0, &f.err);
	assert_true(root_exists(&f.root, LOCK_PATH));
	lock_release(&lock);
	assert_false(root_exists(&f.root, "var"));

	/* What is there already stays, and what somebody else has put there. */
	put_text(f.folder, "var/lib/other", "");
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &lock, &f.err), 0, &f.err);
	lock_release(&lock);
	assert_false(root_exists(&f.root, STATE_DIR));
	assert_true(root_exists(&f.root, "var/lib/other"));
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &lock, &f.err), 0, &f.err);
	put_text(f.folder, STATE_DIR "/state", "");
	lock_release(&lock);
	assert_true(root_exists(&f.root, LOCK_PATH));
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &other, &f.err), 0, &f.err);
	lock_release(&other);
	assert_true(root_exists(&f.root, LOCK_PATH));
}

static bool has_rival; /* another process makes each folder just before us */

int mkdirat(int dir, const char *path, mode_t mode)
{
	int r = (int)syscall(SYS_mkdirat, dir, path, mode);

	if (r < 0 || !has_rival)
		return r;
	errno = EEXIST;
	return -1;
}

static void what_another_run_has_made_stays(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct lock lock = {0};

	(void)state;
	fixture_make(&f);
	has_rival = true;
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &lock, &f.err), 0, &f.err);
	has_rival = false;
	lock_release(&lock);
	assert_true(root_exists(&f.root, STATE_DIR));
}

/* The holder ends, and removes the file that we are waiting for. */
static void end_holder(const char *text, void *holder)
{
	(void)text;
	lock_release(holder);
}

static void a_lock_that_was_removed_while_it_was_waited_for_does_not_count(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct lock holder = {0}, lock = {0};

	(void)state;
	fixture_make(&f);
	assert_ok(lock_take(&f.root, 0, NULL, NULL, &holder, &f.err), 0, &f.err);
	assert_ok(lock_take(&f.root, 60, end_holder, &holder, &lock, &f.err), 0, &f.err);
	assert_true(root_exists(&f.root, LOCK_PATH));
	assert_int_equal(lock_take(&f.root, 0, NULL, NULL, &holder, &f.err), -ETIMEDOUT);
	lock_release(&lock);
}

static void an_image_for_all_holds_nothing_that_is_for_root_alone(void **state)
{
	struct plan plan;
	struct err err = {0};

	(void)state;
	plan_init(&plan);
	plan_add_text(&plan, "etc/public", 0644, "x", 1, "r", &err);
	assert_ok(judge_mode(&plan, 0644, &err), 0, &err);
	plan_add_text(&plan, "etc/key", 0600, "x", 1, "r", &err);
	assert_int_equal(judge_mode(&plan, 0644, &err), -EACCES);
	assert_non_null(strstr(err.text, "/etc/key"));
	assert_int_equal(judge_mode(&plan, 0640, &err), -EACCES);
	assert_ok(judge_mode(&plan, 0600, &err), 0, &err);
	plan_clear(&plan);
}

static void notes_are_in_the_order_in_which_they_came(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *const *texts;
	struct plan plan;

	(void)state;
	plan_init(&plan);
	plan_warn(&plan, "first");
	plan_warn(&plan, "second");
	assert_int_equal(transaction_notes(plan.notes, &arena, &texts), 2);
	plan_clear(&plan);
	assert_string_equal(texts[0], "first");
	assert_string_equal(texts[1], "second");
}

#define V     "6.1.0-9-amd64"
#define IMAGE "boot/initramfs-" V ".img"
#define ENTRY "boot/loader/entries/a-preroot-previous-" V ".conf"
#define OLD   "5.10.0-1-amd64" /* a kernel that is gone */
#define OLD_IMAGE "boot/initramfs-" OLD ".img"

static void put_image(struct fixture *f, const char *path, const char *text)
{
	_cleanup_buf_ struct buf image = BUF_INIT;

	add_entry(&image, "init", S_IFREG | 0755, text, strlen(text));
	cpio_add_trailer(&image);
	put_file(f->folder, path, image.data, image.len);
}

/* A kernel with an image and a previous one, and a boot loader that reads a folder of entries. */
static void put_machine(struct fixture *f)
{
	put_kernel(f->folder, "boot/vmlinuz-" V, V);
	put_image(f, IMAGE, "new");
	put_image(f, IMAGE ".previous", "old");
	put_text(f->folder, "var/log/other.log", "");
	put_text(f->folder, "boot/loader/entries/linux.conf",
		 "title Linux\nversion " V "\nlinux /vmlinuz-" V "\ninitrd /initramfs-" V
		 ".img\noptions root=/dev/vda1\n");
}

static bool holds(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_buf_ struct buf data = BUF_INIT;

	return root_read(&f->root, path, 4096, &data) == 0 &&
	       memmem(data.data, data.len, text, strlen(text));
}

static struct restore_request restore_of(struct fixture *f)
{
	return (struct restore_request){
		.t = {.root = &f->root, .log = &f->log, .tell = tell, .arg = f}, .version = V};
}

static void a_menu_that_cannot_be_brought_in_line_leaves_the_names(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct restore_request q;
	const char *image = NULL;
	char step[64];

	(void)state;
	fixture_make(&f);
	put_machine(&f);
	q = restore_of(&f);
	/* The entry cannot be written. */
	assert_int_equal(mkdirat(f.root.fd, ENTRY, 0755), 0);
	assert_true(transaction_restore(&q, &f.arena, &image, &f.err) < 0);
	assert_non_null(strstr(f.err.text, "the boot loader could not be brought in line"));
	assert_null(image);
	assert_true(holds(&f, IMAGE, "new"));
	assert_true(holds(&f, IMAGE ".previous", "old"));
	assert_true(holds(&f, RUNLOG_PATH, "error " V " restore: the boot loader"));
	assert_string_equal(buf_cstr(&f.told), "");

	/* The lock is free, and without the obstacle it is done. */
	assert_int_equal(unlinkat(f.root.fd, ENTRY, AT_REMOVEDIR), 0);
	assert_ok(transaction_restore(&q, &f.arena, &image, &f.err), 0, &f.err);
	assert_string_equal(image, IMAGE);
	assert_true(holds(&f, IMAGE, "old"));
	assert_true(holds(&f, IMAGE ".previous", "new"));
	assert_true(holds(&f, ENTRY, "initrd /initramfs-" V ".img.previous"));
	snprintf(step, sizeof(step), "%d - ", STEP_LOADER);
	assert_string_equal(buf_cstr(&f.told), step);
}

static void the_menu_is_left_alone_if_that_is_wanted(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct restore_request q;
	const char *image = NULL;

	(void)state;
	fixture_make(&f);
	put_machine(&f);
	q = restore_of(&f);
	q.no_loader = true;
	assert_ok(transaction_restore(&q, &f.arena, &image, &f.err), 0, &f.err);
	assert_true(holds(&f, IMAGE, "old"));
	assert_false(root_exists(&f.root, ENTRY));
}

struct pruning {
	struct fixture *f; /* told to by way of tell() */
	size_t n;	   /* images that were chosen */
	bool answer;
};

static bool confirm(const struct prune *chosen, void *arg)
{
	struct pruning *p = arg;

	p->n = 0;
	for (size_t i = 0; i < chosen->n; i++)
		p->n += chosen->items[i].goes;
	return p->answer;
}

static void tell_pruning(const struct step *step, void *arg)
{
	tell(step, ((struct pruning *)arg)->f);
}

static void what_prune_chose_goes_only_if_that_is_confirmed_and_the_menu_follows(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct pruning p = {.f = &f};
	struct prune_request q;
	struct prune out;

	(void)state;
	fixture_make(&f);
	put_machine(&f);
	put_text(f.folder, "usr/lib/modules/" V "/modules.dep.bin", "");
	put_image(&f, OLD_IMAGE, "older");
	put_text(f.folder, "var/lib/preroot/" OLD ".json", "{\"preroot-image\": 1}");
	q = (struct prune_request){
		.t = {.root = &f.root, .log = &f.log, .tell = tell_pruning, .arg = &p},
		.rule.keep = 1,
		.confirm = confirm};
	assert_int_equal(transaction_prune(&q, &f.arena, &out, &f.err), -ECANCELED);
	assert_int_equal(p.n, 1);
	assert_true(holds(&f, OLD_IMAGE, "older"));
	q.dry_run = p.answer = true;
	assert_ok(transaction_prune(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_true(holds(&f, OLD_IMAGE, "older"));

	q.dry_run = false;
	assert_ok(transaction_prune(&q, &f.arena, &out, &f.err), 0, &f.err);
	assert_false(root_exists(&f.root, OLD_IMAGE));
	assert_true(holds(&f, ENTRY, "initrd /initramfs-" V ".img.previous"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kernel_is_told_and_the_others_go_on),
		cmocka_unit_test(the_lock_is_free_again_afterwards),
		cmocka_unit_test(what_was_made_for_a_lock_alone_goes_with_it),
		cmocka_unit_test(what_another_run_has_made_stays),
		cmocka_unit_test(a_lock_that_was_removed_while_it_was_waited_for_does_not_count),
		cmocka_unit_test(an_image_for_all_holds_nothing_that_is_for_root_alone),
		cmocka_unit_test(notes_are_in_the_order_in_which_they_came),
		cmocka_unit_test(a_menu_that_cannot_be_brought_in_line_leaves_the_names),
		cmocka_unit_test(the_menu_is_left_alone_if_that_is_wanted),
		cmocka_unit_test(
			what_prune_chose_goes_only_if_that_is_confirmed_and_the_menu_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
