/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Boot parts that depend on each other, with PID 1 itself: arrays below what the machine may resume from, below
 * its root and below nothing that it needs. The clock is made up; a test does what workers would.
 */

#include <errno.h>
#include <stdio.h>

#include "format/machine/mdsuper.h"
#include "init/boot.h"
#include "init/core/part_calls.h"
#include "init/core/settings.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

extern const struct feature_boot mdraid_boot, resume_boot;

enum { JOBS_MAX = 32, FIRST_ARRAY = 128 /* tag of the job that starts it */, RESUME = 1 /* its part */ };

static struct {
	int64_t now;
	struct job jobs[JOBS_MAX];
	size_t n;
	bool is_complete; /* the array */
} world;

int64_t __wrap_log_now(void);
int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);
int __wrap_access(const char *path, int mode);
bool __wrap_attribute_read(const char *device, const char *attribute, char *out, size_t size);

int64_t __wrap_log_now(void)
{
	return world.now;
}

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	(void)j, (void)boot;
	assert_true(world.n < JOBS_MAX);
	world.jobs[world.n++] = *job;
	return 0;
}

/* There is /sys/power/resume, and no array that PID 1 has not started. */
int __wrap_access(const char *path, int mode)
{
	(void)mode;
	return strcmp(path, "/sys/power/resume") == 0 ? 0 : -1;
}

/* zz9 is a member of md7. */
bool __wrap_attribute_read(const char *device, const char *attribute, char *out, size_t size)
{
	const char *text = !world.is_complete ? ""
			   : strcmp(device, "zz9") == 0 && strcmp(attribute, "holders/md7/dev") == 0 ? "9:7"
			   : strcmp(device, "md7") == 0 && strcmp(attribute, "md/degraded") == 0     ? "0"
													     : "";

	snprintf(out, size, "%s", text);
	return *out;
}

static struct boot *begin(const char *cmdline)
{
	static const struct feature_boot *const table[] = {&mdraid_boot, &resume_boot, NULL};
	static char conf[64];
	struct boot *b = recorder_boot();

	memset(&world, 0, sizeof(world));
	world.now = 100000;
	recorder_start_with(0);
	b->events->triggered = true;
	jobs_init(&b->jobs, &b->sources, rooms_jobs);
	b->params.n_sets = 0;
	parts_init(b, table);
	strcpy(conf, "feature=mdraid\nfeature=resume\n");
	settings_parse(b, conf);
	params_parse(&b->params, cmdline, strlen(cmdline));
	block_want_named(b);
	flow_go(b, STAGE_CMDLINE);
	stages_advance(b);
	return b;
}

static void end(struct boot *b)
{
	for (size_t i = 0; i < b->parts->n; i++)
		free(b->parts->list[i].state);
	free(b->settings.loads);
	free(b);
}

/* As the loop of PID 1 does, until AT. */
static void time_passes(struct boot *b, int64_t at)
{
	for (;;) {
		int64_t due;

		stages_advance(b);
		if (b->flow.failed || b->flow.stage == STAGE_DONE)
			return;
		stages_tick(b, world.now);
		due = stages_due(b);
		if (due > at)
			break;
		world.now = due > world.now ? due : world.now + 1;
	}
	world.now = at;
	stages_advance(b);
}

/* ---- workers ---- */

static bool has_job(enum job_kind kind, unsigned part, unsigned tag)
{
	for (size_t i = 0; i < world.n; i++)
		if (world.jobs[i].kind == kind &&
		    (kind != JOB_PART || (world.jobs[i].part == part && world.jobs[i].tag == tag)))
			return true;
	return false;
}

static struct job take_job(enum job_kind kind, unsigned part, unsigned tag)
{
	size_t i = 0;
	struct job job;

	while (i < world.n && (world.jobs[i].kind != kind ||
			       (kind == JOB_PART && (world.jobs[i].part != part || world.jobs[i].tag != tag))))
		i++;
	assert_true(i < world.n);
	job = world.jobs[i];
	memmove(world.jobs + i, world.jobs + i + 1, (--world.n - i) * sizeof(job));
	return job;
}

static void ends(struct boot *b, const struct job *job, const void *text, size_t len)
{
	struct job_result r = {
		.kind = job->kind, .ticket = job->ticket, .part = job->part, .tag = job->tag};

	memcpy(r.text, text, len);
	jobs_done(b, &r);
	stages_advance(b);
}

/* What the kernel is told to start array N. */
static const char *starts(struct boot *b, unsigned n)
{
	struct job job = take_job(JOB_PART, 0, FIRST_ARRAY + n);
	struct job_result out = {0};

	recorder_start_with(0);
	assert_int_equal(parts_work(b, &job, &out), 0);
	ends(b, &job, "", 1);
	return recorder_calls();
}

/* ---- devices ---- */

static const char *also; /* what the next device seems to be as well; NULL */

static void probe_ends(struct boot *b, const char *name, struct job_result *r)
{
	size_t n = 0;

	while (strcmp(b->devices->list[n].name, name) != 0)
		n++;
	r->kind = JOB_PROBE;
	r->generation = b->devices->list[n].generation;
	r->probe.major = 8;
	r->probe.minor = (uint32_t)n;
	snprintf(r->name, sizeof(r->name), "%s", name);
	jobs_done(b, r);
	stages_advance(b);
}

static void begins(struct boot *b, const char *name)
{
	size_t n = 0;

	block_add(b, name, strchr(name, 'p'));
	while (strcmp(b->devices->list[n].name, name) != 0)
		n++;
	block_begun(b, n);
}

static void appears(struct boot *b, const char *name, const char *usage, const char *type, const char *uuid)
{
	struct job_result r = {.probe.shares_table = also != NULL};
	const char *partition = strchr(name, 'p');

	begins(b, name);
	snprintf(r.probe.type, sizeof(r.probe.type), "%s", type);
	snprintf(r.probe.usage, sizeof(r.probe.usage), "%s", usage);
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", uuid);
	if (partition) {
		r.probe.partn = (uint32_t)(partition[1] - '0');
		snprintf(r.probe.partuuid, sizeof(r.probe.partuuid), "table-%s", partition);
	}
	if (also) {
		r.probe.n_signatures = 2;
		snprintf(r.probe.signatures[0].type, sizeof(r.probe.signatures[0].type), "%.31s", type);
		snprintf(r.probe.signatures[0].usage, sizeof(r.probe.signatures[0].usage), "%.15s", usage);
		snprintf(r.probe.signatures[1].type, sizeof(r.probe.signatures[1].type), "%.31s", also);
		snprintf(r.probe.signatures[1].usage, sizeof(r.probe.signatures[1].usage), "filesystem");
	}
	also = NULL;
	probe_ends(b, name, &r);
}

/* A disk that is looked at in vain; HANGS: and without an end. */
static void cannot_be_read(struct boot *b, const char *name, bool hangs)
{
	struct job_result r = {.result = -EIO};

	begins(b, name);
	if (hangs)
		stages_advance(b);
	else
		probe_ends(b, name, &r);
}

/* A disk, member N of those that appear, with ROLE of 2 in the mirror whose UUID begins with the digit ARRAY. */
static void member_appears(struct boot *b, unsigned n, char array, int32_t role)
{
	struct mdsuper s = {.version = also ? MDSUPER_1_0 : MDSUPER_1_2, .level = 1, .disks = 2, .role = role, .number = (uint32_t)role,
			    .events = 40, .is_clean = true, .n_present = 2, .n_active = 2};
	char name[16], uuid[64];
	struct job job;

	snprintf(name, sizeof(name), "zz%u", n);
	snprintf(uuid, sizeof(uuid), "%cf5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a", array);
	assert_true(mdsuper_parse_uuid(uuid, s.uuid));
	snprintf(s.name, sizeof(s.name), "host:%c", array);
	s.own_uuid[0] = (uint8_t)(n + 1);
	s.present[0] = s.active[0] = 3;
	appears(b, name, "raid", "linux_raid_member", uuid);
	job = take_job(JOB_PART, 0, n == 9 ? 0 : n);
	ends(b, &job, &s, sizeof(s));
}

/* ---- what may happen ---- */

/* Both are on one mirror, of which one disk is dead. */
static void swap_and_root_on_a_mirror_that_lacks_a_member(void **state)
{
	static const struct {
		const char *cmdline;
		int64_t due;
	} cases[] = {
		{"root=UUID=r resume=UUID=s", 220000},
		{"root=UUID=r resume=UUID=s rootwait", 220000},
		{"root=UUID=r resume=UUID=s resumewait rd.timeout=90", 160000},
		{"root=UUID=r resume=UUID=s rootwait rd.degraded=mdraid:wait:10s", 110000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = begin(cases[i].cmdline);
		struct job job;

		member_appears(b, 0, '7', 0);
		time_passes(b, cases[i].due - 1);
		assert_int_equal(b->flow.stage, STAGE_RESUME);
		assert_false(has_job(JOB_PART, 0, FIRST_ARRAY));
		time_passes(b, cases[i].due);
		assert_contains(starts(b, 0), "array add 8:0\nwrite /sys/block/md7/md/array_state read-auto\n");
		appears(b, "md7", "", "", "");
		for (unsigned root_first = 0; root_first < 2; root_first++)
			appears(b, root_first ? "md7p2" : "md7p1", root_first ? "filesystem" : "other",
				root_first ? "zzfs" : "swap", root_first ? "r" : "s");
		job = take_job(JOB_PART, RESUME, 0); /* there is no image */
		ends(b, &job, "", 1);
		time_passes(b, world.now + 2000);
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		assert_string_equal(goal_name(b), "md7p2");
		end(b);
	}
}

/* Its members come in any order with those of the root's. */
static void another_array_that_starts_when_the_root_takes_over(void **state)
{
	(void)state;
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		struct boot *b = begin("root=UUID=r");
		struct job mount, check, job;

		member_appears(b, 0, '8', 0);
		member_appears(b, 1, '7', 0);
		member_appears(b, 2, '7', 1);
		time_passes(b, world.now + 2000);
		assert_contains(starts(b, 1), "array run\n"); /* nothing is to be resumed */
		appears(b, "md7", "filesystem", "zzfs", "r");
		time_passes(b, world.now + 2000);
		mount = take_job(JOB_MOUNT, 0, 0);
		member_appears(b, 3, '8', 1);
		time_passes(b, world.now + 2000);
		assert_true(has_job(JOB_PART, 0, FIRST_ARRAY));
		ends(b, &mount, "", 1);
		job = take_job(JOB_FSTAB, 0, 0);
		ends(b, &job, "", 1);
		check = take_job(JOB_CHECK, 0, 0);
		ends(b, &check, "/init", 6);
		time_passes(b, world.now + 5000);
		assert_int_equal(b->flow.stage, STAGE_SETTLE);
		if (hangs)
			time_passes(b, world.now + JOBS_HANG_MS);
		else
			starts(b, 0);
		assert_int_equal(b->flow.stage, STAGE_DONE);
		parts_leave(b);
		end(b);
	}
}

/* What comes so late is left to the root. */
static void nothing_is_begun_when_the_root_takes_over(void **state)
{
	struct boot *b = begin("root=UUID=r");

	(void)state;
	member_appears(b, 0, '8', 0);
	flow_go(b, STAGE_SETTLE);
	appears(b, "zz1", "raid", "linux_raid_member", "8f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a");
	assert_int_equal(b->flow.stage, STAGE_DONE);
	assert_int_equal(world.n, 0);
	parts_leave(b);
	end(b);
}

/* Its superblock is what remains of a mirror, whose other member is there, too. */
static void a_former_member_that_root_names_is_mounted(void **state)
{
	(void)state;
	for (int last = 0; last < 2; last++) {
		struct boot *b = begin("root=/dev/zzr rootfstype=zzfs");
		struct job mount;

		if (last)
			member_appears(b, 0, '7', 0);
		also = "zzfs";
		appears(b, "zzr", "raid", "linux_raid_member", "7f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a");
		if (!last)
			member_appears(b, 0, '7', 0);
		time_passes(b, world.now + 1000000); /* however long the mount takes */
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		mount = take_job(JOB_MOUNT, 0, 0);
		assert_string_equal(mount.name, "zzr");
		assert_string_equal(mount.fstype, "zzfs");
		assert_int_equal(world.n, 0); /* no array is started */
		end(b);
	}
}

/* A filesystem begins where its members begin, so that they have its signature as well. */
static void an_array_is_started_whatever_type_the_root_is_to_have(void **state)
{
	static const char *const cmdlines[] = {
		"root=/dev/md7 rootfstype=zzfs",
		"root=/dev/md/7 rootfstype=zzfs",
		"root=UUID=r rootfstype=zzfs",
		"root=LABEL=r rootfstype=zzfs",
		"root=PARTUUID=x rootfstype=zzfs",
		"root=PARTLABEL=x rootfstype=zzfs",
		"root=9:7 rootfstype=zzfs",
		"root=gpt-auto rootfstype=zzfs",
		"root=/dev/disk/by-id/md-name-host:7 rootfstype=zzfs",
		"root=/dev/mapper/x rootfstype=zzfs",
		"root=/dev/zzrp2 rootfstype=zzfs resume=/dev/md7", /* which is there for something else */
		"root=/dev/zz9 rootfstype=zzfs rootfallback=/dev/md7",
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cmdlines); i++) {
		struct boot *b = begin(cmdlines[i / 2]);

		for (unsigned n = 0; n < 2; n++) {
			also = "zzfs";
			member_appears(b, n, '7', (int32_t)(i % 2 ? 1 - n : n));
		}
		time_passes(b, world.now + 1000);
		if (!has_job(JOB_PART, 0, FIRST_ARRAY))
			fail_msg("%s", cmdlines[i / 2]);
		starts(b, 0);
		appears(b, "md7", "filesystem", "zzfs", "r");
		time_passes(b, world.now + 2000);
		if (i / 2 < 3) {
			assert_int_equal(b->flow.stage, STAGE_MOUNT);
			assert_string_equal(goal_name(b), "md7");
		}
		end(b);
	}
}

static void what_is_waited_for_by_its_path_is_known_before_it_is_there(void **state)
{
	static const struct {
		const char *cmdline, *wanted;
	} cases[] = {
		{"root=/dev/md5", "md5"},	  {"root=/dev/md5p1", "md5"},	{"root=/dev/md/one", "md/one"},
		{"root=/dev/md/one1", "md/one"}, {"root=/dev/md55", "md55"},	{"root=UUID=5", NULL},
	};
	static const char *const names[] = {"md5", "md55", "md/one", "md/on"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = begin(cases[i].cmdline);

		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			assert_int_equal(part_wants_name(&b->parts->list[0], names[k]),
					 cases[i].wanted && strcmp(cases[i].wanted, names[k]) == 0);
		end(b);
	}
}

enum { UNREAD = 1, ITS_PARTITION = 2, MEMBER = 4, ITS_TWIN = 8 };

/* zz8, of which the partition can be read; and zz9, half of a mirror, maybe with the same partition. */
static void some_appear(struct boot *b, unsigned which, bool hangs)
{
	if (which & UNREAD)
		cannot_be_read(b, "zz8", hangs);
	if (which & ITS_PARTITION)
		appears(b, "zz8p1", "filesystem", "zzfs", "r");
	if (which & MEMBER) {
		also = "zzfs";
		member_appears(b, 9, '7', 0);
	}
	if (which & ITS_TWIN)
		appears(b, "zz9p1", "filesystem", "zzfs", "r");
}

static const unsigned orders[][4] = {
	{UNREAD, ITS_PARTITION, MEMBER, ITS_TWIN}, {UNREAD, ITS_PARTITION, ITS_TWIN, MEMBER},
	{MEMBER, ITS_TWIN, UNREAD, ITS_PARTITION}, {MEMBER, UNREAD, ITS_PARTITION, ITS_TWIN},
	{ITS_PARTITION, UNREAD, MEMBER, ITS_TWIN}, {MEMBER, ITS_PARTITION, UNREAD, ITS_TWIN},
};

/* One half of a mirror can be read, the other only at its beginning. */
static void a_partition_of_a_member_that_cannot_be_read_is_not_mounted(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(orders); i++) {
		struct boot *b = begin("root=UUID=r");
		unsigned left_out = i / 2 % 2 ? ITS_TWIN : 0; /* it may be one of RAID 5, or not be seen any more */

		/* The kernel shows a disk before its partitions. */
		block_add(b, "zz8", false);
		block_add(b, "zz9", false);
		for (size_t k = 0; k < 4; k++) {
			some_appear(b, orders[i / 4][k] & ~left_out, i % 2);
			time_passes(b, world.now + 500);
		}
		time_passes(b, 219999);
		if (b->flow.stage != STAGE_WAIT)
			fail_msg("order %zu: %s", i, goal_name(b));
		assert_false(has_job(JOB_PART, 0, FIRST_ARRAY));
		time_passes(b, 222000);
		assert_contains(starts(b, 0), "array run\n");
		appears(b, "md7", "", "", "");
		appears(b, "md7p1", "filesystem", "zzfs", "r");
		time_passes(b, world.now + 2000);
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		assert_string_equal(goal_name(b), "md7p1");
		assert_int_equal(block_find(b, &b->params.root), b->devices->n - 1);
		end(b);
	}
}

/* However long that takes: its twin shows what it is. */
static void a_partition_of_an_array_that_must_be_complete_is_not_mounted(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		struct boot *b = begin("root=UUID=r rootwait rd.degraded=mdraid:then:fail");

		block_add(b, "zz8", false);
		block_add(b, "zz9", false);
		for (size_t k = 0; k < 4; k++)
			some_appear(b, orders[i / 2][k], i % 2);
		time_passes(b, world.now + 1000000);
		if (b->flow.stage != STAGE_WAIT)
			fail_msg("order %zu: %s", i, goal_name(b));
		end(b);
	}
}

/* It is no member, although there is one of something: nothing is lost for good. */
static void a_disk_that_cannot_be_read_does_not_stop_the_boot(void **state)
{
	static const struct {
		const char *cmdline;
		unsigned which;
		bool is_complete;
		int64_t due; /* it is mounted then, or up to two seconds later, when all disks were read */
	} cases[] = {
		{"root=UUID=r", UNREAD | ITS_PARTITION, false, 110000},
		{"root=UUID=r", UNREAD | ITS_PARTITION | MEMBER, false, 250000},
		{"root=UUID=r", UNREAD | ITS_PARTITION | MEMBER, true, 110000},
		{"root=UUID=r rootwait", UNREAD | ITS_PARTITION | MEMBER, false, 250000},
		{"root=UUID=r rd.timeout=6", UNREAD | ITS_PARTITION | MEMBER, false, 105000},
		{"root=UUID=r rd.timeout=6", UNREAD | ITS_PARTITION, false, 105000},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct boot *b = begin(cases[i / 2].cmdline);

		some_appear(b, cases[i / 2].which, i % 2);
		if (cases[i / 2].is_complete) {
			world.is_complete = true;
			appears(b, "md7", "filesystem", "zzfs", "data");
		}
		time_passes(b, cases[i / 2].due - 1);
		assert_int_equal(b->flow.stage, STAGE_WAIT);
		time_passes(b, cases[i / 2].due + 2000);
		if (b->flow.stage != STAGE_MOUNT)
			fail_msg("case %zu", i);
		assert_string_equal(goal_name(b), "zz8p1");
		end(b);
	}
}

/* Its members show the same partition, which is not theirs. */
static void a_partition_of_an_array_that_cannot_be_read_is_mounted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct boot *b = begin("root=UUID=r");

		for (unsigned n = 0; n < 2; n++) {
			also = "zzfs";
			member_appears(b, n, '7', (int32_t)n);
			appears(b, n ? "zz1p1" : "zz0p1", "filesystem", "zzfs", "r");
		}
		time_passes(b, world.now + 1000);
		starts(b, 0);
		if (i / 2)
			block_add(b, "md7", false);
		else
			cannot_be_read(b, "md7", i % 2);
		appears(b, "md7p1", "filesystem", "zzfs", "r");
		if (i / 2)
			cannot_be_read(b, "md7", i % 2);
		time_passes(b, world.now + (i % 2 ? JOBS_HANG_MS : 0) + 2000);
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		assert_string_equal(goal_name(b), "md7p1");
		end(b);
	}
}

/* What is left of an array, whose disks were partitioned. The root is on one of them, or elsewhere. */
static void former_members_that_were_partitioned_are_left_to_their_partitions(void **state)
{
	static const char *const roots[] = {"zz0p1", "zz1p1", "zz9"};

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(roots); i++) {
		struct boot *b = begin("root=UUID=r");
		const char *root = roots[i / 4];
		struct job mount;

		if (i % 2)
			appears(b, root, "filesystem", "zzfs", "r");
		/* Their other partitions are seen, but may be read much later. */
		block_add(b, "zz0p2", true);
		for (unsigned n = 0; n < 2; n++)
			member_appears(b, n, '7', (int32_t)(i & 2 ? 1 - n : n));
		if (!(i % 2))
			appears(b, root, "filesystem", "zzfs", "r");
		time_passes(b, world.now + 1000000); /* however long the mount takes */
		assert_int_equal(b->flow.stage, STAGE_MOUNT);
		assert_string_equal(goal_name(b), root);
		mount = take_job(JOB_MOUNT, 0, 0);
		assert_string_equal(mount.name, root);
		assert_false(has_job(JOB_PART, 0, FIRST_ARRAY));
		end(b);
	}
}

/* They had a partition table before they became members, which says nothing. */
static void a_root_on_members_that_have_partitions_comes_late(void **state)
{
	struct boot *b = begin("root=UUID=r");

	(void)state;
	block_add(b, "zz0p1", true);
	member_appears(b, 0, '7', 0);
	member_appears(b, 1, '7', 1);
	time_passes(b, 219999);
	assert_false(has_job(JOB_PART, 0, FIRST_ARRAY));
	time_passes(b, 220000);
	assert_contains(starts(b, 0), "array run\n");
	appears(b, "md7", "filesystem", "zzfs", "r");
	time_passes(b, world.now + 2000);
	assert_int_equal(b->flow.stage, STAGE_MOUNT);
	assert_string_equal(goal_name(b), "md7");
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_former_member_that_root_names_is_mounted),
		cmocka_unit_test(an_array_is_started_whatever_type_the_root_is_to_have),
		cmocka_unit_test(a_partition_of_a_member_that_cannot_be_read_is_not_mounted),
		cmocka_unit_test(a_partition_of_an_array_that_must_be_complete_is_not_mounted),
		cmocka_unit_test(a_disk_that_cannot_be_read_does_not_stop_the_boot),
		cmocka_unit_test(a_partition_of_an_array_that_cannot_be_read_is_mounted),
		cmocka_unit_test(swap_and_root_on_a_mirror_that_lacks_a_member),
		cmocka_unit_test(another_array_that_starts_when_the_root_takes_over),
		cmocka_unit_test(what_is_waited_for_by_its_path_is_known_before_it_is_there),
		cmocka_unit_test(former_members_that_were_partitioned_are_left_to_their_partitions),
		cmocka_unit_test(a_root_on_members_that_have_partitions_comes_late),
		cmocka_unit_test(nothing_is_begun_when_the_root_takes_over),
	};

	return RUN_TESTS(tests);
}
