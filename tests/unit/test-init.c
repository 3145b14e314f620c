/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and modules: their order, and their loading.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format/codec/encode.h"
#include "init/core/log.h"
#include "init/devices/events.h"
#include "init/devices/modprobe.h"
#include "init/devices/modules.h"
#include "recorder.h"
#include "support.h"

/* ---- a boot with an index of modules ---- */

struct fixture {
	struct boot *boot;
	struct buf index;
};

struct module_spec {
	const char *name, *path, *options;
	/* Names of modules, ending with NULL. */
	const char *hard[4], *pre[4], *post[4];
	const char *alias;
	bool late;
};

enum { SPECS_MAX = 16 };

static uint32_t number_of(const struct module_spec *specs, size_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(specs[i].name, name) == 0)
			return i;
	fail_msg("no module %s", name);
	return 0;
}

static void fixture_make(struct fixture *f, const struct module_spec *specs, size_t n)
{
	struct modindex_source sources[SPECS_MAX];
	struct modindex_alias aliases[SPECS_MAX];
	uint32_t refs[SPECS_MAX][3][4];
	size_t n_aliases = 0;
	struct err err = {0};

	for (size_t i = 0; i < n; i++) {
		const char *const *lists[] = {specs[i].hard, specs[i].pre, specs[i].post};
		struct modindex_list out[3];

		for (size_t k = 0; k < 3; k++) {
			size_t count = 0;

			for (; lists[k][count]; count++)
				refs[i][k][count] = number_of(specs, n, lists[k][count]);
			out[k] = (struct modindex_list){refs[i][k], count};
		}
		sources[i] = (struct modindex_source){
			.name = specs[i].name,
			.path = specs[i].path ? specs[i].path : "none",
			.options = specs[i].options ? specs[i].options : "",
			.flags = specs[i].late ? MODINDEX_LATE : 0,
			.hard = out[0],
			.pre = out[1],
			.post = out[2],
		};
		if (specs[i].alias)
			aliases[n_aliases++] = (struct modindex_alias){specs[i].alias, (uint32_t)i};
	}
	*f = (struct fixture){.boot = recorder_boot()};
	assert_int_equal(modindex_encode(sources, n, aliases, n_aliases, &f->index), 0);
	assert_ok(modindex_decode(f->index.data, f->index.len, &f->boot->modules->index, &err), 0,
		  &err);
	f->boot->modules->has_index = true;
	f->boot->modules->status = calloc(n + 1, sizeof(*f->boot->modules->status));
	f->boot->modules->order = calloc(n + 1, sizeof(*f->boot->modules->order));
	params_parse(&f->boot->params, "", 0);
}

static void fixture_clear(struct fixture *f)
{
	free(f->boot->modules->status);
	free(f->boot->modules->order);
	free(f->boot);
	buf_clear(&f->index);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

/* The next module, which is then loading; "-": none. */
static const char *take_next(struct fixture *f)
{
	uint32_t m = modules_next(f->boot, RANK_LATE);

	if (m == MODINDEX_NONE)
		return "-";
	f->boot->modules->status[m].state = MODULE_LOADING;
	return modindex_name(&f->boot->modules->index, m);
}

static void done(struct fixture *f, const char *name, int result)
{
	modules_done(f->boot, modindex_find(&f->boot->modules->index, name), result);
}

/* Loads everything requested, one after the other. Returns the names separated by blanks. */
static void assert_order(struct fixture *f, const char *expected)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *name;

	while (strcmp(name = take_next(f), "-") != 0) {
		buf_printf(&b, "%s%s", b.len ? " " : "", name);
		done(f, name, 0);
	}
	assert_string_equal(buf_cstr(&b), expected);
}

/* ---- order ---- */

static const struct module_spec storage[] = {
	{.name = "ext4", .hard = {"jbd2", "mbcache"}, .pre = {"crc32c"}, .alias = "fs-ext4"},
	{.name = "crc32c"},
	{.name = "jbd2"},
	{.name = "mbcache"},
	{.name = "sd", .post = {"sd_extra"}, .alias = "scsi:t-0x00*"},
	{.name = "sd_extra"},
};

static void sort_specs(struct module_spec *out, const struct module_spec *in, size_t n)
{
	memcpy(out, in, n * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (strcmp(out[k].name, out[i].name) < 0) {
				struct module_spec t = out[i];

				out[i] = out[k];
				out[k] = t;
			}
}

static void make_storage(struct fixture *f)
{
	struct module_spec sorted[ARRAY_SIZE(storage)];

	sort_specs(sorted, storage, ARRAY_SIZE(storage));
	fixture_make(f, sorted, ARRAY_SIZE(sorted));
}

static void what_a_module_needs_is_loaded_before_it(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	assert_true(modules_request(f.boot, "ext4"));
	assert_order(&f, "jbd2 mbcache crc32c ext4");
	assert_true(modules_request(f.boot, "ext4")); /* it is there: nothing to do */
	assert_order(&f, "");
}

static void what_a_module_wants_behind_it_is_loaded_too(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	assert_true(modules_request(f.boot, "sd"));
	assert_order(&f, "sd sd_extra");
}

static void what_nobody_asked_for_is_not_loaded(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	assert_order(&f, "");
	assert_false(modules_request(f.boot, "xfs"));
	assert_false(modules_request(f.boot, ""));
	modules_request_alias(f.boot, "pci:unknown");
	assert_order(&f, "");
}

static void a_device_asks_by_its_modalias(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	modules_request_alias(f.boot, "scsi:t-0x00");
	modules_request_alias(f.boot, "scsi:t-0x00");
	assert_order(&f, "sd sd_extra");
}

/* Some buses have no file for what their events say. */
static void a_device_that_was_there_first_asks_by_what_its_event_would_say(void **state)
{
	static const struct module_spec specs[] = {
		{.name = "card", .alias = "mmc:block"},
		{.name = "disk", .alias = "pci:d1"},
		{.name = "wrong", .alias = "pci:d2"},
		{.name = "cipher", .alias = "cpu:x86"},
		{.name = "memory", .alias = "memory:none"},
	};
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_fixture_ struct fixture f;

	(void)state;
	put_text(folder, "bus/mmc/devices/mmc0:0001/uevent", "DRIVER=x\nMODALIAS=mmc:block\n");
	put_text(folder, "bus/pci/devices/0000:00:01.0/modalias", "pci:d1\n");
	put_text(folder, "bus/pci/devices/0000:00:01.0/uevent", "MODALIAS=pci:d2\n");
	put_text(folder, "bus/pci/devices/0000:00:02.0/uevent", "DRIVER=x\n");
	put_text(folder, "bus/pci/devices/0000:00:03.0/modalias", "\n");
	put_text(folder, "bus/cpu/devices/cpu0/uevent", "MODALIAS=cpu:x86\n");
	put_text(folder, "bus/memory/devices/memory0/uevent", "MODALIAS=memory:none\n");
	fixture_make(&f, specs, ARRAY_SIZE(specs));
	events_walk(f.boot, folder);
	assert_int_not_equal(f.boot->modules->status[0].state, MODULE_IDLE);
	assert_int_not_equal(f.boot->modules->status[1].state, MODULE_IDLE);
	assert_int_equal(f.boot->modules->status[2].state, MODULE_IDLE);
	assert_int_not_equal(f.boot->modules->status[3].state, MODULE_IDLE);
	/* There are thousands of these on a large machine: they are not even asked. */
	assert_int_equal(f.boot->modules->status[4].state, MODULE_IDLE);
}

static void a_device_does_not_get_what_is_on_the_blacklist(void **state)
{
	static const char cmdline[] = "modprobe.blacklist=sd,jbd2";
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	params_parse(&f.boot->params, cmdline, sizeof(cmdline) - 1);
	modules_request_alias(f.boot, "scsi:t-0x00");
	assert_order(&f, "");
	/* Dependencies of other modules are loaded all the same, and those requested by name. */
	modules_request_alias(f.boot, "fs-ext4");
	assert_order(&f, "jbd2 mbcache crc32c ext4");
	assert_true(modules_request(f.boot, "sd"));
	assert_order(&f, "sd sd_extra");
}

static void neither_does_the_list_of_the_image(void **state)
{
	static const char cmdline[] = "rd.driver.blacklist=ext4 rd.driver.post=sd rd.driver.pre=jbd2 "
				      "modprobe.blacklist=jbd2";
	const char *loads[] = {"ext4", "sd", "crc32c", "none"};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	params_parse(&f.boot->params, cmdline, sizeof(cmdline) - 1);
	f.boot->settings.loads = loads;
	f.boot->settings.n_loads = ARRAY_SIZE(loads);
	modules_request_listed(f.boot);
	assert_order(&f, "jbd2 crc32c"); /* the first was asked for by name */
}

static void without_an_index_nothing_is_loaded(void **state)
{
	struct boot *b = recorder_boot();

	(void)state;
	assert_false(modules_request(b, "ext4"));
	modules_request_alias(b, "fs-ext4");
	assert_false(modules_pending(b, "fs-ext4"));
	free(b);
}

static void independent_modules_load_at_the_same_time(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	modules_request(f.boot, "ext4");
	modules_request(f.boot, "sd");
	assert_string_equal(take_next(&f), "jbd2");
	assert_string_equal(take_next(&f), "mbcache");
	assert_string_equal(take_next(&f), "crc32c");
	assert_string_equal(take_next(&f), "sd"); /* ext4 still waits for three */
	assert_string_equal(take_next(&f), "sd_extra");
	assert_string_equal(take_next(&f), "-");
	done(&f, "crc32c", 0);
	done(&f, "jbd2", 0);
	assert_string_equal(take_next(&f), "-");
	done(&f, "mbcache", 0);
	assert_string_equal(take_next(&f), "ext4");
}

static void a_wish_that_fails_does_not_stop_the_module(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	modules_request(f.boot, "ext4");
	for (int i = 0; i < 3; i++)
		take_next(&f);
	done(&f, "jbd2", 0);
	done(&f, "mbcache", 0);
	done(&f, "crc32c", -ENODEV);
	assert_string_equal(take_next(&f), "ext4");
}

static void a_need_that_fails_leaves_the_verdict_to_the_kernel(void **state)
{
	_cleanup_fixture_ struct fixture f;
	uint32_t jbd2;

	(void)state;
	make_storage(&f);
	modules_request(f.boot, "ext4");
	for (int i = 0; i < 3; i++)
		take_next(&f);
	done(&f, "crc32c", 0);
	done(&f, "mbcache", 0);
	assert_string_equal(take_next(&f), "-"); /* it has not been tried yet */
	done(&f, "jbd2", -ENOEXEC);
	jbd2 = modindex_find(&f.boot->modules->index, "jbd2");
	assert_int_equal(f.boot->modules->status[jbd2].state, MODULE_FAILED);
	assert_int_equal(f.boot->modules->status[jbd2].result, -ENOEXEC);
	assert_string_equal(take_next(&f), "ext4");
	done(&f, "ext4", -ENOENT);
	assert_string_equal(take_next(&f), "-");
}

static void a_circle_of_modules_ends(void **state)
{
	static const struct module_spec circle[] = {
		{.name = "a", .hard = {"b"}},
		{.name = "b", .hard = {"c"}},
		{.name = "c", .hard = {"a"}, .pre = {"c"}, .post = {"a", "c"}},
		{.name = "other"},
	};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, circle, ARRAY_SIZE(circle));
	modules_request(f.boot, "other");
	modules_request(f.boot, "a");
	/* As long as something loads, the circle waits: it may be what opens it. */
	assert_string_equal(take_next(&f), "other");
	assert_string_equal(take_next(&f), "-");
	done(&f, "other", 0);
	assert_order(&f, "c b a");
}

static void whether_a_driver_is_on_its_way_is_known(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_storage(&f);
	assert_false(modules_pending(f.boot, "fs-ext4"));
	modules_request_alias(f.boot, "fs-ext4");
	assert_true(modules_pending(f.boot, "fs-ext4"));
	for (int i = 0; i < 3; i++)
		done(&f, take_next(&f), 0);
	assert_string_equal(take_next(&f), "ext4");
	assert_true(modules_pending(f.boot, "fs-ext4"));
	done(&f, "ext4", -EINVAL);
	assert_false(modules_pending(f.boot, "fs-ext4"));
	assert_false(modules_pending(f.boot, "fs-xfs"));
}

/* ---- what goes first ---- */

static const struct module_spec ranked[] = {
	{.name = "hid", .alias = "hid:*", .hard = {"usbcore"}, .late = true},
	{.name = "psmouse", .alias = "serio:*", .late = true},
	{.name = "usb_storage", .alias = "usb:*", .hard = {"usbcore"}},
	{.name = "usbcore"},
	{.name = "xfs", .alias = "fs-xfs", .hard = {"xfs_lib"}},
	{.name = "xfs_lib"},
};

/* The names that may load up to LIMIT, each live as soon as it is taken. */
static void assert_ranked(struct fixture *f, enum module_rank limit, const char *expected)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint32_t m;

	while ((m = modules_next(f->boot, limit)) != MODINDEX_NONE) {
		buf_printf(&b, "%s%s", b.len ? " " : "",
			   modindex_name(&f->boot->modules->index, m));
		modules_done(f->boot, m, 0);
	}
	assert_string_equal(b.len ? buf_cstr(&b) : "", expected);
}

static void the_way_to_the_root_goes_before_all_else(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, ranked, ARRAY_SIZE(ranked));
	modules_request_device(f.boot, "serio:ty06");
	modules_request_device(f.boot, "usb:v1p2");
	modules_request_alias(f.boot, "fs-xfs");
	assert_ranked(&f, RANK_NONE, "");
	assert_ranked(&f, RANK_GOAL, "xfs_lib xfs");
	assert_ranked(&f, RANK_LATE, "usbcore usb_storage psmouse");
}

static void what_leads_to_no_disk_can_wait(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, ranked, ARRAY_SIZE(ranked));
	modules_request_device(f.boot, "serio:ty06");
	modules_request_device(f.boot, "hid:b1");
	assert_ranked(&f, RANK_DEVICE, "");
	/* What a keyboard needs is needed by the disk, too: it waits no longer. */
	modules_request_device(f.boot, "usb:v1p2");
	assert_ranked(&f, RANK_DEVICE, "usbcore usb_storage");
	/* Requested by name, it is urgent. */
	assert_true(modules_request(f.boot, "hid"));
	assert_ranked(&f, RANK_GOAL, "hid");
	assert_ranked(&f, RANK_LATE, "psmouse");
}

static void a_watchdog_comes_first_when_it_is_asked_for(void **state)
{
	static const struct module_spec specs[] = {
		{.name = "disk", .alias = "pci:disk"},
		{.name = "dog", .path = "lib/kernel/drivers/watchdog/dog.ko", .alias = "pci:dog",
		 .late = true},
	};
	static const char *const cmdlines[] = {"rd.watchdog=10", "rd.watchdog=0", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, specs, ARRAY_SIZE(specs));
		params_parse(&f.boot->params, cmdlines[i], strlen(cmdlines[i]));
		modules_request_device(f.boot, "pci:disk");
		modules_request_device(f.boot, "pci:dog");
		assert_ranked(&f, RANK_GOAL, i == 0 ? "dog" : "");
		assert_ranked(&f, RANK_LATE, i == 0 ? "disk" : "disk dog");
	}
}

static void it_waits_until_nothing_moves(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct boot *b;

	(void)state;
	fixture_make(&f, ranked, ARRAY_SIZE(ranked));
	b = f.boot;
	modules_request_device(b, "usb:v1p2");
	modules_tick(b, 1000);
	assert_int_equal(modules_due(b), INT64_MAX); /* there is something to do */
	assert_ranked(&f, RANK_DEVICE, "usbcore usb_storage");
	modules_tick(b, 5000);
	assert_int_equal(modules_due(b), 6000);
	b->jobs.workers[0] = (struct jobs_worker){.pid = 1, .job.kind = JOB_PROBE};
	modules_tick(b, 5999);
	assert_int_equal(modules_due(b), INT64_MAX); /* a disk is being read */
	b->jobs.workers[0].job.kind = JOB_NONE;
	modules_tick(b, 7000);
	modules_tick(b, 7999);
	assert_false(b->modules->late);
	modules_tick(b, 8000);
	assert_true(b->modules->late);
	assert_int_equal(modules_due(b), INT64_MAX);
	b->jobs.workers[0].pid = 0;
}

static void the_device_that_takes_least_goes_first(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_free_ char *big = NULL, *small = NULL;
	static const char zeros[4096];
	struct fixture f;

	(void)state;
	assert_true(asprintf(&big, "%s/big.ko", folder) > 0);
	assert_true(asprintf(&small, "%s/small.ko", folder) > 0);
	put_file(folder, "big.ko", zeros, sizeof(zeros));
	put_file(folder, "small.ko", zeros, 100);
	/* It is not its own size that counts, but what must be loaded for it. */
	const struct module_spec specs[] = {
		{.name = "ahci", .path = small + 1, .alias = "pci:a", .hard = {"libata"}},
		{.name = "libata", .path = big + 1},
		{.name = "nvme", .path = small + 1, .alias = "pci:n", .hard = {"nvme_core"}},
		{.name = "nvme_core", .path = small + 1},
	};

	fixture_make(&f, specs, ARRAY_SIZE(specs));
	modules_request_device(f.boot, "pci:a");
	modules_request_device(f.boot, "pci:n");
	assert_ranked(&f, RANK_DEVICE, "nvme_core nvme libata ahci");
	fixture_clear(&f);
}

/* ---- loading ---- */

struct loading {
	char *folder;
	struct fixture f;
};

/* One module called mod, stored with CODEC, whose content is "module". */
static void loading_make(struct loading *l, enum codec codec, const char *kernel_codec)
{
	const char *suffix = codec_info(codec)->suffix;
	_cleanup_buf_ struct buf packed = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct err err = {0};

	l->folder = make_folder();
	assert_true(asprintf(&path, "%s/mod.ko%s", l->folder, suffix ? suffix : "") > 0);
	assert_ok(encode(codec, NULL, "module", 6, &packed, &err), 0, &err);
	put_file(l->folder, strrchr(path, '/') + 1, packed.data, packed.len);
	/* Paths in the index have no leading slash. */
	const struct module_spec spec = {.name = "mod", .path = path + 1, .options = "depth=4"};

	fixture_make(&l->f, &spec, 1);
	snprintf(l->f.boot->modules->kernel_codec, sizeof(l->f.boot->modules->kernel_codec), "%s",
		 kernel_codec);
}

static void loading_clear(struct loading *l)
{
	fixture_clear(&l->f);
	remove_folder(l->folder);
	buf_clear(&recorder.calls);
	buf_clear(&recorder.content);
}

#define _cleanup_loading_ __attribute__((cleanup(loading_clear)))

static void a_plain_module_is_loaded_from_its_file(void **state)
{
	_cleanup_loading_ struct loading l;

	(void)state;
	loading_make(&l, CODEC_NONE, "zstd");
	recorder_start_with(0);
	params_parse(&l.f.boot->params, "mod.x=1 other.y=2", 17);
	assert_int_equal(modules_load(l.f.boot, 0), 0);
	assert_string_equal(recorder_calls(), "load file [depth=4 x=1]\n");
	assert_string_equal(buf_cstr(&recorder.content), "module");
}

static void what_the_kernel_unpacks_is_given_to_it_packed(void **state)
{
	_cleanup_loading_ struct loading l;

	(void)state;
	loading_make(&l, CODEC_XZ, "xz");
	recorder_start_with(0);
	assert_int_equal(modules_load(l.f.boot, 0), 0);
	assert_string_equal(recorder_calls(), "load file compressed [depth=4]\n");
}

static void what_the_kernel_does_not_unpack_is_unpacked_for_it(void **state)
{
	static const enum codec codecs[] = {CODEC_ZSTD, CODEC_XZ, CODEC_GZIP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		_cleanup_loading_ struct loading l;

		loading_make(&l, codecs[i], i ? "" : "xz");
		recorder_start_with(0);
		assert_int_equal(modules_load(l.f.boot, 0), 0);
		assert_string_equal(recorder_calls(), "load memory [depth=4]\n");
		assert_string_equal(buf_cstr(&recorder.content), "module");
	}
}

static void a_kernel_that_only_claims_to_unpack_is_helped(void **state)
{
	_cleanup_loading_ struct loading l;

	(void)state;
	loading_make(&l, CODEC_ZSTD, "zstd");
	recorder_start_with(-EINVAL, 0);
	assert_int_equal(modules_load(l.f.boot, 0), 0);
	assert_string_equal(recorder_calls(),
			    "load file compressed [depth=4]\nload memory [depth=4]\n");
	assert_string_equal(buf_cstr(&recorder.content), "module");
}

static void a_module_that_is_there_already_is_no_failure(void **state)
{
	_cleanup_loading_ struct loading plain, packed;

	(void)state;
	loading_make(&plain, CODEC_NONE, "");
	recorder_start_with(-EEXIST);
	assert_int_equal(modules_load(plain.f.boot, 0), 0);
	loading_make(&packed, CODEC_ZSTD, "");
	recorder_start_with(-EEXIST);
	assert_int_equal(modules_load(packed.f.boot, 0), 0);
}

static void what_the_kernel_says_of_a_module_is_passed_on(void **state)
{
	_cleanup_loading_ struct loading l;

	(void)state;
	loading_make(&l, CODEC_NONE, "");
	recorder_start_with(-ENOEXEC);
	assert_int_equal(modules_load(l.f.boot, 0), -ENOEXEC);
	assert_string_equal(recorder_calls(), "load file [depth=4]\n");
}

static void a_damaged_or_missing_module_is_not_given_to_the_kernel(void **state)
{
	_cleanup_loading_ struct loading l;
	_cleanup_free_ char *path = NULL;

	(void)state;
	loading_make(&l, CODEC_ZSTD, "");
	put_text(l.folder, "mod.ko.zst", "\x28\xb5\x2f\xfd and no more");
	recorder_start_with(0);
	assert_int_equal(modules_load(l.f.boot, 0), -EBADMSG);
	put_text(l.folder, "mod.ko.zst", "");
	assert_true(modules_load(l.f.boot, 0) < 0);
	assert_true(asprintf(&path, "%s/mod.ko.zst", l.folder) > 0);
	assert_int_equal(remove(path), 0);
	assert_int_equal(modules_load(l.f.boot, 0), -ENOENT);
	assert_string_equal(recorder_calls(), "");
}

/* ---- the kernel's helper ---- */

/* As the index of a machine's image: what rd.driver.pre= names depends on what the kernel asks
 * for. */
static void make_early(struct fixture *f, const char *folder)
{
	static char checksum[PATH_MAX], disk[PATH_MAX];
	struct module_spec specs[] = {
		{.name = "checksum", .path = checksum + 1, .alias = "crypto-checksum"},
		{.name = "disk", .path = disk + 1, .hard = {"checksum"}},
	};

	snprintf(checksum, sizeof(checksum), "%s/checksum.ko", folder);
	snprintf(disk, sizeof(disk), "%s/disk.ko", folder);
	put_text(folder, "checksum.ko", "checksum");
	put_text(folder, "disk.ko", "disk");
	fixture_make(f, specs, ARRAY_SIZE(specs));
	params_parse(&f->boot->params, "rd.driver.pre=disk", 18);
}

static int locked(const char *folder, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

static void the_helper_loads_what_it_was_called_for_alone(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_fixture_ struct fixture f;

	(void)state;
	make_early(&f, folder);
	recorder_start_with(0);
	assert_int_equal(modprobe_load(f.boot, "crypto-checksum", PARAMS_FOREVER), 0);
	assert_string_equal(recorder_calls(), "load file []\n");
	assert_string_equal(buf_cstr(&recorder.content), "checksum");
	assert_int_equal(modprobe_load(f.boot, "crypto-other", PARAMS_FOREVER), 1);
}

/* Whoever loads it may wait for the helper. */
static void the_helper_does_not_wait_for_ever_for_what_is_being_loaded(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_fixture_ struct fixture f;
	int fd;

	(void)state;
	make_early(&f, folder);
	fd = locked(folder, "checksum.ko");
	recorder_start_with(0);
	assert_int_equal(modprobe_load(f.boot, "crypto-checksum", log_now()), 1);
	assert_string_equal(recorder_calls(), "");
	assert_int_equal(modprobe_load(f.boot, "disk", log_now()), 0);
	assert_string_equal(buf_cstr(&recorder.content), "disk");
	close(fd);
	assert_int_equal(modules_load(f.boot, 0), 0);
	assert_string_equal(buf_cstr(&recorder.content), "checksum");
}

static void what_is_loaded_elsewhere_is_waited_for(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_fixture_ struct fixture f;
	int ready[2], pid;
	char c;

	(void)state;
	make_early(&f, folder);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = locked(folder, "checksum.ko");

		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(50000);
		close(fd);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	recorder_start_with(0);
	assert_int_equal(modprobe_load(f.boot, "checksum", INT64_MAX), 0);
	assert_string_equal(recorder_calls(), "load file []\n");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_module_needs_is_loaded_before_it),
		cmocka_unit_test(what_a_module_wants_behind_it_is_loaded_too),
		cmocka_unit_test(what_nobody_asked_for_is_not_loaded),
		cmocka_unit_test(a_device_asks_by_its_modalias),
		cmocka_unit_test(a_device_that_was_there_first_asks_by_what_its_event_would_say),
		cmocka_unit_test(a_device_does_not_get_what_is_on_the_blacklist),
		cmocka_unit_test(neither_does_the_list_of_the_image),
		cmocka_unit_test(without_an_index_nothing_is_loaded),
		cmocka_unit_test(independent_modules_load_at_the_same_time),
		cmocka_unit_test(a_wish_that_fails_does_not_stop_the_module),
		cmocka_unit_test(a_need_that_fails_leaves_the_verdict_to_the_kernel),
		cmocka_unit_test(a_circle_of_modules_ends),
		cmocka_unit_test(whether_a_driver_is_on_its_way_is_known),
		cmocka_unit_test(the_way_to_the_root_goes_before_all_else),
		cmocka_unit_test(what_leads_to_no_disk_can_wait),
		cmocka_unit_test(a_watchdog_comes_first_when_it_is_asked_for),
		cmocka_unit_test(it_waits_until_nothing_moves),
		cmocka_unit_test(the_device_that_takes_least_goes_first),
		cmocka_unit_test(a_plain_module_is_loaded_from_its_file),
		cmocka_unit_test(what_the_kernel_unpacks_is_given_to_it_packed),
		cmocka_unit_test(what_the_kernel_does_not_unpack_is_unpacked_for_it),
		cmocka_unit_test(a_kernel_that_only_claims_to_unpack_is_helped),
		cmocka_unit_test(a_module_that_is_there_already_is_no_failure),
		cmocka_unit_test(what_the_kernel_says_of_a_module_is_passed_on),
		cmocka_unit_test(a_damaged_or_missing_module_is_not_given_to_the_kernel),
		cmocka_unit_test(the_helper_loads_what_it_was_called_for_alone),
		cmocka_unit_test(the_helper_does_not_wait_for_ever_for_what_is_being_loaded),
		cmocka_unit_test(what_is_loaded_elsewhere_is_waited_for),
	};

	return RUN_TESTS(tests);
}
