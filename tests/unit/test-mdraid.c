/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The boot part that starts MD arrays: which members it hands to the kernel, and when. PID 1 and the
 * kernel are only recorded; what a worker would read of a member, a test says.
 */

#include <stdio.h>

#include "base/bytes.h"
#include "format/machine/mdsuper.h"
#include "part_recorder.h"
#include "recorder.h"

extern const struct feature_boot mdraid_boot;

#define _cleanup_part_ __attribute__((cleanup(part_close)))

enum { FIRST_ARRAY = 128 /* tag of the job that starts it */ };

#define ONE "6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a" /* UUID of arrays with a name that begins with "o" */

static const char *taken; /* in /sys: a number that is somebody else's; NULL */

int __wrap_access(const char *path, int mode);

int __wrap_access(const char *path, int mode)
{
	(void)mode;
	return taken && strcmp(path, taken) == 0 ? 0 : -1;
}

static void begin(struct part *p, const char *cmdline)
{
	part_open(p, &mdraid_boot, cmdline);
	told.jobs_max = RECORDED_JOBS;
	taken = NULL;
	recorder_start_with(0);
}

/* Member ROLE of a whole array "host:NAME"; what is not usual, a test changes. */
static struct mdsuper super_of(const char *name, int32_t level, uint32_t disks, int32_t role)
{
	struct mdsuper s = {.version = MDSUPER_1_2, .level = level, .disks = disks, .role = role, .events = 40};

	snprintf(s.name, sizeof(s.name), "host:%.20s", name);
	memset(s.uuid, 0x5a, sizeof(s.uuid));
	s.uuid[0] = (uint8_t)name[0];
	s.number = (uint32_t)(role < 0 ? (int32_t)disks : role);
	for (uint32_t i = 0; i < disks; i++) {
		s.present[i / 8] |= (uint8_t)(1 << i % 8);
		if (i < MDSUPER_NUMBERS_MAX)
			s.active[i / 8] |= (uint8_t)(1 << i % 8);
	}
	s.n_present = s.n_active = disks;
	s.is_clean = true;
	return s;
}

static void lose(struct mdsuper *s, uint32_t role)
{
	s->present[role / 8] &= (uint8_t)~(1 << role % 8);
	s->active[role / 8] &= (uint8_t)~(1 << role % 8);
	s->n_present--;
	s->n_active--;
}

/* A member with NUMBER has ROLE now, besides the one that has it, or in its place. */
static void gain(struct mdsuper *s, uint32_t role, uint32_t number)
{
	s->n_present += !mdsuper_has(s, role);
	s->present[role / 8] |= (uint8_t)(1 << role % 8);
	s->active[number / 8] |= (uint8_t)(1 << number % 8);
	s->n_active++;
}

static struct part_device device_at(struct part *p, unsigned n)
{
	struct part_device d;
	unsigned generation = told.devices[n].generation;

	assert_true(part_get(p, (struct device_ref){n, generation}, &d));
	return d;
}

/* Device N, 8:N, is there: "sda" for 0. The claim of the part. */
static enum part_claim appears(struct part *p, unsigned n, const struct mdsuper *s, char *why)
{
	static unsigned generations;
	char name[16];
	struct part_device d;

	snprintf(name, sizeof(name), "sd%c", n < 26 ? 'a' + (int)n : '_');
	part_device(n, name, "there", "linux_raid_member");
	told.devices[n].generation = ++generations;
	told.devices[n].probe.major = 8;
	told.devices[n].probe.minor = n;
	mdsuper_print_uuid(s->uuid, told.devices[n].probe.uuid);
	d = device_at(p, n);
	return mdraid_boot.device(p, &d, why);
}

static void answer(struct part *p, unsigned tag, const struct mdsuper *s)
{
	char text[JOBS_TEXT_MAX] = {0};

	memcpy(text, s, sizeof(*s));
	recorded_job_done(p, tag, 0, text);
}

/* Device N is there, and a worker has read S from it. */
static void comes(struct part *p, unsigned n, const struct mdsuper *s)
{
	char why[PART_TEXT_MAX];

	assert_int_equal(appears(p, n, s, why), PART_HOLDS);
	assert_true(told.n_jobs > 0);
	part_said();
	answer(p, told.jobs[told.n_jobs - 1].tag, s);
}

static void is_read_again(struct part *p, unsigned n)
{
	char why[PART_TEXT_MAX];
	struct part_device d = device_at(p, n);

	assert_int_equal(mdraid_boot.device(p, &d, why), PART_HOLDS);
}

static void goes(struct part *p, unsigned n)
{
	struct device_ref ref = {n, told.devices[n].generation};

	told.devices[n].value = NULL;
	mdraid_boot.gone(p, ref);
}

/* Its only job starts an array, and the kernel takes all. What it was asked for. */
static const char *starts(struct part *p)
{
	assert_int_equal(told.n_jobs, 1);
	assert_true(told.jobs[0].tag >= FIRST_ARRAY);
	recorder_start_with(0);
	assert_int_equal(recorded_work(p), 0);
	return recorder_calls();
}

static const char *account(struct part *p)
{
	part_said();
	mdraid_boot.account(p);
	return part_said();
}

static const char *what(struct part *p)
{
	static char text[PART_TEXT_MAX];

	mdraid_boot.what(p, text, sizeof(text));
	return text;
}

static void time_passes(struct part *p, int64_t ms)
{
	told.now += ms;
	if (p->wake && told.now >= p->wake) {
		p->wake = 0;
		mdraid_boot.tick(p, told.now);
	}
}

/* ---- complete ---- */

static void a_complete_array_is_started_once_in_whatever_order_it_comes(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const unsigned *order = orders[i];
		_cleanup_part_ struct part p;
		struct mdsuper again;
		char calls[256];

		begin(&p, "");
		for (unsigned k = 0; k < 3; k++) {
			struct mdsuper s = super_of("five", 5, 3, (int32_t)order[k]);

			comes(&p, order[k], &s);
			assert_string_equal(part_said(), k < 2 ? "module md-level-5\n" : "module md-level-5\njob 128\n");
		}
		snprintf(calls, sizeof(calls),
			 "array open md127\narray set 1.2\narray add 8:%u\narray add 8:%u\n"
			 "array add 8:%u\narray run\n", order[0], order[1], order[2]);
		assert_string_equal(starts(&p), calls);
		assert_string_equal(part_said(), "info: MD array five runs as md127\n");
		taken = "/sys/block/md127";
		is_read_again(&p, 1);
		again = super_of("five", 5, 3, 1);
		answer(&p, told.jobs[0].tag, &again);
		assert_string_equal(what(&p), "");
		mdraid_boot.degrade(&p);
		mdraid_boot.retry(&p);
		assert_int_equal(told.n_jobs, 0);
	}
}

static void the_kernel_is_told_the_version(void **state)
{
	static const char *const calls[MDSUPER_VERSIONS] = {"array set 0.90\n", "array set 1.0\n",
							    "array set 1.1\n", "array set 1.2\n"};

	(void)state;
	for (unsigned v = 0; v < MDSUPER_VERSIONS; v++) {
		struct mdsuper s = super_of("one", 1, 1, 0);
		_cleanup_part_ struct part p;

		s.version = v;
		begin(&p, "");
		comes(&p, 0, &s);
		assert_contains(starts(&p), calls[v]);
	}
}

static void spares_are_handed_over_with_the_others(void **state)
{
	struct mdsuper spare = super_of("one", 1, 2, MDSUPER_SPARE), first = super_of("one", 1, 2, 0),
		       second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	spare.events -= 30; /* the kernel need not write to it each time */
	begin(&p, "");
	comes(&p, 2, &spare);
	comes(&p, 3, &spare);
	comes(&p, 0, &first);
	assert_int_equal(told.n_jobs, 0);
	comes(&p, 1, &second);
	assert_contains(starts(&p), "array add 8:2\narray add 8:3\narray add 8:0\narray add 8:1\n"
				    "array run\n");
}

static void two_arrays_are_kept_apart(void **state)
{
	struct mdsuper a0 = super_of("a", 1, 2, 0), a1 = super_of("a", 1, 2, 1),
		       b0 = super_of("b", 1, 2, 0), b1 = super_of("b", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &a0);
	comes(&p, 1, &b1);
	assert_int_equal(told.n_jobs, 0);
	comes(&p, 2, &b0);
	comes(&p, 3, &a1);
	assert_int_equal(told.n_jobs, 2);
	recorder_start_with(0);
	recorded_work(&p);
	recorded_work(&p);
	assert_string_equal(recorder_calls(),
			    "array open md127\narray set 1.2\narray add 8:1\narray add 8:2\narray run\n"
			    "array open md126\narray set 1.2\narray add 8:0\narray add 8:3\narray run\n");
	assert_contains(part_said(), "info: MD array b runs as md127\ninfo: MD array a runs as md126\n");
}

static void an_array_waits_for_its_modules(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.loading = "md-level-1";
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	assert_string_equal(part_said(), "module md-level-1\n");
	assert_true(p.wake > told.now);
	mdraid_boot.tick(&p, told.now);
	assert_string_equal(part_said(), "");
	assert_true(p.wake > told.now);
	told.loading = NULL;
	mdraid_boot.tick(&p, told.now);
	assert_string_equal(part_said(), "job 128\n");
	assert_int_equal(p.wake, 0);
}

static void a_member_that_goes_while_modules_load_is_waited_for(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.loading = "md-level-1";
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	goes(&p, 1);
	told.loading = NULL;
	part_said();
	mdraid_boot.tick(&p, told.now);
	assert_string_equal(part_said(), "");
	comes(&p, 1, &second);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n");
	assert_int_equal(told.how, PART_WHOLE);
}

static void an_array_that_is_being_started_lacks_nothing(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	assert_false(mdraid_boot.is_incomplete(&p));
	comes(&p, 0, &first);
	assert_true(mdraid_boot.is_incomplete(&p));
	told.is_unsettled = true; /* it still waits for what is being read */
	comes(&p, 1, &second);
	assert_false(mdraid_boot.is_incomplete(&p));
	told.is_unsettled = false;
	time_passes(&p, 1000);
	assert_int_equal(told.n_jobs, 1);
	assert_false(mdraid_boot.is_incomplete(&p));
	recorded_done(&p, -EIO, 0, "");
	assert_true(mdraid_boot.is_incomplete(&p));
}

/* A hibernated machine knows what its members say of themselves. */
static void nothing_is_written_to_an_array_before_the_machine_could_resume(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.may_resume = true;
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	told.may_resume = false; /* what was to be done then still is */
	assert_string_equal(starts(&p), "array open md127\narray set 1.2\narray add 8:0\narray add 8:1\n"
					"write /sys/block/md127/md/array_state read-auto\n");
}

/* ---- incomplete ---- */

static void an_incomplete_array_waits_and_is_started_when_time_is_running_out(void **state)
{
	struct mdsuper first = super_of("five", 5, 4, 0), last = super_of("five", 5, 4, 3);
	_cleanup_part_ struct part p;

	(void)state;
	lose(&first, 2);
	lose(&last, 2);
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 3, &last);
	assert_string_equal(part_said(), "module md-level-5\n"); /* until then it has time to load */
	assert_string_equal(what(&p), "MD array five (raid5): 2 of 4 members are there");
	assert_true(mdraid_boot.is_incomplete(&p));
	assert_string_equal(account(&p), "show:   MD array five (raid5): 2 of 4 members are there; it needs "
					 "more of them\n"
					 "show:     member 1 is missing\n"
					 "show:     member 2 was missing before\n");
	/* Two of four are too few for RAID 5. */
	mdraid_boot.degrade(&p);
	assert_int_equal(told.n_jobs, 0);
	part_said();
	first = super_of("five", 5, 4, 1);
	lose(&first, 2);
	comes(&p, 1, &first);
	assert_string_equal(part_said(), "module md-level-5\n");
	time_passes(&p, 1000);
	assert_string_equal(part_said(), "job 128\n"
					 "show: MD array five (raid5) is started with 3 of 4 members (UUID "
					 "665a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a)\n"
					 "show:   member 2 was missing before\n");
}

static void what_is_missing_is_named_at_the_start(void **state)
{
	struct mdsuper second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 1, &second);
	part_said();
	mdraid_boot.degrade(&p);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n"
					 "show: MD array one (raid1) is started with 1 of 2 members (UUID " ONE ")\n"
					 "show:   member 0 is missing\n");
	assert_string_equal(starts(&p), "array open md127\narray set 1.2\narray add 8:1\narray run\n");
}

/* It ran without a member before: that is waited for only as long as others are likely to be found. */
static void an_array_that_was_degraded_before_is_started_once_all_is_read(void **state)
{
	struct mdsuper second = super_of("one", 1, 2, 1);

	(void)state;
	lose(&second, 0);
	for (unsigned busy = 0; busy < 2; busy++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.strict = "then:fail"; /* it lacks nothing that it had */
		comes(&p, 1, &second);
		time_passes(&p, 999);
		assert_int_equal(told.n_jobs, 0);
		told.is_busy = told.is_unsettled = busy;
		for (unsigned i = 0; i < 400 && busy; i++)
			time_passes(&p, 20);
		assert_int_equal(told.n_jobs, 0);
		told.is_unsettled = false;
		time_passes(&p, 20);
		assert_int_equal(told.n_jobs, !busy);
		/* But a driver that does not finish loading is not waited for. */
		for (unsigned i = 0; i < 60; i++)
			time_passes(&p, 20);
		assert_int_equal(told.n_jobs, 1);
		assert_contains(part_said(), "job 128\nshow: MD array one (raid1) is started with 1 of 2");
		assert_int_equal(p.wake, 0);
	}
}

static void a_member_that_comes_and_goes_does_not_put_off_a_degraded_array_for_ever(void **state)
{
	struct mdsuper second = super_of("one", 1, 2, 1), stale = super_of("one", 1, 2, 0);
	_cleanup_part_ struct part p;
	unsigned n = 0;

	(void)state;
	stale.events -= 10;
	lose(&second, 0);
	begin(&p, "");
	comes(&p, 1, &second);
	for (; n < 40; n++) {
		comes(&p, 0, &stale);
		time_passes(&p, 500);
		if (told.n_jobs)
			break;
		goes(&p, 0);
	}
	assert_int_equal(n, 19); /* 10 seconds */
	assert_contains(starts(&p), "array set 1.2\narray add 8:1\narray run\n");
}

/* A member that has been found may be one that ran without the others. */
static void a_degraded_array_waits_for_members_that_are_being_read(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	lose(&second, 0);
	begin(&p, "");
	comes(&p, 1, &second);
	appears(&p, 0, &first, why);
	time_passes(&p, 1000);
	assert_int_equal(told.n_jobs, 1);
	answer(&p, told.jobs[0].tag, &first);
	time_passes(&p, 999);
	assert_int_equal(told.n_jobs, 0);
	time_passes(&p, 1);
	assert_contains(starts(&p), "array set 1.2\narray add 8:1\narray run\n");
}

/* There may be a copy of one of its members. */
static void a_complete_array_waits_a_little_for_what_is_still_to_be_read(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);

	(void)state;
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.is_unsettled = true;
		comes(&p, 0, &first);
		comes(&p, 1, &second);
		for (unsigned i = 0; i < 49; i++)
			time_passes(&p, 20);
		assert_int_equal(told.n_jobs, 0);
		told.is_unsettled = hangs;
		time_passes(&p, 20);
		assert_int_equal(told.n_jobs, 1);
	}
}

/* ---- members that ran alone ---- */

/* A ran alone, then B. Whichever is read first, and however often each was written. */
static void two_sides_that_ran_alone_are_refused(void **state)
{
	static const unsigned orders[][2] = {{0, 1}, {1, 0}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		struct mdsuper sides[] = {super_of("one", 1, 2, 0), super_of("one", 1, 2, 1)};
		const unsigned *order = orders[i / 2];
		_cleanup_part_ struct part p;

		lose(&sides[0], 1);
		lose(&sides[1], 0);
		sides[1].events += i % 2 ? 100 : 0;
		begin(&p, "");
		comes(&p, order[0], &sides[order[0]]);
		time_passes(&p, 500);
		comes(&p, order[1], &sides[order[1]]);
		time_passes(&p, 5000);
		mdraid_boot.degrade(&p);
		time_passes(&p, 5000);
		assert_int_equal(told.n_jobs, 0);
		assert_contains(account(&p), "have each been written without the other, and their data differ: "
					     "detach the one that is not wanted");
		assert_contains(what(&p), "have each been written without the other");
		/* Detached. */
		goes(&p, 0);
		time_passes(&p, 5000);
		assert_contains(starts(&p), "array set 1.2\narray add 8:1\narray run\n");
	}
}

/* The members that are up to date have another one in its place: its own story counts for nothing, nor does it
 * matter when it is read. */
static void one_that_ran_alone_does_not_hold_up_a_whole_array(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		struct mdsuper set[] = {super_of("one", 1, 2, 0), super_of("one", 1, 2, 1),
					super_of("one", 1, 2, 1)};
		const unsigned *order = orders[i / 2];
		_cleanup_part_ struct part p;
		const char *calls;

		for (unsigned k = 0; k < 2; k++) { /* number 2 has taken the place of number 1 */
			lose(&set[k], 1);
			gain(&set[k], 1, 2);
		}
		set[1].number = 2;
		lose(&set[2], 0); /* number 1 */
		set[2].events += i % 2 ? 100 : -20ULL;
		begin(&p, "");
		for (unsigned k = 0; k < 3; k++) {
			char why[PART_TEXT_MAX];

			appears(&p, order[k], &set[order[k]], why);
			for (unsigned n = 0; n < told.n_jobs; n++)
				if (told.jobs[n].tag < FIRST_ARRAY) {
					answer(&p, told.jobs[n].tag, &set[order[k]]);
					break;
				}
		}
		calls = starts(&p);
		assert_contains(calls, "array add 8:0\n");
		assert_contains(calls, "array add 8:1\n");
		assert_null(strstr(calls, "8:2"));
	}
}

/* Both were written equally often; only the member that failed does not know of it. */
static void of_two_that_were_written_equally_often_that_counts_which_has_lost_the_other(void **state)
{
	(void)state;
	for (unsigned other = 0; other < 2; other++) {
		struct mdsuper failed = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
		_cleanup_part_ struct part p;

		lose(&second, 0);
		begin(&p, "");
		comes(&p, other ? 1 : 0, other ? &second : &failed);
		comes(&p, other ? 0 : 1, other ? &failed : &second);
		time_passes(&p, 1000);
		assert_contains(starts(&p), "array set 1.2\narray add 8:1\narray run\n");
	}
}

/* It comes and goes, as one behind a bad cable does. */
static void a_member_that_flaps_does_not_put_off_the_start_for_ever(void **state)
{
	struct mdsuper s = super_of("six", 6, 4, 0);
	_cleanup_part_ struct part p;
	int64_t began;

	(void)state;
	begin(&p, "");
	mdraid_boot.degrade(&p);
	comes(&p, 0, &s);
	s.role = 1;
	comes(&p, 1, &s);
	s.role = 2;
	for (began = told.now; !told.n_jobs && told.now < began + 60000; goes(&p, 2)) {
		time_passes(&p, 300);
		comes(&p, 2, &s);
		time_passes(&p, 600);
	}
	assert_true(told.now <= began + 11000);
}

/* A disk that has to start, or an array on arrays. */
static void an_array_that_appears_when_time_is_running_out_is_started_soon(void **state)
{
	struct mdsuper s = super_of("five", 5, 4, 0);

	(void)state;
	for (unsigned another = 0; another < 2; another++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		mdraid_boot.degrade(&p);
		told.is_another_wait = another; /* that ran out, this one has just begun */
		/* Others may follow. */
		for (unsigned n = 0; n < 3; n++) {
			s.role = (int32_t)n;
			comes(&p, n, &s);
			time_passes(&p, 999);
			assert_int_equal(told.n_jobs, 0);
		}
		time_passes(&p, 1);
		assert_int_equal(told.n_jobs, !another);
		if (!another)
			assert_contains(part_said(), "is started with 3 of 4 members");
	}
}

static void an_array_that_is_complete_when_time_is_running_out_is_started_at_once(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	mdraid_boot.degrade(&p);
	comes(&p, 0, &first);
	time_passes(&p, 500);
	comes(&p, 1, &second);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n");
	starts(&p);
	time_passes(&p, 5000);
	assert_int_equal(told.n_jobs, 0);
}

/* But a disk that does not answer is no reason to wait for ever. */
static void a_member_that_is_being_read_is_waited_for_a_little(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);

	(void)state;
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX];

		begin(&p, "");
		comes(&p, 0, &first);
		appears(&p, 1, &second, why);
		part_said();
		mdraid_boot.degrade(&p);
		assert_string_equal(part_said(), "");
		if (!hangs) {
			answer(&p, told.jobs[0].tag, &second);
			assert_string_equal(part_said(), "module md-level-1\njob 128\n");
			continue;
		}
		time_passes(&p, 1000);
		assert_contains(part_said(), "job 128\nshow: MD array one (raid1) is started with 1 of 2");
	}
}

#define NOTED "6f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a 1 "

/* A disk that is dead from the start: only the image can say which it was. */
static void a_member_that_the_image_notes_is_named_when_it_is_missing(void **state)
{
	static const char *const wrong[] = {"", "1", NOTED, NOTED "-", "odd 1 - /dev/a",
					    "6f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a x - /dev/a",
					    "6f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a 9999 - /dev/a", NOTED "odd /dev/a"};
	struct mdsuper first = super_of("one", 1, 3, 0), second = super_of("one", 1, 3, 1);
	char key[] = "member", text[512];

	(void)state;
	for (unsigned has_uuid = 0; has_uuid < 2; has_uuid++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
			strcpy(text, wrong[i]);
			assert_false(mdraid_boot.setting(&p, key, text));
		}
		snprintf(text, sizeof(text), NOTED "- /dev/%0300d", 1);
		assert_false(mdraid_boot.setting(&p, key, text));
		strcpy(text, has_uuid ? NOTED "abababab-abab-abab-abab-abababababab /dev/disk/by-id/ata-1"
				      : NOTED "- /dev/disk/by-id/ata-1");
		assert_true(mdraid_boot.setting(&p, key, text));
		comes(&p, 0, &first);
		assert_contains(account(&p),
				has_uuid ? "member 1 is missing: when the image was made, it was "
					   "/dev/disk/by-id/ata-1, UUID abababab:abababab:abababab:abababab\n"
					 : "member 1 is missing: when the image was made, it was "
					   "/dev/disk/by-id/ata-1\n");
		/* Another disk has taken its place since. */
		comes(&p, 1, &second);
		goes(&p, 1);
		assert_contains(account(&p), "member 1 is missing: it was sdb\n");
	}
}

static void a_member_that_was_there_is_named_when_it_is_missing(void **state)
{
	struct mdsuper first = super_of("one", 1, 3, 0), second = super_of("one", 1, 3, 1),
		       third = super_of("one", 1, 3, 2);
	_cleanup_part_ struct part p;

	(void)state;
	memset(second.own_uuid, 0xab, sizeof(second.own_uuid));
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	goes(&p, 1);
	assert_string_equal(account(&p), "show:   MD array one (raid1): 1 of 3 members are there\n"
					 "show:     member 1 is missing: it was sdb, UUID "
					 "abababab:abababab:abababab:abababab\n"
					 "show:     member 2 is missing\n");
	/* One that comes and goes takes no places of others. */
	for (unsigned n = 0; n < 100; n++) {
		comes(&p, 2, &third);
		goes(&p, 2);
	}
	assert_contains(account(&p), "member 1 is missing: it was sdb");
	assert_contains(account(&p), "member 2 is missing: it was sdc\n");
	comes(&p, 1, &second);
	assert_null(strstr(account(&p), "it was sdb"));
}

static void a_member_that_cannot_be_used_is_named_at_the_start(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	comes(&p, 0, &first);
	appears(&p, 1, &second, why);
	recorded_job_done(&p, told.jobs[0].tag, -EBADMSG, "its superblock has a wrong checksum");
	part_said();
	mdraid_boot.degrade(&p);
	assert_contains(part_said(), "show:   member 1 is missing\n"
				     "show:   sdb is a member of an MD array: its superblock has a wrong "
				     "checksum\n");
}

/* The kernel would not take it any more; mdadm can give it back. */
static void a_member_that_comes_too_late_is_named(void **state)
{
	enum { IN_STEP, STALE, LOST, TORN, NEWER, REBUILDING, COPY, SPARE, FAULTY, KINDS };
	static const char *const ends[KINDS] = {
		[IN_STEP] = ": mdadm /dev/md127 --re-add /dev/sdb\n",
		[STALE] = ", and is out of date: mdadm /dev/md127 --add /dev/sdb\n",
		[LOST] = ", and is out of date: mdadm /dev/md127 --add /dev/sdb\n",
		[TORN] = ", and was written without the array, too: their data differ\n",
		[NEWER] = ", and was written later than the array was before it was started: its data may be newer\n",
		[REBUILDING] = ", and is out of date: mdadm /dev/md127 --add /dev/sdb\n",
		[COPY] = ": its member 0 is sda\n",
		[SPARE] = ", and is a spare: mdadm /dev/md127 --add /dev/sdb\n",
		[FAULTY] = ": it has failed\n",
	};

	(void)state;
	for (unsigned i = 0; i < 2 * KINDS; i++) {
		struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
		unsigned kind = i / 2, during = i % 2;
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX], line[256];

		if (kind == LOST || kind == TORN)
			lose(&first, 1);
		if (kind == TORN)
			lose(&second, 0);
		second.events += kind == STALE ? -10ULL : kind == NEWER ? 10 : 0;
		second.is_rebuilding = kind == REBUILDING;
		if (kind == SPARE || kind == FAULTY)
			second.role = kind == SPARE ? MDSUPER_SPARE : MDSUPER_FAULTY;
		if (kind == COPY)
			second = first;
		begin(&p, "");
		comes(&p, 0, &first);
		mdraid_boot.degrade(&p);
		if (during) {
			appears(&p, 1, &second, why);
			answer(&p, told.jobs[1].tag, &second);
			part_said();
			starts(&p);
		} else {
			starts(&p);
			comes(&p, 1, &second);
		}
		snprintf(line, sizeof(line), "show: sdb belongs to MD array one, which runs without it%s",
			 ends[kind]);
		assert_contains(part_said(), line);
		assert_int_equal(told.n_jobs, 0);
		/* Its other member is read again, and has been written to since. */
		first.events += 7;
		is_read_again(&p, 0);
		answer(&p, told.jobs[0].tag, &first);
		assert_null(strstr(part_said(), "runs without it"));
		is_read_again(&p, 1);
		answer(&p, told.jobs[0].tag, &second);
		assert_contains(part_said(), line);
	}
}

/* The kernel has written to it until it went: it is not newer than the array. */
static void a_member_that_was_gone_for_a_while_is_named(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	starts(&p);
	second.events += 10;
	is_read_again(&p, 1);
	answer(&p, told.jobs[0].tag, &second);
	for (unsigned n = 0; n < 2; n++) {
		goes(&p, 1);
		comes(&p, 1, &second);
		assert_contains(part_said(), "sdb belongs to MD array one, which runs without it: it was gone for a "
					     "while\n");
	}
	/* Another disk in its place. */
	goes(&p, 1);
	memset(second.own_uuid, 1, sizeof(second.own_uuid));
	comes(&p, 1, &second);
	assert_contains(part_said(), "its data may be newer\n");
}

static void each_level_does_without_what_it_can(void **state)
{
	static const struct {
		int32_t level;
		uint32_t disks, here;
		bool starts;
	} cases[] = {
		{MDSUPER_LINEAR, 3, 2, false}, {0, 2, 1, false}, {1, 3, 1, true}, {4, 3, 2, true},
		{4, 3, 1, false}, {5, 3, 2, true}, {5, 3, 1, false}, {6, 4, 2, true}, {6, 4, 1, false},
		{10, 4, 2, true}, {7, 2, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		for (uint32_t role = 0; role < cases[i].here; role++) {
			struct mdsuper s = super_of("x", cases[i].level, cases[i].disks, (int32_t)role);

			comes(&p, role, &s);
		}
		assert_int_equal(told.n_jobs, 0);
		mdraid_boot.degrade(&p);
		if (cases[i].starts != (told.n_jobs == 1))
			fail_msg("level %d with %u of %u", cases[i].level, cases[i].here, cases[i].disks);
	}
}

static void a_member_that_goes_is_waited_for_until_it_comes_back(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	char why[PART_TEXT_MAX];
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &first);
	goes(&p, 0);
	assert_string_equal(what(&p), "MD array 6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a: no member is there");
	comes(&p, 1, &second);
	assert_int_equal(told.n_jobs, 0);
	/* Gone before a worker has read it. */
	assert_int_equal(appears(&p, 0, &first, why), PART_HOLDS);
	goes(&p, 0);
	assert_contains(part_said(), "cancel job");
	assert_int_equal(told.n_jobs, 0);
	comes(&p, 0, &first);
	assert_contains(starts(&p), "array add 8:1\narray add 8:0\narray run\n");
}

static void a_member_that_is_read_again_is_no_second_one(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &first);
	for (int i = 0; i < 3; i++) {
		is_read_again(&p, 0);
		assert_int_equal(told.n_jobs, 1);
		/* Meanwhile it is as it was. */
		assert_string_equal(what(&p), "MD array one (raid1): 1 of 2 members are there");
		is_read_again(&p, 0);
		assert_int_equal(told.n_jobs, 1);
		answer(&p, told.jobs[0].tag, &first);
		answer(&p, told.jobs[0].tag, &first);
		assert_int_equal(told.n_jobs, 0);
	}
	comes(&p, 1, &second);
	assert_contains(starts(&p), "array add 8:0\narray add 8:1\narray run\n");
	/* It has another superblock now. */
	first = super_of("two", 1, 2, 0);
	is_read_again(&p, 0);
	answer(&p, told.jobs[0].tag, &first);
	assert_contains(what(&p), "MD array two (raid1): 1 of 2 members");
}

/* ---- parameters ---- */

static void parameters_decide_which_arrays_are_started(void **state)
{
	static const struct {
		const char *cmdline, *why;
	} cases[] = {
		{"rd.md=0", "rd.md=0 leaves it alone"},
		{"rd_NO_MD", "rd.md=0 leaves it alone"},
		{"rd.md=1", NULL},
		{"rd.md.uuid=6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5b", "it is not the one of rd.md.uuid="},
		{"rd_MD_UUID=6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5b", "it is not the one of rd.md.uuid="},
		{"rd.md.uuid=nonsense", "it is not the one of rd.md.uuid="},
		{"rd.md.uuid=6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a", NULL},
		{"rd.md.uuid=00000000:00000000:00000000:00000000 "
		 "rd.md.uuid=6F5A5A5A-5a5a-5a5a-5a5a-5a5a5a5a5a5a", NULL},
	};
	struct mdsuper s = super_of("one", 1, 2, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX] = "";

		begin(&p, cases[i].cmdline);
		assert_int_equal(appears(&p, 0, &s, why), cases[i].why ? PART_REFUSES : PART_HOLDS);
		assert_string_equal(why, cases[i].why ? cases[i].why : "");
		assert_int_equal(told.n_jobs, cases[i].why ? 0 : 1);
	}
}

/* As with dracut, whose images for one machine name its arrays. */
static void without_rd_auto_only_what_is_known_is_started(void **state)
{
	static const char own[] = "6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a";
	struct mdsuper s = super_of("one", 1, 2, 0);

	(void)state;
	for (int i = 0; i < 12; i++) {
		bool is_needed = i / 6, is_named = i % 3 == 1, is_other = i % 3 == 2, is_off = i / 3 % 2;
		bool is_started = !is_other && (is_needed || is_named || !is_off);
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX] = "", value[] = "yes", cmdline[128];

		snprintf(cmdline, sizeof(cmdline), "rd.auto=%d%s%s", !is_off,
			 is_named || is_other ? " rd.md.uuid=" : "",
			 is_named ? own : is_other ? "6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5b" : "");
		begin(&p, cmdline);
		if (is_needed)
			assert_true(mdraid_boot.setting(&p, "needed", value));
		assert_int_equal(appears(&p, 0, &s, why), is_started ? PART_HOLDS : PART_REFUSES);
		if (!is_started && !is_other)
			assert_contains(why, "rd.auto=0 leaves it alone");
	}
}

static void no_other_setting_is_obeyed(void **state)
{
	_cleanup_part_ struct part p;
	char yes[] = "yes", no[] = "no";

	(void)state;
	begin(&p, "");
	assert_false(mdraid_boot.setting(&p, "needed", no));
	assert_false(mdraid_boot.setting(&p, "other", yes));
}

static void none_is_started_degraded_where_that_is_not_wanted(void **state)
{
	struct mdsuper s = super_of("one", 1, 2, 0);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.strict = "wait:30s,then:fail";
	comes(&p, 0, &s);
	assert_int_equal(told.n_jobs, 0);
	assert_contains(account(&p), "1 of 2 members are there; by rd.degraded=wait:30s,then:fail it is not started "
				     "without the others\n");
}

static void what_is_no_member_is_ignored(void **state)
{
	_cleanup_part_ struct part p;
	struct part_device d;
	char why[PART_TEXT_MAX] = "";

	(void)state;
	begin(&p, "rd.md=0");
	part_device(0, "sda", "there", "ext4");
	told.devices[0].generation = 1;
	d = device_at(&p, 0);
	assert_int_equal(mdraid_boot.device(&p, &d, why), PART_IGNORES);
	/* One that is not its own goes. */
	mdraid_boot.gone(&p, d.ref);
	assert_string_equal(part_said(), "");
}

/* ---- members that do not fit ---- */

static void a_stale_member_is_left_out_and_named(void **state)
{
	struct mdsuper old = super_of("one", 1, 2, 0), new = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	old.events = 38;
	begin(&p, "");
	comes(&p, 0, &old);
	comes(&p, 1, &new);
	assert_string_equal(what(&p), "MD array one (raid1): 1 of 2 members are there");
	assert_string_equal(account(&p),
			    "show:   MD array one (raid1): 1 of 2 members are there\n"
			    "show:     member 0 is missing\n"
			    "show:     sda is out of date: it was written 38 times, sdb 40\n");
	mdraid_boot.degrade(&p);
	assert_string_equal(part_said(),
			    "module md-level-1\njob 128\n"
			    "show: MD array one (raid1) is started with 1 of 2 members (UUID " ONE ")\n"
			    "show:   member 0 is missing\n"
			    "show:   sda is out of date: it was written 38 times, sdb 40\n");
	assert_string_equal(starts(&p), "array open md127\narray set 1.2\narray add 8:1\narray run\n");
}

/* The power may have gone before it was written. */
static void a_member_that_missed_the_last_write_is_taken(void **state)
{
	struct mdsuper old = super_of("one", 1, 2, 0), new = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	old.events = 39;
	begin(&p, "");
	comes(&p, 1, &new);
	comes(&p, 0, &old);
	assert_contains(starts(&p), "array add 8:1\narray add 8:0\narray run\n");
}

/* It failed, that was written to the others, and the power went. */
static void a_member_that_the_newest_counts_as_gone_is_left_out_and_named(void **state)
{
	struct mdsuper old = super_of("one", 1, 2, 0), new = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	old.events = 39;
	lose(&new, 0);
	begin(&p, "");
	comes(&p, 0, &old);
	comes(&p, 1, &new);
	part_said();
	time_passes(&p, 1000);
	assert_string_equal(part_said(), "job 128\n"
					 "show: MD array one (raid1) is started with 1 of 2 members (UUID " ONE ")\n"
					 "show:   member 0 was missing before\n"
					 "show:   sda is out of date: sdb was written without it\n");
	assert_string_equal(starts(&p), "array open md127\narray set 1.2\narray add 8:1\narray run\n");
}

/* Two ways to one disk, or its copy; one that was written once more, too: the kernel would take both. */
static void an_array_with_two_members_of_one_role_is_not_started(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1), copy = second;

	(void)state;
	for (unsigned older = 0; older < 2; older++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		copy.events = second.events - older;
		comes(&p, 1, &second);
		comes(&p, 2, &copy);
		comes(&p, 0, &first);
		mdraid_boot.degrade(&p);
		assert_int_equal(told.n_jobs, 0);
		assert_contains(account(&p), "2 of 2 members are there; sdb and sdc are both its member 1: "
					     "two ways to one disk, or a copy\n");
		goes(&p, 2);
		assert_string_equal(part_said(), "module md-level-1\njob 128\n");
		assert_contains(starts(&p), "array add 8:1\narray add 8:0\narray run\n");
	}
}

static void a_copy_that_is_out_of_date_is_left_out(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1), copy = second;
	_cleanup_part_ struct part p;

	(void)state;
	copy.events = 30;
	begin(&p, "");
	comes(&p, 2, &copy);
	comes(&p, 1, &second);
	comes(&p, 0, &first);
	assert_contains(starts(&p), "array set 1.2\narray add 8:1\narray add 8:0\narray run\n");
}

/* One that is still to be filled has no data to start from. */
static void a_member_and_its_replacement_have_one_role(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct mdsuper set[] = {super_of("one", 5, 2, 0), super_of("one", 5, 2, 1),
					super_of("one", 5, 2, 1)};
		_cleanup_part_ struct part p;
		const char *calls;

		for (unsigned k = 0; k < 3; k++)
			gain(&set[k], 1, 2);
		set[2].number = 2;
		set[2].is_replacement = set[2].is_rebuilding = true;
		begin(&p, "");
		for (unsigned k = 0; k < 3; k++) {
			assert_int_equal(told.n_jobs, 0);
			comes(&p, orders[i][k], &set[orders[i][k]]);
		}
		calls = starts(&p);
		for (unsigned k = 0; k < 3; k++) {
			char line[32];

			snprintf(line, sizeof(line), "array add 8:%u\n", k);
			assert_contains(calls, line);
		}
	}
}

/* The array lacks nothing without it; but the kernel would forget it. */
static void a_replacement_is_waited_for_a_little(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1), next;
	_cleanup_part_ struct part p;

	(void)state;
	gain(&first, 1, 2);
	gain(&second, 1, 2);
	next = second;
	next.number = 2;
	next.is_replacement = next.is_rebuilding = true;
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	time_passes(&p, 999);
	assert_int_equal(told.n_jobs, 0);
	time_passes(&p, 1);
	assert_int_equal(told.n_jobs, 1);
	assert_null(strstr(part_said(), "is started with"));
	part_close(&p);
	/* It does not stand in for the member that it is to replace. */
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 2, &next);
	time_passes(&p, 5000);
	assert_int_equal(told.n_jobs, 0);
	assert_contains(account(&p), "1 of 2 members are there\nshow:     member 1 is missing\n");
	part_close(&p);
	/* But once it is filled it does. */
	next.is_rebuilding = false;
	begin(&p, "");
	comes(&p, 0, &first);
	comes(&p, 2, &next);
	time_passes(&p, 1000);
	assert_contains(starts(&p), "array add 8:0\narray add 8:2\narray run\n");
}

/* A parity array cannot be started from it; its place is taken, though. */
static void a_member_that_is_being_rebuilt_does_not_count(void **state)
{
	struct mdsuper first = super_of("five", 5, 3, 0), second = super_of("five", 5, 3, 1),
		       third = super_of("five", 5, 3, 2);
	_cleanup_part_ struct part p;

	(void)state;
	third.is_rebuilding = true;
	begin(&p, "");
	comes(&p, 2, &third);
	comes(&p, 0, &first);
	mdraid_boot.degrade(&p);
	assert_int_equal(told.n_jobs, 0);
	assert_contains(account(&p), "1 of 3 members are there; it needs more of them\n"
				     "show:     member 1 is missing\n"
				     "show:     member 2, sdc, is still being rebuilt\n");
	comes(&p, 1, &second);
	assert_string_equal(part_said(), "module md-level-5\njob 128\n"
					 "show: MD array five (raid5) is started with 2 of 3 members (UUID "
					 "665a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a)\n"
					 "show:   member 2, sdc, is still being rebuilt\n");
	assert_contains(starts(&p), "array add 8:2\narray add 8:0\narray add 8:1\narray run\n");
}

static void what_needs_mdadm_is_refused_with_words(void **state)
{
	static const struct {
		int32_t level;
		bool is_reshaping, is_clustered, has_journal;
		const char *why;
	} cases[] = {
		{MDSUPER_LEVEL_FAULTY, false, false, false, "it is of a kind that needs mdadm"},
		{MDSUPER_MULTIPATH, false, false, false, "it is of a kind that needs mdadm"},
		{5, true, false, false, "its array is being reshaped, which needs mdadm"},
		{1, false, true, false, "its array is shared by a cluster"},
		{5, false, false, true, "its array has a journal, which needs mdadm"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of("x", cases[i].level, 1, 0);
		_cleanup_part_ struct part p;
		char line[256];

		s.is_reshaping = cases[i].is_reshaping;
		s.is_clustered = cases[i].is_clustered;
		s.has_journal = cases[i].has_journal;
		begin(&p, "");
		comes(&p, 0, &s);
		mdraid_boot.degrade(&p);
		assert_string_equal(part_said(), "");
		snprintf(line, sizeof(line), "show:   sda is a member of an MD array: %s\n", cases[i].why);
		assert_string_equal(account(&p), line);
	}
}

/* ---- what the kernel says ---- */

static void the_kernels_refusal_is_logged(void **state)
{
	static const struct {
		int results[8]; /* of open, set, add, add, run, stop; end with 1 */
		const char *text, *calls;
	} cases[] = {
		{{-ENOENT, 1}, "the kernel has no MD, and the image no module for it", "array open md127\n"},
		{{-EACCES, 1}, "no device could be made for it: Permission denied", "array open md127\n"},
		{{0, -EINVAL, 1}, "the kernel does not take an array of this version: Invalid argument",
		 "array open md127\narray set 1.2\n"},
		/* It would run without it. */
		{{0, 0, -EBUSY, 1}, "sda: the kernel does not take it: Device or resource busy",
		 "array open md127\narray set 1.2\narray add 8:0\narray stop\n"},
		{{0, 0, 0, -EINVAL, 1}, "sdb: the kernel does not take it: Invalid argument",
		 "array open md127\narray set 1.2\narray add 8:0\narray add 8:1\narray stop\n"},
		{{0, 0, 0, 0, -EIO, 1}, "the kernel does not start it: Input/output error",
		 "array open md127\narray set 1.2\narray add 8:0\narray add 8:1\narray run\narray stop\n"},
	};
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char line[256];

		begin(&p, "");
		comes(&p, 0, &first);
		comes(&p, 1, &second);
		part_said();
		recorder_start(cases[i].results);
		recorded_work(&p);
		assert_string_equal(recorder_calls(), cases[i].calls);
		snprintf(line, sizeof(line), "show: MD array one cannot be started: %s\n", cases[i].text);
		assert_string_equal(part_said(), line);
		snprintf(line, sizeof(line), "2 of 2 members are there; %s\n", cases[i].text);
		assert_contains(account(&p), line);
	}
}

/* One is in use, and time is running out: it may do without. A spare is never needed. */
static void the_kernel_need_not_take_what_the_array_can_do_without(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);

	(void)state;
	for (unsigned spare = 0; spare < 2; spare++) {
		_cleanup_part_ struct part p;
		struct mdsuper third = super_of("one", 1, 2, MDSUPER_SPARE);

		begin(&p, "");
		if (spare)
			comes(&p, 2, &third);
		comes(&p, 0, &first);
		comes(&p, 1, &second);
		part_said();
		recorder_start_with(0, 0, -EBUSY);
		recorded_work(&p);
		if (!spare) {
			assert_contains(part_said(), "show: MD array one cannot be started: sda: ");
			mdraid_boot.degrade(&p);
			recorder_start_with(0, 0, -EBUSY);
			recorded_work(&p);
		}
		assert_contains(part_said(), "info: MD array one runs as md127\n");
		part_close(&p);
		/* But one it needs. */
		begin(&p, "");
		comes(&p, 0, &first);
		mdraid_boot.degrade(&p);
		recorder_start_with(0, 0, -EBUSY);
		recorded_work(&p);
		assert_string_equal(recorder_calls(), "array open md127\narray set 1.2\narray add 8:0\n"
						      "array stop\n");
		assert_contains(part_said(), "the kernel takes none of its members: Device or resource busy\n");
	}
}

/* The parity of what was written last may be wrong, and the missing member would be made of it. */
static void an_unclean_parity_array_without_all_members_fails_with_words(void **state)
{
	static const struct {
		int32_t level;
		bool is_clean, lacks;
		int result;
		bool has_words;
	} cases[] = {
		{5, false, true, -EIO, true},	{4, false, true, -EIO, true},
		{6, false, true, -EIO, true},	{5, true, true, -EIO, false},
		{5, false, false, -EIO, false}, {5, false, true, -EINVAL, false},
		{1, false, true, -EIO, false},	{10, false, true, -EIO, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		uint32_t here = cases[i].lacks ? 3 : 4;
		int results[] = {0, 0, 0, 0, 0, 0, 0, 1};

		begin(&p, "");
		for (uint32_t role = 0; role < here; role++) {
			struct mdsuper s = super_of("x", cases[i].level, 4, (int32_t)role);

			s.is_clean = cases[i].is_clean;
			comes(&p, role, &s);
		}
		mdraid_boot.degrade(&p);
		results[2 + here] = cases[i].result;
		recorder_start(results);
		recorded_work(&p);
		if (cases[i].has_words)
			assert_contains(part_said(), "MD array x cannot be started: it was not stopped cleanly, "
						     "and without all members its data may be damaged; "
						     "md_mod.start_dirty_degraded=1 starts it nevertheless\n");
		else
			assert_contains(part_said(), "the kernel does not start it: ");
	}
}

static void that_an_array_is_being_synchronised_is_logged(void **state)
{
	static const struct {
		int32_t level;
		const char *line;
	} cases[] = {
		{1, "info: MD array x runs as md127, and is being synchronised: it was not stopped cleanly\n"},
		{0, "info: MD array x runs as md127\n"},
		{MDSUPER_LINEAR, "info: MD array x runs as md127\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of("x", cases[i].level, 1, 0);
		_cleanup_part_ struct part p;

		s.is_clean = false;
		begin(&p, "");
		comes(&p, 0, &s);
		starts(&p);
		assert_contains(part_said(), cases[i].line);
	}
}

/* It takes one that it runs without, and says so only when it is asked. */
static void that_the_kernel_runs_with_less_is_logged(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	static const char line[] = "show: MD array one runs with 1 of 2 members\n";

	(void)state;
	for (int active = -EIO; active < 3; active += active < 0 ? -active : 1) {
		_cleanup_part_ struct part p;
		const char *said;

		begin(&p, "");
		comes(&p, 0, &first);
		comes(&p, 1, &second);
		recorder.active = active;
		recorded_work(&p);
		said = part_said();
		assert_int_equal(strstr(said, line) != NULL, active == 1);
		assert_contains(said, "info: MD array one runs as md127\n");
	}
}

/* Then it is a member that comes late. */
static void a_member_that_the_kernel_does_not_take_is_named(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	told.is_unsettled = true;
	comes(&p, 0, &first);
	comes(&p, 1, &second);
	mdraid_boot.degrade(&p);
	part_said();
	recorder_start_with(0, 0, 0, -EBUSY);
	recorder.active = 1;
	recorded_work(&p);
	assert_string_equal(part_said(), "show: MD array one runs with 1 of 2 members\n"
					 "show: MD array one runs without sdb: the kernel does not take it: "
					 "Device or resource busy\n"
					 "info: MD array one runs as md127\n");
	is_read_again(&p, 1);
	answer(&p, told.jobs[0].tag, &second);
	assert_contains(part_said(), "sdb belongs to MD array one, which runs without it: mdadm ");
}

/* It was written to meanwhile: what the worker has read may be older. */
static void a_member_that_changes_while_it_is_read_is_read_again(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1), later = first;
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	later.events += 20;
	begin(&p, "");
	appears(&p, 0, &first, why);
	is_read_again(&p, 0);
	is_read_again(&p, 0);
	assert_int_equal(told.n_jobs, 1);
	answer(&p, told.jobs[0].tag, &first);
	assert_int_equal(told.n_jobs, 1);
	/* What there is of it does not count yet. */
	comes(&p, 1, &second);
	assert_int_equal(told.n_jobs, 1);
	answer(&p, told.jobs[0].tag, &later);
	assert_int_equal(told.n_jobs, 0);
	assert_contains(account(&p), "sdb is out of date: it was written 40 times, sda 60\n");
	is_read_again(&p, 0);
	assert_int_equal(told.n_jobs, 1);
	/* A job that is forgotten is given again. */
	told.n_jobs = 0;
	mdraid_boot.retry(&p);
	assert_int_equal(told.n_jobs, 1);
	mdraid_boot.retry(&p);
	assert_int_equal(told.n_jobs, 1);
}

static void a_member_of_another_array_is_no_longer_one_of_its_old_one(void **state)
{
	struct mdsuper first = super_of("one", 1, 1, 0), other = super_of("two", 1, 2, 0),
		       third = super_of("two", 1, 2, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 1, &third);
	mdraid_boot.degrade(&p);
	starts(&p);
	comes(&p, 0, &first);
	time_passes(&p, 1000);
	starts(&p);
	is_read_again(&p, 0);
	answer(&p, told.jobs[0].tag, &other);
	assert_contains(part_said(), "sda belongs to MD array two, which runs without it");
}

/* The kernel takes its time to remove what was not started. What is somebody else's is left alone. */
static void an_array_gets_the_number_again_that_it_had_when_it_was_refused(void **state)
{
	static const struct {
		int results[8];
		const char *opens;
	} cases[] = {
		{{0, 0, 0, -EIO, 1}, "array open md0\n"},
		{{0, 0, -EBUSY, 1}, "array open md0\n"}, /* a member is */
		{{0, -EBUSY, 1}, "array open md127\n"},
	};
	struct mdsuper s = super_of("0", 1, 1, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		comes(&p, 0, &s);
		recorder_start(cases[i].results);
		recorded_work(&p);
		taken = "/sys/block/md0";
		mdraid_boot.retry(&p);
		assert_contains(starts(&p), cases[i].opens);
	}
}

static void a_later_member_has_a_refused_array_tried_again(void **state)
{
	struct mdsuper first = super_of("five", 5, 3, 0), second = super_of("five", 5, 3, 1),
		       third = super_of("five", 5, 3, 2);

	(void)state;
	for (unsigned during = 0; during < 2; during++) {
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX];

		begin(&p, "");
		comes(&p, 0, &first);
		comes(&p, 1, &second);
		mdraid_boot.degrade(&p);
		/* It may also come while the kernel is at it. */
		if (during) {
			appears(&p, 2, &third, why);
			answer(&p, told.jobs[1].tag, &third);
		}
		part_said();
		recorder_start_with(0, 0, 0, 0, -EIO);
		recorded_work(&p);
		if (!during) {
			assert_string_equal(part_said(), "show: MD array five cannot be started: the kernel "
							 "does not start it: Input/output error\n");
			comes(&p, 2, &third);
		}
		assert_contains(part_said(), "module md-level-5\njob 128\n");
		/* But not for ever. */
		recorder_start_with(0, 0, 0, 0, 0, -EIO);
		recorded_work(&p);
		assert_string_equal(recorder_calls(), "array open md127\narray set 1.2\narray add 8:0\n"
						      "array add 8:1\narray add 8:2\narray run\narray stop\n");
		assert_int_equal(told.n_jobs, 0);
		assert_contains(account(&p), "3 of 3 members are there; the kernel does not start it: ");
	}
}

static void a_refusal_is_forgotten_in_a_second_try(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &s);
	recorder_start_with(0, 0, -EBUSY);
	recorded_work(&p);
	goes(&p, 0);
	assert_contains(account(&p), "no member is there; sda: the kernel does not take it");
	mdraid_boot.retry(&p);
	assert_contains(account(&p), "no member is there\n");
}

static void an_array_of_very_many_members_does_not_fill_the_log(void **state)
{
	struct mdsuper s = super_of("many", 1, MDSUPER_DISKS_MAX, 7);
	_cleanup_part_ struct part p;
	unsigned lines = 0;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &s);
	for (const char *c = account(&p); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 18);
	assert_contains(account(&p), "show:     member 16 is missing\nshow:     and 1903 more\n");
}

/* ---- numbers and names ---- */

static void an_array_has_the_number_that_is_its_name(void **state)
{
	static const struct {
		const char *name, *taken, *opens;
	} cases[] = {
		{"0", NULL, "array open md0\n"},
		{"7", NULL, "array open md7\n"},
		{"0", "/sys/block/md0", "array open md127\n"},
		{"root", "/sys/block/md127", "array open md126\n"},
		{"1048575", NULL, "array open md1048575\n"},
		{"1048576", NULL, "array open md127\n"},
		{"-1", NULL, "array open md127\n"},
		{"99999999999999999999", NULL, "array open md127\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of(cases[i].name, 1, 1, 0);
		_cleanup_part_ struct part p;

		begin(&p, "");
		taken = cases[i].taken;
		comes(&p, 0, &s);
		assert_contains(starts(&p), cases[i].opens);
	}
}

static void an_old_array_has_the_number_of_its_superblock(void **state)
{
	static const struct {
		uint32_t preferred;
		const char *taken, *opens;
	} cases[] = {
		{125, NULL, "array open md125\n"},
		{125, "/sys/block/md125", "array open md127\n"},
		{UINT32_MAX, NULL, "array open md127\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of("", 1, 1, 0);
		_cleanup_part_ struct part p;

		s.version = MDSUPER_0_90;
		s.name[0] = '\0';
		s.preferred = cases[i].preferred;
		begin(&p, "");
		taken = cases[i].taken;
		comes(&p, 0, &s);
		assert_contains(starts(&p), cases[i].opens);
	}
}

static void an_array_that_was_not_started_holds_no_number(void **state)
{
	struct mdsuper zero = super_of("0", 1, 1, 0), doubtful = super_of("x", 1, 2, 0);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &doubtful);
	comes(&p, 1, &doubtful);
	assert_contains(account(&p), "are both its member 0");
	comes(&p, 2, &zero);
	assert_contains(starts(&p), "array open md0\n");
}

static struct part_device array_device(struct part *p, unsigned n, const char *name)
{
	part_device(n, name, "there", "ext4");
	told.devices[n].generation = n + 1;
	return device_at(p, n);
}

static void an_array_has_its_name_below_dev_md(void **state)
{
	static const struct {
		const char *name, *line;
	} cases[] = {
		{"host:root", "name md127 md/root\n"},
		{"root", "name md127 md/root\n"},
		{"host:a:b", "name md127 md/a:b\n"},
		{"", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:.", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:..", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:../sda", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:a b", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:a\nb", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:\x1b[2J", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:\xc3\xa4", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:\x7f", "name md127 md/3a5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n"},
		{"host:%s%n", "name md127 md/%s%n\n"},
		{"abcdefghijklmnopqrstuvwxyzabcdef", "name md127 md/abcdefghijklmnopqrstuvwxyzabcdef\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of(":", 1, 1, 0);
		_cleanup_part_ struct part p;
		struct part_device d;
		char why[PART_TEXT_MAX];

		snprintf(s.name, sizeof(s.name), "%s", cases[i].name);
		begin(&p, "");
		comes(&p, 0, &s);
		starts(&p);
		part_said();
		d = array_device(&p, 1, "md126");
		assert_int_equal(mdraid_boot.device(&p, &d, why), PART_IGNORES);
		assert_string_equal(part_said(), "");
		d = array_device(&p, 2, "md127");
		/* Its member may have become unreadable. */
		goes(&p, 0);
		assert_int_equal(mdraid_boot.device(&p, &d, why), PART_IGNORES);
		assert_string_equal(part_said(), cases[i].line);
	}
}

/* The kernel's event may be there before the worker's answer. */
static void an_array_may_be_read_before_its_start_is_reported(void **state)
{
	struct mdsuper s = super_of("root", 1, 1, 0);
	_cleanup_part_ struct part p;
	struct part_device d;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	comes(&p, 0, &s);
	part_said();
	d = array_device(&p, 2, "md127");
	mdraid_boot.device(&p, &d, why);
	assert_string_equal(part_said(), "name md127 md/root\n");
}

static void partitions_of_an_array_have_names_as_with_udev(void **state)
{
	static const struct {
		const char *name, *device, *line;
	} cases[] = {
		{"host:root", "md127p1", "name md127p1 md/root1\n"},
		{"host:root", "md127p12", "name md127p12 md/root12\n"},
		{"host:r0", "md127p3", "name md127p3 md/r0p3\n"},
		{"host:5", "md5p1", "name md5p1 md/5p1\n"},
		{"host:root", "md127px", ""},
		{"host:root", "md1271", ""},
		{"host:root", "md12", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of(":", 1, 1, 0);
		_cleanup_part_ struct part p;
		struct part_device d;
		char why[PART_TEXT_MAX];

		snprintf(s.name, sizeof(s.name), "%s", cases[i].name);
		begin(&p, "");
		comes(&p, 0, &s);
		starts(&p);
		part_said();
		d = array_device(&p, 1, cases[i].device);
		assert_int_equal(mdraid_boot.device(&p, &d, why), PART_IGNORES);
		assert_string_equal(part_said(), cases[i].line);
	}
}

/* The array of a stick, say, must not take the name of one that runs. */
static void two_arrays_of_one_name_have_two_names(void **state)
{
	struct mdsuper first = super_of("one", 1, 1, 0), second = first, third = first;
	_cleanup_part_ struct part p;
	struct part_device d;
	char why[PART_TEXT_MAX];

	(void)state;
	second.uuid[0] = 0;
	third.uuid[0] = 1;
	begin(&p, "");
	comes(&p, 0, &first);
	starts(&p);
	comes(&p, 1, &second);
	assert_contains(part_said(), "show: there are two MD arrays one: that with UUID "
				     "005a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a is /dev/md/one_0\n");
	starts(&p);
	comes(&p, 2, &third);
	starts(&p);
	part_said();
	for (unsigned i = 0; i < 3; i++) {
		static const struct {
			const char *device, *line;
		} names[] = {{"md127", "name md127 md/one\n"},
			     {"md126", "name md126 md/one_0\n"},
			     {"md125", "name md125 md/one_1\n"}};

		d = array_device(&p, 3 + i, names[i].device);
		mdraid_boot.device(&p, &d, why);
		assert_string_equal(part_said(), names[i].line);
	}
}

/* Which of them comes first is chance: root=/dev/md/one, or /dev/md0, must not be one or the other. */
static void arrays_of_one_name_that_come_at_one_time_have_none(void **state)
{
	static const struct {
		const char *name;
		bool is_old, is_degraded;
		const char *claim;
	} cases[] = {
		{"one", false, false, "/one"},
		{"one", false, true, "/one"},
		{"0", false, false, "/0"},
		{"0", true, false, NULL}, /* host:0 and an old one, which has no name, but a number */
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const bool is_degraded = cases[i / 2].is_degraded, swapped = i % 2;
		struct mdsuper both[] = {super_of(cases[i / 2].name, 1, is_degraded ? 2 : 1, 0),
					 super_of(cases[i / 2].name, 1, is_degraded ? 2 : 1, 0)};
		_cleanup_part_ struct part p;
		const char *calls, *said;
		char line[256];

		both[1].uuid[0] = 0;
		if (cases[i / 2].is_old)
			both[1].version = MDSUPER_0_90, both[1].name[0] = '\0';
		begin(&p, "");
		told.is_unsettled = true;
		comes(&p, 0, &both[swapped]);
		comes(&p, 1, &both[!swapped]);
		told.is_unsettled = false;
		part_said();
		time_passes(&p, 20);
		if (is_degraded)
			mdraid_boot.degrade(&p);
		said = part_said();
		assert_contains(said, "that with UUID 005a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a is "
				      "/dev/md/005a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n");
		snprintf(line, sizeof(line), "show: several MD arrays claim /dev/md%s, and none of them gets it",
			 cases[i / 2].claim ? cases[i / 2].claim : "0");
		assert_contains(said, line);
		assert_int_equal(told.n_jobs, 2);
		recorder_start_with(0);
		recorded_work(&p);
		recorded_work(&p);
		calls = recorder_calls();
		assert_contains(calls, "array open md127\n");
		assert_contains(calls, "array open md126\n");
	}
}

/* What is left of an old array takes nothing away from the one in use. */
static void an_array_that_cannot_be_started_claims_nothing(void **state)
{
	struct mdsuper old = super_of("0", 1, 2, 0), own = super_of("0", 1, 1, 0);

	(void)state;
	old.uuid[0] = 0;
	for (unsigned later = 0; later < 2; later++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.is_unsettled = true;
		comes(&p, 0, later ? &own : &old);
		comes(&p, 1, later ? &old : &own);
		told.is_unsettled = false;
		time_passes(&p, 20);
		assert_contains(starts(&p), "array open md0\n");
		mdraid_boot.degrade(&p);
		assert_contains(part_said(), "there are two MD arrays 0: that with UUID "
					     "005a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a is /dev/md/0_0\n");
		assert_contains(starts(&p), "array open md127\n");
	}
}

static bool setting(struct part *p, const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", value);
	return mdraid_boot.setting(p, "array", text);
}

/* That of a disk that was plugged in has to do with another name, even where the own one does not come. */
static void an_array_that_the_image_was_built_for_has_its_name_and_number(void **state)
{
	static const struct {
		const char *setting, *name, *own, *name_of_other;
	} cases[] = {
		{ONE " 0 0", "0", "md0", "0_0"},
		{ONE " 127 0", "0", "md127", "0_0"}, /* mdadm took it for that of another machine */
		{ONE " 127 one", "one", "md127", "one_0"},
		{ONE " 5 one", "one", "md5", "one_0"},
		{ONE " 127", "one", "md127", "one_0"},
	};

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_SIZE(cases); i++) {
		struct mdsuper own = super_of("one", 1, 1, 0), other;
		/* One whose name is not known before it comes does come. */
		bool is_first = i % 3 == 0, is_alone = i % 3 == 2 && strchr(strchr(cases[i / 3].setting, ' ') + 1, ' ');
		_cleanup_part_ struct part p;
		const char *calls;
		char line[64];

		snprintf(own.name, sizeof(own.name), "host:%.20s", cases[i / 3].name);
		other = own;
		other.uuid[0] = 0;
		begin(&p, "");
		assert_true(setting(&p, cases[i / 3].setting));
		told.is_unsettled = true;
		comes(&p, 0, is_first ? &own : &other);
		if (!is_alone)
			comes(&p, 1, is_first ? &other : &own);
		told.is_unsettled = false;
		time_passes(&p, 20);
		recorder_start_with(0);
		recorded_work(&p);
		if (!is_alone)
			recorded_work(&p);
		calls = recorder_calls();
		if (!is_alone) {
			snprintf(line, sizeof(line), "array open %s\n", cases[i / 3].own);
			assert_contains(calls, line);
			snprintf(line, sizeof(line), "info: MD array %s runs as %s\n", cases[i / 3].name,
				 cases[i / 3].own);
			assert_contains(buf_cstr(&told.said), line);
		}
		snprintf(line, sizeof(line), "info: MD array %s runs as ", cases[i / 3].name_of_other);
		assert_contains(part_said(), line);
	}
}

/* It has had 127, and its superblock says 5. */
static void of_two_numbers_an_array_has_the_one_that_is_waited_for_and_free(void **state)
{
	static const struct {
		const char *wanted, *taken, *number;
	} cases[] = {
		{NULL, NULL, "md127"},	{"md127", NULL, "md127"},	       {"md5", NULL, "md5"},
		{"md6", NULL, "md127"}, {"md5", "/sys/block/md5", "md127"},    {"md127", "/sys/block/md5", "md127"},
		{NULL, "/sys/block/md127", "md5"}, {"md127", "/sys/block/md127", "md5"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of(i % 2 ? "o" : "5", 1, 1, 0);
		_cleanup_part_ struct part p;
		char line[64];

		if (i % 2)
			s.version = MDSUPER_0_90, s.preferred = 5, s.name[0] = '\0';
		s.uuid[0] = 0x6f;
		begin(&p, "");
		assert_true(setting(&p, ONE " 127"));
		told.awaited = cases[i / 2].wanted;
		taken = cases[i / 2].taken;
		comes(&p, 0, &s);
		snprintf(line, sizeof(line), "array open %s\n", cases[i / 2].number);
		assert_contains(starts(&p), line);
	}
}

/* Superblocks of version 1.1 and 1.2 outlive an MBR. In whatever order they come, and whichever of them was
 * partitioned. */
static void an_array_of_disks_with_partitions_of_their_own_waits_for_the_last_moment(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const unsigned first = i & 1, former = i >> 1 & 1;
		_cleanup_part_ struct part p;
		const char *said;

		begin(&p, "");
		told.devices[former].is_partitioned = true;
		told.is_unsettled = true;
		for (unsigned k = 0; k < 2; k++) {
			struct mdsuper s = super_of("one", 1, 2, (int32_t)(k ^ first));

			s.version = i >> 2 ? MDSUPER_1_1 : MDSUPER_1_2;
			comes(&p, k ^ first, &s);
		}
		told.is_unsettled = false;
		time_passes(&p, 100000);
		assert_int_equal(told.n_jobs, 0);
		assert_false(mdraid_boot.is_incomplete(&p));
		said = account(&p);
		assert_contains(said, former ? "sdb has partitions of its own" : "sda has partitions of its own");
		assert_contains(said, "rd.md.uuid=" ONE " starts the array");
		told.may_resume = true;
		mdraid_boot.degrade(&p);
		assert_int_equal(told.n_jobs, 0);
		told.may_resume = false;
		told.devices[former].needs_partition = true;
		mdraid_boot.degrade(&p);
		assert_int_equal(told.n_jobs, 0);
		told.devices[former].needs_partition = false;
		part_said();
		mdraid_boot.degrade(&p);
		assert_contains(part_said(), "show: MD array one may be started after all");
		assert_contains(starts(&p), first ? "array add 8:1\narray add 8:0\narray run\n"
						  : "array add 8:0\narray add 8:1\narray run\n");
	}
}

/* A table that a disk had before it became a member is not overwritten. */
static void an_array_that_is_named_is_started_whatever_partitions_its_members_have(void **state)
{
	static const struct {
		const char *cmdline, *own, *awaited;
		bool is_needed, starts;
	} cases[] = {
		{"", NULL, NULL, false, false},
		{"", NULL, NULL, true, true},
		{"", ONE " 3 one", NULL, false, true},
		{"", ONE " 3 one", NULL, true, true},
		{"", "00000000:5a5a5a5a:5a5a5a5a:5a5a5a5a 3 one", NULL, true, false},
		{"rd.md.uuid=" ONE, NULL, NULL, false, true},
		{"", NULL, "md/one", false, true},
		{"", NULL, "md/two", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdsuper s = super_of("one", 1, 1, 0);
		_cleanup_part_ struct part p;

		begin(&p, cases[i].cmdline);
		if (cases[i].own)
			assert_true(setting(&p, cases[i].own));
		if (cases[i].is_needed)
			assert_true(mdraid_boot.setting(&p, "needed", (char[]){"yes"}));
		told.awaited = cases[i].awaited;
		told.devices[0].is_partitioned = true;
		comes(&p, 0, &s);
		assert_int_equal(told.n_jobs, cases[i].starts);
	}
}

/* With 0.90 and 1.0 the partitions are those of the array. */
static void partitions_of_an_array_do_not_withhold_it(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		struct mdsuper s = super_of("one", 1, 1, 0);
		_cleanup_part_ struct part p;

		s.version = v ? MDSUPER_1_0 : MDSUPER_0_90;
		begin(&p, "");
		told.devices[0].is_partitioned = told.devices[0].needs_partition = true;
		comes(&p, 0, &s);
		assert_contains(starts(&p), "array run\n");
	}
}

static void an_array_that_is_withheld_claims_no_name(void **state)
{
	struct mdsuper old = super_of("0", 1, 1, 0), own = super_of("0", 1, 1, 0);

	(void)state;
	old.uuid[0] = 0;
	for (unsigned later = 0; later < 2; later++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.devices[later].is_partitioned = true;
		told.is_unsettled = true;
		comes(&p, 0, later ? &own : &old);
		comes(&p, 1, later ? &old : &own);
		told.is_unsettled = false;
		time_passes(&p, 20);
		assert_contains(starts(&p), "array open md0\n");
		assert_int_equal(told.n_jobs, 0);
	}
}

/* The table was removed, or the disk is gone and another one is there. */
static void an_array_is_started_once_its_members_have_no_partitions_any_more(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);

	(void)state;
	for (unsigned is_retried = 0; is_retried < 2; is_retried++) {
		_cleanup_part_ struct part p;

		begin(&p, "");
		told.devices[0].is_partitioned = true;
		comes(&p, 0, &s);
		assert_int_equal(told.n_jobs, 0);
		told.devices[0].is_partitioned = false;
		if (is_retried) {
			mdraid_boot.retry(&p);
		} else {
			goes(&p, 0);
			comes(&p, 1, &s);
		}
		assert_contains(starts(&p), "array run\n");
	}
}

static void a_setting_of_an_array_that_is_malformed_is_refused(void **state)
{
	static const char *const values[] = {"", ONE, "one 0 0", ONE " x one", ONE " 1048576 one",
					     ONE " -1 one", ONE "  one",
					     ONE " 0 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"};
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_false(setting(&p, values[i]));
	for (unsigned n = 0; n < 32; n++)
		assert_true(setting(&p, n % 2 ? ONE " 0 one" : ONE " - one"));
	assert_false(setting(&p, ONE " 0 one"));
	assert_false(mdraid_boot.setting(&p, "arrays", (char[]){ONE " 0 one"}));
}

/* Its content is a copy of one of its members. */
static void an_array_is_no_member_of_itself(void **state)
{
	static const char *const names[] = {"md127", "md127p1"};
	struct mdsuper s = super_of("one", 1, 2, 0), other = super_of("x", 1, 2, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_part_ struct part p;
		struct part_device d;
		char why[PART_TEXT_MAX];

		begin(&p, "");
		lose(&s, 1);
		comes(&p, 0, &s);
		time_passes(&p, 1000);
		s = super_of("one", 1, 2, 0);
		starts(&p);
		part_device(1, names[i], "there", "linux_raid_member");
		told.devices[1].generation = 1000;
		mdsuper_print_uuid(s.uuid, told.devices[1].probe.uuid);
		d = device_at(&p, 1);
		assert_int_equal(mdraid_boot.device(&p, &d, why), PART_REFUSES);
		assert_string_equal(why, "it holds the superblock of its own array");
		/* One of another array is fine. */
		mdsuper_print_uuid(other.uuid, told.devices[1].probe.uuid);
		d = device_at(&p, 1);
		assert_int_equal(mdraid_boot.device(&p, &d, why), PART_HOLDS);
	}
}

/* ---- many ---- */

static void more_members_than_jobs_find_their_places(void **state)
{
	enum { MEMBERS = 20 };
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	for (unsigned n = 0; n < MEMBERS; n++) {
		struct mdsuper s = super_of("many", 6, MEMBERS, (int32_t)n);

		assert_int_equal(appears(&p, n, &s, why), PART_HOLDS);
	}
	assert_int_equal(told.n_jobs, RECORDED_JOBS);
	for (unsigned n = 0; n < MEMBERS; n++) {
		struct mdsuper s = super_of("many", 6, MEMBERS, (int32_t)told.jobs[0].tag);

		assert_true(told.jobs[0].tag < FIRST_ARRAY);
		answer(&p, told.jobs[0].tag, &s);
	}
	assert_contains(starts(&p), "array add 8:19\narray run\n");
}

static void jobs_of_other_parts_do_not_keep_members_from_being_read_for_ever(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	told.jobs_max = 1;
	part_job(&p, 9999, "", 1, false); /* another part's */
	assert_int_equal(appears(&p, 0, &s, why), PART_HOLDS);
	assert_int_equal(told.n_jobs, 1);
	assert_true(p.wake > told.now);
	mdraid_boot.tick(&p, told.now);
	assert_true(p.wake > told.now);
	told.n_jobs = 0;
	mdraid_boot.tick(&p, told.now);
	assert_int_equal(told.n_jobs, 1);
	assert_int_equal(p.wake, 0);
	/* The job that starts it waits for a place likewise. */
	told.jobs[told.n_jobs++] = (struct job){.tag = 9999};
	told.jobs_max = 1;
	answer(&p, told.jobs[0].tag, &s);
	assert_int_equal(told.n_jobs, 1);
	assert_true(p.wake > told.now);
	told.n_jobs = 0;
	part_said();
	mdraid_boot.tick(&p, told.now);
	assert_string_equal(part_said(), "job 128\n");
}

static void there_are_limits(void **state)
{
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX] = "";
	struct mdsuper s = super_of("many", 0, 200, 0);

	(void)state;
	begin(&p, "");
	for (unsigned n = 0; n < 128; n++) {
		s.role = (int32_t)n;
		comes(&p, n, &s);
	}
	assert_int_equal(appears(&p, 128, &s, why), PART_REFUSES);
	assert_string_equal(why, "there are more than 128 members of arrays");
	/* One that goes makes place. */
	goes(&p, 5);
	assert_int_equal(appears(&p, 129, &s, why), PART_HOLDS);
	part_close(&p);
	begin(&p, "");
	for (unsigned n = 0; n < 33; n++) {
		s = super_of("x", 0, 2, 0);
		s.uuid[1] = (uint8_t)n;
		comes(&p, n, &s);
	}
	assert_contains(account(&p), "show:   sd_ is a member of an MD array: there are more than 32 arrays\n");
}

/* ---- a second try ---- */

static void a_second_try_begins_again_with_what_was_forgotten(void **state)
{
	struct mdsuper first = super_of("one", 1, 2, 0), second = super_of("one", 1, 2, 1);
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	appears(&p, 0, &first, why);
	told.n_jobs = 0;
	mdraid_boot.retry(&p);
	assert_int_equal(told.n_jobs, 1);
	answer(&p, told.jobs[0].tag, &first);
	comes(&p, 1, &second);
	/* The job that starts it. */
	told.n_jobs = 0;
	part_said();
	mdraid_boot.retry(&p);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n");
	/* One that runs goes on. */
	mdraid_boot.retry(&p);
	assert_string_equal(part_said(), "");
	recorder_start_with(0, 0, 0, 0, -EIO);
	recorded_work(&p);
	part_said();
	mdraid_boot.retry(&p);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n");
}

/* Otherwise udev waits for a start that it does not see. */
static void an_array_that_runs_gets_a_note_for_udev(void **state)
{
	struct mdsuper one = super_of("one", 1, 1, 0), other = super_of("x", 5, 3, 0);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &one);
	comes(&p, 1, &other);
	starts(&p);
	recorder_start_with(0);
	mdraid_boot.leave(&p);
	assert_string_equal(recorder_calls(), "mkdir /run/udev 755\nmkdir /run/udev/data 755\n"
					      "create /run/udev/data/b9:127 644\n");
}

/* At the shell, with mdadm. */
static void an_array_that_was_stopped_is_started_in_a_second_try(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &s);
	starts(&p);
	part_said();
	taken = "/sys/block/md127";
	mdraid_boot.retry(&p);
	assert_string_equal(part_said(), "");
	taken = NULL;
	mdraid_boot.retry(&p);
	assert_string_equal(part_said(), "module md-level-1\njob 128\n");
}

static void a_second_try_waits_for_all_members_again(void **state)
{
	struct mdsuper first = super_of("five", 5, 3, 0), second = super_of("five", 5, 3, 1);
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "");
	comes(&p, 0, &first);
	mdraid_boot.degrade(&p);
	mdraid_boot.retry(&p);
	comes(&p, 1, &second);
	assert_int_equal(told.n_jobs, 0);
	mdraid_boot.degrade(&p);
	assert_contains(part_said(), "job 128\n");
}

static void a_member_that_cannot_be_read_is_named_and_read_again_in_a_second_try(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	_cleanup_part_ struct part p;
	char why[PART_TEXT_MAX];

	(void)state;
	begin(&p, "");
	appears(&p, 0, &s, why);
	recorded_done(&p, -EIO, 0, "");
	assert_string_equal(account(&p), "show:   sda is a member of an MD array: Input/output error\n");
	assert_int_equal(told.n_jobs, 0);
	mdraid_boot.retry(&p);
	assert_int_equal(told.n_jobs, 1);
	answer(&p, told.jobs[0].tag, &s);
	assert_contains(part_said(), "module md-level-1\njob 128\n");
	assert_string_equal(strstr(account(&p), "sda") ? "named" : "", "");
}

static void another_device_in_its_place_is_no_answer(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);

	(void)state;
	for (unsigned too_often = 0; too_often < 2; too_often++) {
		_cleanup_part_ struct part p;
		char why[PART_TEXT_MAX];

		begin(&p, "");
		told.is_mistaken_again = too_often;
		appears(&p, 0, &s, why);
		part_said();
		told.devices[0].value = NULL; /* PID 1 reads it again */
		recorded_done(&p, -ESTALE, 0, "");
		assert_string_equal(part_said(), "mistaken sda\n");
		assert_string_equal(account(&p), too_often ? "show:   sda is a member of an MD array: "
							     "Stale file handle\n" : "");
	}
}

/* ---- what a worker reads ---- */

enum { SECTORS = 1024 };

/* A mirror of one at the place of VERSION: a kind of 1.x. */
static void put_super(uint8_t *disk, enum mdsuper_version version, const struct mdsuper *s)
{
	uint8_t *p = disk + mdsuper_place(version, SECTORS) * 512;
	uint64_t total = 0;

	memset(p, 0, MDSUPER_SIZE);
	put_le32(p, 0xa92b4efc);
	put_le32(p + 4, 1);
	memcpy(p + 16, s->uuid, sizeof(s->uuid));
	memcpy(p + 32, s->name, MDSUPER_NAME_MAX);
	put_le32(p + 72, 1);
	put_le32(p + 92, 1);
	put_le32(p + 220, 2);
	put_le32(p + 256, 0xffff0000);
	for (size_t i = 0; i < 260; i += 4)
		total += le32(p + i);
	put_le32(p + 216, (uint32_t)total + (uint32_t)(total >> 32));
}

/* The member that DISK is, of the array that libblkid found to be S's; it starts at once. */
static const char *reads(const uint8_t *disk, size_t len, const struct mdsuper *s)
{
	_cleanup_folder_ char *folder = make_folder();
	char path[4096], why[PART_TEXT_MAX];
	_cleanup_part_ struct part p;

	begin(&p, "");
	put_file(folder, "disk", disk, len);
	snprintf(path, sizeof(path), "%s/disk", folder);
	appears(&p, 0, s, why);
	recorder.device = path;
	part_said();
	if (recorded_work(&p) < 0)
		return account(&p);
	return starts(&p);
}

static void a_member_is_read_at_the_place_of_its_version(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	uint8_t *disk = calloc(SECTORS, 512);

	(void)state;
	for (unsigned v = MDSUPER_1_0; v < MDSUPER_VERSIONS; v++) {
		char set[32];

		memset(disk, 0, (size_t)SECTORS * 512);
		put_super(disk, v, &s);
		snprintf(set, sizeof(set), "array set %s\n", mdsuper_version_name(v));
		assert_contains(reads(disk, (size_t)SECTORS * 512, &s), set);
	}
	free(disk);
}

/* The content of the outer array is a member of the inner one. */
static void of_two_superblocks_that_is_taken_which_was_found_first(void **state)
{
	struct mdsuper outer = super_of("outer", 1, 1, 0), inner = super_of("inner", 1, 1, 0);
	uint8_t *disk = calloc(SECTORS, 512);

	(void)state;
	put_super(disk, MDSUPER_1_0, &outer);
	put_super(disk, MDSUPER_1_2, &inner);
	assert_contains(reads(disk, (size_t)SECTORS * 512, &outer), "array set 1.0\n");
	assert_contains(reads(disk, (size_t)SECTORS * 512, &inner), "array set 1.2\n");
	/* One that is damaged hides no other. */
	disk[mdsuper_place(MDSUPER_1_0, SECTORS) * 512 + 40] ^= 1;
	assert_contains(reads(disk, (size_t)SECTORS * 512, &inner), "array set 1.2\n");
	assert_contains(reads(disk, (size_t)SECTORS * 512, &outer), "its superblock has a wrong checksum\n");
	free(disk);
}

/* Device N is there, a member as S says, with a partition table that TABLE stands for. */
static void comes_with(struct part *p, unsigned n, const struct mdsuper *s, int table)
{
	char why[PART_TEXT_MAX], text[JOBS_TEXT_MAX] = {0};

	assert_int_equal(appears(p, n, s, why), PART_HOLDS);
	assert_int_equal(told.n_jobs, 1);
	memcpy(text, s, sizeof(*s));
	recorded_done(p, 0, table, text);
}

/* Both disks have been put to another use, and their superblocks say that all is well. */
static void a_mirror_of_different_partition_tables_is_not_started(void **state)
{
	enum { DIFFERENT, SAME, UNCLEAN, REBUILDING, STRIPED, LATER, CASES };

	(void)state;
	for (int i = 0; i < 2 * CASES; i++) {
		bool is_started = i / 2 != DIFFERENT, is_turned = i % 2;
		_cleanup_part_ struct part p;

		begin(&p, "");
		for (unsigned k = 0; k < 2; k++) {
			unsigned n = is_turned ? 1 - k : k;
			struct mdsuper s = super_of("one", i / 2 == STRIPED ? 0 : 1, 2, (int32_t)n);

			s.version = MDSUPER_1_0;
			s.is_clean = i / 2 != UNCLEAN;
			s.is_rebuilding = i / 2 == REBUILDING && n;
			s.events += i / 2 == LATER && n;
			comes_with(&p, n, &s, i / 2 == SAME ? 7 : 7 + (int)n);
		}
		mdraid_boot.degrade(&p);
		if (told.n_jobs != is_started)
			fail_msg("case %d: %u jobs", i, told.n_jobs);
		if (is_started)
			continue;
		assert_contains(account(&p), is_turned ? "sdb and sda have different partition tables, so one of them"
						       : "sda and sdb have different partition tables, so one of them");
		/* Once one is detached, the other is an array with a member missing. */
		goes(&p, 1);
		assert_int_equal(told.n_jobs, 1);
	}
}

/* What a worker makes of the table on DISK, a member with metadata of VERSION. */
static int table_of(const uint8_t *disk, const struct mdsuper *s)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_free_ char *path = NULL;
	_cleanup_part_ struct part p;
	struct job_result out = {0};
	char why[PART_TEXT_MAX];

	assert_true(asprintf(&path, "%s/disk", folder) > 0);
	put_file(folder, "disk", disk, (size_t)SECTORS * 512);
	begin(&p, "");
	assert_int_equal(appears(&p, 0, s, why), PART_HOLDS);
	recorder.device = path;
	assert_int_equal(mdraid_boot.work(told.jobs[0].data, &out), 0);
	recorder.device = NULL;
	return out.found;
}

static void members_of_a_mirror_have_the_same_table(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0);
	uint8_t *disk = calloc(SECTORS, 512);
	int first, gpt;

	(void)state;
	put_super(disk, MDSUPER_1_0, &s);
	/* What is no table may differ: GRUB in the first sector of a partition. */
	disk[510] = 0x55;
	disk[511] = 0xaa;
	assert_int_equal(table_of(disk, &s), 0);
	disk[446] = 0x7f;
	disk[450] = 0x83;
	assert_int_equal(table_of(disk, &s), 0);
	disk[446] = 0x80;
	disk[511] = 0;
	assert_int_equal(table_of(disk, &s), 0);
	disk[511] = 0xaa;
	first = table_of(disk, &s);
	assert_int_not_equal(first, 0);
	disk[100] = 1; /* the code for the BIOS */
	disk[520] = 1; /* and what it loads */
	assert_int_equal(table_of(disk, &s), first);
	disk[454] = 1;
	assert_int_not_equal(table_of(disk, &s), first);
	memcpy(disk + 512, "EFI PART", 8);
	gpt = table_of(disk, &s);
	disk[512 + 91] = 1;
	assert_int_not_equal(table_of(disk, &s), gpt);
	/* Other versions have their own data first. */
	memset(disk + (SECTORS - 64) * 512, 0, 64 * 512);
	put_super(disk, MDSUPER_1_2, &s);
	assert_int_equal(table_of(disk, &s), 0);
	free(disk);
}

static void a_member_without_a_superblock_says_so(void **state)
{
	struct mdsuper s = super_of("one", 1, 1, 0), other = super_of("x", 1, 1, 0);
	uint8_t *disk = calloc(SECTORS, 512);

	(void)state;
	put_super(disk, MDSUPER_1_1, &other);
	assert_contains(reads(disk, (size_t)SECTORS * 512, &s),
			"show:   sda is a member of an MD array: it has no superblock of "
			"6f5a5a5a:5a5a5a5a:5a5a5a5a:5a5a5a5a\n");
	/* Too small for any. */
	assert_contains(reads(disk, (size_t)255 * 512, &other), "it has no superblock of ");
	assert_contains(reads(disk, 0, &other), "it has no superblock of ");
	free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complete_array_is_started_once_in_whatever_order_it_comes),
		cmocka_unit_test(the_kernel_is_told_the_version),
		cmocka_unit_test(spares_are_handed_over_with_the_others),
		cmocka_unit_test(two_arrays_are_kept_apart),
		cmocka_unit_test(an_array_waits_for_its_modules),
		cmocka_unit_test(a_member_that_goes_while_modules_load_is_waited_for),
		cmocka_unit_test(an_array_that_is_being_started_lacks_nothing),
		cmocka_unit_test(nothing_is_written_to_an_array_before_the_machine_could_resume),
		cmocka_unit_test(an_incomplete_array_waits_and_is_started_when_time_is_running_out),
		cmocka_unit_test(what_is_missing_is_named_at_the_start),
		cmocka_unit_test(an_array_that_was_degraded_before_is_started_once_all_is_read),
		cmocka_unit_test(a_member_that_comes_and_goes_does_not_put_off_a_degraded_array_for_ever),
		cmocka_unit_test(a_degraded_array_waits_for_members_that_are_being_read),
		cmocka_unit_test(a_complete_array_waits_a_little_for_what_is_still_to_be_read),
		cmocka_unit_test(two_sides_that_ran_alone_are_refused),
		cmocka_unit_test(one_that_ran_alone_does_not_hold_up_a_whole_array),
		cmocka_unit_test(of_two_that_were_written_equally_often_that_counts_which_has_lost_the_other),
		cmocka_unit_test(an_array_that_appears_when_time_is_running_out_is_started_soon),
		cmocka_unit_test(a_member_that_flaps_does_not_put_off_the_start_for_ever),
		cmocka_unit_test(an_array_that_is_complete_when_time_is_running_out_is_started_at_once),
		cmocka_unit_test(a_member_that_is_being_read_is_waited_for_a_little),
		cmocka_unit_test(a_member_that_was_there_is_named_when_it_is_missing),
		cmocka_unit_test(a_member_that_the_image_notes_is_named_when_it_is_missing),
		cmocka_unit_test(a_member_that_cannot_be_used_is_named_at_the_start),
		cmocka_unit_test(a_member_that_comes_too_late_is_named),
		cmocka_unit_test(a_member_that_was_gone_for_a_while_is_named),
		cmocka_unit_test(each_level_does_without_what_it_can),
		cmocka_unit_test(a_member_that_goes_is_waited_for_until_it_comes_back),
		cmocka_unit_test(a_member_that_is_read_again_is_no_second_one),
		cmocka_unit_test(parameters_decide_which_arrays_are_started),
		cmocka_unit_test(without_rd_auto_only_what_is_known_is_started),
		cmocka_unit_test(no_other_setting_is_obeyed),
		cmocka_unit_test(none_is_started_degraded_where_that_is_not_wanted),
		cmocka_unit_test(what_is_no_member_is_ignored),
		cmocka_unit_test(a_stale_member_is_left_out_and_named),
		cmocka_unit_test(a_member_that_missed_the_last_write_is_taken),
		cmocka_unit_test(a_member_that_the_newest_counts_as_gone_is_left_out_and_named),
		cmocka_unit_test(an_array_with_two_members_of_one_role_is_not_started),
		cmocka_unit_test(a_copy_that_is_out_of_date_is_left_out),
		cmocka_unit_test(a_member_and_its_replacement_have_one_role),
		cmocka_unit_test(a_replacement_is_waited_for_a_little),
		cmocka_unit_test(a_member_that_is_being_rebuilt_does_not_count),
		cmocka_unit_test(what_needs_mdadm_is_refused_with_words),
		cmocka_unit_test(the_kernels_refusal_is_logged),
		cmocka_unit_test(the_kernel_need_not_take_what_the_array_can_do_without),
		cmocka_unit_test(an_unclean_parity_array_without_all_members_fails_with_words),
		cmocka_unit_test(that_an_array_is_being_synchronised_is_logged),
		cmocka_unit_test(that_the_kernel_runs_with_less_is_logged),
		cmocka_unit_test(a_member_that_the_kernel_does_not_take_is_named),
		cmocka_unit_test(a_member_that_changes_while_it_is_read_is_read_again),
		cmocka_unit_test(a_member_of_another_array_is_no_longer_one_of_its_old_one),
		cmocka_unit_test(an_array_gets_the_number_again_that_it_had_when_it_was_refused),
		cmocka_unit_test(a_later_member_has_a_refused_array_tried_again),
		cmocka_unit_test(a_refusal_is_forgotten_in_a_second_try),
		cmocka_unit_test(an_array_of_very_many_members_does_not_fill_the_log),
		cmocka_unit_test(an_array_has_the_number_that_is_its_name),
		cmocka_unit_test(an_old_array_has_the_number_of_its_superblock),
		cmocka_unit_test(an_array_that_was_not_started_holds_no_number),
		cmocka_unit_test(an_array_has_its_name_below_dev_md),
		cmocka_unit_test(an_array_may_be_read_before_its_start_is_reported),
		cmocka_unit_test(partitions_of_an_array_have_names_as_with_udev),
		cmocka_unit_test(two_arrays_of_one_name_have_two_names),
		cmocka_unit_test(arrays_of_one_name_that_come_at_one_time_have_none),
		cmocka_unit_test(an_array_that_cannot_be_started_claims_nothing),
		cmocka_unit_test(an_array_that_the_image_was_built_for_has_its_name_and_number),
		cmocka_unit_test(an_array_of_disks_with_partitions_of_their_own_waits_for_the_last_moment),
		cmocka_unit_test(an_array_that_is_named_is_started_whatever_partitions_its_members_have),
		cmocka_unit_test(partitions_of_an_array_do_not_withhold_it),
		cmocka_unit_test(an_array_that_is_withheld_claims_no_name),
		cmocka_unit_test(an_array_is_started_once_its_members_have_no_partitions_any_more),
		cmocka_unit_test(of_two_numbers_an_array_has_the_one_that_is_waited_for_and_free),
		cmocka_unit_test(a_setting_of_an_array_that_is_malformed_is_refused),
		cmocka_unit_test(an_array_is_no_member_of_itself),
		cmocka_unit_test(more_members_than_jobs_find_their_places),
		cmocka_unit_test(jobs_of_other_parts_do_not_keep_members_from_being_read_for_ever),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(a_second_try_begins_again_with_what_was_forgotten),
		cmocka_unit_test(an_array_that_runs_gets_a_note_for_udev),
		cmocka_unit_test(an_array_that_was_stopped_is_started_in_a_second_try),
		cmocka_unit_test(a_second_try_waits_for_all_members_again),
		cmocka_unit_test(a_member_that_cannot_be_read_is_named_and_read_again_in_a_second_try),
		cmocka_unit_test(another_device_in_its_place_is_no_answer),
		cmocka_unit_test(a_member_is_read_at_the_place_of_its_version),
		cmocka_unit_test(of_two_superblocks_that_is_taken_which_was_found_first),
		cmocka_unit_test(a_mirror_of_different_partition_tables_is_not_started),
		cmocka_unit_test(members_of_a_mirror_have_the_same_table),
		cmocka_unit_test(a_member_without_a_superblock_says_so),
	};

	return RUN_TESTS(tests);
}
