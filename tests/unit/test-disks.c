/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and disks: which are looked at, which of them is the root, and how it is mounted.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "init/devices/block.h"
#include "init/devices/events.h"
#include "init/core/mount.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/goal/goal.h"
#include "recorder.h"
#include "support.h"

/* ---- disks ---- */

struct disks {
	struct boot *boot;
};

static void disks_make(struct disks *d, const char *cmdline)
{
	d->boot = recorder_boot_with(cmdline);
	block_want(d->boot, &d->boot->params.root);
}

static void disks_clear(struct disks *d)
{
	free(d->boot);
}

#define _cleanup_disks_ __attribute__((cleanup(disks_clear)))

/* Takes the next disk to be read, as PID 1 does when a worker has the job. NULL: none. */
static const char *read_next(struct disks *d)
{
	int n = block_next(d->boot);

	if (n < 0)
		return NULL;
	d->boot->devices->list[n].state = DEVICE_PROBING;
	return d->boot->devices->list[n].name;
}

static uint32_t generation_of(const struct disks *d, const char *name)
{
	for (size_t i = 0; i < d->boot->devices->n; i++)
		if (strcmp(d->boot->devices->list[i].name, name) == 0)
			return d->boot->devices->list[i].generation;
	return 0;
}

static void found(struct disks *d, const char *name, const char *type, const char *usage,
		  const char *uuid, const char *label)
{
	struct job_result r = {.kind = JOB_PROBE, .generation = generation_of(d, name)};

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.probe.type, sizeof(r.probe.type), "%s", type);
	snprintf(r.probe.usage, sizeof(r.probe.usage), "%s", usage);
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", uuid);
	snprintf(r.probe.label, sizeof(r.probe.label), "%s", label);
	block_done(d->boot, &r);
}

static void filesystem(struct disks *d, const char *name, const char *uuid, const char *label)
{
	block_add(d->boot, name, true);
	while (read_next(d))
		;
	found(d, name, "ext4", "filesystem", uuid, label);
}

static void the_root_is_what_the_command_line_names(void **state)
{
	static const struct {
		const char *cmdline, *name;
	} cases[] = {
		{"root=UUID=AAAA-01", "zza1"},	{"root=UUID=aaaa-01", "zza1"},
		{"root=LABEL=two", "zzb1"},	{"root=LABEL=TWO", "-"},
		{"root=/dev/zzb1", "zzb1"},	{"root=/dev/zzb", "-"},
		{"root=PARTUUID=cccc", "zzc1"}, {"root=PARTLABEL=third", "zzc1"},
		{"root=PARTLABEL=", "-"},	{"root=LABEL=", "-"},
		{"root=/dev/mapper/x", "-"},	{"", "-"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_disks_ struct disks d;
		struct job_result r = {.kind = JOB_PROBE,
				       .name = "zzc1",
				       .generation = 3,
				       .probe = {.partuuid = "CCCC", .partlabel = "third"}};

		disks_make(&d, cases[i].cmdline);
		filesystem(&d, "zza1", "aaaa-01", "one");
		filesystem(&d, "zzb1", "bbbb-02", "two");
		block_add(d.boot, "zzc1", true);
		block_done(d.boot, &r);
		if (strcmp(recorder_root(d.boot), cases[i].name) != 0)
			fail_msg("[%s] gives %s", cases[i].cmdline, recorder_root(d.boot));
	}
}

static void of_several_the_choice_does_not_depend_on_time(void **state)
{
	static const char *const names[] = {"zzn10p1", "zzn2p1", "zza2", "zzb1"};

	(void)state;
	for (size_t first = 0; first < ARRAY_SIZE(names); first++) {
		_cleanup_disks_ struct disks d;

		disks_make(&d, "root=LABEL=root");
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			filesystem(&d, names[(first + i) % ARRAY_SIZE(names)], "", "root");
		assert_string_equal(recorder_root(d.boot), "zza2");
		block_remove(d.boot, "zza2");
		assert_string_equal(recorder_root(d.boot), "zzb1");
		block_remove(d.boot, "zzb1");
		assert_string_equal(recorder_root(d.boot), "zzn2p1");
	}
}

/* A device of a btrfs: its UUID in words, FSID, and its own. */
static void btrfs(struct disks *d, const char *name, uint8_t fsid, uint8_t own)
{
	block_add(d->boot, name, true);
	while (read_next(d))
		;
	found(d, name, "btrfs", "filesystem", "1", "");
	for (size_t i = 0; i < d->boot->devices->n; i++)
		if (strcmp(d->boot->devices->list[i].name, name) == 0)
			d->boot->devices->list[i].probe.btrfs =
				(struct btrfssuper){.fsid = {fsid}, .device = {own}, .devices = 2};
}

static void devices_of_one_btrfs_are_no_choice_and_a_copy_is(void **state)
{
	static const struct {
		uint8_t fsid, own;
		bool is_said;
	} cases[] = {{1, 2, false}, {1, 1, true}, {2, 2, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_disks_ struct disks d;
		char why[512];

		disks_make(&d, "root=UUID=1");
		btrfs(&d, "zza", 1, 1);
		btrfs(&d, "zzb", cases[i].fsid, cases[i].own);
		recorder.log.len = 0;
		assert_false(block_is_doubtful(d.boot, &d.boot->params.root, 0, why, sizeof(why)));
		assert_string_equal(recorder_log(),
				    cases[i].is_said ? "UUID=1 fits zza and zzb: zza is taken, which sorts "
						       "first\n"
						     : "");
	}
}

static void a_filesystem_wins_over_a_member_of_something_larger(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_disks_ struct disks d;

		disks_make(&d, "root=UUID=1");
		block_add(d.boot, turn ? "zzb" : "zza", false);
		found(&d, turn ? "zzb" : "zza", "linux_raid_member", "raid", "1", "");
		block_add(d.boot, "zzm", false);
		found(&d, "zzm", "ext4", "filesystem", "1", "");
		assert_string_equal(recorder_root(d.boot), "zzm");
	}
}

static void a_disk_that_was_not_read_yet_is_not_the_root(void **state)
{
	_cleanup_disks_ struct disks d;

	(void)state;
	disks_make(&d, "root=/dev/zza1");
	block_add(d.boot, "zza1", true);
	assert_string_equal(recorder_root(d.boot), "-");
	assert_string_equal(read_next(&d), "zza1");
	assert_string_equal(recorder_root(d.boot), "-");
	found(&d, "zza1", "ext4", "filesystem", "", "");
	assert_string_equal(recorder_root(d.boot), "zza1");
	block_remove(d.boot, "zza1");
	assert_string_equal(recorder_root(d.boot), "-");
}

static void each_disk_is_read_once(void **state)
{
	_cleanup_disks_ struct disks d;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	block_add(d.boot, "zza", false);
	block_add(d.boot, "zzb", false);
	block_add(d.boot, "zza", false);
	assert_string_equal(read_next(&d), "zza");
	assert_string_equal(read_next(&d), "zzb");
	assert_null(read_next(&d));
	found(&d, "zza", "ext4", "filesystem", "", "");
	assert_null(read_next(&d));
	assert_int_equal(d.boot->devices->n, 2);
}

/* In place of /sys/class/block; NULL: that of this machine. */
static const char *block_folder;
static unsigned rescan_after; /* so many looks at sizes zza has one; 0: it keeps what it has */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	static const char sys[] = "/sys/class/block";
	char instead[512];

	if (block_folder && strcmp(path, "/dev/zza") == 0)
		path = "/dev/null";
	if (block_folder && strncmp(path, sys, strlen(sys)) == 0) {
		snprintf(instead, sizeof(instead), "%s%s", block_folder, path + strlen(sys));
		path = instead;
		if (rescan_after && strstr(path, "/size") && !--rescan_after)
			put_text(block_folder, "zza/size", "8\n");
	}
	return __real_open(path, flags, 0);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

/* The kernel sends an event when a medium is there; but not all drives can say that. */
static void an_empty_drive_is_opened_again_only_if_no_event_will_come(void **state)
{
	static const struct {
		const char *events, *async, *poll;
		int result;
		bool is_polled, again;
	} cases[] = {
		{"media_change eject_request", "", "-1", -ENOMEDIUM, true, false},
		{"media_change", "media_change", "-1", -ENOMEDIUM, false, false},
		{"media_change", "", "2000", -ENOMEDIUM, false, false},
		{"media_change", "", "-1", -ENOMEDIUM, false, true},
		{"media_change", "", "0", -ENOMEDIUM, true, true},
		{"", "", "-1", -ENOMEDIUM, true, true},
		{"media_change", "", "-1", -EIO, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_folder_ char *folder = make_folder();
		_cleanup_disks_ struct disks d;
		struct job_result r = {
			.kind = JOB_PROBE, .name = "zza", .result = cases[i].result};

		put_text(folder, "zza/events", cases[i].events);
		put_text(folder, "zza/events_async", cases[i].async);
		put_text(folder, "zza/events_poll_msecs", cases[i].poll);
		block_folder = folder;
		disks_make(&d, "root=LABEL=x");
		d.boot->devices->is_polled = cases[i].is_polled;
		block_add(d.boot, "zza", false);
		assert_string_equal(read_next(&d), "zza");
		r.generation = generation_of(&d, "zza");
		block_done(d.boot, &r);
		if (cases[i].again == (block_due(d.boot) == INT64_MAX))
			fail_msg("case %zu", i);
		block_add(d.boot, "zza", false); /* the event */
		assert_string_equal(read_next(&d), "zza");
		block_folder = NULL;
	}
}

/* The kernel reports a card before it knows its size, which it finds out when it is opened. */
static void a_card_is_read_although_it_has_no_size_yet(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_disks_ struct disks d;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "zzb" : "zza";
		char path[64];

		snprintf(path, sizeof(path), "%s/size", name);
		put_text(folder, path, "0\n");
		snprintf(path, sizeof(path), "%s/removable", name);
		put_text(folder, path, i ? "1\n" : "0\n");
	}
	block_folder = folder;
	disks_make(&d, "root=LABEL=x");
	block_add(d.boot, "zza", false); /* such as a loop device without a file */
	assert_null(read_next(&d));
	block_add(d.boot, "zzb", false);
	assert_string_equal(read_next(&d), "zzb");
	block_folder = NULL;
}

/* As where a path to a disk is passive. No event comes when that is over. */
static void a_disk_without_a_size_is_asked_for_it_again(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_disks_ struct disks d;
	struct job job = {.kind = JOB_PROBE, .name = "zza"};
	struct job_result r = {.kind = JOB_PROBE, .name = "zza"};

	(void)state;
	put_text(folder, "zza/size", "0\n");
	put_text(folder, "zza/device/rescan", "");
	put_text(folder, "zzb/size", "0\n"); /* such as a loop device without a file */
	block_folder = folder;
	disks_make(&d, "root=LABEL=x");
	block_add(d.boot, "zzb", false);
	block_add(d.boot, "zza", false);
	assert_string_equal(read_next(&d), "zza");
	r.generation = generation_of(&d, "zza");
	recorder_start_with(0);
	r.result = block_probe(&job, &r.probe);
	assert_int_equal(r.result, -ENODATA);
	assert_true(r.probe.has_no_size);
	assert_string_equal(recorder_calls(), "write /sys/class/block/zza/device/rescan 1\n");
	block_done(d.boot, &r);
	assert_null(read_next(&d));
	assert_true(block_due(d.boot) < INT64_MAX);
	block_tick(d.boot, block_due(d.boot));
	assert_string_equal(read_next(&d), "zza");
	/* Now the path is active: what is on the disk the kernel finds out when it is told to. */
	recorder_start_with(0);
	rescan_after = 2;
	block_probe(&job, &r.probe);
	assert_string_equal(recorder_calls(), "write /sys/class/block/zza/device/rescan 1\n"
					      "scan partitions\n");
	assert_false(r.probe.has_no_size);
	/* Somebody else has found out the size meanwhile. */
	job.had_no_size = true;
	recorder_start_with(0);
	block_probe(&job, &r.probe);
	assert_string_equal(recorder_calls(), "scan partitions\n");
	block_folder = NULL;
}

static void with_a_named_root_no_other_disk_is_read(void **state)
{
	_cleanup_disks_ struct disks d;

	(void)state;
	disks_make(&d, "root=/dev/zzb1");
	block_add(d.boot, "zza", false);
	block_add(d.boot, "zzb1", true);
	assert_string_equal(read_next(&d), "zzb1");
	assert_null(read_next(&d));
	block_want_all(d.boot); /* there is something to explain */
	assert_string_equal(read_next(&d), "zza");
}

static void a_disk_that_changes_is_read_again(void **state)
{
	_cleanup_disks_ struct disks d;

	(void)state;
	disks_make(&d, "root=LABEL=new");
	filesystem(&d, "zza", "", "old");
	assert_string_equal(recorder_root(d.boot), "-");
	block_add(d.boot, "zza", false);
	assert_string_equal(read_next(&d), "zza");
	found(&d, "zza", "ext4", "filesystem", "", "new");
	assert_string_equal(recorder_root(d.boot), "zza");
}

static void what_was_read_while_a_disk_changed_does_not_count(void **state)
{
	(void)state;
	/* However often it changed meanwhile. */
	for (int changes = 1; changes <= 3; changes++) {
		_cleanup_disks_ struct disks d;

		disks_make(&d, "root=LABEL=old");
		block_add(d.boot, "zza", false);
		assert_string_equal(read_next(&d), "zza");
		for (int i = 0; i < changes; i++)
			block_add(d.boot, "zza", false);
		assert_null(read_next(&d)); /* it is still being read */
		found(&d, "zza", "ext4", "filesystem", "", "old");
		assert_string_equal(recorder_root(d.boot), "-");
		assert_string_equal(read_next(&d), "zza");
		found(&d, "zza", "ext4", "filesystem", "", "new");
		assert_string_equal(recorder_root(d.boot), "-");
	}
}

/* The one that is read is gone; its name and its place are those of another one. */
static void what_was_read_of_a_disk_that_went_is_not_taken_for_the_next(void **state)
{
	_cleanup_disks_ struct disks d;
	struct job_result late = {.kind = JOB_PROBE, .name = "zza", .probe = {.label = "x"}};

	(void)state;
	disks_make(&d, "root=LABEL=x");
	block_add(d.boot, "zza", false);
	assert_string_equal(read_next(&d), "zza");
	late.generation = generation_of(&d, "zza");
	block_remove(d.boot, "zza");
	block_add(d.boot, "zza", false);
	block_done(d.boot, &late);
	assert_string_equal(recorder_root(d.boot), "-");
	assert_string_equal(read_next(&d), "zza");
	block_done(d.boot, &late); /* also while the new one is read */
	assert_string_equal(recorder_root(d.boot), "-");
	found(&d, "zza", "ext4", "filesystem", "", "x");
	assert_string_equal(recorder_root(d.boot), "zza");
}

static void a_root_that_goes_before_it_is_mounted_is_waited_for_again(void **state)
{
	(void)state;
	for (int other = 0; other < 2; other++) {
		_cleanup_disks_ struct disks d;

		disks_make(&d, "root=LABEL=x");
		filesystem(&d, "zza", "", "x");
		d.boot->flow.stage = STAGE_WAIT;
		assert_int_equal(goal_wait(d.boot), STAGE_ENDS);
		block_remove(d.boot, "zza");
		if (other) /* in its place */
			filesystem(&d, "zzb", "", "y");
		d.boot->flow.stage = STAGE_DRIVER;
		assert_int_equal(goal_driver(d.boot), STAGE_MOVED);
		assert_int_equal(d.boot->flow.stage, STAGE_WAIT);
		d.boot->flow.stage = STAGE_MOUNT;
		assert_int_equal(goal_mount(d.boot), STAGE_MOVED);
		assert_int_equal(d.boot->flow.stage, STAGE_WAIT);
		assert_false(d.boot->flow.failed);
	}
}

static void a_device_that_is_held_is_not_the_next_one_in_its_place(void **state)
{
	_cleanup_disks_ struct disks d;
	struct device_ref held;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	assert_null(block_get(d.boot, (struct device_ref){0}));
	filesystem(&d, "zza", "", "x");
	held = block_ref(d.boot, 0);
	assert_ptr_equal(block_get(d.boot, held), &d.boot->devices->list[0]);
	assert_string_equal(block_name(d.boot, held), "zza");
	block_remove(d.boot, "zza");
	assert_null(block_get(d.boot, held));
	filesystem(&d, "zza", "", "x"); /* even with the same name and content */
	assert_null(block_get(d.boot, held));
	assert_non_null(block_get(d.boot, block_ref(d.boot, 0)));
}

/* A card is changed while its reader stays. */
static void another_medium_in_the_same_device_is_another_device(void **state)
{
	_cleanup_disks_ struct disks d;
	struct device_ref held;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	filesystem(&d, "zza", "1", "x");
	held = block_ref(d.boot, 0);
	block_add(d.boot, "zza", false); /* it says that it changed */
	assert_non_null(block_get(d.boot, held));
	assert_string_equal(read_next(&d), "zza");
	found(&d, "zza", "ext4", "filesystem", "1", "x"); /* but it did not */
	assert_non_null(block_get(d.boot, held));
	block_add(d.boot, "zza", false);
	assert_string_equal(read_next(&d), "zza");
	found(&d, "zza", "ext4", "filesystem", "2", "x");
	assert_null(block_get(d.boot, held));
	assert_string_equal(recorder_root(d.boot), "zza");
}

/* A stranger's disk comes in the place of the one that was found for /usr. */
static void a_further_device_that_goes_is_waited_for_again(void **state)
{
	static enum stage_step (*const steps[])(struct boot *b) = {mounts_driver, mounts_mount};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_disks_ struct disks d;
		struct part_mount next = {0};
		char fstab[] = "LABEL=usr /usr zzfs defaults 0 2\n";

		disks_make(&d, "root=LABEL=x");
		mounts_parse(d.boot, fstab);
		filesystem(&d, "zza", "", "usr");
		d.boot->flow.stage = STAGE_MOUNTS_WAIT;
		assert_int_equal(mounts_wait(d.boot), STAGE_ENDS);
		block_remove(d.boot, "zza");
		filesystem(&d, "zza", "", "stranger");
		recorder_start_with(0);
		d.boot->flow.stage = STAGE_MOUNTS_FSCK;
		assert_false(mounts_describe(d.boot, &next)); /* nothing to check */
		d.boot->flow.task.state = TASK_NONE;
		assert_int_equal(steps[i](d.boot), STAGE_MOVED);
		assert_int_equal(d.boot->flow.stage, STAGE_MOUNTS_WAIT);
		assert_int_equal(mounts_wait(d.boot), STAGE_STAYS);
	}
}

/* What the socket gives: that events were lost, then nothing. */
static unsigned n_received;

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	(void)fd, (void)m, (void)flags;
	errno = n_received++ == 0 ? ENOBUFS : EAGAIN;
	return -1;
}

static void after_a_lost_event_what_is_gone_is_forgotten(void **state)
{
	_cleanup_disks_ struct disks d;
	struct device_ref held;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	filesystem(&d, "zza", "", "x"); /* which this machine does not have */
	held = block_ref(d.boot, 0);
	n_received = 0;
	events_receive(d.boot);
	assert_int_equal(n_received, 2);
	assert_false(d.boot->events->lost);
	assert_null(block_get(d.boot, held));
	assert_string_equal(recorder_root(d.boot), "-");
}

/* Asking for the next disk after each event must not walk over all of them each time. */
static void disks_that_were_read_are_not_walked_over_again(void **state)
{
	_cleanup_disks_ struct disks d;
	char name[16];

	(void)state;
	disks_make(&d, "root=LABEL=x");
	for (int i = 0; i < DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "zz%d", i);
		block_add(d.boot, name, false);
		assert_string_equal(read_next(&d), name);
		found(&d, name, "ext4", "filesystem", "", "y");
		assert_null(read_next(&d));
		assert_int_equal(d.boot->devices->unread, i + 1);
	}
	block_add(d.boot, "zz7", false); /* it changed */
	assert_string_equal(read_next(&d), "zz7");
	block_add(d.boot, "zz7", false); /* and again, while it is read */
	assert_null(read_next(&d));
	found(&d, "zz7", "ext4", "filesystem", "", "y");
	assert_string_equal(read_next(&d), "zz7");
}

static void a_disk_that_went_leaves_its_place_to_the_next(void **state)
{
	_cleanup_disks_ struct disks d;
	char name[16];

	(void)state;
	disks_make(&d, "root=LABEL=x");
	for (int i = 0; i < 3 * DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "zz%d", i);
		block_add(d.boot, name, false);
		block_remove(d.boot, name);
	}
	assert_int_equal(d.boot->devices->n, 1);
	found(&d, "zz0", "ext4", "filesystem", "", "x"); /* late: it is gone */
	assert_string_equal(recorder_root(d.boot), "-");
	block_remove(d.boot, "never-there");
}

static void more_disks_than_there_is_room_for_are_no_harm(void **state)
{
	_cleanup_disks_ struct disks d;
	char name[16];

	(void)state;
	disks_make(&d, "root=LABEL=x");
	for (int i = 0; i < DEVICES_MAX + 10; i++) {
		snprintf(name, sizeof(name), "zz%d", i);
		block_add(d.boot, name, false);
	}
	assert_int_equal(d.boot->devices->n, DEVICES_MAX);
	block_remove(d.boot, "zz5");
	block_add(d.boot, "zz-last", false);
	assert_int_equal(d.boot->devices->n, DEVICES_MAX);
}

static void names_that_are_none_are_not_taken(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		"../../etc/passwd",
		"/dev/sda",
		"a//b",
		"ram0",
		"zz\n",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
	_cleanup_disks_ struct disks d;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		block_add(d.boot, bad[i], false);
	assert_null(read_next(&d));
	block_add(d.boot, "cciss/c0d0", false);
	assert_string_equal(read_next(&d), "cciss/c0d0");
}

/* ---- mounting ---- */

static int mount_with(const char *cmdline, struct job_result *result)
{
	_cleanup_disks_ struct disks d;
	struct job job;

	*result = (struct job_result){.kind = JOB_MOUNT};
	disks_make(&d, cmdline);
	filesystem(&d, "zza1", "1", "");
	d.boot->goal->device = block_ref(d.boot, 0);
	d.boot->goal->fstype = "ext4,xfs";
	assert_true(goal_mount_job(d.boot, &job));
	return mount_device(&job, result);
}

static void assert_mounted(const char *cmdline, unsigned long flags, const char *data)
{
	struct job_result result;
	char expected[200];

	recorder_start_with(0);
	assert_int_equal(mount_with(cmdline, &result), 0);
	snprintf(expected, sizeof(expected), "mount /dev/zza1 /sysroot ext4 %lx [%s]\n", flags,
		 data);
	assert_string_equal(recorder_calls(), expected);
}

static void the_root_is_mounted_as_the_command_line_says(void **state)
{
	(void)state;
	assert_mounted("", MS_RDONLY, "");
	assert_mounted("ro", MS_RDONLY, "");
	assert_mounted("rw", 0, "");
	assert_mounted("rw rootflags=noatime,commit=30,nodev", MS_NOATIME | MS_NODEV, "commit=30");
	assert_mounted("ro rootflags=rw,data=journal", 0, "data=journal");
	assert_mounted("rw rootflags=ro", MS_RDONLY, "");
	buf_clear(&recorder.calls);
}

static void a_write_protected_disk_is_mounted_read_only(void **state)
{
	static const int why[] = {-EROFS, -EACCES, -EIO};
	struct job_result result;
	char expected[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(why); i++) {
		recorder_start_with(why[i], 0);
		assert_int_equal(mount_with("rw", &result), 0);
		snprintf(
			expected, sizeof(expected),
			"mount /dev/zza1 /sysroot ext4 0 []\nmount /dev/zza1 /sysroot ext4 %x []\n",
			MS_RDONLY);
		assert_string_equal(recorder_calls(), expected);
	}
	recorder_start_with(-EACCES, 0);
	assert_int_equal(mount_with("ro", &result), -EACCES);
	buf_clear(&recorder.calls);
}

static void a_mount_that_fails_is_explained(void **state)
{
	static const struct {
		int why;
		const char *says;
	} cases[] = {{-ENODEV, "no such filesystem"},
		     {-EINVAL, "wrong options"},
		     {-EIO, "Input/output error"}};
	struct job_result result;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		recorder_start_with(cases[i].why);
		assert_int_equal(mount_with("rootflags=x=y", &result), cases[i].why);
		assert_contains(result.text, cases[i].says);
		assert_contains(result.text, "/dev/zza1");
		assert_contains(result.text, "x=y");
	}
	buf_clear(&recorder.calls);
}

static void what_is_another_device_when_it_is_opened_is_not_mounted(void **state)
{
	_cleanup_disks_ struct disks d;
	struct job_result result = {.kind = JOB_MOUNT};
	struct job job;

	(void)state;
	disks_make(&d, "root=LABEL=x");
	filesystem(&d, "zza1", "1", "x");
	d.boot->flow.stage = STAGE_WAIT;
	assert_int_equal(goal_wait(d.boot), STAGE_ENDS);
	assert_true(goal_mount_job(d.boot, &job));
	assert_string_equal(job.device.type, "ext4");
	assert_string_equal(job.device.uuid, "1");
	recorder_start_with(0);
	recorder.identity = -ESTALE;
	assert_int_equal(mount_device(&job, &result), -ESTALE);
	assert_int_equal(recorder.calls.len, 0);
	d.boot->flow.stage = STAGE_MOUNT;
	d.boot->flow.task.state = TASK_ENDED;
	d.boot->flow.task.result.result = -ESTALE;
	assert_int_equal(goal_mount(d.boot), STAGE_MOVED);
	assert_false(d.boot->flow.failed);
	assert_int_equal(d.boot->flow.stage, STAGE_WAIT);
	assert_int_equal(goal_wait(d.boot), STAGE_STAYS); /* until it is read again */
	assert_string_equal(read_next(&d), "zza1");
	found(&d, "zza1", "ext4", "filesystem", "2", "stranger");
	assert_int_equal(goal_wait(d.boot), STAGE_STAYS);
}

/* What goal_wait() decides with a filesystem there that is named x. */
static enum stage_step waits(struct disks *d, const char *line)
{
	disks_make(d, line);
	filesystem(d, "zza", "", "x");
	d->boot->flow.stage = STAGE_WAIT;
	return goal_wait(d->boot);
}

static void nothing_that_has_a_hash_is_mounted_unverified(void **state)
{
	static const char *const lines[] = {"root=gpt-auto roothash=0a", "root=LABEL=x roothash=0a",
					    "root=LABEL=x usrhash=0a", "usrhash=0a", "roothash=0a",
					    "root=tmpfs mount.usr=LABEL=x usrhash=0a",
					    "root=LABEL=x roothash=0a systemd.verity=1",
					    "root=LABEL=x roothash=0", "root=LABEL=x usrhash=off",
					    "root=LABEL=x roothash=0a rd.systemd.verity=maybe"};
	static const char *const off[] = {"root=LABEL=x roothash=0a rd.systemd.verity=0",
					  "systemd.verity=no root=LABEL=x usrhash=0a",
					  "root=LABEL=x roothash=0a systemd.verity=False",
					  "root=LABEL=x roothash=0a systemd.verity=n systemd.verity=maybe"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_disks_ struct disks d;

		assert_int_equal(waits(&d, lines[i]), STAGE_MOVED);
		assert_non_null(strstr(d.boot->flow.failure,
				       strstr(lines[i], "usrhash") ? "usrhash=" : "roothash="));
		assert_non_null(strstr(d.boot->flow.failure, "add rd.systemd.verity=0"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		_cleanup_disks_ struct disks d;

		assert_int_equal(waits(&d, off[i]), STAGE_ENDS);
	}
}

static void mount_options_that_do_not_fit_are_refused(void **state)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_disks_ struct disks d;
	struct job job;

	(void)state;
	buf_add_str(&line, "rootflags=");
	while (line.len < 5000)
		buf_add_str(&line, "option=value,");
	disks_make(&d, buf_cstr(&line));
	assert_false(goal_mount_job(d.boot, &job));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_what_the_command_line_names),
		cmocka_unit_test(of_several_the_choice_does_not_depend_on_time),
		cmocka_unit_test(devices_of_one_btrfs_are_no_choice_and_a_copy_is),
		cmocka_unit_test(a_filesystem_wins_over_a_member_of_something_larger),
		cmocka_unit_test(a_disk_that_was_not_read_yet_is_not_the_root),
		cmocka_unit_test(each_disk_is_read_once),
		cmocka_unit_test(an_empty_drive_is_opened_again_only_if_no_event_will_come),
		cmocka_unit_test(a_card_is_read_although_it_has_no_size_yet),
		cmocka_unit_test(a_disk_without_a_size_is_asked_for_it_again),
		cmocka_unit_test(with_a_named_root_no_other_disk_is_read),
		cmocka_unit_test(a_disk_that_changes_is_read_again),
		cmocka_unit_test(what_was_read_while_a_disk_changed_does_not_count),
		cmocka_unit_test(what_was_read_of_a_disk_that_went_is_not_taken_for_the_next),
		cmocka_unit_test(a_root_that_goes_before_it_is_mounted_is_waited_for_again),
		cmocka_unit_test(a_device_that_is_held_is_not_the_next_one_in_its_place),
		cmocka_unit_test(another_medium_in_the_same_device_is_another_device),
		cmocka_unit_test(a_further_device_that_goes_is_waited_for_again),
		cmocka_unit_test(disks_that_were_read_are_not_walked_over_again),
		cmocka_unit_test(a_disk_that_went_leaves_its_place_to_the_next),
		cmocka_unit_test(more_disks_than_there_is_room_for_are_no_harm),
		cmocka_unit_test(names_that_are_none_are_not_taken),
		cmocka_unit_test(the_root_is_mounted_as_the_command_line_says),
		cmocka_unit_test(a_write_protected_disk_is_mounted_read_only),
		cmocka_unit_test(a_mount_that_fails_is_explained),
		cmocka_unit_test(what_is_another_device_when_it_is_opened_is_not_mounted),
		cmocka_unit_test(nothing_that_has_a_hash_is_mounted_unverified),
		cmocka_unit_test(mount_options_that_do_not_fit_are_refused),
		cmocka_unit_test(after_a_lost_event_what_is_gone_is_forgotten),
	};

	return RUN_TESTS(tests);
}
