/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a machine was asked: the answers hold as long as nothing changes, and no longer. The
 * record of a build, and what it says of the next one.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "host/remembered/trace.h"
#include "host/remembered/condense.h"
#include "image/history.h"
#include "support.h"

struct place {
	char *folder;
	struct root root;
	struct trace *trace;
	struct arena arena;
	struct err err;
};

static void place_make(struct place *p)
{
	*p = (struct place){.folder = make_folder()};
	assert_ok(root_open(p->folder, &p->root, &p->err), 0, &p->err);
	p->trace = trace_new(&p->root, &p->err);
	assert_non_null(p->trace);
	p->root.trace = p->trace;
}

static void place_clear(struct place *p)
{
	root_close(&p->root);
	trace_free(p->trace);
	arena_clear(&p->arena);
	remove_folder(p->folder);
}

#define _cleanup_place_ __attribute__((cleanup(place_clear)))

static bool all_hold(const struct place *p)
{
	const struct trace_fact *facts;
	size_t n = trace_facts(p->trace, &facts);

	for (size_t i = 0; i < n; i++)
		if (!trace_holds(p->trace, &facts[i]))
			return false;
	return true;
}

static size_t count(const struct place *p)
{
	const struct trace_fact *facts;

	return trace_facts(p->trace, &facts);
}

static void read_it(struct place *p, const char *path)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	root_read(&p->root, path, 1000, &b);
}

static void assert_condensed(const char *path, const char *text, const char *expected)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	assert_true(trace_condenses(path));
	buf_add_str(&b, text);
	trace_condense(path, &b);
	assert_string_equal(buf_cstr(&b), expected);
}

static void what_changes_by_itself_in_proc_is_left_out(void **state)
{
	static const char mounts[] = "8:1 / / ext4 /dev/sda1 rw\n8:2 / /home ext4 /dev/sda2 rw\n";

	(void)state;
	assert_condensed("proc/self/mountinfo",
			 "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
			 "23 22 0:5 / /run rw shared:2 - tmpfs tmpfs rw,size=1k\n"
			 "99 22 8:2 / /home rw - ext4 /dev/sda2 rw\n",
			 mounts);
	assert_condensed("proc/mountinfo",
			 "30 1 8:2 / /home rw shared:9 - ext4 /dev/sda2 rw\nnonsense\n"
			 "31 22 8:1 / / rw - ext4 /dev/sda1 rw\n",
			 mounts);
	assert_condensed("proc/self/mountinfo", "9 1 0:30 /@ / rw - btrfs /dev/vda1 rw,subvol=/@\n",
			 "0:30 /@ / btrfs /dev/vda1 rw,subvol=/@\n");
	assert_condensed("proc/swaps",
			 "Filename\t\t\tType\t\tSize\tUsed\tPriority\n"
			 "/dev/sda3   partition\t1000\t17\t-2\n",
			 "/dev/sda3 partition 1000\nFilename Type Size\n");
	assert_condensed("proc/cpuinfo",
			 "processor\t: 0\nvendor_id\t: A\nmodel\t\t: 1\nmodel name\t: x\n"
			 "cpu MHz\t\t: 1.5\n\nprocessor\t: 1\nvendor_id\t: A\nmodel\t\t: 1\n"
			 "cpu MHz\t\t: 2.5\n",
			 "model\t\t: 1\nvendor_id\t: A\n");
	assert_condensed("sys/devices/pci0000:00/block/vda/uevent",
			 "MAJOR=254\nDEVNAME=vda\nMODALIAS=a:b\nDISKSEQ=9\n", "MODALIAS=a:b\n");
	assert_condensed("proc/swaps", "", "");
	assert_false(trace_condenses("proc/cmdline"));
}

/* Of the machine that the tests run on: what it says of its processors stays the same. */
static void a_file_of_proc_is_noted_by_what_matters(void **state)
{
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct trace_fact *facts;
	struct err err = {0};
	struct trace *trace;

	(void)state;
	assert_ok(root_open("/", &root, &err), 0, &err);
	trace = trace_new(&root, &err);
	root.trace = trace;
	assert_int_equal(root_read(&root, "proc/cpuinfo", 1 << 26, &text), 0);
	assert_true(trace_facts(trace, &facts) > 0);
	assert_true(trace_holds(trace, &facts[0]));
	root.trace = NULL;
	trace_free(trace);
}

static void without_a_trace_nothing_is_noted(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	p.root.trace = NULL;
	read_it(&p, "a");
	assert_int_equal(count(&p), 0);
	trace_note(NULL, TRACE_STAT, "a");
	trace_note_program(NULL);
}

static void a_file_that_was_read_holds_until_it_changes(void **state)
{
	_cleanup_place_ struct place p;

	(void)state;
	place_make(&p);
	put_text(p.folder, "etc/a", "one");
	read_it(&p, "etc/a");
	read_it(&p, "etc/a");
	assert_int_equal(count(&p), 1);
	assert_true(all_hold(&p));
	put_text(p.folder, "etc/b", "beside it");
	assert_true(all_hold(&p));
	/* The same length, and within the same tick, perhaps: it was just made. */
	put_text(p.folder, "etc/a", "two");
	assert_false(all_hold(&p));
}

static void touch(struct place *p, const char *path, int ago)
{
	struct timespec times[2] = {{time(NULL) - ago, 0}, {time(NULL) - ago, 0}};
	_cleanup_free_ char *whole = NULL;

	assert_true(asprintf(&whole, "%s/%s", p->folder, path) > 0);
	assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static void an_old_file_is_known_by_its_identity_without_being_read(void **state)
{
	_cleanup_place_ struct place p;
	struct timespec wait = {TRACE_RACY + 2, 0}; /* the clocks differ by a tick */

	(void)state;
	place_make(&p);
	put_text(p.folder, "a", "one");
	/* Its ctime cannot be set. */
	nanosleep(&wait, NULL);
	read_it(&p, "a");
	assert_true(all_hold(&p));
	touch(&p, "a", 1000);
	assert_false(all_hold(&p));
}

static void what_is_absent_holds_until_it_is_there(void **state)
{
	_cleanup_place_ struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	put_dir(p.folder, "lib");
	for (int i = 0; i < 100; i++) {
		char path[64];

		snprintf(path, sizeof(path), "lib/firmware/updates/%d.bin", i);
		assert_int_equal(root_stat(&p.root, path, &st), -ENOENT);
	}
	/* One fact for all of them. */
	assert_int_equal(count(&p), 1);
	assert_true(all_hold(&p));
	put_dir(p.folder, "lib/other");
	assert_true(all_hold(&p));
	put_dir(p.folder, "lib/firmware");
	assert_false(all_hold(&p));
}

static void a_folder_holds_until_its_names_change(void **state)
{
	_cleanup_place_ struct place p;
	char **names;

	(void)state;
	place_make(&p);
	put_text(p.folder, "d/a", "");
	assert_int_equal(root_listdir(&p.root, "d", &p.arena, &names), 1);
	assert_int_equal(root_listdir(&p.root, "absent", &p.arena, &names), -ENOENT);
	assert_true(all_hold(&p));
	put_text(p.folder, "d/a", "changed");
	assert_true(all_hold(&p));
	put_text(p.folder, "d/b", "");
	assert_false(all_hold(&p));
}

static void a_link_holds_until_it_leads_elsewhere(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *link = NULL;

	(void)state;
	place_make(&p);
	put_link(p.folder, "l", "one");
	assert_string_equal(root_readlink(&p.root, "l", &p.arena), "one");
	assert_null(root_readlink(&p.root, "none", &p.arena));
	assert_true(all_hold(&p));
	assert_true(asprintf(&link, "%s/l", p.folder) > 0);
	assert_int_equal(unlink(link), 0);
	put_link(p.folder, "l", "two");
	assert_false(all_hold(&p));
}

static void a_link_to_nowhere_is_known_as_a_link(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *link = NULL;
	struct stat st;

	(void)state;
	place_make(&p);
	put_link(p.folder, "l", "one");
	assert_int_equal(root_stat(&p.root, "l", &st), -ENOENT);
	assert_int_equal(root_lstat(&p.root, "l", &st), 0);
	assert_string_equal(root_readlink(&p.root, "l", &p.arena), "one");
	assert_true(all_hold(&p));
	assert_true(asprintf(&link, "%s/l", p.folder) > 0);
	assert_int_equal(unlink(link), 0);
	put_link(p.folder, "l", "two");
	assert_false(all_hold(&p));
}

static void a_resolved_path_holds_until_a_link_on_it_changes(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_free_ char *link = NULL;

	(void)state;
	place_make(&p);
	put_text(p.folder, "one/f", "");
	put_text(p.folder, "two/f", "");
	put_link(p.folder, "l", "one");
	assert_string_equal(root_resolve(&p.root, "l/f", &p.arena), "one/f");
	assert_true(all_hold(&p));
	assert_true(asprintf(&link, "%s/l", p.folder) > 0);
	assert_int_equal(unlink(link), 0);
	put_link(p.folder, "l", "two");
	assert_false(all_hold(&p));
}

static void of_proc_the_content_counts(void **state)
{
	_cleanup_place_ struct place p;
	const struct trace_fact *facts;

	(void)state;
	place_make(&p);
	trace_note(p.trace, TRACE_CONTENT | TRACE_OUTSIDE, "/proc/sys/kernel/ostype");
	assert_int_equal(trace_facts(p.trace, &facts), 1);
	assert_int_equal(facts[0].question, TRACE_CONTENT | TRACE_OUTSIDE);
	assert_true(all_hold(&p));
	trace_note(p.trace, TRACE_CONTENT | TRACE_OUTSIDE, "/proc/uptime");
	{
		struct timespec wait = {0, 50 * 1000 * 1000};

		nanosleep(&wait, NULL);
	}
	assert_false(all_hold(&p));
}

static void outside_files_are_not_looked_for_below_the_root(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_folder_ char *other = make_folder();
	_cleanup_free_ char *path = NULL;

	(void)state;
	place_make(&p);
	put_text(other, "f", "one");
	assert_true(asprintf(&path, "%s/f", other) > 0);
	root_note_outside(&p.root, path);
	root_note_outside(&p.root, other);
	assert_true(all_hold(&p));
	put_text(other, "g", "a further name");
	assert_false(all_hold(&p));
}

static void the_program_and_its_libraries_are_noted(void **state)
{
	_cleanup_place_ struct place p;
	const struct trace_fact *facts;
	bool libc = false;

	(void)state;
	place_make(&p);
	trace_note_program(p.trace);
	for (size_t i = 0, n = trace_facts(p.trace, &facts); i < n; i++)
		libc = libc || strstr(facts[i].path, "libc.so");
	assert_true(libc);
	assert_true(all_hold(&p));
}

/* ---- records ---- */

static void make_record(struct buf *out)
{
	struct record r = {.n_facts = 2, .image_file = {1, 2, 3, 4, UINT64_MAX}};
	struct record_fact a = {'s', "etc/fstab", "answer", 6}, b = {'d', "", "", 0};

	memset(r.plan, 7, sizeof(r.plan));
	record_begin(out, &r);
	record_add(out, &a);
	record_add(out, &b);
}

static void a_record_says_what_was_written(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct record_fact f;
	struct record r;
	struct err err = {0};

	(void)state;
	make_record(&b);
	assert_ok(record_decode(b.data, b.len, &r, &err), 0, &err);
	assert_int_equal(r.plan[31], 7);
	assert_true(r.image_file[4] == UINT64_MAX);
	assert_int_equal(record_next(&r, &f, &err), 1);
	assert_string_equal(f.path, "etc/fstab");
	assert_int_equal(f.question, 's');
	assert_int_equal(f.len, 6);
	assert_memory_equal(f.answer, "answer", 6);
	assert_int_equal(record_next(&r, &f, &err), 1);
	assert_int_equal(record_next(&r, &f, &err), 0);
	b.data[4] = 2;
	assert_fails(record_decode(b.data, b.len, &r, &err), -EPROTONOSUPPORT, &err);
}

static int read_record(const void *data, size_t len)
{
	struct record_fact f;
	struct record r;
	int more = record_decode(data, len, &r, NULL);

	if (more < 0)
		return more;
	while ((more = record_next(&r, &f, NULL)) > 0)
		assert_true(strlen(f.path) < len);
	return more;
}

static void cut_record(uint8_t *data, size_t len, void *arg)
{
	(void)arg;
	assert_int_equal(read_record(data, len), -EBADMSG);
}

static void any_record(uint8_t *data, size_t len, void *arg)
{
	(void)arg;
	read_record(data, len);
}

static void a_damaged_record_is_refused(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	make_record(&b);
	assert_int_equal(read_record(b.data, b.len), 0);
	sweep_truncations(b.data, b.len, cut_record, NULL);
	sweep_bytes(b.data, b.len, any_record, NULL);
	buf_add_str(&b, "x");
	assert_int_equal(read_record(b.data, b.len), -EBADMSG);
}

/* ---- what the last build says of the next ---- */

struct builds {
	struct place p;
	struct cache *cache;
	struct history h;
	struct buf request;
	char *dir, *out;
};

static void open_history(struct builds *b)
{
	history_close(&b->h);
	history_open(&b->h, b->cache, b->p.trace, b->out, &b->request);
}

static void builds_make(struct builds *b)
{
	*b = (struct builds){0};
	place_make(&b->p);
	assert_true(asprintf(&b->dir, "%s/cache", b->p.folder) > 0);
	assert_true(asprintf(&b->out, "%s/out.img", b->p.folder) > 0);
	b->cache = cache_new(b->dir, 1 << 20);
	buf_add_str(&b->request, "request");
	put_text(b->p.folder, "out.img", "image");
	assert_int_equal(chmod(b->out, 0600), 0);
	put_text(b->p.folder, "etc/a", "one");
	read_it(&b->p, "etc/a");
	open_history(b);
}

static void builds_clear(struct builds *b)
{
	history_close(&b->h);
	cache_free(b->cache);
	buf_clear(&b->request);
	free(b->dir);
	free(b->out);
	place_clear(&b->p);
}

#define _cleanup_builds_ __attribute__((cleanup(builds_clear)))

static const uint8_t plan[DIGEST_SIZE] = {1}, other_plan[DIGEST_SIZE] = {2};

static void keep(struct builds *b)
{
	uint8_t image[DIGEST_SIZE];

	digest_of("image", 5, image);
	history_keep(&b->h, plan, image);
	open_history(b);
}

static void nothing_changed_after_a_build(void **state)
{
	_cleanup_builds_ struct builds b;

	(void)state;
	builds_make(&b);
	assert_false(history_holds(&b.h));
	assert_false(history_same(&b.h, plan));
	keep(&b);
	assert_true(history_holds(&b.h));
	assert_true(history_same(&b.h, plan));
	assert_false(history_same(&b.h, other_plan));
}

static void another_request_or_another_answer_is_a_change(void **state)
{
	_cleanup_builds_ struct builds b;

	(void)state;
	builds_make(&b);
	keep(&b);
	put_text(b.p.folder, "etc/a", "two");
	assert_false(history_holds(&b.h));
	assert_true(history_same(&b.h, plan));
	put_text(b.p.folder, "etc/a", "one");
	buf_add_str(&b.request, "s");
	open_history(&b);
	assert_false(history_holds(&b.h));
}

static void an_image_that_is_not_the_one_written_is_a_change(void **state)
{
	_cleanup_builds_ struct builds b;
	_cleanup_free_ char *moved = NULL;

	(void)state;
	builds_make(&b);
	keep(&b);
	/* A copy of it: another file, but the same bytes. */
	assert_true(asprintf(&moved, "%s/moved", b.p.folder) > 0);
	assert_int_equal(rename(b.out, moved), 0);
	assert_false(history_holds(&b.h));
	assert_false(history_same(&b.h, plan));
	put_text(b.p.folder, "out.img", "image");
	assert_int_equal(chmod(b.out, 0600), 0);
	assert_false(history_holds(&b.h));
	assert_true(history_same(&b.h, plan));
	history_keep(&b.h, plan, NULL);
	open_history(&b);
	assert_true(history_holds(&b.h));
	/* Others may read it now. */
	assert_int_equal(chmod(b.out, 0644), 0);
	assert_false(history_holds(&b.h));
	assert_false(history_same(&b.h, plan));
	assert_int_equal(chmod(b.out, 0600), 0);
	put_text(b.p.folder, "out.img", "imagf");
	assert_false(history_same(&b.h, plan));
}

static void without_a_cache_nothing_is_known(void **state)
{
	_cleanup_builds_ struct builds b;
	struct history h;

	(void)state;
	builds_make(&b);
	keep(&b);
	history_open(&h, NULL, NULL, b.out, &b.request);
	assert_false(history_holds(&h));
	assert_false(history_same(&h, plan));
	history_keep(&h, plan, plan);
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_changes_by_itself_in_proc_is_left_out),
		cmocka_unit_test(a_file_of_proc_is_noted_by_what_matters),
		cmocka_unit_test(without_a_trace_nothing_is_noted),
		cmocka_unit_test(a_file_that_was_read_holds_until_it_changes),
		cmocka_unit_test(an_old_file_is_known_by_its_identity_without_being_read),
		cmocka_unit_test(what_is_absent_holds_until_it_is_there),
		cmocka_unit_test(a_folder_holds_until_its_names_change),
		cmocka_unit_test(a_link_holds_until_it_leads_elsewhere),
		cmocka_unit_test(a_link_to_nowhere_is_known_as_a_link),
		cmocka_unit_test(a_resolved_path_holds_until_a_link_on_it_changes),
		cmocka_unit_test(of_proc_the_content_counts),
		cmocka_unit_test(outside_files_are_not_looked_for_below_the_root),
		cmocka_unit_test(the_program_and_its_libraries_are_noted),
		cmocka_unit_test(a_record_says_what_was_written),
		cmocka_unit_test(a_damaged_record_is_refused),
		cmocka_unit_test(nothing_changed_after_a_build),
		cmocka_unit_test(another_request_or_another_answer_is_a_change),
		cmocka_unit_test(an_image_that_is_not_the_one_written_is_a_change),
		cmocka_unit_test(without_a_cache_nothing_is_known),
	};

	return RUN_TESTS(tests);
}
