/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The boot parts of features, each for itself: what it asks PID 1 for, what it makes of the
 * answers, and what its jobs do. PID 1 is only recorded.
 */

#include <stdio.h>

#include "part_recorder.h"
#include "recorder.h"

extern const struct feature_boot dropin_boot, fsck_boot, overlay_boot, resume_boot;

enum { LEFT = 1, DISCARDED, FOREIGN }; /* what a job of resume finds */

#define _cleanup_part_ __attribute__((cleanup(part_close)))

/* ---- resume ---- */

int __wrap_access(const char *path, int mode);

/* The kernel of this test can resume, and its image has the checkers in /sbin. */
int __wrap_access(const char *path, int mode)
{
	(void)mode;
	if (strcmp(path, "/sys/power/resume") == 0)
		return told.cannot_resume ? -1 : 0;
	return strncmp(path, "/sbin/fsck.", 11) == 0 ? 0 : -1;
}

static void hibernation_has_its_parameters(void **state)
{
	static const struct {
		const char *cmdline, *said;
	} cases[] = {
		{"resume=UUID=1f resume_offset=38912 resumewait", "want 1f\n"},
		{"resume=/dev/x noresume", ""},
		{"resume=/dev/x hibernate=noresume", ""},
		{"resume=/dev/x hibernate=no", "want x\n"},
		{"resume=", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		part_open(&p, &resume_boot, "");
		part_close(&p);
		part_open(&p, &resume_boot, cases[i].cmdline);
		assert_string_equal(part_said(), cases[i].said);
		if (!*cases[i].said)
			assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_ENDS);
	}
}

static void what_cannot_be_resumed_from_is_logged(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &resume_boot, "resume=UUID=1f");
	told.cannot_resume = true;
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_ENDS);
	assert_contains(part_said(), "resume=UUID=1f: this kernel cannot resume; the machine");
	part_close(&p);
	part_open(&p, &resume_boot, "resume=/dev/mapper/swap");
	told.cannot_find = true;
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_ENDS);
	assert_contains(part_said(), "is of a kind that the image cannot reach");
}

static void the_device_of_an_image_is_waited_for(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &resume_boot, "resume=UUID=1f");
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	assert_int_equal(told.limit, 60000);
	/* The root is there: the image is waited for no longer than ten seconds. */
	told.now = 5000;
	told.has_root = true;
	part_said();
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	assert_string_equal(part_said(), "again at 15000\n");
	told.now = 15000;
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_ENDS);
	assert_contains(part_said(),
			"show: resume=UUID=1f did not appear: the machine boots afresh\n");
	/* That is decided once. */
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_ENDS);
	assert_string_equal(part_said(), "");
}

static void modules_that_load_are_waited_for_before_an_image_is_read(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &resume_boot, "resume=UUID=1f");
	part_device(0, "vda2", "1f", "swsuspend");
	told.is_busy = true;
	part_said();
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	assert_string_equal(part_said(), "again at 10000\n");
	told.is_busy = false;
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	assert_string_equal(part_said(), "again at 10000\njob 0, quiet\n");
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	recorded_done(&p, 0, 0, "");
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_ENDS);
	assert_string_equal(part_said(), "");
}

static void what_is_found_decides_whether_the_boot_continues(void **state)
{
	static const struct {
		int result, found;
		const char *said;
	} cases[] = {
		{0, DISCARDED,
		 "show: the kernel could not use the hibernation image on vda2 and has "
		 "discarded it: the machine boots afresh\n"},
		{-EINVAL, LEFT,
		 "fail: vda2 holds a hibernation image that the kernel did not take: "
		 "Invalid argument: to mount"},
		{0, FOREIGN,
		 "fail: vda2 holds a hibernation image that another program than the "
		 "kernel has written: to mount"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		part_open(&p, &resume_boot, "resume=UUID=1f");
		part_device(0, "vda2", "1f", "swsuspend");
		assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
		part_said();
		recorded_done(&p, cases[i].result, cases[i].found, "");
		assert_int_equal(part_step(&p, STAGE_RESUME, true),
				 cases[i].said[0] == 'f' ? STAGE_MOVED : STAGE_ENDS);
		assert_contains(part_said(), cases[i].said);
	}
}

/* A worker has died, or the device had an error: that is no answer. */
static void what_cannot_be_read_is_read_again_and_is_not_without_an_image(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &resume_boot, "resume=UUID=1f");
	part_device(0, "vda2", "1f", "swsuspend");
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	recorded_done(&p, -EIO, 0, "");
	part_said();
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	assert_string_equal(part_said(), "again at 1000\n");
	told.now = 999;
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	assert_int_equal(told.n_jobs, 0);
	told.now = 1000;
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
	told.now = 60000;
	recorded_done(&p, -EIO, 0, "");
	part_said();
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_MOVED);
	assert_contains(part_said(), "fail: vda2 cannot be read (Input/output error): if it holds");
	/* Tried again, it has an answer. */
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	recorded_done(&p, 0, 0, "");
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_ENDS);
}

static void a_disk_that_hangs_does_not_hold_the_boot_for_ever(void **state)
{
	static const struct {
		const char *cmdline, *type;
		enum stage_step step;
		const char *said;
	} cases[] = {
		{"resume=UUID=1f", "swsuspend", STAGE_MOVED,
		 "fail: vda2 cannot be read (it does not answer): if it holds"},
		{"resume=UUID=1f", "swap", STAGE_ENDS,
		 "vda2 cannot be read for a hibernation image: it does not answer"},
		{"resume=UUID=1f resumewait", "swsuspend", STAGE_STAYS, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		const char *text;

		part_open(&p, &resume_boot, cases[i].cmdline);
		part_device(0, "vda2", "1f", cases[i].type);
		assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
		/* PID 1 may have been frozen until now, and the answer be on its way. */
		told.now = 60000;
		assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
		told.now = 69999;
		assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_STAYS);
		part_said();
		told.now = 70000;
		assert_int_equal(part_step(&p, STAGE_RESUME, true), cases[i].step);
		text = part_said();
		assert_contains(text, cases[i].said);
		/* It must not resume once somebody has mounted the root. */
		assert_int_equal(strstr(text, "cancel job 0") != NULL, *cases[i].said != '\0');
	}
}

static void what_holds_no_image_for_certain_need_not_be_read(void **state)
{
	static const struct {
		const char *cmdline, *type;
		int result;
		enum stage_step step;
	} cases[] = {
		{"resume=UUID=1f", "swap", -EIO, STAGE_ENDS},
		{"resume=UUID=1f", "swap", -ENODATA, STAGE_ENDS},
		{"resume=UUID=1f resume_offset=8", "ext4", -ENODATA, STAGE_ENDS},
		{"resume=UUID=1f resume_offset=8", "swap", -EIO, STAGE_STAYS},
		{"resume=UUID=1f resume_offset=8", "ext4", -EIO, STAGE_STAYS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		part_open(&p, &resume_boot, cases[i].cmdline);
		part_device(0, "vda2", "1f", cases[i].type);
		assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
		part_said();
		recorded_done(&p, cases[i].result, 0, "");
		assert_int_equal(part_step(&p, STAGE_RESUME, true), cases[i].step);
		if (cases[i].step == STAGE_ENDS)
			assert_contains(part_said(), "vda2 cannot be read for a hibernation image");
	}
}

static void an_image_that_is_still_there_is_asked_for_again_in_a_second_try(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &resume_boot, "resume=UUID=1f");
	part_device(0, "vda2", "1f", "swsuspend");
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	recorded_done(&p, 0, LEFT, "");
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_MOVED);
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	/* Another device is in its place: that one is read again, and the image waited for. */
	recorded_done(&p, -ESTALE, 0, "");
	part_said();
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_MOVED);
	assert_contains(part_said(), "mistaken vda2\ngo to stage");
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_STAYS);
	recorded_done(&p, 0, DISCARDED, "");
	assert_int_equal(part_step(&p, STAGE_RESUME, true), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_RESUME, false), STAGE_ENDS);
	assert_int_equal(told.n_jobs, 0);
}

/* A checker that mends and an overlay that is half made must come to their end; what may still reach
 * the kernel although the root is mounted, or runs a second time beside itself, must not. */
static void what_runs_in_a_second_try_is_waited_for_or_cancelled(void **state)
{
	static const struct {
		const struct feature_boot *feature;
		const char *setting; /* its key; NULL */
		enum boot_stage stage;
		const char *cancels;
	} cases[] = {
		{&resume_boot, NULL, STAGE_RESUME, "cancel job 0\n"},
		{&overlay_boot, NULL, STAGE_OVERLAY, ""},
		{&fsck_boot, NULL, STAGE_FSCK, ""},
		{&dropin_boot, "run", STAGE_PRE_TRIGGER, "cancel program 0\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[] = "pre-trigger 5 required /bin/x";
		_cleanup_part_ struct part p;
		const char *said;

		part_open(&p, cases[i].feature, "resume=UUID=1f rd.overlay");
		if (cases[i].setting)
			assert_true(dropin_boot.setting(&p, cases[i].setting, line));
		part_device(0, "vda2", "1f", "swsuspend");
		told.mount = (struct part_mount){.is_root = true,
						 .is_device = true,
						 .is_checked = true,
						 .device = "vda2",
						 .type = "ext4",
						 .ref = {.slot = 0, .generation = 1}};
		assert_int_equal(part_step(&p, cases[i].stage, false), STAGE_STAYS);
		part_said();
		p.feature->retry(&p);
		assert_string_equal(part_said(), cases[i].cancels);
		assert_int_equal(part_step(&p, cases[i].stage, false), STAGE_STAYS);
		/* What was cancelled begins again. */
		said = part_said();
		assert_int_equal(strstr(said, "job 0") || strstr(said, "run 0:"),
				 *cases[i].cancels != '\0');
	}
}

static void work_that_no_process_could_be_made_for_begins_again_in_a_second_try(void **state)
{
	static const struct {
		const struct feature_boot *feature;
		const char *cmdline;
		enum boot_stage stage;
	} cases[] = {
		{&resume_boot, "resume=UUID=1f", STAGE_RESUME},
		{&overlay_boot, "rd.overlay", STAGE_OVERLAY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		part_open(&p, cases[i].feature, cases[i].cmdline);
		part_device(0, "vda2", "1f", "swsuspend");
		assert_int_equal(part_step(&p, cases[i].stage, false), STAGE_STAYS);
		part_said();
		told.n_jobs = 0;
		p.feature->retry(&p);
		assert_int_equal(part_step(&p, cases[i].stage, false), STAGE_STAYS);
		assert_contains(part_said(), "job 0");
	}
}

/* ---- overlay ---- */

static void an_overlay_has_its_parameters(void **state)
{
	static const struct {
		const char *cmdline, *wanted; /* NULL: no overlay */
	} cases[] = {
		{"rd.overlay", "nothing"},
		{"rd.overlay=1", "nothing"},
		{"rd.overlay=tmpfs", "nothing"},
		{"rd.overlay=tmpfs:size=32M,nr_inodes=100", "nothing"},
		{"rd.overlay=LABEL=o", "o"},
		{"rd.overlay=/dev/vdb rd.overlay.readonly", "vdb"},
		{"rd.overlay=LABEL=o rd.overlay=1", "nothing"},
		{"rd.overlay rd.overlay=0", NULL},
		{"quiet", NULL},
	};
	char expected[64];
	bool has_device;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		part_open(&p, &overlay_boot, cases[i].cmdline);
		assert_string_equal(part_said(), cases[i].wanted ? "cover the root\n" : "");
		part_step(&p, STAGE_OVERLAY_WAIT, false);
		has_device = cases[i].wanted && strcmp(cases[i].wanted, "nothing") != 0;
		snprintf(expected, sizeof(expected), "%s%s%smodule fs-overlay\n",
			 has_device ? "want " : "", has_device ? cases[i].wanted : "",
			 has_device ? "\n" : "");
		assert_string_equal(part_said(), cases[i].wanted ? expected : "");
	}
}

static void an_encrypted_overlay_is_refused(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &overlay_boot, "rd.overlay.crypt=LABEL=c");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_MOVED);
	assert_contains(part_said(), "fail: rd.overlay.crypt= asks for an encrypted overlay");
}

/* Up to the job, which is done, with the results of its system calls. */
static void lay(struct part *p, const char *cmdline, const int *results)
{
	part_open(p, &overlay_boot, cmdline);
	part_device(0, "vdb", "x", "ext4");
	assert_int_equal(part_step(p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(p, STAGE_OVERLAY, false), STAGE_STAYS);
	recorder_start(results);
	recorded_work(p);
	part_said();
}

#define MEMORY(options)                                                                            \
	"mkdir /run/overlayfs 755\n"                                                               \
	"mount tmpfs /run/overlayfs tmpfs 0 [mode=0755," options "]\n"                             \
	"mkdir /run/overlayfs/upper 755\n"                                                         \
	"mkdir /run/overlayfs/work 755\n"                                                          \
	"mkdir /run/rootfsbase 755\n"                                                              \
	"mount /sysroot /run/rootfsbase - 2000 [-]\n"                                              \
	"mount overlay /sysroot overlay 0 [lowerdir=/run/rootfsbase,"                              \
	"upperdir=/run/overlayfs/upper,workdir=/run/overlayfs/work]\n"

static void an_overlay_in_memory_is_a_tmpfs(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	lay(&p, "rd.overlay=tmpfs:size=8m", (const int[]){1});
	assert_string_equal(recorder_calls(), MEMORY("size=8m"));
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_ENDS);
	assert_string_equal(part_said(), "info: changes to the root go to memory\n");
	buf_clear(&recorder.calls);
}

static void an_overlay_that_is_only_read_has_its_changes_in_memory(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	/* The recorder makes no folder: there is nothing on the device to be read. */
	lay(&p, "rd.overlay=LABEL=x rd.overlay.readonly", (const int[]){1});
	assert_contains(recorder_calls(), "mkdir /run/overlayfs-backing 755\n"
					  "mount /dev/vdb /run/overlayfs-backing ext4 1 []\n"
					  "mkdir /run/overlayfs 755\n");
	assert_contains(recorder_calls(), "upperdir=/run/overlayfs/upper");
	buf_clear(&recorder.calls);
}

static void a_device_that_cannot_be_mounted_gives_way_to_memory(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	lay(&p, "rd.overlay=LABEL=x", (const int[]){0, -EINVAL, 1});
	assert_contains(recorder_calls(), "upperdir=/run/overlayfs/upper");
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_ENDS);
	assert_contains(part_said(), "show: the overlay device LABEL=x mounting /dev/vdb");
	part_close(&p);
	lay(&p, "rd.overlay", (const int[]){0, 0, 0, 0, 0, 0, -ENODEV, 1});
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_MOVED);
	assert_contains(part_said(),
			"fail: the overlay of the root: mounting it: the kernel has no "
			"overlay filesystem");
	buf_clear(&recorder.calls);
}

static void another_device_in_its_place_is_not_taken_and_no_overlay_laid_twice(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &overlay_boot, "rd.overlay=LABEL=x");
	part_device(0, "vdb", "x", "ext4");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_STAYS);
	recorder_start_with(0);
	recorder.identity = -ESTALE;
	assert_int_equal(recorded_work(&p), -ESTALE);
	assert_null(strstr(recorder_calls(), "mount "));
	recorder.identity = 0;
	part_said();
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_MOVED);
	assert_contains(part_said(), "mistaken vdb\ngo to stage");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_STAYS);
	recorded_done(&p, 0, 0, "");
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_ENDS);
	/* A second try of the boot. */
	part_said();
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_ENDS);
	assert_string_equal(part_said(), "");
	buf_clear(&recorder.calls);
}

static void an_overlay_that_says_estale_is_a_failure_and_no_other_device(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &overlay_boot, "rd.overlay");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_STAYS);
	recorder_start_with(0, 0, 0, 0, 0, 0, -ESTALE);
	assert_int_equal(recorded_work(&p), -EIO);
	assert_contains(recorder_calls(), "mount overlay /sysroot");
	part_said();
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_MOVED);
	assert_contains(part_said(), "fail: the overlay of the root: mounting it: Stale");
	part_close(&p);
	/* Nor is a device waited for that is another one each time. */
	part_open(&p, &overlay_boot, "rd.overlay=LABEL=x");
	part_device(0, "vdb", "x", "ext4");
	told.is_mistaken_again = true;
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_STAYS);
	recorded_done(&p, -ESTALE, 0, "opening /dev/vdb: it is another device now");
	part_said();
	assert_int_equal(part_step(&p, STAGE_OVERLAY, true), STAGE_MOVED);
	assert_contains(part_said(), "fail: opening /dev/vdb: it is another device now");
	buf_clear(&recorder.calls);
}

static void an_overlay_device_that_goes_is_waited_for_again(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &overlay_boot, "rd.overlay=LABEL=x");
	part_device(0, "vdb", "x", "ext4");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_ENDS);
	part_device(0, "vdb", NULL, "");
	part_said();
	assert_int_equal(part_step(&p, STAGE_OVERLAY, false), STAGE_MOVED);
	assert_contains(part_said(), "go to stage");
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_STAYS);
	told.now = told.limit;
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, true), STAGE_ENDS);
	assert_contains(part_said(),
			"the overlay device LABEL=x did not appear in time: changes are "
			"kept in memory");
}

static void an_overlay_device_that_a_feature_holds_is_waited_for(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &overlay_boot, "rd.overlay=LABEL=x");
	part_device(0, "vdb", "x", "crypto_LUKS");
	told.devices[0].is_member = told.devices[0].is_held = true;
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, false), STAGE_STAYS);
	told.devices[0].is_held = false;
	assert_int_equal(part_step(&p, STAGE_OVERLAY_WAIT, true), STAGE_ENDS);
	assert_contains(part_said(), "LABEL=x holds no filesystem");
}

/* ---- fsck ---- */

static void a_further_filesystem_is_checked_where_its_fstab_asks_for_it(void **state)
{
	static const struct {
		const char *cmdline, *root, *said; /* root: the setting "root=" */
		bool is_root, is_checked;
	} cases[] = {
		{"", "", "run 0: /sbin/fsck.ext4 -p -C1 /dev/vdb1, without a time limit\n", false,
		 true},
		{"", "", "", false, false},
		{"fsck.mode=force", "", "run 0: /sbin/fsck.ext4 -p -f -C1 /dev/vdb1", false, false},
		{"fsck.mode=skip", "", "", false, true},
		{"", "", "run 0: /sbin/fsck.ext4 -p -C1 /dev/vdb1", true, false},
		{"", "no", "", true, true},
		{"fsck.mode=force", "no", "run 0: /sbin/fsck.ext4 -p -f -C1 /dev/vdb1", true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char value[8], no[] = "no";
		const char *said;

		part_open(&p, &fsck_boot, cases[i].cmdline);
		snprintf(value, sizeof(value), "%s", cases[i].root);
		assert_true(fsck_boot.setting(&p, "root", value));
		assert_false(fsck_boot.setting(&p, "data", no));
		told.mount = (struct part_mount){.is_root = cases[i].is_root,
						 .is_device = true,
						 .is_checked = cases[i].is_checked,
						 .device = "vdb1",
						 .type = "ext4",
						 .ref = {.slot = 0, .generation = 1}};
		part_device(0, "vdb1", "x", "ext4");
		assert_int_equal(part_step(&p, STAGE_MOUNTS_FSCK, false),
				 *cases[i].said ? STAGE_STAYS : STAGE_ENDS);
		if (told.n_jobs) { /* a worker holds the device */
			recorded_done(&p, 0, 0, "");
			assert_int_equal(part_step(&p, STAGE_MOUNTS_FSCK, true), STAGE_STAYS);
		}
		said = part_said();
		if (*cases[i].said ? !strstr(said, cases[i].said) : *said)
			fail_msg("%zu: [%s]", i, said);
	}
}

/* It may hang: PID 1 says what it waits for. */
static void a_device_that_is_being_opened_for_its_check_is_named(void **state)
{
	const struct part_stage *s = fsck_boot.stages;
	_cleanup_part_ struct part p;
	char text[128] = "";

	(void)state;
	part_open(&p, &fsck_boot, "");
	told.mount = (struct part_mount){.is_root = true,
					 .is_device = true,
					 .device = "vdb1",
					 .type = "ext4",
					 .ref = {.slot = 0, .generation = 1}};
	part_device(0, "vdb1", "x", "ext4");
	for (; s->step; s++) {
		assert_non_null(s->what);
		assert_int_equal(part_step(&p, s->at, false), STAGE_STAYS);
		s->what(&p, text, sizeof(text));
		assert_string_equal(text, "/dev/vdb1 to be opened for its check");
		recorded_done(&p, -EIO, 0, "");
		assert_int_equal(part_step(&p, s->at, true), STAGE_ENDS);
		*text = '\0';
		s->what(&p, text, sizeof(text));
		assert_string_equal(text, "");
	}
}

static void a_checker_that_the_image_lacks_leaves_it_to_the_roots_init(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &fsck_boot, "fsck.mode=force");
	told.mount = (struct part_mount){
		.is_root = true, .is_device = true, .device = "vda1", .type = "xfs"};
	assert_int_equal(part_step(&p, STAGE_FSCK, false), STAGE_ENDS);
	told.mount.is_device = false;
	assert_int_equal(part_step(&p, STAGE_FSCK, false), STAGE_ENDS);
	assert_string_equal(part_said(), "");
}

/* ---- programs of drop-in features ---- */

static void modules_that_load_at_once_are_waited_for_before_the_first_program(void **state)
{
	char line[] = "pre-trigger 5 required /bin/x";
	_cleanup_part_ struct part p;

	(void)state;
	part_open(&p, &dropin_boot, "");
	assert_true(dropin_boot.setting(&p, "run", line));
	assert_false(dropin_boot.setting(&p, "walk", line));
	told.is_busy = true;
	assert_int_equal(part_step(&p, STAGE_PRE_TRIGGER, false), STAGE_STAYS);
	assert_string_equal(part_said(), "again at 10000\n");
	told.now = 10000; /* but not for ever */
	assert_int_equal(part_step(&p, STAGE_PRE_TRIGGER, true), STAGE_STAYS);
	assert_contains(part_said(), "run 0: /bin/x\n");
	recorded_end(&p, 0, 3, "ended with status 3");
	assert_int_equal(part_step(&p, STAGE_PRE_TRIGGER, true), STAGE_MOVED);
	assert_contains(part_said(),
			"fail: /bin/x, which is required at pre-trigger, ended with status "
			"3; try an image without that drop-in feature");
}

static void a_program_is_told_which_root_there_is(void **state)
{
	static const struct {
		bool is_device, is_gone;
		const char *said;
	} cases[] = {
		{true, false, "  with PREROOT_ROOT=/dev/vda1\n  with PREROOT_FSTYPE=ext4\n"},
		{true, true, NULL},
		{false, false, "  with PREROOT_ROOT=tmpfs\n  with PREROOT_FSTYPE=tmpfs\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char line[] = "pre-mount 5 required /bin/x";
		bool is_device = cases[i].is_device;
		const char *said;

		part_open(&p, &dropin_boot, "");
		assert_true(dropin_boot.setting(&p, "run", line));
		told.mount = (struct part_mount){.is_root = true, .is_device = is_device};
		told.mount_is_gone = cases[i].is_gone;
		snprintf(told.mount.device, sizeof(told.mount.device), "%s", is_device ? "vda1" : "tmpfs");
		snprintf(told.mount.type, sizeof(told.mount.type), "%s", is_device ? "ext4" : "tmpfs");
		assert_int_equal(part_step(&p, STAGE_PRE_MOUNT, false), STAGE_STAYS);
		said = part_said();
		if (cases[i].said)
			assert_contains(said, cases[i].said);
		else
			assert_null(strstr(said, "PREROOT_ROOT"));
	}
}

static void a_program_may_depend_on_a_parameter_of_the_kernel(void **state)
{
	static const char *const params[] = {NULL, "other", "ostree"};

	(void)state;
	for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++) {
		char run[] = "post-mount 5 required /bin/x", param[] = "ostree";
		bool runs = i == 2;
		_cleanup_part_ struct part p;

		part_open(&p, &dropin_boot, "");
		assert_false(dropin_boot.setting(&p, "if", param));
		assert_true(dropin_boot.setting(&p, "run", run));
		assert_true(dropin_boot.setting(&p, "if", param));
		told.param = params[i];
		assert_int_equal(part_step(&p, STAGE_POST_MOUNT, false),
				 runs ? STAGE_STAYS : STAGE_ENDS);
		assert_int_equal(strstr(part_said(), "run 0: /bin/x") != NULL, runs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hibernation_has_its_parameters),
		cmocka_unit_test(what_cannot_be_resumed_from_is_logged),
		cmocka_unit_test(the_device_of_an_image_is_waited_for),
		cmocka_unit_test(modules_that_load_are_waited_for_before_an_image_is_read),
		cmocka_unit_test(what_is_found_decides_whether_the_boot_continues),
		cmocka_unit_test(what_cannot_be_read_is_read_again_and_is_not_without_an_image),
		cmocka_unit_test(a_disk_that_hangs_does_not_hold_the_boot_for_ever),
		cmocka_unit_test(what_holds_no_image_for_certain_need_not_be_read),
		cmocka_unit_test(an_image_that_is_still_there_is_asked_for_again_in_a_second_try),
		cmocka_unit_test(
			work_that_no_process_could_be_made_for_begins_again_in_a_second_try),
		cmocka_unit_test(what_runs_in_a_second_try_is_waited_for_or_cancelled),
		cmocka_unit_test(an_overlay_has_its_parameters),
		cmocka_unit_test(an_encrypted_overlay_is_refused),
		cmocka_unit_test(an_overlay_in_memory_is_a_tmpfs),
		cmocka_unit_test(an_overlay_that_is_only_read_has_its_changes_in_memory),
		cmocka_unit_test(a_device_that_cannot_be_mounted_gives_way_to_memory),
		cmocka_unit_test(
			another_device_in_its_place_is_not_taken_and_no_overlay_laid_twice),
		cmocka_unit_test(an_overlay_that_says_estale_is_a_failure_and_no_other_device),
		cmocka_unit_test(an_overlay_device_that_goes_is_waited_for_again),
		cmocka_unit_test(an_overlay_device_that_a_feature_holds_is_waited_for),
		cmocka_unit_test(a_further_filesystem_is_checked_where_its_fstab_asks_for_it),
		cmocka_unit_test(a_device_that_is_being_opened_for_its_check_is_named),
		cmocka_unit_test(a_checker_that_the_image_lacks_leaves_it_to_the_roots_init),
		cmocka_unit_test(a_program_is_told_which_root_there_is),
		cmocka_unit_test(a_program_may_depend_on_a_parameter_of_the_kernel),
		cmocka_unit_test(modules_that_load_at_once_are_waited_for_before_the_first_program),
	};

	return RUN_TESTS(tests);
}
