/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The boot part for LVM: which volumes are set up, when, and by which tables. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/lvm/boot/kit.h"
#include "part_recorder.h"
#include "recorder.h"

extern const struct feature_boot lvm_boot;

#define _cleanup_part_ __attribute__((cleanup(part_close)))

#define VG "VGVGVG00000000000000000000000000"
#define VG_TEXT "VGVGVG-0000-0000-0000-0000-0000-000000"
#define OTHER_VG "OOOOOO00000000000000000000000000"
#define LV "LVLVLV00000000000000000000000000"

/* ---- what workers open ---- */

static const char *map_name = "", *map_uuid = ""; /* of each dm device */
static const char *disk_files[LVM_DISKS_MAX];	  /* by minor number; NULL: none */

static const char *blocks = "/nowhere";
static char folder[64], paths[4][96];

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
	return __real_opendir(strcmp(path, "/sys/class/block") == 0 ? blocks : path);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_identity_open(const char *name, const struct device_identity *wanted);

static int holding(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	close(ends[1]);
	return ends[0];
}

int __wrap_open(const char *path, int flags, ...)
{
	unsigned minor;
	char text[64];
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (strstr(path, "/dm/name"))
		return holding(map_name);
	if (strstr(path, "/dm/uuid"))
		return holding(map_uuid);
	if (strstr(path, "/dm-3/dev"))
		return holding("254:3\n");
	if (sscanf(path, "/sys/dev/block/8:%u/uevent", &minor) != 1)
		return __real_open(path, flags, mode);
	snprintf(text, sizeof(text), "MAJOR=8\nDEVNAME=disk%u\nDEVTYPE=disk\n", minor);
	return holding(text);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags, 0600);
}

int __wrap_identity_open(const char *name, const struct device_identity *wanted)
{
	unsigned minor = wanted->minor;

	assert_int_equal(strncmp(name, "disk", 4), 0);
	return disk_files[minor] ? __real_open(disk_files[minor], O_RDONLY | O_CLOEXEC) : -ESTALE;
}

/* ---- a machine ---- */

static void begin(struct part *p, const char *cmdline)
{
	part_open(p, &lvm_boot, cmdline);
	told.jobs_max = RECORDED_JOBS;
	told.now = 5000;
	recorder_start_with(0);
}

static struct part_device device_at(struct part *p, unsigned n)
{
	struct part_device d;

	assert_true(part_get(p, (struct device_ref){n, told.devices[n].generation}, &d));
	return d;
}

static enum part_claim appears(struct part *p, unsigned n, const char *name, char *why)
{
	static unsigned generations = 1000;
	struct part_device d;

	part_device(n, name, "there", "LVM2_member");
	told.devices[n].generation = ++generations;
	told.devices[n].probe.major = 8;
	told.devices[n].probe.minor = n;
	d = device_at(p, n);
	return lvm_boot.device(p, &d, why);
}

/* What a worker reads of the device. GROUP "": it says nothing of one. */
static void is_read(struct part *p, unsigned tag, const char *group, const char *name)
{
	char text[JOBS_TEXT_MAX] = {0};
	struct lvm_answer a = {.id = "PV"};

	snprintf(a.group, sizeof(a.group), "%s", group);
	snprintf(a.name, sizeof(a.name), "%s", name);
	memcpy(text, &a, sizeof(a));
	recorded_job_done(p, tag, 0, text);
}

/* A PV, sda for 0, is there and read. */
static void comes(struct part *p, unsigned n, const char *group, const char *name)
{
	char why[PART_TEXT_MAX], device[16];

	snprintf(device, sizeof(device), "sd%c", 'a' + (int)n);
	assert_int_equal(appears(p, n, device, why), PART_HOLDS);
	for (unsigned i = told.n_jobs; i-- > 0;)
		if (told.jobs[i].tag != LVM_TAG_START) {
			is_read(p, told.jobs[i].tag, group, name);
			return;
		}
	fail();
}

static void goes(struct part *p, unsigned n)
{
	struct device_ref ref = {n, told.devices[n].generation};

	told.devices[n].value = NULL;
	lvm_boot.gone(p, ref);
}

/* The job that sets up a volume: "root of VGVGVG on 2"; "": there is none. */
static const char *starts(void)
{
	static char text[256];
	struct lvm_question q;

	*text = '\0';
	for (unsigned i = 0; i < told.n_jobs; i++) {
		if (told.jobs[i].tag != LVM_TAG_START)
			continue;
		memcpy(&q, told.jobs[i].data, sizeof(q));
		snprintf(text, sizeof(text), "%s of %.6s on %u%s%s", *q.volume ? q.volume : "all", q.group, q.n,
			 q.may_lack ? ", alone" : "", q.is_named ? "" : ", unless it is another machine's");
	}
	return text;
}

static void ends(struct part *p, int result, const char *why)
{
	recorded_job_done(p, LVM_TAG_START, result, why);
}

static void time_is(struct part *p, int64_t now)
{
	told.now = now;
	if (p->wake && now >= p->wake) {
		p->wake = 0;
		lvm_boot.tick(p, now);
	}
}

static const char *what(struct part *p)
{
	static char text[PART_TEXT_MAX];

	lvm_boot.what(p, text, sizeof(text));
	return text;
}

static const char *account(struct part *p)
{
	part_said();
	lvm_boot.account(p);
	return part_said();
}

/* ---- which volumes ---- */

static void a_volume_is_set_up_if_something_names_it(void **state)
{
	static const struct {
		const char *cmdline, *wanted, *listed, *starts;
	} cases[] = {
		{"", "my-vg/root", NULL, "root of VGVGVG on 2"},
		{"", "mapper/my--vg-root", NULL, "root of VGVGVG on 2"},
		{"", "mapper/my--vg-a--b.c", NULL, "a-b.c of VGVGVG on 2"},
		{"", "mapper/my-vg-root", NULL, ""},
		{"", "vg/root", NULL, ""},
		{"", "my-vg/root/x", NULL, ""},
		{"", "md/root", NULL, ""},
		{"", NULL, NULL, ""},
		{"", NULL, VG " " LV, LV " of VGVGVG on 2"},
		{"", NULL, OTHER_VG " " LV, ""},
		{"rd.lvm.lv=my-vg/swap", NULL, NULL, "swap of VGVGVG on 2"},
		{"rd.lvm.lv=" VG_TEXT "/swap", NULL, NULL, "swap of VGVGVG on 2"},
		{"rd_LVM_LV=my-vg/swap", NULL, NULL, "swap of VGVGVG on 2"},
		{"rd.lvm.lv=other/swap", NULL, NULL, ""},
		{"rd.lvm.lv=my-vg", NULL, NULL, ""},
		{"rd.lvm.vg=my-vg", NULL, NULL, "all of VGVGVG on 2"},
		{"rd.lvm.vg=" VG_TEXT, NULL, NULL, "all of VGVGVG on 2"},
		{"rd.auto", NULL, NULL, "all of VGVGVG on 2, unless it is another machine's"},
		{"rd.auto=0", NULL, NULL, ""},
		{"rd.auto rd.lvm.lv=my-vg/swap", NULL, NULL, "swap of VGVGVG on 2"},
		{"rd.auto rd.lvm.vg=other", NULL, NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned first = 0; first < 2; first++) {
			_cleanup_part_ struct part p;
			char listed[128];

			begin(&p, cases[i].cmdline);
			told.wanted[0] = cases[i].wanted;
			snprintf(listed, sizeof(listed), "%s", cases[i].listed ? cases[i].listed : "");
			if (cases[i].listed)
				assert_true(lvm_boot.setting(&p, "volume", listed));
			comes(&p, first, VG, "my-vg");
			if (*cases[i].starts)
				ends(&p, -ENODEV, "its physical volume is missing");
			comes(&p, !first, VG, "my-vg");
			if (strcmp(starts(), cases[i].starts) != 0)
				fail_msg("%zu: %s", i, starts());
		}
}

static void lines_of_the_image_that_are_no_uuids_are_refused(void **state)
{
	static const char *const lines[] = {"", "x", VG, VG " ", VG " short", "short " LV, VG " " LV "x",
					    VG " " LV " ", VG " " LV " a/b", VG " " LV " vg root", VG "  vg"};
	_cleanup_part_ struct part p;
	char line[128];

	(void)state;
	begin(&p, "");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_false(lvm_boot.setting(&p, "volume", line));
	}
	assert_false(lvm_boot.setting(&p, "else", line));
}

static void physical_volumes_may_be_left_alone(void **state)
{
	_cleanup_part_ struct part p, q;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "rd.lvm=0");
	told.wanted[0] = "my-vg/root";
	assert_int_equal(appears(&p, 0, "sda", why), PART_IGNORES);
	told.root = "sda";
	assert_int_equal(appears(&p, 0, "sda", why), PART_REFUSES);
	assert_string_equal(why, "rd.lvm=0 leaves it alone");
	assert_string_equal(starts(), "");
	begin(&q, "rd.auto");
	map_name = "my--vg-disk\n";
	map_uuid = "LVM-" VG LV "\n";
	assert_int_equal(appears(&q, 0, "dm-0", why), PART_IGNORES);
	told.root = "dm-0";
	assert_int_equal(appears(&q, 0, "dm-0", why), PART_REFUSES);
	assert_string_equal(why, "it is a volume of LVM itself");
	map_uuid = "CRYPT-LUKS2-x";
	assert_int_equal(appears(&q, 0, "dm-1", why), PART_HOLDS);
	map_uuid = "";
}

static void without_any_name_volumes_are_set_up_once_the_root_does_not_come(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.lacks = true;
	comes(&p, 0, VG, "vg");
	assert_string_equal(starts(), "");
	time_is(&p, 5999);
	assert_string_equal(starts(), "");
	time_is(&p, 6000);
	assert_string_equal(starts(), "all of VGVGVG on 1, alone, unless it is another machine's");
	ends(&p, 0, "");
	assert_string_equal(what(&p), "");
	comes(&p, 1, VG, "vg"); /* of all, some may be there only now */
	assert_string_equal(starts(), "all of VGVGVG on 2, unless it is another machine's");
}

static void a_root_that_comes_by_itself_needs_no_volume(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.lacks = true;
	comes(&p, 0, VG, "vg");
	told.lacks = false;
	time_is(&p, 6000);
	time_is(&p, 60000);
	assert_string_equal(starts(), "");
	assert_string_equal(what(&p), "");
}

/* A resume= whose device is no more: a volume may hold a copy of the root. */
static void what_the_boot_does_not_wait_for_sets_up_no_group(void **state)
{
	(void)state;
	for (unsigned is_lacking_first = 0; is_lacking_first < 2; is_lacking_first++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.lacks_any = is_lacking_first;
		comes(&p, 0, VG, "vg");
		told.lacks_any = true;
		lvm_boot.wanted(&p);
		for (int64_t now = 5000; now < 30000; now += 50) {
			time_is(&p, now);
			assert_string_equal(starts(), "");
		}
		assert_string_equal(what(&p), "");
		told.lacks = true; /* by now a further filesystem is waited for, which no event says */
		time_is(&p, p.wake);
		assert_string_equal(starts(), "all of VGVGVG on 1, alone, unless it is another machine's");
	}
}

static void a_group_that_something_names_may_hold_it(void **state)
{
	(void)state;
	for (unsigned is_named_first = 0; is_named_first < 2; is_named_first++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.lacks_any = true;
		comes(&p, 0, OTHER_VG, "data");
		if (is_named_first)
			told.wanted[0] = "vg/root";
		comes(&p, 1, VG, "vg");
		if (!is_named_first)
			time_is(&p, 6500);
		told.wanted[0] = "vg/root";
		lvm_boot.wanted(&p);
		ends(&p, 0, "root");
		if (is_named_first)
			assert_string_equal(starts(), "");
		time_is(&p, 7000);
		assert_string_equal(starts(), "all of VGVGVG on 1, alone, unless it is another machine's");
		ends(&p, 0, "");
		time_is(&p, 60000);
		assert_string_equal(starts(), "");
	}
}

static void a_slow_disk_may_have_it_as_well(void **state)
{
	(void)state;
	for (unsigned is_loading = 0; is_loading < 2; is_loading++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.lacks = true;
		*(is_loading ? &told.is_busy : &told.is_unsettled) = true;
		comes(&p, 0, VG, "vg");
		for (int64_t now = 5000; now < 15000; now += 50) {
			time_is(&p, now);
			assert_string_equal(starts(), "");
		}
		time_is(&p, 15100); /* one that hangs is not waited for */
		assert_string_equal(starts(), "all of VGVGVG on 1, alone, unless it is another machine's");
	}
}

static void what_is_waited_for_later_is_set_up_then(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	ends(&p, 0, "");
	told.wanted[1] = "mapper/vg-usr";
	lvm_boot.wanted(&p);
	assert_string_equal(starts(), "usr of VGVGVG on 1");
	ends(&p, 0, "");
	lvm_boot.wanted(&p);
	assert_string_equal(starts(), "");
}

/* ---- two groups of one name ---- */

static void of_two_groups_of_one_name_neither_is_taken(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		/* Both come before anything waits for one of them. */
		comes(&p, first, first ? OTHER_VG : VG, "vg");
		comes(&p, !first, first ? VG : OTHER_VG, "vg");
		part_said();
		told.wanted[0] = "vg/root";
		lvm_boot.wanted(&p);
		assert_string_equal(starts(), "");
		assert_non_null(strstr(part_said(), "two LVM groups vg, with the UUIDs"));
		goes(&p, 1); /* OTHER_VG */
		assert_string_equal(starts(), "root of VGVGVG on 1");
	}
}

static void a_group_is_chosen_by_its_uuid(void **state)
{
	static const char *const cmdlines[] = {"rd.lvm.vg=" VG_TEXT, "rd.lvm.lv=" VG "/root", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		_cleanup_part_ struct part p;
		char line[] = VG " " LV;

		begin(&p, cmdlines[i]);
		if (!*cmdlines[i])
			assert_true(lvm_boot.setting(&p, "volume", line));
		comes(&p, 0, OTHER_VG, "vg");
		comes(&p, 1, VG, "vg");
		assert_non_null(strstr(starts(), " of VGVGVG on 1"));
		ends(&p, 0, "");
		told.wanted[0] = "vg/root";
		lvm_boot.wanted(&p);
		assert_null(strstr(starts(), " of OOOOOO"));
		assert_null(strstr(part_said(), "two LVM groups"));
	}
}

/* The image was built for VG. Another machine's disk, with a group of the same name, is read first. */
static void a_name_that_the_image_lists_is_that_of_no_other_group(void **state)
{
	static const struct {
		const char *cmdline, *wanted;
	} cases[] = {
		{"", "vg/root"}, {"", "mapper/vg-root"}, {"rd.lvm.lv=vg/root", NULL}, {"rd.lvm.vg=vg", NULL}, {"rd.auto", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned is_gone = 0; is_gone < 2; is_gone++) {
			_cleanup_part_ struct part p;
			char line[] = VG " " LV " vg";

			begin(&p, cases[i].cmdline);
			assert_true(lvm_boot.setting(&p, "volume", line));
			told.wanted[0] = cases[i].wanted;
			comes(&p, 0, OTHER_VG, "vg");
			time_is(&p, 8000);
			lvm_boot.wanted(&p);
			assert_string_equal(starts(), "");
			assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
			assert_non_null(strstr(account(&p), "LVM group vg: the image was made for another group of this name; "
							    "rd.lvm.vg=OOOOOO-"));
			assert_non_null(strstr(account(&p), "LVM group with UUID " VG_TEXT));
			if (is_gone)
				goes(&p, 0);
			comes(&p, 1, VG, "vg");
			assert_string_equal(starts(), LV " of VGVGVG on 1");
			ends(&p, 0, "root");
			for (; *starts(); ends(&p, 0, ""))
				assert_null(strstr(starts(), "OOOOOO"));
			if (!is_gone)
				goes(&p, 0);
			goes(&p, 1); /* and it does not fall to the other one */
			for (; *starts(); ends(&p, -ENODATA, "it is gone"))
				assert_null(strstr(starts(), "OOOOOO"));
			comes(&p, 0, OTHER_VG, "vg");
			time_is(&p, 18000);
			assert_string_equal(starts(), "");
			assert_null(strstr(part_said(), "two LVM groups"));
		}
}

static void a_uuid_names_a_group_in_spite_of_the_image(void **state)
{
	static const char *const lines[] = {VG " " LV " vg", VG " " LV " other", VG " " LV};
	static const struct {
		const char *cmdline;
		size_t line;
		const char *starts;
	} cases[] = {
		{"rd.lvm.vg=OOOOOO-0000-0000-0000-0000-0000-000000", 0, "root of OOOOOO on 1"},
		{"rd.lvm.lv=OOOOOO-0000-0000-0000-0000-0000-000000/usr", 0, "usr of OOOOOO on 1"},
		{"", 0, ""},
		{"", 1, "root of OOOOOO on 1"}, /* other names are not affected */
		{"", 2, "root of OOOOOO on 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char line[128];

		begin(&p, cases[i].cmdline);
		snprintf(line, sizeof(line), "%s", lines[cases[i].line]);
		assert_true(lvm_boot.setting(&p, "volume", line));
		told.wanted[0] = "vg/root";
		comes(&p, 0, OTHER_VG, "vg");
		if (strcmp(starts(), cases[i].starts) != 0)
			fail_msg("%zu: %s", i, starts());
	}
}

/* One that got another name since the image was built is still the one that it lists. */
static void a_listed_group_may_have_been_renamed(void **state)
{
	_cleanup_part_ struct part p;
	char line[] = VG " " LV " old";

	(void)state;
	begin(&p, "");
	assert_true(lvm_boot.setting(&p, "volume", line));
	told.wanted[0] = "new/usr";
	comes(&p, 0, VG, "new");
	assert_string_equal(starts(), LV " of VGVGVG on 1");
	ends(&p, 0, "root");
	assert_string_equal(starts(), "usr of VGVGVG on 1");
}

/* ---- when ---- */

static void it_is_not_tried_before_all_that_is_there_is_read(void **state)
{
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	assert_int_equal(appears(&p, 0, "sda", why), PART_HOLDS);
	assert_int_equal(appears(&p, 1, "sdb", why), PART_HOLDS);
	is_read(&p, 1, VG, "vg");
	assert_string_equal(starts(), "");
	is_read(&p, 0, VG, "vg");
	assert_string_equal(starts(), "root of VGVGVG on 2");
}

static void other_disks_are_read_first(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	told.is_unsettled = true; /* one of them may be a copy, or know better */
	comes(&p, 0, VG, "vg");
	assert_string_equal(starts(), "");
	time_is(&p, p.wake);
	assert_string_equal(starts(), "");
	told.is_unsettled = false;
	time_is(&p, p.wake);
	assert_string_equal(starts(), "root of VGVGVG on 1");
	assert_int_equal(told.how, PART_WHOLE);
	ends(&p, 0, "");
	told.is_unsettled = true; /* for longer than a disk may take */
	told.wanted[1] = "vg/usr";
	time_is(&p, 6000);
	lvm_boot.wanted(&p);
	assert_string_equal(starts(), "usr of VGVGVG on 1, alone");
}

static void what_no_disk_would_help_ends_the_wait(void **state)
{
	static const struct {
		int result;
		bool is_whole, is_hopeless;
	} cases[] = {{-ENOTSUP, true, true},  {-EPERM, true, true},   {-ENOTSUP, false, false}, {-EPERM, false, false},
		     {-ENOENT, true, false},  {-ENOENT, false, false}, {-ENODEV, false, false},	 {-EAGAIN, false, false},
		     {-ENODEV, true, false}, {0, true, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.wanted[0] = "vg/root";
		assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
		comes(&p, 0, VG, "vg");
		assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
		recorded_done(&p, cases[i].result, cases[i].is_whole, "so");
		assert_true(cases[i].is_hopeless == !!lvm_boot.is_hopeless(&p, "vg/root"));
		assert_true(cases[i].is_hopeless == !!lvm_boot.is_hopeless(&p, "mapper/vg-root"));
		assert_null(lvm_boot.is_hopeless(&p, "vg/other"));
		comes(&p, 1, VG, "vg"); /* with newer metadata, perhaps */
		assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
	}
}

/* A LUKS volume is called that, whose group, or another one of that name, is there before it is wanted or after. */
static void a_name_may_be_that_of_something_else(void **state)
{
	(void)state;
	for (unsigned is_known_first = 0; is_known_first < 2; is_known_first++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		if (is_known_first)
			comes(&p, 0, VG, "vg");
		told.wanted[0] = "mapper/vg-root_crypt";
		if (!is_known_first)
			comes(&p, 0, VG, "vg");
		lvm_boot.wanted(&p);
		part_said();
		recorded_done(&p, -ENOENT, true, "its volume group has no such volume");
		assert_null(strstr(part_said(), "show: "));
		assert_string_equal(what(&p), "");
		assert_null(lvm_boot.is_hopeless(&p, told.wanted[0]));
		time_is(&p, 60000);
		assert_string_equal(starts(), "");
		assert_string_equal(account(&p), "show:   LVM group vg has no volume root_crypt\n");
		/* What knows of the volume comes late. */
		comes(&p, 1, VG, "vg");
		assert_string_equal(starts(), "root_crypt of VGVGVG on 2");
		assert_string_equal(what(&p), "LVM volume vg/root_crypt: its volume group has no such volume");
		ends(&p, -ENODEV, "its physical volume x is missing");
		assert_string_equal(what(&p), "LVM volume vg/root_crypt: its physical volume x is missing");
	}
}

/* The right group comes before the one that lacks the volume, or after. */
static void another_group_of_the_name_may_have_the_volume(void **state)
{
	(void)state;
	for (unsigned is_late = 0; is_late < 2; is_late++) {
		_cleanup_part_ struct part p;

		begin(&p, "rd.lvm.vg=" VG_TEXT);
		told.wanted[0] = "vg/root";
		comes(&p, 0, is_late ? OTHER_VG : VG, "vg");
		recorded_done(&p, is_late ? -ENOENT : 0, true, is_late ? "its volume group has no such volume" : "root");
		assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
		time_is(&p, 30000);
		comes(&p, 1, is_late ? VG : OTHER_VG, "vg");
		if (is_late)
			assert_non_null(strstr(starts(), " of VGVGVG on 1"));
		assert_null(lvm_boot.is_hopeless(&p, "vg/root"));
	}
}

static void a_disk_that_does_not_answer_is_not_waited_for(void **state)
{
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	assert_int_equal(appears(&p, 0, "sda", why), PART_HOLDS);
	comes(&p, 1, VG, "vg");
	assert_string_equal(starts(), "");
	time_is(&p, 6000);
	assert_string_equal(starts(), "root of VGVGVG on 1, alone");
	ends(&p, -ENODEV, "its physical volume x is missing");
	is_read(&p, 0, VG, "vg"); /* it has answered after all */
	assert_string_equal(starts(), "root of VGVGVG on 2");
}

static void a_group_that_is_not_whole_is_given_a_moment(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	part_said();
	ends(&p, -EAGAIN, "its physical volume x is missing");
	assert_string_equal(part_said(), "");
	assert_string_equal(starts(), "");
	assert_string_equal(what(&p), "LVM volume vg/root: its physical volume x is missing");
	time_is(&p, 5999);
	assert_string_equal(starts(), "");
	told.is_busy = true; /* a driver is being loaded */
	time_is(&p, 6000);
	assert_string_equal(starts(), "");
	assert_true(p.wake > 6000);
	told.is_busy = false;
	time_is(&p, p.wake);
	assert_string_equal(starts(), "root of VGVGVG on 1, alone");
	ends(&p, 0, "");
	assert_string_equal(what(&p), "");
}

static void a_driver_that_hangs_does_not_hold_it_up(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	told.is_busy = true;
	comes(&p, 0, VG, "vg");
	ends(&p, -EAGAIN, "");
	for (int64_t now = 5000; now < 15000; now += 100) {
		time_is(&p, now);
		assert_string_equal(starts(), "");
	}
	time_is(&p, 15000);
	time_is(&p, 15200);
	assert_string_equal(starts(), "root of VGVGVG on 1, alone");
}

static void the_rest_of_a_group_may_come_in_that_moment(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	ends(&p, -EAGAIN, "");
	time_is(&p, 5500);
	comes(&p, 1, VG, "vg");
	assert_string_equal(starts(), "root of VGVGVG on 2");
}

static void a_disk_may_come_or_go_while_a_volume_is_set_up(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	comes(&p, 1, VG, "vg"); /* while the first one alone is tried */
	assert_string_equal(starts(), "root of VGVGVG on 1");
	part_said();
	ends(&p, -ENODEV, "its physical volume x is missing");
	assert_string_equal(starts(), "root of VGVGVG on 2");
	goes(&p, 1);
	ends(&p, -ENODEV, "its physical volume x is missing");
	assert_string_equal(starts(), "root of VGVGVG on 1");
	ends(&p, -ENODEV, "its physical volume x is missing");
	assert_string_equal(starts(), "");
	time_is(&p, 60000);
	assert_string_equal(starts(), "");
	assert_string_equal(what(&p), "LVM volume vg/root: its physical volume x is missing");
	comes(&p, 1, "", ""); /* one without metadata may be of any group */
	assert_string_equal(starts(), "root of VGVGVG on 2");
}

static void the_same_is_said_once(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	part_said();
	ends(&p, -EEXIST, "sda and sdb are the same");
	assert_non_null(strstr(part_said(), "show: LVM volume vg/root is not set up: sda and sdb are the same\n"));
	comes(&p, 1, VG, "vg");
	part_said();
	ends(&p, -EEXIST, "sda and sdb are the same");
	assert_string_equal(part_said(), "");
}

static void another_try_begins_from_the_start(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	comes(&p, 0, VG, "vg");
	ends(&p, -EINVAL, "the kernel does not take its table");
	assert_string_equal(starts(), "");
	lvm_boot.retry(&p);
	assert_string_equal(starts(), "root of VGVGVG on 1");
	lvm_boot.retry(&p); /* its job goes on */
	ends(&p, 0, "");
	lvm_boot.retry(&p); /* somebody at the shell may have taken it down */
	assert_string_equal(starts(), "root of VGVGVG on 1");
	told.n_jobs = 0; /* it is forgotten, as no worker has taken it */
	lvm_boot.retry(&p);
	assert_string_equal(starts(), "root of VGVGVG on 1");
}

static void the_driver_is_waited_for(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	told.loading = "devname:mapper/control";
	comes(&p, 0, VG, "vg");
	assert_non_null(strstr(part_said(), "module devname:mapper/control\n"));
	assert_string_equal(starts(), "");
	told.loading = NULL;
	time_is(&p, p.wake);
	assert_string_equal(starts(), "root of VGVGVG on 1");
}

static void jobs_that_find_no_place_are_done_later(void **state)
{
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	told.jobs_max = 1;
	assert_int_equal(appears(&p, 0, "sda", why), PART_HOLDS);
	assert_int_equal(appears(&p, 1, "sdb", why), PART_HOLDS);
	assert_int_equal(told.n_jobs, 1);
	is_read(&p, 0, VG, "vg");
	assert_int_equal(told.jobs[0].tag, 1);
	is_read(&p, 1, VG, "vg");
	assert_string_equal(starts(), "root of VGVGVG on 2");
}

/* ---- what comes of it, and the end ---- */

static void a_volume_gets_its_names(void **state)
{
	static const struct {
		const char *name, *uuid;
		bool is_named;
	} cases[] = {
		{"my--vg-root\n", "LVM-" VG LV "\n", true},
		{"my--vg-root-real\n", "LVM-" VG LV "-real\n", false},
		{"my--vg-root\n", "LVM-x\n", false},
		{"root\n", "CRYPT-LUKS2-x\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		struct part_device d;
		char why[PART_TEXT_MAX];

		begin(&p, "");
		map_name = cases[i].name;
		map_uuid = cases[i].uuid;
		part_device(0, "dm-3", "there", "ext4");
		told.devices[0].generation = 7;
		told.devices[0].probe.major = 254;
		told.devices[0].probe.minor = 3;
		d = device_at(&p, 0);
		lvm_boot.name_device(&p, &d);
		assert_int_equal(lvm_boot.device(&p, &d, why), PART_IGNORES);
		assert_string_equal(part_said(), cases[i].is_named ? "name dm-3 mapper/my--vg-root\n"
								       "name dm-3 my-vg/root\n"
								     : "");
	}
	map_name = map_uuid = "";
}

/* Also of those that were not read before the root took over. */
static void all_volumes_get_a_note_for_udev(void **state)
{
	_cleanup_part_ struct part p;
	char path[2][128];

	(void)state;
	begin(&p, "");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%s", folder, i ? "sda" : "dm-3");
		assert_int_equal(mkdir(path[i], 0700), 0);
	}
	blocks = folder;
	map_uuid = "LVM-" VG LV "-real\n"; /* hidden ones are asked for by those on top */
	recorder_start_with(0);
	lvm_boot.leave(&p);
	assert_string_equal(recorder_calls(), "mkdir /run/udev 755\nmkdir /run/udev/data 755\ncreate /run/udev/data/b254:3 644\n");
	map_uuid = "CRYPT-LUKS2-x";
	recorder_start_with(0);
	lvm_boot.leave(&p);
	assert_string_equal(recorder_calls(), "");
	for (unsigned i = 0; i < 2; i++)
		rmdir(path[i]);
	blocks = "/nowhere";
	map_uuid = "";
}

static void the_account_says_what_is_missing(void **state)
{
	_cleanup_part_ struct part p;
	char line[] = OTHER_VG " " LV, why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	told.wanted[0] = "vg/root";
	assert_true(lvm_boot.setting(&p, "volume", line));
	comes(&p, 0, VG, "vg");
	ends(&p, -ENODEV, "its physical volume x is missing (it was /dev/sdc)");
	assert_int_equal(appears(&p, 1, "sdb", why), PART_HOLDS);
	recorded_job_done(&p, 1, -EBADMSG, "its LVM label has a wrong checksum or place");
	assert_string_equal(account(&p),
			    "show:   LVM volume vg/root: its physical volume x is missing (it was /dev/sdc)\n"
			    "show:   LVM: sdb cannot be used: its LVM label has a wrong checksum or place\n"
			    "show:   LVM group with UUID OOOOOO-0000-0000-0000-0000-0000-000000, which the image needs: none of its "
			    "physical volumes is there\n");
	told.wanted[0] = "mapper/no--vg-root";
	assert_non_null(strstr(account(&p), "if /dev/mapper/no--vg-root is a volume, no physical volume of its group no-vg is there\n"));
	comes(&p, 2, "DDDDDD00000000000000000000000000", "data");
	assert_non_null(strstr(account(&p), "LVM group data: nothing says that it is needed; rd.lvm.vg=data would\n"));
}

static void a_device_that_is_another_one_is_read_again(void **state)
{
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	assert_int_equal(appears(&p, 0, "sda", why), PART_HOLDS);
	recorded_job_done(&p, 0, -ESTALE, "");
	assert_non_null(strstr(part_said(), "mistaken sda\n"));
}

/* ---- in a worker ---- */

#define PV0 "aaaaaa0000000000000000000000000a"
#define PV1 "bbbbbb0000000000000000000000000b"
#define PV_TEXT(key, id, device, flags)                                                            \
	key " {\nid = \"" id "\"\ndevice = \"" device "\"\nstatus = [\"ALLOCATABLE\"" flags "]\n"    \
	"pe_start = 2048\npe_count = 15\n}\n"
#define LV_TEXT(name, id, flags, segments)                                                         \
	name " {\nid = \"" id "\"\nstatus = [\"READ\"" flags "]\n" segments "}\n"
#define SEGMENT(n, start, count, stripes)                                                          \
	"segment" #n " {\nstart_extent = " #start "\nextent_count = " #count "\ntype = \"striped\"\n" stripes "}\n"
#define ONE(pv, extent) "stripe_count = 1\nstripes = [\"" pv "\", " #extent "]\n"

static const char volumes[] =
	LV_TEXT("root", LV, ", \"WRITE\", \"VISIBLE\"", SEGMENT(1, 0, 4, ONE("pv0", 0)) SEGMENT(2, 4, 3, ONE("pv1", 2)))
	LV_TEXT("usr", "UUUUUU00000000000000000000000000", ", \"VISIBLE\"",
		SEGMENT(1, 0, 4, "stripe_count = 2\nstripe_size = 128\nstripes = [\"pv0\", 4, \"pv1\", 0]\n"))
	LV_TEXT("swap", "SSSSSS00000000000000000000000000", ", \"WRITE\", \"VISIBLE\"", SEGMENT(1, 0, 2, ONE("pv0", 6)))
	LV_TEXT("hidden", "HHHHHH00000000000000000000000000", ", \"WRITE\"", SEGMENT(1, 0, 1, ONE("pv0", 9)))
	LV_TEXT("mirror", "MMMMMM00000000000000000000000000", ", \"WRITE\", \"VISIBLE\"",
		"segment1 {\nstart_extent = 0\nextent_count = 1\ntype = \"raid1\"\nraids = [\"a\", \"b\"]\n}\n");

static void put_sum(uint8_t *to, const uint8_t *data, size_t len)
{
	uint32_t sum = 0xf597a6cf;

	for (size_t i = 0; i < len * 8; i++) {
		if (i % 8 == 0)
			sum ^= data[i / 8];
		sum = sum >> 1 ^ (sum & 1 ? 0xedb88320U : 0);
	}
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(sum >> 8 * i);
}

static void put_number(uint8_t *to, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(n >> 8 * i);
}

enum { AREA = 4096, RING = 1044480, DISK = 17 << 20 };

/* The file that is disk N: a PV with the UUID ID, and TEXT, which begins AT bytes behind the start of its area; NULL: it has none.
 */
static void make_disk(unsigned n, const char *id, const char *text, size_t at)
{
	static uint8_t data[AREA + RING];
	size_t len = text ? strlen(text) + 1 : 0, first = len < RING - at ? len : RING - at;
	uint8_t *label = data + 512, *header = data + AREA;
	int fd;

	memset(data, 0, sizeof(data));
	memcpy(label, "LABELONE", 8);
	label[8] = 1;
	label[20] = 32;
	memcpy(label + 24, "LVM2 001", 8);
	memcpy(label + 32, id, 32);
	put_number(label + 72, 1 << 20);
	put_number(label + 104, text ? AREA : 0);
	put_number(label + 112, text ? RING : 0);
	put_sum(label + 16, label + 20, 492);
	memcpy(header + 4, " LVM2 x[5A%r0N*>\1", 17);
	put_number(header + 24, AREA);
	put_number(header + 32, RING);
	put_number(header + 40, text ? at : 0);
	put_number(header + 48, len);
	put_sum(header + 56, (const uint8_t *)text, len);
	put_sum(header, header + 4, 508);
	if (text) {
		memcpy(header + at, text, first);
		memcpy(header + 512, text + first, len - first);
	}
	snprintf(paths[n], sizeof(paths[n]), "%s/%u", folder, n);
	fd = __real_open(paths[n], O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	assert_int_equal(ftruncate(fd, DISK), 0);
	close(fd);
	disk_files[n] = paths[n];
}

static const char *group_text(unsigned seqno, const char *more, const char *flags0, const char *lvs)
{
	static char text[8192];

	snprintf(text, sizeof(text), "my-vg {\nid = \"" VG "\"\nseqno = %u\nstatus = [\"READ\", \"WRITE\"]\n%sextent_size = 2048\n"
		 "physical_volumes {\n" PV_TEXT("pv0", PV0, "/dev/sda2", "%s") PV_TEXT("pv1", PV1, "/dev/sdb2", "")
		 "}\nlogical_volumes {\n%s}\n}\n# end\n", seqno, more, flags0, lvs);
	return text;
}

static int made_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test-lvm-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int removed_folder(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++)
		if (*paths[n])
			unlink(paths[n]);
	return rmdir(folder);
}

static void two_disks(const char *text)
{
	memset(disk_files, 0, sizeof(disk_files));
	make_disk(0, PV0, text, 6656);
	make_disk(1, PV1, text, RING - 700); /* it goes around */
	recorder_start_with(0);
}

static struct job_result result;
static bool is_named = true;

/* Sets up VOLUME with the disks in the order of DISKS: "10". */
static int set_up(const char *volume, const char *disks, bool may_lack)
{
	struct lvm_question q = {.is_start = true, .may_lack = may_lack, .is_named = is_named};

	snprintf(q.group, sizeof(q.group), "%s", VG);
	snprintf(q.volume, sizeof(q.volume), "%s", volume);
	for (; *disks; disks++)
		q.disks[q.n++] = (struct lvm_disk){.major = 8, .minor = (uint32_t)(*disks - '0')};
	recorder_start_with(0);
	memset(&result, 0, sizeof(result));
	return lvm_boot.work(&q, &result);
}

#define ROOT_MAP                                                                                   \
	"map my--vg-root LVM-" VG LV "\n"                                                          \
	"  0 8192 linear 8:0 2048\n"                                                               \
	"  8192 6144 linear 8:1 6144\n"                                                            \
	"symlink ../dm-0 /dev/mapper/my--vg-root\n"
#define USR_MAP                                                                                    \
	"map my--vg-usr LVM-" VG "UUUUUU00000000000000000000000000 ro\n"                           \
	"  0 8192 striped 2 128 8:0 10240 8:1 2048\n"                                              \
	"symlink ../dm-0 /dev/mapper/my--vg-usr\n"
#define SWAP_MAP                                                                                   \
	"map my--vg-swap LVM-" VG "SSSSSS00000000000000000000000000\n"                             \
	"  0 4096 linear 8:0 14336\n"                                                              \
	"symlink ../dm-0 /dev/mapper/my--vg-swap\n"

static void a_volume_has_the_table_that_its_segments_say(void **state)
{
	static const char *const orders[] = {"01", "10"};

	(void)state;
	two_disks(group_text(5, "", "", volumes));
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		assert_int_equal(set_up("root", orders[i], false), 0);
		assert_string_equal(buf_cstr(&recorder.calls), ROOT_MAP);
		assert_int_equal(set_up(LV, orders[i], false), 0);
		assert_string_equal(buf_cstr(&recorder.calls), ROOT_MAP);
		assert_string_equal(result.text, "root");
		assert_int_equal(set_up("usr", orders[i], false), 0);
		assert_string_equal(buf_cstr(&recorder.calls), USR_MAP);
	}
	assert_int_equal(set_up("", "01", false), -ENOTSUP);
	assert_string_equal(buf_cstr(&recorder.calls), ROOT_MAP USR_MAP SWAP_MAP);
	assert_string_equal(result.text, "mirror: it is of the type raid1, which only the program lvm can set up");
	assert_int_equal(set_up("other", "01", false), -ENOENT);
	assert_string_equal(result.text, "its volume group has no such volume");
}

static void the_store_of_a_snapshot_is_no_volume(void **state)
{
	static const char store[] =
		LV_TEXT("root", LV, ", \"WRITE\", \"VISIBLE\"", SEGMENT(1, 0, 4, ONE("pv0", 0)))
		LV_TEXT("snap", "UUUUUU00000000000000000000000000", ", \"WRITE\", \"VISIBLE\"", SEGMENT(1, 0, 2, ONE("pv1", 0)))
		LV_TEXT("swap", "SSSSSS00000000000000000000000000", ", \"WRITE\", \"VISIBLE\"", SEGMENT(1, 0, 2, ONE("pv0", 6)))
		LV_TEXT("hidden", "HHHHHH00000000000000000000000000", ", \"WRITE\"", SEGMENT(1, 0, 1, ONE("pv0", 9)))
		LV_TEXT("snapshot0", "MMMMMM00000000000000000000000000", ", \"WRITE\"",
			"segment1 {\nstart_extent = 0\nextent_count = 4\ntype = \"snapshot\"\nchunk_size = 8\n"
			"origin = \"root\"\ncow_store = \"snap\"\n}\n");

	(void)state;
	two_disks(group_text(5, "", "", store));
	assert_int_equal(set_up("", "01", false), -ENOTSUP);
	assert_string_equal(buf_cstr(&recorder.calls), SWAP_MAP);
	assert_int_equal(set_up("snap", "10", false), -ENOTSUP);
	assert_non_null(strstr(result.text, "it is a snapshot"));
	assert_int_equal(set_up("hidden", "01", false), -ENOTSUP);
	assert_non_null(strstr(result.text, "it is hidden"));
	assert_string_equal(buf_cstr(&recorder.calls), "");
}

static void what_lacks_nothing_waits_for_its_group_only_at_first(void **state)
{
	(void)state;
	two_disks(group_text(5, "", "", volumes));
	assert_int_equal(set_up("swap", "0", false), -EAGAIN);
	assert_string_equal(result.text, "its physical volume bbbbbb-0000-0000-0000-0000-0000-00000b is missing (it was /dev/sdb2)");
	assert_string_equal(buf_cstr(&recorder.calls), "");
	assert_int_equal(set_up("swap", "0", true), 0);
	assert_string_equal(buf_cstr(&recorder.calls), SWAP_MAP);
	assert_int_equal(set_up("root", "0", true), -ENODEV);
	assert_string_equal(buf_cstr(&recorder.calls), "");
	assert_int_equal(set_up(LV, "0", true), -ENODEV);
	assert_int_equal(strncmp(result.text, "root: its physical volume bbbbbb-", 33), 0);
	assert_int_equal(set_up("", "0", false), -EAGAIN);
	assert_int_equal(set_up("", "0", true), -ENODEV);
	assert_string_equal(buf_cstr(&recorder.calls), SWAP_MAP);
	disk_files[1] = NULL; /* another device by now */
	assert_int_equal(set_up("root", "01", true), -ENODEV);
}

static void the_newest_metadata_counts(void **state)
{
	static const char *const orders[] = {"01", "10"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		two_disks(group_text(5, "", "", volumes));
		make_disk(1, PV1, group_text(6, "", "", LV_TEXT("root", LV, ", \"WRITE\", \"VISIBLE\"",
								SEGMENT(1, 0, 1, ONE("pv1", 9)))), 6656);
		assert_int_equal(set_up("root", orders[i], false), 0);
		assert_non_null(strstr(buf_cstr(&recorder.calls), "  0 2048 linear 8:1 20480\n"));
		assert_int_equal(set_up("swap", orders[i], false), -ENOENT);
		/* The older one was missing at that change. */
		make_disk(1, PV1, group_text(6, "", ", \"MISSING\"", volumes), 6656);
		assert_int_equal(set_up("root", orders[i], true), -ENODEV);
		assert_non_null(strstr(result.text, "is out of date"));
		assert_non_null(strstr(result.text, "vgextend --restoremissing"));
	}
}

static void damaged_metadata_on_one_disk_does_not_matter(void **state)
{
	int fd;

	(void)state;
	two_disks(group_text(5, "", "", volumes));
	fd = __real_open(disk_files[0], O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, AREA + 6656 + 100), 1);
	close(fd);
	assert_int_equal(set_up("root", "01", false), 0);
	assert_int_equal(set_up("swap", "0", true), -ENODATA);
	make_disk(1, PV1, NULL, 6656);
	assert_int_equal(set_up("root", "01", false), -ENODATA);
	two_disks(group_text(5, "", "", volumes));
	make_disk(1, PV1, NULL, 6656); /* a PV without an area */
	assert_int_equal(set_up("root", "01", false), 0);
}

static void a_group_is_whole_or_not(void **state)
{
	(void)state;
	two_disks(group_text(5, "lock_type = \"sanlock\"\n", "", volumes));
	assert_int_equal(set_up("root", "01", true), -EPERM);
	assert_true(result.found);
	assert_int_equal(set_up("root", "0", true), -EPERM);
	assert_false(result.found);
	assert_int_equal(set_up("root_crypt", "01", true), -ENOENT); /* whatever its group is like */
	two_disks(group_text(5, "", "", volumes));
	assert_int_equal(set_up("mirror", "01", true), -ENOTSUP);
	assert_true(result.found);
	make_disk(0, PV0, group_text(6, "", ", \"MISSING\"", volumes), 6656);
	assert_true(set_up("mirror", "01", true) < 0);
	assert_false(result.found);
}

static void a_copy_of_a_physical_volume_is_refused(void **state)
{
	(void)state;
	two_disks(group_text(5, "", "", volumes));
	make_disk(2, PV1, group_text(5, "", "", volumes), 6656);
	assert_int_equal(set_up("swap", "012", true), -EEXIST);
	assert_string_equal(buf_cstr(&recorder.calls), "");
	assert_string_equal(result.text, "disk1 and disk2 are the same physical volume (bbbbbb-0000-0000-0000-0000-0000-00000b): one "
			    "is a copy, or they are two ways to one disk");
}

static void groups_and_disks_that_are_not_as_they_should_be(void **state)
{
	(void)state;
	two_disks(group_text(5, "lock_type = \"sanlock\"\n", "", volumes));
	assert_int_equal(set_up("root", "01", false), -EPERM);
	assert_non_null(strstr(result.text, "shared by several machines"));
	two_disks(group_text(5, "flags = [\"NOAUTOACTIVATE\"]\n", "", volumes));
	assert_int_equal(set_up("", "01", false), 0);
	assert_string_equal(buf_cstr(&recorder.calls), "");
	assert_int_equal(set_up("root", "01", false), 0);
	two_disks(group_text(5, "", "", volumes));
	assert_int_equal(truncate(disk_files[1], 4 << 20), 0);
	assert_int_equal(set_up("root", "01", false), -ENOSPC);
	assert_string_equal(result.text, "its physical volume disk1 is smaller than it was");
}

static void a_group_of_another_machine_is_set_up_only_if_it_is_named(void **state)
{
	static const char *const orders[] = {"01", "10"}, *const names[] = {"root", ""};
	static const char owned[] = "flags = [\"WRITE_LOCKED\"]\nsystem_id = \"one\"\n";

	(void)state;
	two_disks(group_text(5, "", "", volumes)); /* that one was missing when the group got its owner */
	make_disk(1, PV1, group_text(6, owned, "", volumes), 6656);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		is_named = false;
		assert_int_equal(set_up("", orders[i], true), -EPERM);
		assert_string_equal(buf_cstr(&recorder.calls), "");
		assert_string_equal(result.text, "it belongs to one machine alone, with the system ID \"one\"; rd.lvm.vg=my-vg would "
				    "set it up");
		is_named = true;
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			set_up(names[k], orders[i], true);
			assert_int_equal(strncmp(buf_cstr(&recorder.calls), ROOT_MAP, strlen(ROOT_MAP)), 0);
		}
	}
	two_disks(group_text(7, "system_id = \"\"\n", "", volumes));
	is_named = false;
	assert_int_equal(set_up("", "01", true), -ENOTSUP);
	assert_string_equal(buf_cstr(&recorder.calls), ROOT_MAP USR_MAP SWAP_MAP);
	is_named = true;
}

/* A group with an owner is told apart by its lack of this flag alone. */
static void volumes_of_a_group_with_an_owner_can_be_written_to(void **state)
{
	static const char root[] = LV_TEXT("root", LV, ", \"VISIBLE\"", "flags = [\"WRITE_LOCKED\"]\n"
					   SEGMENT(1, 0, 4, ONE("pv0", 0)) SEGMENT(2, 4, 3, ONE("pv1", 2)));
	static char text[8192], *writes;

	(void)state;
	snprintf(text, sizeof(text), "%s", group_text(5, "flags = [\"WRITE_LOCKED\"]\nsystem_id = \"one\"\n", "", root));
	writes = strstr(text, ", \"WRITE\"]");
	memset(writes, ' ', strlen(", \"WRITE\""));
	two_disks(text);
	assert_int_equal(set_up("root", "01", false), 0);
	assert_string_equal(buf_cstr(&recorder.calls), ROOT_MAP);
}

static void what_the_kernel_refuses_is_told(void **state)
{
	static const struct {
		int result;
		const char *text;
	} cases[] = {
		{-EEXIST, "another device has the name"},
		{-ENOENT, "the kernel has no device mapper"},
		{-EINVAL, "the kernel does not take its table: Invalid argument"},
		{-ESTALE, "the kernel does not take its table"},
	};
	struct lvm_question q = {.is_start = true, .group = VG, .volume = "swap", .n = 2};

	(void)state;
	two_disks(group_text(5, "", "", volumes));
	for (uint32_t i = 0; i < 2; i++)
		q.disks[i] = (struct lvm_disk){.major = 8, .minor = i};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		recorder_start_with(cases[i].result);
		memset(&result, 0, sizeof(result));
		assert_int_equal(lvm_boot.work(&q, &result), cases[i].result == -ESTALE	  ? -EIO
							      : cases[i].result == -ENOENT ? -ENODEV
											     : cases[i].result);
		assert_non_null(strstr(result.text, cases[i].text));
	}
}

static void a_member_says_of_which_group_it_is(void **state)
{
	struct lvm_question q = {.device = "disk0"};
	struct lvm_answer a;

	(void)state;
	two_disks(group_text(5, "", "", volumes));
	for (uint32_t i = 0; i < 2; i++) {
		q.identity.minor = i;
		memset(&result, 0, sizeof(result));
		assert_int_equal(lvm_boot.work(&q, &result), 0);
		memcpy(&a, result.text, sizeof(a));
		assert_string_equal(a.id, i ? PV1 : PV0);
		assert_string_equal(a.group, VG);
		assert_string_equal(a.name, "my-vg");
	}
	make_disk(1, PV1, NULL, 6656);
	assert_int_equal(lvm_boot.work(&q, &result), 0);
	memcpy(&a, result.text, sizeof(a));
	assert_string_equal(a.group, "");
	assert_string_equal(a.why, "it has no metadata area");
	disk_files[1] = NULL;
	assert_int_equal(lvm_boot.work(&q, &result), -ESTALE);
	disk_files[1] = "/dev/null";
	assert_int_equal(lvm_boot.work(&q, &result), -ENOENT);
	assert_string_equal(result.text, "it has no LVM label");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_volume_is_set_up_if_something_names_it),
		cmocka_unit_test(lines_of_the_image_that_are_no_uuids_are_refused),
		cmocka_unit_test(physical_volumes_may_be_left_alone),
		cmocka_unit_test(without_any_name_volumes_are_set_up_once_the_root_does_not_come),
		cmocka_unit_test(a_root_that_comes_by_itself_needs_no_volume),
		cmocka_unit_test(what_the_boot_does_not_wait_for_sets_up_no_group),
		cmocka_unit_test(a_group_that_something_names_may_hold_it),
		cmocka_unit_test(a_slow_disk_may_have_it_as_well),
		cmocka_unit_test(what_is_waited_for_later_is_set_up_then),
		cmocka_unit_test(of_two_groups_of_one_name_neither_is_taken),
		cmocka_unit_test(a_group_is_chosen_by_its_uuid),
		cmocka_unit_test(a_name_that_the_image_lists_is_that_of_no_other_group),
		cmocka_unit_test(a_uuid_names_a_group_in_spite_of_the_image),
		cmocka_unit_test(a_listed_group_may_have_been_renamed),
		cmocka_unit_test(it_is_not_tried_before_all_that_is_there_is_read),
		cmocka_unit_test(other_disks_are_read_first),
		cmocka_unit_test(what_no_disk_would_help_ends_the_wait),
		cmocka_unit_test(a_name_may_be_that_of_something_else),
		cmocka_unit_test(another_group_of_the_name_may_have_the_volume),
		cmocka_unit_test(a_group_is_whole_or_not),
		cmocka_unit_test(a_disk_that_does_not_answer_is_not_waited_for),
		cmocka_unit_test(a_group_that_is_not_whole_is_given_a_moment),
		cmocka_unit_test(a_driver_that_hangs_does_not_hold_it_up),
		cmocka_unit_test(the_rest_of_a_group_may_come_in_that_moment),
		cmocka_unit_test(a_disk_may_come_or_go_while_a_volume_is_set_up),
		cmocka_unit_test(the_same_is_said_once),
		cmocka_unit_test(another_try_begins_from_the_start),
		cmocka_unit_test(the_driver_is_waited_for),
		cmocka_unit_test(jobs_that_find_no_place_are_done_later),
		cmocka_unit_test(a_volume_gets_its_names),
		cmocka_unit_test(all_volumes_get_a_note_for_udev),
		cmocka_unit_test(the_account_says_what_is_missing),
		cmocka_unit_test(a_device_that_is_another_one_is_read_again),
		cmocka_unit_test(a_volume_has_the_table_that_its_segments_say),
		cmocka_unit_test(the_store_of_a_snapshot_is_no_volume),
		cmocka_unit_test(what_lacks_nothing_waits_for_its_group_only_at_first),
		cmocka_unit_test(the_newest_metadata_counts),
		cmocka_unit_test(damaged_metadata_on_one_disk_does_not_matter),
		cmocka_unit_test(a_copy_of_a_physical_volume_is_refused),
		cmocka_unit_test(groups_and_disks_that_are_not_as_they_should_be),
		cmocka_unit_test(a_group_of_another_machine_is_set_up_only_if_it_is_named),
		cmocka_unit_test(volumes_of_a_group_with_an_owner_can_be_written_to),
		cmocka_unit_test(what_the_kernel_refuses_is_told),
		cmocka_unit_test(a_member_says_of_which_group_it_is),
	};

	return cmocka_run_group_tests(tests, made_folder, removed_folder);
}
