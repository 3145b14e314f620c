/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The trace of a boot: as PID 1 writes it, as the program reads it, and what the root waited for.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "format/ours/bootlog.h"
#include "init/core/timeline.h"
#include "recorder.h"
#include "support.h"

struct fixture {
	struct boot *boot;
	struct buf index, text;
	struct arena arena;
	struct bootlog log;
	struct err err;
};

/* A boot whose image has the modules ext4 and jbd2, which it needs. */
static void fixture_make(struct fixture *f)
{
	static const uint32_t needs[] = {1};
	struct modindex_source sources[2] = {
		{.name = "ext4", .path = "x", .options = "", .hard = {needs, 1}},
		{.name = "jbd2", .path = "x", .options = ""},
	};

	*f = (struct fixture){.boot = recorder_boot()};
	assert_int_equal(modindex_encode(sources, 2, NULL, 0, &f->index), 0);
	assert_ok(modindex_decode(f->index.data, f->index.len, &f->boot->modules->index, &f->err),
		  0, &f->err);
	strcpy(f->boot->goal->init, "/sbin/init");
	timeline_open();
}

static void fixture_clear(struct fixture *f)
{
	free(f->boot);
	buf_clear(&f->index);
	buf_clear(&f->text);
	arena_clear(&f->arena);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static void decode(struct fixture *f)
{
	assert_ok(bootlog_decode(buf_cstr(&f->text), f->text.len, &f->arena, &f->log, &f->err), 0,
		  &f->err);
}

/* Without a FD, where PID 1 has it. */
static int save(const struct boot *b, int fd)
{
	struct timeline_end end = goal_timeline_end(b);

	if (fd >= 0)
		return timeline_write(&end, fd);
	timeline_save(&end);
	return 0;
}

/* What PID 1 would write now, read again. */
static void write_and_read(struct fixture *f)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(save(f->boot, fileno(file)), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(read_all(fileno(file), BOOTLOG_SIZE_MAX, &f->text), 0);
	fclose(file);
	decode(f);
}

static void what_was_noted_is_read_again(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const struct bootlog_item *item;

	(void)state;
	fixture_make(&f);
	timeline_stage("wait");
	timeline_device_seen("vda1");
	timeline_module_wanted(1);
	timeline_module_wanted(0);
	timeline_module_begins(1);
	timeline_module_ends(1, -ENOENT);
	timeline_device_begins("vda1");
	timeline_device_ends("vda1", 0);
	timeline_program_begins("/usr/libexec/x");
	timeline_program_ends("/usr/libexec/x", 3);
	timeline_stage("driver");
	write_and_read(&f);
	assert_string_equal(f.log.init, "/sbin/init");
	assert_null(f.log.failure);
	item = bootlog_find(&f.log, BOOTLOG_MODULE, "jbd2");
	assert_int_equal(item->result, -ENOENT);
	assert_true(item->end >= item->begin && item->begin >= item->asked);
	item = bootlog_find(&f.log, BOOTLOG_MODULE, "ext4");
	assert_int_equal(item->begin, -1);
	assert_int_equal(item->n_needs, 1);
	assert_string_equal(item->needs[0], "jbd2");
	assert_true(bootlog_find(&f.log, BOOTLOG_DEVICE, "vda1")->end >= 0);
	assert_int_equal(bootlog_find(&f.log, BOOTLOG_PROGRAM, "/usr/libexec/x")->result, 3);
	assert_true(bootlog_find(&f.log, BOOTLOG_STAGE, "wait")->end >= 0);
	assert_int_equal(bootlog_find(&f.log, BOOTLOG_STAGE, "driver")->end, -1);
}

static void a_device_that_is_looked_at_again_is_there_twice(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (int i = 0; i < 2; i++) {
		timeline_device_seen("sda");
		timeline_device_begins("sda");
		timeline_device_ends("sda", 0);
	}
	write_and_read(&f);
	assert_int_equal(f.log.n_items, 2);
	assert_true(f.log.items[0].end <= f.log.items[1].asked);
}

/* 60 paths that are passive, while the boot waits for another one. */
static void retries_of_unreadable_devices_do_not_fill_it(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[32];

	(void)state;
	fixture_make(&f);
	for (int i = 0; i < 100; i++)
		for (int disk = 0; disk < 60; disk++) {
			snprintf(name, sizeof(name), "sd%d", disk);
			timeline_device_seen(name);
			timeline_device_seen(name); /* a change before it is read */
			timeline_device_begins(name);
			timeline_device_ends(name, i == 0 ? -ENXIO : i == 99 ? 0 : -EIO);
		}
	timeline_program_begins("/usr/libexec/x");
	write_and_read(&f);
	assert_int_equal(f.log.n_items, 2 * 60 + 1);
	assert_int_equal(f.log.left_out, 0);
	assert_string_equal(f.log.items[0].name, "sd0");
	assert_int_equal(f.log.items[0].result, -ENXIO);
	assert_int_equal(f.log.items[60].result, 0);
	assert_non_null(bootlog_find(&f.log, BOOTLOG_PROGRAM, "/usr/libexec/x"));
	assert_contains(buf_cstr(&f.text), "\"readings\":100");
}

static void names_may_hold_anything(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	strcpy(f.boot->goal->init, "/sbin/\"in\\it\"\n\xff\x1b[2J");
	timeline_program_begins("\"},{\"\\");
	timeline_device_seen("\xc3\xa4 \xc3\x28");
	write_and_read(&f);
	assert_string_equal(f.log.init, "/sbin/\"in\\x5cit\"\\x0a\\xff\\x1b[2J");
	assert_non_null(bootlog_find(&f.log, BOOTLOG_PROGRAM, "\"},{\"\\x5c"));
	assert_non_null(bootlog_find(&f.log, BOOTLOG_DEVICE, "\xc3\xa4 \\xc3("));
}

static void what_has_no_room_is_counted(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[32];

	(void)state;
	fixture_make(&f);
	for (int i = 0; i < TIMELINE_MAX + 7; i++) {
		snprintf(name, sizeof(name), "sd%d", i);
		timeline_device_seen(name);
		timeline_device_begins(name);
		timeline_device_ends(name, 0);
	}
	write_and_read(&f);
	assert_int_equal(f.log.n_items, TIMELINE_MAX);
	assert_int_equal(f.log.left_out, 7);
}

static void a_boot_that_fails_leaves_a_trace_too(void **state)
{
	_cleanup_fixture_ struct fixture f;
	FILE *file = tmpfile();

	(void)state;
	fixture_make(&f);
	timeline_stage("wait");
	f.boot->flow.failed = true;
	strcpy(f.boot->flow.failure, "it has no init");
	recorder_start_with(-EEXIST, 0);
	recorder.output = dup(fileno(file));
	save(f.boot, -1);
	assert_string_equal(recorder_calls(), "mkdir /run/preroot 755\n"
					      "create /run/preroot/boot.json 644\n");
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(read_all(fileno(file), BOOTLOG_SIZE_MAX, &f.text), 0);
	fclose(file);
	decode(&f);
	assert_string_equal(f.log.failure, "it has no init");
	assert_null(f.log.init);
}

static void half_a_trace_is_taken_away(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	recorder_start_with(0, 0, 0);
	recorder.output = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(recorder.output >= 0);
	save(f.boot, -1);
	assert_string_equal(recorder_calls(), "mkdir /run/preroot 755\n"
					      "create /run/preroot/boot.json 644\n"
					      "unlink /run/preroot/boot.json 0\n");
}

/* ---- the longest chain ---- */

static void assert_chain(const char *items, const char *expected)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_buf_ struct buf got = BUF_INIT;
	const struct bootlog_item **chain;
	size_t n;

	fixture_make(&f);
	buf_printf(&f.text, "{\"preroot-boot\":1,\"start_us\":0,\"end_us\":1000,\"root\":\"vda1\",%s}",
		   items);
	decode(&f);
	n = bootlog_chain(&f.log, &f.arena, &chain);
	for (size_t i = 0; i < n; i++)
		buf_printf(&got, "%s%s", i ? " " : "", chain[i]->name);
	assert_string_equal(buf_cstr(&got), expected);
}

#define STAGES                                                                                     \
	"\"programs\":[],\"stages\":[{\"name\":\"trigger\",\"begin_us\":1,\"end_us\":5},"          \
	"{\"name\":\"wait\",\"begin_us\":5,\"end_us\":300},"                                       \
	"{\"name\":\"driver\",\"begin_us\":300,\"end_us\":600},"                                   \
	"{\"name\":\"mount\",\"begin_us\":600,\"end_us\":700}],"
#define DEVICE                                                                                     \
	"\"devices\":[{\"name\":\"vda1\",\"seen_us\":200,\"begin_us\":210,\"end_us\":299,"         \
	"\"drivers\":[\"virtio_blk\",\"virtio_pci\"]}],"
#define MODULE(name, wanted, begin, end, needs)                                                    \
	"{\"name\":\"" name "\",\"wanted_us\":" #wanted ",\"begin_us\":" #begin ",\"end_us\":" #end    \
	",\"needs\":[" needs "]}"

static void the_chain_leads_from_the_bus_to_the_mount(void **state)
{
	(void)state;
	assert_chain(STAGES DEVICE "\"modules\":[" MODULE("virtio_blk", 100, 110, 210, "\"core\"") ","
		     MODULE("core", 100, 101, 109, "") "," MODULE("usb", 2, 3, 290, "") ","
		     MODULE("virtio_pci", 3, 4, 150, "") "," MODULE("jbd2", 301, 302, 400, "") ","
		     MODULE("ext4", 301, 401, 599, "\"jbd2\"") "]",
		     "core virtio_blk vda1 wait jbd2 ext4 driver mount");
	/* Without a need of its own the driver waited for its bus. */
	assert_chain(STAGES DEVICE "\"modules\":[" MODULE("virtio_blk", 100, 110, 210, "") ","
		     MODULE("virtio_pci", 3, 4, 150, "") "]",
		     "virtio_pci virtio_blk vda1 wait driver mount");
}

static void a_driver_that_was_asked_for_early_is_the_chain(void **state)
{
	(void)state;
	assert_chain(STAGES DEVICE "\"modules\":[" MODULE("ext4", 2, 3, 599, "") "]",
		     "ext4 driver mount");
}

static void a_circle_ends(void **state)
{
	(void)state;
	assert_chain(STAGES DEVICE "\"modules\":[" MODULE("virtio_blk", 10, 110, 210, "\"b\"") ","
		     MODULE("b", 10, 11, 109, "\"virtio_blk\"") "]",
		     "b virtio_blk vda1 wait driver mount");
}

#define IMAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void the_image_is_known_by_the_end_of_its_manifest(void **state)
{
	static const char *const bad[] = {
		"", "sha256\t" IMAGE, "sha256\t" IMAGE "\r", "sha512\t" IMAGE "\n",
		"x\nsha256\t" IMAGE "\n\n",
		"sha256\tX123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		"sha256\t0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
	};
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_free_ char *path = NULL;
	char id[MANIFEST_ID + 1] = "untouched";

	(void)state;
	assert_true(asprintf(&path, "%s/manifest", folder) > 0);
	assert_false(timeline_image(path, id));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_text(folder, "manifest", bad[i]);
		assert_false(timeline_image(path, id));
	}
	assert_false(timeline_image(folder, id));
	assert_string_equal(id, "untouched");
	put_text(folder, "manifest", "preroot-manifest 3\nsha256\t" IMAGE "\n");
	assert_true(timeline_image(path, id));
	assert_string_equal(id, IMAGE);
	put_text(folder, "manifest", "sha256\t" IMAGE "\n");
	assert_true(timeline_image(path, id));
	put_link(folder, "link", "manifest");
	path[strlen(path) - strlen("manifest")] = '\0';
	strcat(path, "link");
	assert_false(timeline_image(path, id));
}

static void only_an_identity_is_taken_for_the_image(void **state)
{
	static const struct {
		const char *value;
		int result;
	} cases[] = {
		{"\"" IMAGE "\"", 0},	       {"\"" IMAGE "0\"", -EBADMSG}, {"\"\"", -EBADMSG},
		{"\"../../etc\"", -EBADMSG}, {"1", -EBADMSG},		    {"null", -EBADMSG},
		{"\"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f = {0};

		buf_printf(&f.text,
			   "{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9,\"image\":%s,"
			   "\"stages\":[],\"modules\":[],\"devices\":[],\"programs\":[]}",
			   cases[i].value);
		assert_int_equal(bootlog_decode(buf_cstr(&f.text), f.text.len, &f.arena, &f.log,
						&f.err),
				 cases[i].result);
		if (!cases[i].result)
			assert_string_equal(f.log.image, IMAGE);
		else
			assert_true(f.err.text[0]);
	}
}

static void what_is_no_trace_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"preroot-boot\":1}", "{\"preroot-boot\":\"1\"}",
		"{\"preroot-boot\":1,\"start_us\":5,\"end_us\":4," STAGES "\"devices\":[],\"modules\":[]}",
		"{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9," STAGES "\"devices\":[],"
		"\"modules\":[{\"name\":\"a\"}]}",
		"{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9," STAGES "\"devices\":[],"
		"\"modules\":[" MODULE("a", 3, 2, 5, "") "]}",
		"{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9," STAGES "\"devices\":[],"
		"\"modules\":[" MODULE("a\\u001b[2J", 1, 2, 5, "") "]}",
		"{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9," STAGES "\"devices\":[],"
		"\"modules\":[" MODULE("a\xff", 1, 2, 5, "") "]}",
		"{\"preroot-boot\":1,\"start_us\":0,\"end_us\":9," STAGES
		"\"devices\":[],\"modules\":[]} x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct bootlog log = {0};
		struct err err = {0};

		assert_int_equal(bootlog_decode(bad[i], strlen(bad[i]), &arena, &log, &err),
				 -EBADMSG);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_noted_is_read_again),
		cmocka_unit_test(a_device_that_is_looked_at_again_is_there_twice),
		cmocka_unit_test(retries_of_unreadable_devices_do_not_fill_it),
		cmocka_unit_test(names_may_hold_anything),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(a_boot_that_fails_leaves_a_trace_too),
		cmocka_unit_test(half_a_trace_is_taken_away),
		cmocka_unit_test(the_chain_leads_from_the_bus_to_the_mount),
		cmocka_unit_test(a_driver_that_was_asked_for_early_is_the_chain),
		cmocka_unit_test(a_circle_ends),
		cmocka_unit_test(the_image_is_known_by_the_end_of_its_manifest),
		cmocka_unit_test(only_an_identity_is_taken_for_the_image),
		cmocka_unit_test(what_is_no_trace_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
