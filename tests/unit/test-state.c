/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is remembered of the image of a kernel: written, read again, and refused.
 */

#include <stdio.h>
#include <sys/stat.h>

#include "deploy/lock.h"
#include "deploy/state.h"
#include "support.h"

#define V   "6.1.0-9-amd64"
#define BOOT "11111111-2222-3333-4444-555555555555"
#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	char *folder;
	struct root root;
	struct arena arena;
	struct err err;
	struct state s;
};

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){.folder = make_folder()};
	assert_ok(root_open(f->folder, &f->root, &f->err), 0, &f->err);
}

static void fixture_clear(struct fixture *f)
{
	root_close(&f->root);
	arena_clear(&f->arena);
	remove_folder(f->folder);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static int read_state(struct fixture *f, const char *version)
{
	return state_read(&f->root, version, &f->s, &f->err);
}

static void what_is_written_is_read_again(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct state s = {.image = "boot/initrd.img-" V, .bytes = 12345678901, .sha256 = SUM,
			  .id = SUM, .good = SUM, .failed = SUM, .trial = SUM,
			  .trial_boot = BOOT,
			  .trial_keep = 3};
	struct stat st;

	(void)state;
	fixture_make(&f);
	assert_ok(read_state(&f, V), 0, &f.err);
	assert_ok(state_write(&f.root, V, &s, &f.err), 0, &f.err);
	assert_ok(read_state(&f, V), 0, &f.err);
	assert_string_equal(f.s.image, s.image);
	assert_true(f.s.bytes == s.bytes);
	assert_string_equal(f.s.failed, SUM);
	assert_string_equal(f.s.trial_boot, BOOT);
	assert_int_equal(f.s.trial_keep, 3);
	assert_int_equal(root_stat(&f.root, STATE_DIR "/" V ".json", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(state_write(&f.root, V, &f.s, &f.err), 0, &f.err);
	*f.s.trial = *f.s.trial_boot = '\0';
	assert_ok(state_write(&f.root, V, &f.s, &f.err), 0, &f.err);
	assert_ok(read_state(&f, V), 0, &f.err);
	assert_string_equal(f.s.trial, "");
	assert_string_equal(f.s.good, SUM);
	assert_int_equal(count_names(f.folder), 1);
}

static void a_version_that_is_a_path_is_none(void **state)
{
	static const char *const bad[] = {"", "..", "a/b", "/etc/x", "a\nb"};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct state s = {.good = SUM};

		assert_true(read_state(&f, bad[i]) < 0);
		assert_fails(state_write(&f.root, bad[i], &s, &f.err), -EINVAL, &f.err);
	}
	assert_int_equal(count_names(f.folder), 0);
}

static void what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EBADMSG},
		{"[]", -EBADMSG},
		{"{}", -EBADMSG},
		{"{\"preroot-image\":\"1\"}", -EBADMSG},
		{"{\"preroot-image\":0}", -EBADMSG},
		{"{\"preroot-image\":2}", -EBADMSG},
		{"{\"preroot-image\":1,\"good\":\"x\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"good\":null}", -EBADMSG},
		{"{\"preroot-image\":1,\"id\":\"" SUM "0\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"id\":\"" SUM "\\u0000\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"image\":\"/etc/passwd\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"image\":\"boot/../x\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"image\":\"boot/x\\u001b\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"bytes\":-1}", -EBADMSG},
		{"{\"preroot-image\":1,\"trial-boot\":\"x y\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"trial-keep\":\"1\"}", -EBADMSG},
		{"{\"preroot-image\":1,\"trial-keep\":10}", -EBADMSG},
		{"{\"preroot-image\":1,\"trial-keep\":-1}", -EBADMSG},
	};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (state_decode(bad[i].text, strlen(bad[i].text), &f.s, &f.err) !=
		    bad[i].result)
			fail_msg("%s: %d", bad[i].text, bad[i].result);
		assert_true(f.err.text[0]);
	}
	put_dir(f.folder, "var");
	put_dir(f.folder, "var/lib");
	put_dir(f.folder, "var/lib/preroot");
	put_text(f.folder, STATE_DIR "/" V ".json", "{");
	assert_fails(read_state(&f, V), -EBADMSG, &f.err);
	assert_contains(f.err.text, V ".json");
}

static void this_boot_is_named_by_the_kernel(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char boot[STATE_BOOT_ID + 1] = "x";

	(void)state;
	fixture_make(&f);
	state_this_boot(&f.root, boot);
	assert_string_equal(boot, "");
	put_dir(f.folder, "proc");
	put_dir(f.folder, "proc/sys");
	put_dir(f.folder, "proc/sys/kernel");
	put_dir(f.folder, "proc/sys/kernel/random");
	put_text(f.folder, "proc/sys/kernel/random/boot_id", BOOT "\n");
	state_this_boot(&f.root, boot);
	assert_string_equal(boot, BOOT);
	put_text(f.folder, "proc/sys/kernel/random/boot_id", "x\"\n");
	state_this_boot(&f.root, boot);
	assert_string_equal(boot, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_version_that_is_a_path_is_none),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(this_boot_is_named_by_the_kernel),
	};

	return RUN_TESTS(tests);
}
