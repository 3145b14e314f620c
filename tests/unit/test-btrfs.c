/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The boot part that brings a btrfs on several devices together: which devices it makes known to the
 * kernel, and when the filesystem may be mounted. PID 1 and the kernel are only recorded.
 */

#include <errno.h>
#include <linux/btrfs.h>
#include <stdio.h>

#include "features/btrfs/boot/kit.h"
#include "part_recorder.h"
#include "recorder.h"

extern const struct feature_boot btrfs_boot;

#define _cleanup_part_ __attribute__((cleanup(part_close)))

enum { SINGLE = 0, RAID0 = 1 << 3, RAID1 = 1 << 4, DUP = 1 << 5, RAID10 = 1 << 6, RAID5 = 1 << 7, RAID6 = 1 << 8,
       RAID1C3 = 1 << 9, RAID1C4 = 1 << 10 };

/* The kernel's chunk tree has a chunk of TYPE on the first STRIPES devices. */
static void has_chunk(unsigned type, unsigned stripes)
{
	static struct {
		struct btrfs_ioctl_search_header header;
		uint8_t chunk[48 + 8 * 32];
	} item;

	memset(&item, 0, sizeof(item));
	item.header = (struct btrfs_ioctl_search_header){.type = 228, .offset = 4096, .len = 48 + stripes * 32};
	item.chunk[24] = (uint8_t)type;
	item.chunk[25] = (uint8_t)(type >> 8);
	item.chunk[44] = (uint8_t)stripes;
	for (unsigned i = 0; i < stripes; i++)
		item.chunk[48 + i * 32] = (uint8_t)(i + 1);
	recorder.chunks = &item;
	recorder.chunks_len = sizeof(item);
	recorder.n_chunks = 1;
}

static void begin(struct part *p)
{
	part_open(p, &btrfs_boot, "");
	told.now = 1;
	told.mistaken_is_gone = true;
	told.jobs_max = RECORDED_JOBS;
	recorder.has_btrfs = false;
	recorder_start_with(0);
	has_chunk(RAID1, 2);
}

/* Device ID of the filesystem "1" with so many; what is not usual, a test changes. */
static struct btrfssuper super_of(uint32_t devices, uint64_t id)
{
	struct btrfssuper s = {
		.fsid = {1}, .device = {(uint8_t)id}, .generation = 40, .devices = devices, .id = id};

	for (uint32_t i = 0; i < devices && i < 2; i++)
		s.named[s.n_named++] = (struct btrfssuper_named){.id = i + 1, .device = {(uint8_t)(i + 1)}};
	return s;
}

static struct part_device device_at(struct part *p, unsigned n)
{
	struct part_device d;

	assert_true(part_get(p, (struct device_ref){n, told.devices[n].generation}, &d));
	return d;
}

/* Device N is read: "sda" for 0. Its claim, which PID 1 takes. */
static enum part_claim is_read(struct part *p, unsigned n, const struct btrfssuper *s)
{
	struct part_device d;
	char why[PART_TEXT_MAX] = "";

	told.devices[n].probe.btrfs = *s;
	d = device_at(p, n);
	told.devices[n].claim = btrfs_boot.device(p, &d, why);
	snprintf(told.devices[n].why, sizeof(told.devices[n].why), "%s", why);
	return told.devices[n].claim;
}

static enum part_claim appears(struct part *p, unsigned n, const struct btrfssuper *s, bool is_wanted)
{
	static unsigned generations;
	char name[16];

	snprintf(name, sizeof(name), "sd%c", n < 26 ? 'a' + (int)n : '_');
	part_device(n, name, "there", "btrfs");
	told.devices[n].generation = ++generations;
	told.devices[n].is_wanted = is_wanted;
	snprintf(told.devices[n].probe.uuid, sizeof(told.devices[n].probe.uuid), "%u", s->fsid[0]);
	return is_read(p, n, s);
}

/* Device ID of N, in place ID - 1, is there; it is what the root is named by. */
static enum part_claim comes(struct part *p, uint32_t devices, uint64_t id)
{
	struct btrfssuper s = super_of(devices, id);

	return appears(p, (unsigned)id - 1, &s, true);
}

static void goes(struct part *p, unsigned n)
{
	struct device_ref ref = {n, told.devices[n].generation};

	told.devices[n].value = NULL;
	told.devices[n].option = NULL;
	btrfs_boot.gone(p, ref);
}

/* Workers do all there is to do. What the kernel was asked for. */
static const char *works(struct part *p)
{
	recorder_start_with(0);
	while (told.n_jobs)
		recorded_work(p);
	return recorder_calls();
}

static void assert_claims(const char *expected)
{
	static const char *const words[] = {[PART_IGNORES] = "ignores", [PART_HOLDS] = "holds",
					    [PART_REFUSES] = "refuses", [PART_OFFERS] = "offers"};
	char text[256] = "";

	for (unsigned n = 0; n < RECORDED_DEVICES; n++)
		if (told.devices[n].value)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s%s",
				 *text ? " " : "", words[told.devices[n].claim],
				 told.devices[n].option ? "," : "",
				 told.devices[n].option ? told.devices[n].option : "");
	assert_string_equal(text, expected);
}

/* What is on device N is mounted next. Where the boot goes then. */
static enum stage_step freezes(struct part *p, enum boot_stage stage, unsigned n)
{
	told.mount = (struct part_mount){.is_root = stage == STAGE_FSCK,
					 .is_device = true,
					 .type = "btrfs",
					 .ref = {n, told.devices[n].generation}};
	return part_step(p, stage, false);
}

static void passes(struct part *p, int64_t ms)
{
	told.now += ms;
	if (p->wake && p->wake <= told.now) {
		p->wake = 0;
		btrfs_boot.tick(p, told.now);
	}
}

static const char *account(struct part *p)
{
	part_said();
	btrfs_boot.account(p);
	return part_said();
}

static const char *what(struct part *p)
{
	static char text[PART_TEXT_MAX];

	btrfs_boot.what(p, text, sizeof(text));
	return text;
}

/* ---- complete ---- */

static void one_device_needs_nothing(void **state)
{
	struct btrfssuper copy = super_of(1, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	assert_int_equal(comes(&p, 1, 1), PART_OFFERS);
	assert_string_equal(part_said(), "");
	assert_string_equal(what(&p), "");
	btrfs_boot.degrade(&p);
	assert_string_equal(account(&p), "");
	assert_claims("offers");
	/* A copy is nothing that it knows of: that is for whoever looks for the root. */
	copy.generation = 1;
	assert_int_equal(appears(&p, 1, &copy, true), PART_OFFERS);
	assert_claims("offers offers");
	assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_ENDS);
	assert_string_equal(part_said(), "");
}

static void other_filesystems_are_not_its_own(void **state)
{
	_cleanup_part_ struct part p;
	struct part_device d;
	char why[PART_TEXT_MAX] = "";

	(void)state;
	begin(&p);
	part_device(0, "sda", "there", "ext4");
	assert_true(part_get(&p, (struct device_ref){0, 1}, &d));
	assert_int_equal(btrfs_boot.device(&p, &d, why), PART_IGNORES);
	told.mount = (struct part_mount){.is_root = true, .is_device = true, .type = "ext4", .ref = d.ref};
	assert_int_equal(part_step(&p, STAGE_FSCK, false), STAGE_ENDS);
}

static void all_devices_are_registered_once_the_last_is_there(void **state)
{
	static const unsigned orders[][3] = {{1, 2, 3}, {3, 1, 2}, {2, 3, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_part_ struct part p;

		begin(&p);
		assert_int_equal(comes(&p, 3, orders[i][0]), PART_HOLDS);
		assert_string_equal(part_said(), "want all\nmodule fs-btrfs\n");
		assert_int_equal(comes(&p, 3, orders[i][1]), PART_HOLDS);
		assert_string_equal(what(&p), "btrfs 1: 2 of 3 devices are there");
		assert_int_equal(told.n_jobs, 0);
		part_said();
		comes(&p, 3, orders[i][2]);
		assert_string_equal(part_said(), "job 0\njob 1\njob 2\n");
		assert_claims("holds holds holds");
		works(&p);
		for (unsigned id = 1; id <= 3; id++)
			assert_contains(recorder_calls(), id == 1   ? "btrfs register /dev/sda\n"
							  : id == 2 ? "btrfs register /dev/sdb\n"
								    : "btrfs register /dev/sdc\n");
		assert_claims("offers offers offers");
		assert_string_equal(what(&p), "");
		/* Whatever comes then is nothing new. */
		is_read(&p, 1, &told.devices[1].probe.btrfs);
		btrfs_boot.degrade(&p);
		assert_int_equal(told.n_jobs, 0);
		assert_int_equal(freezes(&p, STAGE_FSCK, 2), STAGE_ENDS);
		assert_contains(part_said(), "info: btrfs 1: all 3 devices are there\n");
		assert_claims("offers offers offers");
	}
}

static void they_wait_for_the_module(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	told.loading = "fs-btrfs";
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	assert_int_equal(told.n_jobs, 0);
	assert_true(p.wake > told.now);
	told.loading = NULL;
	btrfs_boot.tick(&p, p.wake);
	assert_int_equal(told.n_jobs, 2);
}

static void they_wait_for_a_worker(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	told.jobs_max = 1;
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	assert_int_equal(told.n_jobs, 1);
	assert_true(p.wake > told.now);
	recorded_work(&p);
	assert_claims("holds holds");
	recorded_work(&p);
	assert_claims("offers offers");
}

static void a_filesystem_that_nobody_wants_is_left_alone(void **state)
{
	struct btrfssuper first = super_of(2, 1), second = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	appears(&p, 0, &first, false);
	appears(&p, 1, &second, false);
	btrfs_boot.degrade(&p);
	assert_string_equal(part_said(), "");
	assert_string_equal(what(&p), "");
	assert_string_equal(account(&p), "");
	assert_string_equal(told.devices[0].why, ""); /* it takes no place among the reasons */
	/* Until an fstab names one of them. */
	told.devices[1].is_wanted = true;
	is_read(&p, 1, &second);
	works(&p);
	assert_claims("offers offers");
}

static void two_filesystems_are_kept_apart(void **state)
{
	struct btrfssuper first = super_of(2, 1), other = super_of(2, 2), second = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	other.fsid[0] = 2;
	begin(&p);
	appears(&p, 0, &first, true);
	appears(&p, 1, &other, true);
	assert_int_equal(told.n_jobs, 0);
	appears(&p, 2, &second, true);
	assert_string_equal(works(&p), "btrfs register /dev/sda\nbtrfs register /dev/sdc\n");
	assert_claims("offers holds offers");
}

static void a_device_that_is_being_replaced_has_its_successor_beside_it(void **state)
{
	struct btrfssuper supers[] = {super_of(2, 1), super_of(2, 2), super_of(2, 0)};
	static const unsigned orders[][3] = {{0, 2, 1}, {0, 1, 2}, {2, 1, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_part_ struct part p;

		begin(&p);
		for (size_t k = 0; k < 3; k++) {
			appears(&p, orders[i][k], &supers[orders[i][k]], true);
			works(&p);
		}
		assert_claims("offers offers offers");
		/* The successor may be read last, when the others are ready. */
		assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_ENDS);
		assert_contains(part_said(), "all 2 devices are there");
	}
}

static void one_device_that_is_being_replaced_is_a_filesystem_on_two(void **state)
{
	struct btrfssuper own = super_of(1, 1), successor = super_of(1, 0);

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		_cleanup_part_ struct part p;

		begin(&p);
		appears(&p, first, first ? &successor : &own, true);
		appears(&p, !first, first ? &own : &successor, true);
		works(&p);
		assert_contains(recorder_calls(), "btrfs register /dev/sda\n");
		assert_contains(recorder_calls(), "btrfs register /dev/sdb\n");
		assert_claims("offers offers");
	}
}

/* ---- incomplete ---- */

static void what_lacks_a_device_is_not_mounted_where_that_is_not_wanted(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	assert_true(btrfs_boot.degrades_on_request);
	begin(&p);
	comes(&p, 2, 1);
	passes(&p, 60000);
	assert_int_equal(told.n_jobs, 0);
	assert_claims("holds");
	assert_string_equal(told.devices[0].why, "1 of its 2 devices is not there");
	assert_string_equal(account(&p),
			    "show:   btrfs 1: 1 of 2 devices are there; 1 of its 2 devices is not there\n"
			    "show:     device 2 is missing (UUID_SUB=02000000-0000-0000-0000-000000000000)\n");
	/* Not even by an option of the mount. */
	told.strict = "then:fail";
	told.mounted_with = "degraded";
	btrfs_boot.retry(&p);
	passes(&p, 60000);
	assert_claims("holds");
	assert_string_equal(told.devices[0].why, "1 of its 2 devices is not there; rd.degraded=then:fail");
	comes(&p, 2, 2);
	works(&p);
	assert_claims("offers offers");
}

static void it_is_mounted_degraded_where_that_is_wanted_and_all_data_is_there(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	assert_int_equal(told.n_jobs, 0);
	btrfs_boot.degrade(&p);
	part_said();
	assert_string_equal(works(&p), "btrfs register /dev/sda\nbtrfs try /dev/sda\n");
	assert_claims("offers,degraded");
	assert_string_equal(part_said(), "job 128\n");
	assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_ENDS);
	assert_string_equal(part_said(),
			    "show: btrfs 1 is mounted degraded, with 1 of 2 devices\n"
			    "show:   device 2 is missing (UUID_SUB=02000000-0000-0000-0000-000000000000)\n");
	assert_claims("offers,degraded");
}

/* With each kind of chunk, as many devices may be missing as the kernel can do without. */
static void data_that_is_missing_is_waited_for(void **state)
{
	static const struct {
		unsigned type, stripes, here;
		bool works;
	} cases[] = {
		{SINGLE, 1, 1, true}, /* on the device that is there */
		{RAID1, 2, 1, true}, {RAID0, 2, 1, false}, {DUP, 2, 1, false}, {RAID10, 4, 3, true},
		{RAID10, 4, 2, false}, {RAID5, 3, 2, true}, {RAID5, 3, 1, false}, {RAID6, 4, 2, true},
		{RAID6, 4, 1, false}, {RAID1C3, 3, 1, true}, {RAID1C4, 4, 1, true}, {SINGLE, 4, 3, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p);
		has_chunk(cases[i].type, cases[i].stripes);
		for (unsigned id = 1; id <= cases[i].here; id++)
			comes(&p, 5, id);
		btrfs_boot.degrade(&p);
		works(&p);
		assert_int_equal(told.devices[0].claim, cases[i].works ? PART_OFFERS : PART_HOLDS);
		if (cases[i].works)
			continue;
		assert_contains(part_said(), "show: btrfs 1 is not mounted degraded: there is data of which what "
					     "is missing has the only copy\n");
		assert_contains(told.devices[0].why, "not there; there is data of which");
		passes(&p, 60000);
		assert_int_equal(told.n_jobs, 0);
		/* What comes late completes it. */
		for (unsigned id = cases[i].here + 1; id <= 5; id++)
			comes(&p, 5, id);
		works(&p);
		assert_claims("offers offers offers offers offers");
	}
}

static void what_cannot_be_tried_is_waited_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		_cleanup_part_ struct part p;

		begin(&p);
		comes(&p, 2, 1);
		btrfs_boot.degrade(&p);
		recorder_start_with(0, i == 0 ? -EINVAL : 0, i == 1 ? -EPERM : 0);
		if (i == 2)
			recorder.n_chunks = 0;
		if (i == 3)
			recorder.n_chunks = 1000; /* more than there is room for */
		recorded_work(&p);
		recorded_work(&p);
		assert_claims("holds");
		assert_contains(told.devices[0].why,
				i == 0 ? "; it cannot be mounted without what is missing (Invalid argument)"
				       : "; the kernel does not say whether all data is there (");
		comes(&p, 2, 2);
		works(&p);
		assert_claims("offers offers");
	}
}

static void what_comes_before_the_mount_takes_part_in_it(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	btrfs_boot.degrade(&p);
	works(&p);
	assert_claims("offers,degraded");
	assert_int_equal(comes(&p, 2, 2), PART_HOLDS);
	assert_claims("holds holds");
	assert_string_equal(works(&p), "btrfs register /dev/sdb\n");
	assert_claims("offers offers");
	freezes(&p, STAGE_FSCK, 0);
	assert_contains(part_said(), "all 2 devices are there");
}

static void what_comes_during_the_trial_is_added_after_it(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	btrfs_boot.degrade(&p);
	recorded_work(&p);
	assert_int_equal(told.jobs[0].tag, 128);
	comes(&p, 2, 2);
	assert_int_equal(told.n_jobs, 1);
	recorded_done(&p, -ENODATA, 0, "it says");
	assert_string_equal(works(&p), "btrfs register /dev/sdb\n");
	assert_claims("offers offers");
}

static void it_is_looked_at_again_before_the_mount(void **state)
{
	struct btrfssuper newer = super_of(3, 2);
	_cleanup_part_ struct part p;

	(void)state;
	newer.generation = 60;
	begin(&p);
	comes(&p, 2, 1);
	btrfs_boot.degrade(&p);
	works(&p);
	assert_claims("offers,degraded");
	/* The first one turns out to be out of date, while the driver is being loaded. */
	appears(&p, 1, &newer, true);
	part_said();
	works(&p);
	assert_string_equal(recorder_calls(), "");
	assert_claims("holds holds");
	assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_MOVED);
	assert_string_equal(part_said(), "go to stage 4\n");
	assert_int_equal(freezes(&p, STAGE_MOUNTS_FSCK, 0), STAGE_MOVED);
	assert_string_equal(part_said(), "go to stage 13\n");
	assert_int_equal(STAGE_WAIT, 4);
	assert_int_equal(STAGE_MOUNTS_WAIT, 13);
	/* What the kernel knows already it has to forget. */
	passes(&p, 2000);
	assert_string_equal(works(&p), "btrfs forget /dev/sda\nbtrfs register /dev/sdb\nbtrfs try /dev/sdb\n");
}

static void what_the_kernel_knows_and_is_out_of_date_is_forgotten(void **state)
{
	struct btrfssuper newer = super_of(2, 2);

	(void)state;
	for (int i = 0; i < 3; i++) {
		_cleanup_part_ struct part p;

		newer.generation = 60;
		begin(&p);
		comes(&p, 2, 1);
		btrfs_boot.degrade(&p);
		works(&p);
		appears(&p, 1, &newer, true);
		passes(&p, 2000); /* for others to follow */
		recorder_start_with(i == 0 ? 0 : i == 1 ? -ENOENT : -EBUSY);
		assert_int_equal(told.n_jobs, 2);
		recorded_job_done(&p, 1, 0, "");
		recorded_work(&p);
		assert_string_equal(recorder_calls(), "btrfs forget /dev/sda\n");
		if (i == 2) {
			assert_claims("refuses refuses");
			assert_contains(told.devices[1].why, "does not forget it (Device or resource busy)");
			continue;
		}
		works(&p);
		assert_claims("refuses offers,degraded");
	}
}

static void what_comes_after_the_mount_is_refused(void **state)
{
	struct btrfssuper old = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	btrfs_boot.degrade(&p);
	works(&p);
	freezes(&p, STAGE_FSCK, 0);
	recorder.has_btrfs = true;
	part_said();
	assert_int_equal(comes(&p, 2, 2), PART_REFUSES);
	assert_string_equal(told.devices[1].why, "it came when its filesystem was mounted without it");
	assert_int_equal(appears(&p, 2, &old, true), PART_REFUSES);
	/* One that goes, of this filesystem or of another one, changes nothing. */
	comes(&p, 2, 1 + 8);
	goes(&p, 2);
	goes(&p, 8);
	btrfs_boot.degrade(&p);
	passes(&p, 60000);
	btrfs_boot.retry(&p);
	assert_int_equal(told.n_jobs, 0);
	assert_claims("offers,degraded refuses");
	goes(&p, 0);
	assert_int_equal(comes(&p, 2, 1), PART_REFUSES);
	assert_int_equal(told.n_jobs, 0);
}

static void after_a_mount_that_failed_all_count(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	for (int by_loss = 0; by_loss < 2; by_loss++) {
		begin(&p);
		comes(&p, 3, 1);
		comes(&p, 3, 3);
		btrfs_boot.degrade(&p);
		works(&p);
		freezes(&p, STAGE_FSCK, 0);
		assert_int_equal(comes(&p, 3, 2), PART_REFUSES);
		if (by_loss)
			goes(&p, 0);
		else
			btrfs_boot.retry(&p);
		if (by_loss)
			comes(&p, 3, 1);
		works(&p);
		assert_claims("offers offers offers");
		if (!by_loss)
			part_close(&p);
	}
}

static void what_was_mounted_by_hand_is_left_alone(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	recorder.has_btrfs = true;
	comes(&p, 2, 2);
	assert_int_equal(told.n_jobs, 0);
	assert_claims("offers offers");
	assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_ENDS);
}

static void a_job_is_waited_for_before_the_mount_but_not_for_long(void **state)
{
	struct btrfssuper successor = super_of(2, 0);

	(void)state;
	for (int is_stuck = 0; is_stuck < 2; is_stuck++) {
		_cleanup_part_ struct part p;

		begin(&p);
		comes(&p, 2, 1);
		comes(&p, 2, 2);
		works(&p);
		appears(&p, 2, &successor, true);
		assert_claims("holds holds holds");
		part_said();
		assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_STAYS);
		assert_string_equal(part_said(), "again at 2001\n");
		if (is_stuck) {
			passes(&p, 2000);
			assert_int_equal(part_step(&p, STAGE_FSCK, true), STAGE_ENDS);
			assert_contains(part_said(), "cancel job 2\n");
			assert_claims("offers offers refuses");
			assert_string_equal(told.devices[2].why, "it does not answer");
			continue;
		}
		works(&p);
		assert_int_equal(part_step(&p, STAGE_FSCK, true), STAGE_ENDS);
		assert_claims("offers offers offers");
	}
}

/* One that was not there when the others were written. */
static void a_device_that_is_out_of_date_counts_as_missing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct btrfssuper first = super_of(2, 1), second = super_of(2, 2);
		_cleanup_part_ struct part p;

		second.generation = first.generation - 2;
		begin(&p);
		appears(&p, !i, i ? &first : &second, true);
		assert_int_equal(told.devices[!i].claim, PART_HOLDS);
		appears(&p, i, i ? &second : &first, true);
		assert_int_equal(told.n_jobs, 0);
		btrfs_boot.degrade(&p);
		assert_string_equal(works(&p), "btrfs register /dev/sda\nbtrfs try /dev/sda\n");
		assert_claims("offers,degraded refuses");
		assert_string_equal(told.devices[1].why, "it is out of date: sda was written without it");
		part_said();
		freezes(&p, STAGE_FSCK, 0);
		assert_string_equal(part_said(),
				    "show: btrfs 1 is mounted degraded, with 1 of 2 devices\n"
				    "show:   sdb (device 2) is out of date: it was written for the last time "
				    "in generation 38, sda in 40\n");
	}
}

static void what_is_out_of_date_may_be_a_copy_of_what_comes_later(void **state)
{
	static const unsigned orders[][3] = {{1, 0, 2}, {1, 2, 0}, {0, 2, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct btrfssuper supers[] = {super_of(2, 1), super_of(2, 2), super_of(2, 2)};
		_cleanup_part_ struct part p;

		supers[1].generation = 20;
		begin(&p);
		for (size_t k = 0; k < 3; k++)
			appears(&p, orders[i][k], &supers[orders[i][k]], true);
		works(&p);
		assert_contains(recorder_calls(), "btrfs register /dev/sda\n");
		assert_contains(recorder_calls(), "btrfs register /dev/sdc\n");
		assert_claims("offers refuses offers");
	}
}

/* A copy was used alone, and is newer than the whole that it was made of. */
static void a_newer_copy_does_not_win(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct btrfssuper supers[] = {super_of(2, 1), super_of(2, 2), super_of(2, 1)};
		_cleanup_part_ struct part p;

		supers[2].generation = 60;
		begin(&p);
		for (size_t k = 0; k < 3; k++)
			appears(&p, orders[i][k], &supers[orders[i][k]], true);
		works(&p);
		btrfs_boot.degrade(&p);
		passes(&p, 2000);
		works(&p);
		assert_int_not_equal(told.devices[2].claim, PART_OFFERS);
		assert_int_not_equal(told.devices[0].claim, PART_OFFERS);
		assert_contains(told.devices[2].why,
				"sdc and sda are both its device 1: which one is the copy is not known");
	}
}

static void halves_that_were_each_written_alone_are_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct btrfssuper first = super_of(2, 1), second = super_of(2, 2);
		_cleanup_part_ struct part p;

		if (i & 2) { /* one of them once more */
			second.generation++;
			second.past[0] = (struct btrfssuper_commit){40, 7};
			first.past[3] = (struct btrfssuper_commit){40, 8};
		} else {
			second.root = 4096;
		}
		begin(&p);
		appears(&p, i & 1, i & 1 ? &second : &first, true);
		appears(&p, !(i & 1), i & 1 ? &first : &second, true);
		btrfs_boot.degrade(&p);
		assert_int_equal(told.n_jobs, 0);
		assert_claims("refuses refuses");
		assert_contains(told.devices[0].why, "sda and sdb were each written without the other");
	}
}

static void what_is_gone_altogether_is_waited_for_from_the_start(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	works(&p);
	goes(&p, 0);
	goes(&p, 1);
	assert_int_equal(comes(&p, 2, 1), PART_HOLDS);
	assert_int_equal(told.n_jobs, 0);
	comes(&p, 2, 2);
	assert_string_equal(works(&p), "btrfs register /dev/sda\nbtrfs register /dev/sdb\n");
	assert_claims("offers offers");
}

static void what_lost_power_in_a_commit_is_not_out_of_date_and_is_said(void **state)
{
	struct btrfssuper first = super_of(2, 1), second = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	second.generation = first.generation - 1;
	first.past[0] = second.past[2] = (struct btrfssuper_commit){39, 7};
	begin(&p);
	appears(&p, 1, &second, true);
	appears(&p, 0, &first, true);
	works(&p);
	assert_claims("offers offers");
	freezes(&p, STAGE_FSCK, 0);
	assert_contains(part_said(), "show: btrfs 1: sdb (device 2) lacks the last commit of sda: the power "
				     "was lost, or it was not there; run btrfs scrub\n"
				     "info: btrfs 1: all 2 devices are there\n");
}

/* It was removed while it was not there. */
static void a_device_that_its_filesystem_does_not_have_any_more_is_refused(void **state)
{
	struct btrfssuper first = super_of(1, 1), second = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	second.generation = 30;
	begin(&p);
	appears(&p, 1, &second, true);
	assert_claims("holds");
	appears(&p, 0, &first, true);
	assert_claims("offers refuses");
	assert_int_equal(told.n_jobs, 0);
}

/* ---- time ---- */

static void what_comes_when_the_time_is_over_has_others_follow_it(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	btrfs_boot.degrade(&p);
	comes(&p, 3, 1);
	assert_int_equal(told.n_jobs, 0);
	passes(&p, 1999);
	assert_int_equal(told.n_jobs, 0);
	passes(&p, 1);
	assert_int_equal(told.n_jobs, 1);
	works(&p);
	assert_claims("offers,degraded");
	comes(&p, 3, 2);
	assert_claims("holds holds");
	passes(&p, 1000);
	comes(&p, 3, 3);
	works(&p);
	assert_claims("offers offers offers");
}

static void one_that_comes_and_goes_does_not_put_that_off_for_ever(void **state)
{
	_cleanup_part_ struct part p;
	unsigned times = 0;

	(void)state;
	begin(&p);
	comes(&p, 3, 1);
	btrfs_boot.degrade(&p);
	works(&p);
	assert_claims("offers,degraded");
	while (times < 20) {
		comes(&p, 3, 2);
		passes(&p, 700);
		goes(&p, 1);
		passes(&p, 700);
		if (told.n_jobs)
			break;
		times++;
	}
	assert_between(times, 2, 10);
	works(&p);
	assert_claims("offers,degraded");
}

static void what_is_being_registered_lacks_nothing(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	assert_false(btrfs_boot.is_incomplete(&p));
	comes(&p, 2, 1);
	assert_true(btrfs_boot.is_incomplete(&p));
	comes(&p, 2, 2);
	assert_false(btrfs_boot.is_incomplete(&p));
	recorder_start_with(-EIO, 0);
	recorded_work(&p);
	assert_true(btrfs_boot.is_incomplete(&p));
	is_read(&p, 0, &told.devices[0].probe.btrfs);
	works(&p);
	assert_claims("offers offers");
	assert_false(btrfs_boot.is_incomplete(&p));
}

static void the_next_wait_has_its_own_time(void **state)
{
	struct btrfssuper other = super_of(2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	other.fsid[0] = 2;
	appears(&p, 1, &other, false);
	btrfs_boot.degrade(&p);
	works(&p);
	told.is_another_wait = true; /* its mount is none of them */
	assert_int_equal(freezes(&p, STAGE_FSCK, 0), STAGE_ENDS);
	told.devices[1].is_wanted = true;
	is_read(&p, 1, &other);
	passes(&p, 60000);
	assert_int_equal(told.n_jobs, 0);
	assert_int_equal(told.devices[1].claim, PART_HOLDS);
	told.is_another_wait = false;
	btrfs_boot.degrade(&p);
	works(&p);
	assert_claims("offers,degraded offers,degraded");
}

/* ---- the user's own options ---- */

static void a_user_who_asks_for_degraded_gets_it(void **state)
{
	(void)state;
	for (int by_time = 0; by_time < 2; by_time++) {
		_cleanup_part_ struct part p;

		begin(&p);
		told.mounted_with = "degraded";
		has_chunk(RAID0, 2);
		comes(&p, 2, 1);
		passes(&p, 5000);
		assert_int_equal(told.n_jobs, 0);
		if (by_time)
			passes(&p, 5000);
		else
			btrfs_boot.degrade(&p);
		assert_string_equal(works(&p), "btrfs register /dev/sda\n");
		assert_claims("offers");
		part_said();
		freezes(&p, STAGE_FSCK, 0);
		assert_contains(part_said(), "btrfs 1 is mounted with its own options, with 1 of 2 devices");
	}
}

static void a_seed_is_named_by_the_user(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct btrfssuper seed = super_of(1, 1), own = super_of(2, 2);
		bool is_named = i & 1;
		_cleanup_part_ struct part p;

		seed.fsid[0] = 2;
		seed.is_seed = true;
		begin(&p);
		told.mounted_with = is_named ? "device" : NULL;
		if (i & 2)
			appears(&p, 0, &seed, false);
		appears(&p, 1, &own, true);
		if (!(i & 2)) {
			appears(&p, 0, &seed, false);
			passes(&p, 0);
		}
		btrfs_boot.degrade(&p);
		works(&p);
		assert_int_equal(told.devices[0].claim, PART_OFFERS);
		assert_int_equal(told.devices[1].claim, is_named ? PART_OFFERS : PART_HOLDS);
		if (!is_named)
			assert_string_equal(told.devices[1].why, "it has grown out of the seed sda, which has to "
					    "be named by the mount option device=/dev/sda");
	}
}

/* ---- doubtful ---- */

static void two_of_one_number_are_refused_until_one_goes(void **state)
{
	struct btrfssuper copy = super_of(2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	appears(&p, 2, &copy, true);
	comes(&p, 2, 2);
	assert_int_equal(told.n_jobs, 0);
	assert_claims("refuses refuses refuses");
	assert_string_equal(told.devices[1].why,
			    "sda and sdc are both its device 1: two ways to one disk, or a copy");
	assert_contains(account(&p), "2 of 2 devices are there; sda and sdc are both its device 1");
	btrfs_boot.degrade(&p);
	assert_int_equal(told.n_jobs, 0);
	goes(&p, 2);
	works(&p);
	assert_claims("offers offers");
	/* One that comes when all was ready is none the less doubtful, before the mount. */
	appears(&p, 2, &copy, true);
	assert_claims("refuses refuses refuses");
}

static void one_of_two_paths_will_do_if_that_is_wanted(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {2, 0, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct btrfssuper supers[] = {super_of(2, 1), super_of(2, 2), super_of(2, 1)};
		_cleanup_part_ struct part p;

		begin(&p);
		told.devices[0].disk = told.devices[2].disk = 1;
		for (size_t k = 0; k < 3; k++)
			appears(&p, orders[i][k], &supers[orders[i][k]], true);
		works(&p);
		assert_claims("offers offers refuses");
	}
}

static void what_cannot_be_read_is_mounted_as_if_it_were_alone(void **state)
{
	const struct btrfssuper none = {0};
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	part_device(0, "sda", "there", "btrfs");
	told.devices[0].generation = 1;
	assert_int_equal(is_read(&p, 0, &none), PART_IGNORES);
	assert_string_equal(part_said(), "info: sda: how many devices its btrfs has cannot be read: it is mounted "
					 "by itself\n");
}

/* ---- failures ---- */

static void a_device_that_the_kernel_does_not_take_counts_as_missing(void **state)
{
	static const int results[] = {-EIO, -EEXIST, -ENOENT, -ESTALE /* no answer of identity.h */};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		_cleanup_part_ struct part p;
		char why[128];

		begin(&p);
		comes(&p, 2, 1);
		comes(&p, 2, 2);
		recorder_start_with(results[i], 0);
		recorded_work(&p);
		recorded_work(&p);
		assert_claims("refuses holds");
		snprintf(why, sizeof(why), "the kernel does not take it (%s)",
			 strerror(results[i] == -ESTALE ? EIO : -results[i]));
		assert_string_equal(told.devices[0].why, why);
		assert_contains(account(&p), "show:     sda (device 1) counts as missing: the kernel does not");
		btrfs_boot.degrade(&p);
		works(&p);
		assert_claims("refuses offers,degraded");
		/* It is read again, since something has changed. */
		is_read(&p, 0, &told.devices[0].probe.btrfs);
		works(&p);
		assert_claims("offers offers");
	}
}

static void a_kernel_without_btrfs_is_told_and_asked_again(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	recorder_start_with(-ENOTSUP, 0);
	recorded_work(&p);
	recorded_work(&p);
	assert_claims("refuses refuses");
	assert_string_equal(told.devices[1].why, "the kernel has no btrfs, and the image no module for it");
	btrfs_boot.retry(&p);
	assert_string_equal(works(&p), "btrfs register /dev/sda\nbtrfs register /dev/sdb\n");
	assert_claims("offers offers");
}

static void a_device_that_does_not_answer_counts_as_missing_when_the_time_is_over(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	recorded_job_done(&p, 0, 0, "");
	passes(&p, 60000);
	btrfs_boot.degrade(&p);
	assert_contains(part_said(), "cancel job 1\n");
	assert_string_equal(works(&p), "btrfs try /dev/sda\n");
	assert_claims("offers,degraded refuses");
}

static void what_is_another_device_when_it_is_opened_is_read_again(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	recorder_start_with(0);
	recorder.identity = -ESTALE;
	told.devices[0].value = NULL; /* its reference is worth nothing any more */
	recorded_work(&p);
	assert_string_equal(recorder_calls(), "");
	assert_contains(part_said(), "mistaken sda\n");
	works(&p);
	assert_claims("holds");
	comes(&p, 2, 1);
	works(&p);
	assert_claims("offers offers");
}

static void what_is_another_device_each_time_is_given_up(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	told.is_mistaken_again = true;
	recorder.identity = -ESTALE;
	told.devices[0].value = NULL;
	recorded_work(&p);
	recorder.identity = 0;
	assert_int_equal(comes(&p, 2, 1), PART_REFUSES);
	assert_string_equal(told.devices[0].why, "it is another device each time it is opened");
	btrfs_boot.retry(&p);
	is_read(&p, 0, &told.devices[0].probe.btrfs);
	works(&p);
	assert_claims("offers offers");
}

/* Its worker was killed when the kernel had it, perhaps. */
static void what_the_kernel_may_know_is_forgotten_too(void **state)
{
	struct btrfssuper newer = super_of(2, 2);
	_cleanup_part_ struct part p;

	(void)state;
	newer.generation = 60;
	begin(&p);
	comes(&p, 2, 1);
	btrfs_boot.degrade(&p);
	passes(&p, 10000);
	assert_contains(part_said(), "cancel job 0\n");
	assert_claims("refuses");
	is_read(&p, 0, &told.devices[0].probe.btrfs);
	appears(&p, 1, &newer, true);
	passes(&p, 2000);
	works(&p);
	assert_contains(recorder_calls(), "btrfs forget /dev/sda\n");
	assert_claims("refuses offers,degraded");
}

static void what_the_kernel_does_not_say_is_waited_for_and_told(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	passes(&p, 60000);
	assert_claims("holds holds");
	assert_contains(account(&p), "2 of 2 devices are there; the kernel has not looked at all of its devices");
}

static void a_device_that_goes_is_waited_for_again(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	comes(&p, 2, 1);
	comes(&p, 2, 2);
	goes(&p, 1); /* while it is registered */
	assert_contains(part_said(), "cancel job 1\n");
	works(&p);
	assert_claims("holds");
	comes(&p, 2, 2);
	assert_string_equal(works(&p), "btrfs register /dev/sdb\n");
	assert_claims("offers offers");
	goes(&p, 0); /* before it is mounted */
	assert_claims("holds");
}

static void filesystems_on_one_device_take_no_place_from_others(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	for (unsigned i = 0; i < 136; i++) {
		struct btrfssuper s = super_of(1, 1);

		s.fsid[0] = (uint8_t)(i + 2);
		assert_int_equal(appears(&p, i, &s, false), i < 32 ? PART_OFFERS : PART_IGNORES);
	}
	for (unsigned id = 1; id <= 2; id++) {
		struct btrfssuper s = super_of(2, id);

		appears(&p, 136 + id, &s, true);
	}
	works(&p);
	assert_int_equal(told.devices[137].claim, PART_OFFERS);
	assert_int_equal(told.devices[138].claim, PART_OFFERS);
}

static void check_chunks(uint8_t *data, size_t len, void *arg)
{
	static const uint64_t ids[] = {1, 2};
	uint64_t next = 0;
	int r = btrfs_chunks_lack(data, len, 3, ids, 2, &next);

	(void)arg;
	assert_true(r == 0 || r == 1 || r == -EBADMSG);
}

static void damaged_chunks_are_survived(void **state)
{
	uint8_t copy[sizeof(struct btrfs_ioctl_search_header) + 48 + 8 * 32];

	(void)state;
	has_chunk(RAID1, 2);
	assert_int_equal(recorder.chunks_len, sizeof(copy));
	memcpy(copy, recorder.chunks, sizeof(copy));
	sweep_bytes(copy, sizeof(copy), check_chunks, NULL);
	for (size_t len = 0; len < sizeof(copy); len++)
		check_chunks(copy, len, NULL);
}

static void more_than_there_is_room_for_are_no_harm(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	for (unsigned i = 0; i < 40; i++) {
		struct btrfssuper s = super_of(2, 1);

		s.fsid[0] = (uint8_t)(i + 1);
		assert_int_equal(appears(&p, i, &s, false), i < 32 ? PART_HOLDS : PART_REFUSES);
	}
	/* A place is free again when the last device is gone. */
	goes(&p, 0);
	comes(&p, 2, 1);
	assert_int_equal(told.devices[0].claim, PART_HOLDS);
}

static void as_many_devices_as_there_is_room_for_are_brought_together(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p);
	for (unsigned id = 1; id <= 129; id++) {
		struct btrfssuper s = super_of(128, id);

		assert_int_equal(appears(&p, id - 1, &s, true), id <= 128 ? PART_HOLDS : PART_REFUSES);
	}
	for (unsigned i = 0; told.n_jobs || i < 200; i++) {
		if (told.n_jobs)
			recorded_work(&p);
		passes(&p, 50);
		recorder_start_with(0);
	}
	assert_int_equal(told.devices[0].claim, PART_OFFERS);
	assert_int_equal(told.devices[127].claim, PART_OFFERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_device_needs_nothing),
		cmocka_unit_test(other_filesystems_are_not_its_own),
		cmocka_unit_test(all_devices_are_registered_once_the_last_is_there),
		cmocka_unit_test(they_wait_for_the_module),
		cmocka_unit_test(they_wait_for_a_worker),
		cmocka_unit_test(a_filesystem_that_nobody_wants_is_left_alone),
		cmocka_unit_test(two_filesystems_are_kept_apart),
		cmocka_unit_test(a_device_that_is_being_replaced_has_its_successor_beside_it),
		cmocka_unit_test(one_device_that_is_being_replaced_is_a_filesystem_on_two),
		cmocka_unit_test(what_lacks_a_device_is_not_mounted_where_that_is_not_wanted),
		cmocka_unit_test(it_is_mounted_degraded_where_that_is_wanted_and_all_data_is_there),
		cmocka_unit_test(data_that_is_missing_is_waited_for),
		cmocka_unit_test(what_cannot_be_tried_is_waited_for),
		cmocka_unit_test(what_comes_before_the_mount_takes_part_in_it),
		cmocka_unit_test(what_comes_during_the_trial_is_added_after_it),
		cmocka_unit_test(it_is_looked_at_again_before_the_mount),
		cmocka_unit_test(what_the_kernel_knows_and_is_out_of_date_is_forgotten),
		cmocka_unit_test(what_comes_after_the_mount_is_refused),
		cmocka_unit_test(after_a_mount_that_failed_all_count),
		cmocka_unit_test(what_was_mounted_by_hand_is_left_alone),
		cmocka_unit_test(a_job_is_waited_for_before_the_mount_but_not_for_long),
		cmocka_unit_test(a_device_that_is_out_of_date_counts_as_missing),
		cmocka_unit_test(what_is_out_of_date_may_be_a_copy_of_what_comes_later),
		cmocka_unit_test(a_newer_copy_does_not_win),
		cmocka_unit_test(halves_that_were_each_written_alone_are_refused),
		cmocka_unit_test(what_is_gone_altogether_is_waited_for_from_the_start),
		cmocka_unit_test(what_lost_power_in_a_commit_is_not_out_of_date_and_is_said),
		cmocka_unit_test(a_device_that_its_filesystem_does_not_have_any_more_is_refused),
		cmocka_unit_test(what_comes_when_the_time_is_over_has_others_follow_it),
		cmocka_unit_test(one_that_comes_and_goes_does_not_put_that_off_for_ever),
		cmocka_unit_test(what_is_being_registered_lacks_nothing),
		cmocka_unit_test(the_next_wait_has_its_own_time),
		cmocka_unit_test(a_user_who_asks_for_degraded_gets_it),
		cmocka_unit_test(a_seed_is_named_by_the_user),
		cmocka_unit_test(two_of_one_number_are_refused_until_one_goes),
		cmocka_unit_test(one_of_two_paths_will_do_if_that_is_wanted),
		cmocka_unit_test(what_cannot_be_read_is_mounted_as_if_it_were_alone),
		cmocka_unit_test(a_device_that_the_kernel_does_not_take_counts_as_missing),
		cmocka_unit_test(a_kernel_without_btrfs_is_told_and_asked_again),
		cmocka_unit_test(a_device_that_does_not_answer_counts_as_missing_when_the_time_is_over),
		cmocka_unit_test(what_is_another_device_when_it_is_opened_is_read_again),
		cmocka_unit_test(what_is_another_device_each_time_is_given_up),
		cmocka_unit_test(what_the_kernel_may_know_is_forgotten_too),
		cmocka_unit_test(what_the_kernel_does_not_say_is_waited_for_and_told),
		cmocka_unit_test(a_device_that_goes_is_waited_for_again),
		cmocka_unit_test(filesystems_on_one_device_take_no_place_from_others),
		cmocka_unit_test(damaged_chunks_are_survived),
		cmocka_unit_test(more_than_there_is_room_for_are_no_harm),
		cmocka_unit_test(as_many_devices_as_there_is_room_for_are_brought_together),
	};

	return RUN_TESTS(tests);
}
