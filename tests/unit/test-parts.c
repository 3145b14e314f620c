/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1's side of the seam for boot parts of features: which are open, when each is called, what
 * they do to the wait for the root, and what a machine without them is spared.
 */

#include <errno.h>
#include <stdio.h>

#include "init/devices/claims.h"
#include "init/devices/events.h"
#include "init/goal/goal.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/rescue/diagnose.h"
#include "init/rescue/rescue.h"
#include "init/stages.h"
#include "made_up.h"
#include "support.h"

static void a_feature_that_is_not_named_costs_nothing(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "kernel=1\nfeature=other\nmadeup.key=x\n", "root=UUID=1 rd.made.up");
	assert_int_equal(f.boot->parts->n, 0);
	assert_null(f.boot->devices->known);
	assert_null(f.boot->goal->claim);
	assert_null(f.boot->goal->held);
	assert_int_equal(f.boot->events->n_listeners, 0);
	assert_int_equal(parts_due(f.boot), INT64_MAX);
	assert_string_equal(said(),
			    "/etc/preroot/boot.conf: a line \"madeup.key=\" cannot be obeyed\n");
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	parts_leave(f.boot);
	assert_string_equal(said(), "");
	/* Its parameter is known, and why it is not obeyed. */
	assert_int_equal(f.boot->params.n_notes, 1);
	assert_string_equal(f.boot->params.notes[0].why, made_up.lacks);
	stages_advance(f.boot);
	world.now += 2000;
	stages_advance(f.boot);
	assert_contains(f.boot->flow.failure,
			"zza is crypto_LUKS, and this image has no feature for "
			"that");
}

static void it_is_opened_with_its_settings_and_its_parameters(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=madeup\nmadeup.key=a b\nmadeup.other=\n",
		     "root=UUID=1 rd.made.up");
	assert_int_equal(f.boot->parts->n, 1);
	assert_string_equal(said(),
			    "setting key=a b\nsetting other=\n"
			    "/etc/preroot/boot.conf: a line \"madeup.other=\" cannot be obeyed\n"
			    "begin, word\n");
	/* Parameters that are read again start from nothing. */
	params_parse(&f.boot->params, "root=UUID=1", 11);
	assert_false(((struct made_up_state *)f.part->state)->word);
}

/* A question or a shell may have had them walked, for the driver of a keyboard. */
static void it_hears_of_no_device_before_it_begins(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	static const char *const cmdlines[] = {"root=UUID=1 rd.cmdline=ask",
					       "root=UUID=1 rd.break=cmdline"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "shell=open\nfeature=madeup\n", cmdlines[i]);
		assert_true(f.boot->flow.stage < STAGE_TRIGGER);
		world.claim = PART_HOLDS;
		appears(&f, "zza", "crypto_LUKS", "crypto", "1");
		appears(&f, "zzb", "ext4", "filesystem", "2");
		receives(&f, net, sizeof(net));
		assert_null(strstr(said(), "begin"));
		f.boot->settings.typing = false;
		if (f.boot->shell->pid)
			shell_child_ended(f.boot, f.boot->shell->pid, 0);
		stages_advance(f.boot);
		assert_string_equal(said(),
				    "begin\ndevice zza crypto_LUKS\ndevice zzb ext4\n");
		receives(&f, net, sizeof(net));
		assert_string_equal(said(), "uevent /net/eth0\n");
		prompt_leave(f.boot);
	}
}

static void it_begins_before_its_first_stage(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "shell=open\nfeature=madeup\n", "root=UUID=1 rd.break=pre-trigger");
	assert_int_equal(f.boot->flow.stage, STAGE_PRE_TRIGGER);
	assert_non_null(strstr(said(), "begin\n"));
}

/* Whoever mounts the root by hand skips the stages in between. */
static void it_begins_although_the_root_was_mounted_in_a_shell(void **state)
{
	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "shell=open\nfeature=madeup\n", "root=UUID=1 rd.break=cmdline");
		assert_int_equal(f.boot->flow.stage, STAGE_CMDLINE);
		assert_int_not_equal(f.boot->shell->pid, 0);
		if (fails) {
			flow_fail(f.boot, "for a test");
			f.boot->rescue->begun = f.boot->rescue->explained = true;
		}
		said();
		world.is_mounted = true;
		shell_child_ended(f.boot, f.boot->shell->pid, 0);
		if (fails)
			rescue_tick(f.boot, world.now);
		stages_advance(f.boot);
		assert_true(f.boot->flow.stage > STAGE_MOUNT);
		assert_true(f.boot->parts->begun);
		assert_non_null(strstr(said(), "begin\n"));
	}
}

/* What has not begun cannot be tried again. */
static void it_is_not_tried_again_before_it_begins(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "shell=open\nfeature=madeup\n", "root=UUID=1 rd.break=cmdline");
	said();
	parts_retry(f.boot);
	assert_string_equal(said(), "");
}

static void a_device_that_is_held_keeps_the_wait_for_the_root(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char text[512];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	stages_advance(f.boot);
	world.now += 10000;
	stages_advance(f.boot);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_false(f.boot->flow.failed);
	stages[STAGE_WAIT].what(f.boot, text, sizeof(text));
	assert_string_equal(text, "root=UUID=1, LUKS to be unlocked");
	/* Nothing comes of it. */
	world.now = f.boot->flow.deadline;
	stages_advance(f.boot);
	assert_true(f.boot->flow.failed);
	assert_string_equal(f.boot->flow.failure,
			    "zza is crypto_LUKS, and nothing has come of it in time");
	said();
	block_remove(f.boot, "zza");
	assert_string_equal(said(), "gone mine\n");
}

/* A partition may be read before its disk, and might be on a leg of a mirror then. Whoever has it in hand is
 * told all the same. */
static void a_name_is_that_of_a_partition_whose_disk_is_not_read(void **state)
{
	struct spec spec = {0};

	(void)state;
	spec_parse("UUID=1", &spec);
	for (int was_read = 0; was_read < 2; was_read++) {
		_cleanup_fixture_ struct fixture f;
		struct block_device *d;
		struct part_device found;
		struct device_ref ref;
		int n;

		fixture_make(&f, "feature=madeup\n", "root=UUID=9");
		appears(&f, "zza1", "crypto_LUKS", "crypto", "1");
		appears(&f, "zza", "", "", "");
		n = block_find(f.boot, &spec);
		assert_true(n >= 0);
		ref = block_ref(f.boot, (size_t)n);
		d = &f.boot->devices->list[n];
		d->is_partition = true;
		d->probe.partn = 1;
		d = &f.boot->devices->list[!n];
		assert_string_equal(d->name, "zza");
		d->is_partition = false;
		d->was_read = was_read;
		d->state = was_read ? DEVICE_KNOWN : DEVICE_PROBING;
		assert_int_equal(part_find(&f.boot->parts->list[0], &spec, &found), was_read);
		assert_true(part_names(&f.boot->parts->list[0], &spec, ref));
		assert_false(part_is_root(&f.boot->parts->list[0], ref));
		d->was_read = true;
		d->state = DEVICE_KNOWN;
	}
}

static void a_device_that_is_refused_ends_the_wait_with_the_reason(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_REFUSES;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	stages_advance(f.boot);
	world.now += 2000;
	stages_advance(f.boot);
	assert_string_equal(f.boot->flow.failure,
			    "zza is crypto_LUKS, and its cipher is not in this kernel");
}

static void a_refusal_that_there_is_no_place_for_is_logged(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[8] = "zz0", text[512];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_REFUSES;
	for (int i = 0; i < PARTS_REFUSALS_MAX; i++, name[2]++)
		appears(&f, name, "crypto_LUKS", "crypto", name);
	assert_null(strstr(said(), "/dev/zz"));
	appears(&f, "zzy", "crypto_LUKS", "crypto", "y");
	assert_contains(said(), "/dev/zzy: its cipher is not in this kernel\n");
	/* One that is gone gives way. */
	block_remove(f.boot, "zz0");
	appears(&f, "zzx", "crypto_LUKS", "crypto", "x");
	assert_null(strstr(said(), "/dev/zz"));
	claims_explain(f.boot, 0, text, sizeof(text));
	assert_string_equal(text, "zzx is crypto_LUKS, and its cipher is not in this kernel");
}

static void a_device_that_is_held_for_a_reason_says_it_in_the_end(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	world.has_reason = true;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	stages_advance(f.boot);
	world.now = f.boot->flow.deadline;
	stages_advance(f.boot);
	assert_string_equal(f.boot->flow.failure, "zza is crypto_LUKS, and its cipher is not in this kernel");
}

/* The feature has found out something else. */
static void a_claim_may_change(void **state)
{
	static const struct {
		enum part_claim claim;
		const char *failure, *options;
	} cases[] = {{PART_OFFERS, "", "subvol=a,made-up"},
		     {PART_REFUSES, "zza is crypto_LUKS, and it is broken", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		struct device_ref ref;
		struct job job = {0};

		fixture_make(&f, "feature=madeup\n", "root=UUID=1 rootflags=subvol=a");
		world.claim = PART_HOLDS;
		appears(&f, "zza", "crypto_LUKS", "filesystem", "1");
		world.now += 10000;
		stages_advance(f.boot);
		assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
		ref = block_ref(f.boot, 0);
		part_set_claim(f.part, ref, cases[i].claim, *cases[i].failure ? "it is broken" : "");
		part_set_mount_option(f.part, ref, "made-up");
		stages_advance(f.boot);
		assert_string_equal(f.boot->flow.failure, cases[i].failure);
		if (*cases[i].options)
			assert_true(goal_mount_job(f.boot, &job));
		assert_string_equal(job.options, cases[i].options);
		/* The next device in its place has nothing of this. */
		said();
		block_remove(f.boot, "zza");
		assert_contains(said(), "gone mine\n");
		part_set_claim(f.part, ref, PART_HOLDS, "");
		part_set_mount_option(f.part, ref, "made-up");
		assert_int_equal(f.boot->devices->list[0].claim, PART_IGNORES);
		assert_null(f.boot->devices->list[0].option);
	}
}

static void only_whoever_has_claimed_a_device_changes_that(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct device_ref ref;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=second\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	ref = block_ref(f.boot, 0);
	part_set_claim(&f.boot->parts->list[1], ref, PART_REFUSES, "it is mine");
	part_set_mount_option(&f.boot->parts->list[1], ref, "made-up");
	assert_int_equal(f.boot->devices->list[0].claim, PART_HOLDS);
	assert_null(f.boot->devices->list[0].option);
	part_set_claim(&f.boot->parts->list[0], ref, PART_REFUSES, "it is mine");
	assert_int_equal(f.boot->devices->list[0].claim, PART_REFUSES);
}

/* Else those that are waited for in vain would have none left in the end. */
static void a_reason_that_is_over_takes_no_place(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[] = "zza";

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	for (unsigned i = 0; i < 3 * PARTS_REFUSALS_MAX; i++, name[2]++) {
		appears(&f, name, "crypto_LUKS", "crypto", "1");
		part_set_claim(f.part, block_ref(f.boot, i), PART_HOLDS, "it waits");
		part_set_claim(f.part, block_ref(f.boot, i), PART_OFFERS, "");
	}
	appears(&f, "zzz", "crypto_LUKS", "crypto", "1");
	said();
	part_set_claim(f.part, block_ref(f.boot, 3 * PARTS_REFUSALS_MAX), PART_REFUSES, "it is broken");
	assert_string_equal(said(), "");
	assert_string_equal(f.boot->devices->refusal(f.boot, block_ref(f.boot, 3 * PARTS_REFUSALS_MAX)),
			    "it is broken");
	assert_null(f.boot->devices->refusal(f.boot, block_ref(f.boot, 0)));
}

static void what_the_user_mounts_with_is_known(void **state)
{
	static const struct {
		const char *option;
		bool root, usr, other;
	} cases[] = {{"degraded", true, false, false},
		     {"device", false, true, false},
		     {"dev", false, false, false},
		     {"subvol", true, false, false}};
	_cleanup_fixture_ struct fixture f;
	char fstab[] = "UUID=2 /usr btrfs device=/dev/zzd,ro 0 2\n";

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1 rootflags=subvol=a,degraded");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "btrfs", "filesystem", "1");
	appears(&f, "zzb", "btrfs", "filesystem", "2");
	appears(&f, "zzc", "btrfs", "filesystem", "3");
	assert_false(part_has_mount_option(f.part, block_ref(f.boot, 1), "device"));
	mounts_parse(f.boot, fstab);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(part_has_mount_option(f.part, block_ref(f.boot, 0), cases[i].option),
				 cases[i].root);
		assert_int_equal(part_has_mount_option(f.part, block_ref(f.boot, 1), cases[i].option),
				 cases[i].usr);
		assert_int_equal(part_has_mount_option(f.part, block_ref(f.boot, 2), cases[i].option),
				 cases[i].other);
	}
}

static void a_device_that_is_refused_is_the_last_choice(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_REFUSES;
	appears(&f, "zza", "crypto_LUKS", "filesystem", "1");
	world.claim = PART_OFFERS;
	appears(&f, "zzb", "crypto_LUKS", "filesystem", "1");
	assert_int_equal(block_find(f.boot, &f.boot->params.root), 1);
}

/* As the line of an fstab does, which is read late. */
static void a_device_that_somebody_else_wants_now_is_shown_again(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const struct made_up_state *s;
	struct spec usr;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	s = f.part->state;
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "2");
	assert_false(s->is_wanted);
	spec_parse("UUID=2", &usr);
	block_want(f.boot, &usr);
	assert_true(s->is_wanted);
}

static void what_a_feature_holds_or_refuses_is_not_mounted_from_fstab(void **state)
{
	static const enum part_claim claims[] = {PART_HOLDS, PART_REFUSES, PART_OFFERS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		_cleanup_fixture_ struct fixture f;
		char fstab[] = "UUID=2 /usr auto defaults 0 2\n";

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		mounts_parse(f.boot, fstab);
		world.claim = claims[i];
		appears(&f, "zza", "crypto_LUKS", "filesystem", "2");
		flow_go(f.boot, STAGE_MOUNTS_WAIT);
		assert_int_equal(mounts_wait(f.boot),
				 claims[i] == PART_HOLDS     ? STAGE_STAYS
				 : claims[i] == PART_REFUSES ? STAGE_MOVED
							     : STAGE_ENDS);
		f.boot->flow.entered = true;
		world.now = f.boot->flow.deadline;
		assert_int_equal(mounts_wait(f.boot), claims[i] == PART_OFFERS ? STAGE_ENDS : STAGE_MOVED);
		if (claims[i] != PART_OFFERS)
			assert_contains(f.boot->flow.failure, "cannot be mounted: zza is crypto_LUKS, and ");
	}
}

static void a_root_may_have_a_name_that_a_feature_gives(void **state)
{
	static const char *const names[] = {"root=/dev/mapper/root", "root=/dev/vg/root"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", names[i]);
		assert_false(f.boot->flow.failed);
		appears(&f, "dm-0", "zzfs", "filesystem", "2");
		stages_advance(f.boot);
		assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
		assert_true(part_name(f.part, block_ref(f.boot, 0), "other/name"));
		assert_true(part_name(f.part, block_ref(f.boot, 0), i ? "vg/root" : "mapper/root"));
		stages_advance(f.boot);
		world.now += 2000;
		stages_advance(f.boot);
		assert_string_equal(f.boot->goal->fstype, "zzfs");
		fixture_clear(&f);
		/* No feature gives names. */
		fixture_make(&f, "", names[i]);
		assert_contains(f.boot->flow.failure, "is of a kind that the image cannot reach");
	}
}

static void a_feature_hears_what_is_waited_for(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct spec name, uuid, label;
	size_t n = 0;

	(void)state;
	fixture_make(&f, "feature=second\n", "root=/dev/mapper/vg-root");
	said();
	spec_parse("/dev/sda1", &name);
	block_want(f.boot, &name);
	spec_parse("/dev/vg/usr", &name);
	block_want(f.boot, &name);
	assert_string_equal(said(), "wanted\nwanted\n");
	assert_string_equal(part_next_name(f.part, &n), "mapper/vg-root");
	assert_string_equal(part_next_name(f.part, &n), "vg/usr");
	assert_null(part_next_name(f.part, &n));
	assert_false(part_lacks(f.part)); /* what has a name is on no other device */
	spec_parse("UUID=5", &uuid);
	block_want(f.boot, &uuid);
	assert_true(part_lacks(f.part));
	appears(&f, "zza", "zzfs", "filesystem", "5");
	assert_false(part_lacks(f.part));
	spec_parse("LABEL=x", &label);
	block_want(f.boot, &label);
	assert_true(part_lacks(f.part));
}

static void what_is_lacking_counts_while_it_is_waited_for(void **state)
{
	static const struct {
		enum boot_stage stage;
		bool with_root, lacks;
	} cases[] = {{STAGE_RESUME, false, true}, {STAGE_RESUME, true, false},	   {STAGE_WAIT, false, true},
		     {STAGE_WAIT, true, false},	  {STAGE_OVERLAY_WAIT, true, true}, {STAGE_FSTAB, true, false},
		     {STAGE_MOUNTS_WAIT, true, true}, {STAGE_SETTLE, true, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		struct spec resume;

		fixture_make(&f, "feature=second\n", "root=UUID=1");
		spec_parse("UUID=5", &resume);
		block_want(f.boot, &resume);
		if (cases[i].with_root)
			appears(&f, "zza", "zzfs", "filesystem", "1");
		spec_parse("UUID=7", &f.boot->mounts->list[0].spec);
		f.boot->mounts->n = 1;
		f.boot->flow.stage = cases[i].stage;
		assert_true(part_lacks(f.part) == cases[i].lacks);
		assert_true(part_lacks_any(f.part));
		if (cases[i].stage == STAGE_MOUNTS_WAIT) {
			appears(&f, "zzb", "zzfs", "filesystem", "7");
			assert_false(part_lacks(f.part));
		}
	}
}

static void a_device_has_few_names_and_none_once_it_is_gone(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct device_ref first;
	char name[32];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=/dev/mapper/root");
	appears(&f, "dm-0", "zzfs", "filesystem", "2");
	first = block_ref(f.boot, 0);
	for (int i = 0; i < DEVICES_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "mapper/%d", i);
		assert_true(part_name(f.part, first, name));
	}
	assert_false(part_name(f.part, first, "mapper/root"));
	block_remove(f.boot, "dm-0");
	assert_false(part_name(f.part, first, "mapper/root"));
	appears(&f, "dm-1", "zzfs", "filesystem", "2"); /* in the same place */
	assert_int_equal(block_ref(f.boot, 0).slot, first.slot);
	assert_true(part_name(f.part, block_ref(f.boot, 0), "mapper/root"));
	assert_int_equal(block_find(f.boot, &f.boot->params.root), 0);
	/* Nor has another one that is there in its stead. */
	block_mistaken(f.boot, block_ref(f.boot, 0));
	f.boot->devices->list[0].state = DEVICE_KNOWN;
	assert_int_equal(block_find(f.boot, &f.boot->params.root), -1);
}

/* However many partitions other arrays have. */
static void names_of_others_leave_room_for_that_of_the_root(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[32];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=/dev/mapper/root");
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "dm-%u", i);
		appears(&f, name, "zzfs", "filesystem", name);
		snprintf(name, sizeof(name), i < 299 ? "mapper/other%u" : "mapper/root", i);
		assert_true(part_name(f.part, block_ref(f.boot, i), name));
	}
	assert_int_equal(block_find(f.boot, &f.boot->params.root), 299);
}

/* A feature names devices again whenever they are read. */
static void a_name_that_is_given_again_takes_no_place(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=/dev/mapper/root");
	appears(&f, "dm-0", "zzfs", "filesystem", "2");
	for (int i = 0; i < 2 * DEVICES_NAMES_MAX; i++)
		assert_true(part_name(f.part, block_ref(f.boot, 0), "mapper/root"));
	assert_true(part_name(f.part, block_ref(f.boot, 0), "mapper/other"));
}

/* ---- members of arrays ---- */

/* NAME, a disk or partition PARTN of one, is there, and is read if TYPE says what it is. */
static struct block_device *has(struct fixture *f, const char *name, uint32_t partn, const char *type)
{
	struct job_result r = {.kind = JOB_PROBE};
	struct devices *all = f->boot->devices;
	size_t n = 0;

	block_add(f->boot, name, partn != 0);
	while (strcmp(all->list[n].name, name) != 0)
		n++;
	if (!type)
		return &all->list[n];
	all->list[n].state = DEVICE_PROBING;
	r.generation = all->list[n].generation;
	snprintf(r.name, sizeof(r.name), "%s", name);
	r.probe.partn = partn;
	snprintf(r.probe.type, sizeof(r.probe.type), "%s", type);
	snprintf(r.probe.usage, sizeof(r.probe.usage), "%s", partn ? "filesystem" : "raid");
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", partn ? "1" : "2");
	if (partn) {
		r.probe.major = 8;
		r.probe.minor = partn;
		strcpy(r.probe.partuuid, "3");
		strcpy(r.probe.links, "by-id/x-part1\n");
	}
	block_done(f->boot, &r);
	return &all->list[n];
}

static bool has_root(const struct fixture *f)
{
	return block_find(f->boot, &f->boot->params.root) >= 0;
}

/* Metadata 0.90 and 1.0: the kernel sees the partitions of the array on each of its members, and mounting one
 * there would destroy the array. */
static void a_partition_of_a_member_is_not_that_of_the_array(void **state)
{
	static const struct {
		const char *disk, *partition;
	} cases[] = {{"zza", "zza1"}, {"zz0n1", "zz0n1p1"}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *disk = cases[i / 2].disk, *partition = cases[i / 2].partition;
		_cleanup_fixture_ struct fixture f;
		struct block_device *d;
		char line[128];

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		d = has(&f, disk, 0, NULL);
		has(&f, partition, 1, "zzfs");
		assert_false(has_root(&f)); /* before its disk is read */
		d->state = DEVICE_PROBING;
		assert_false(has_root(&f));
		d = has(&f, disk, 0, "linux_raid_member");
		assert_true(has_root(&f)); /* metadata 1.2, or a superblock that was left behind */
		d->probe.shares_table = true;
		assert_false(has_root(&f));
		said();
		diagnose(f.boot);
		snprintf(line, sizeof(line), "a partition of the MD array of %s, not to be mounted from there\n",
			 disk);
		assert_contains(said(), line);
		if (i % 2) { /* somebody says that it is none */
			strcpy(d->probe.type, "zzfs");
			strcpy(d->probe.usage, "filesystem");
		} else { /* the array */
			has(&f, "md127p1", 1, "zzfs");
		}
		assert_true(has_root(&f));
	}
}

/* A disk, of whose superblock it is not known whether an array is still there. */
static void has_member(struct fixture *f)
{
	struct job_result r = {.kind = JOB_PROBE, .name = "zza"};

	block_add(f->boot, "zza", false);
	r.generation = has(f, "zza", 0, NULL)->generation;
	strcpy(r.probe.type, "crypto_LUKS"); /* what the made-up feature claims */
	strcpy(r.probe.usage, "raid");
	r.probe.shares_table = true;
	block_done(f->boot, &r);
}

/* A disk that was a member once, and is one no longer: who knows that? */
static void a_partition_of_a_former_member_is_mounted_for_whoever_knows(void **state)
{
	static const struct {
		const char *conf, *cmdline;
		bool has_root, is_claimed;
	} cases[] = {
		{"", "root=UUID=1", false, true},
		{"", "root=/dev/zza1", false, true},
		{"", "root=/dev/zza1 rootfstype=other", false, false},
		{"", "root=UUID=1 rootfstype=zzfs", false, true},
		{"", "root=PARTUUID=3 rootfstype=zzfs", false, true}, /* the array has it, too */
		{"", "root=/dev/disk/by-id/x-part1 rootfstype=zzfs", true, true},
		{"", "root=8:1 rootfstype=zzfs", true, true},
		{"", "root=/dev/zza1 rootfstype=zzfs", true, false},
		{"", "root=/dev/zza1 rootfstype=other,zzfs", true, false},
		{"arrays=none\n", "root=UUID=1", true, true},
		{"arrays=some\n", "root=UUID=1", false, true},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;
		char conf[64];

		snprintf(conf, sizeof(conf), "feature=madeup\n%s", cases[i / 2].conf);
		fixture_make(&f, conf, cases[i / 2].cmdline);
		world.claim = PART_HOLDS;
		if (i % 2)
			has_member(&f);
		has(&f, "zza1", 1, "zzfs");
		if (i % 2 == 0)
			has_member(&f);
		if (has_root(&f) != cases[i / 2].has_root ||
		    (strstr(said(), "device zza crypto") != NULL) != cases[i / 2].is_claimed)
			fail_msg("case %zu: %d", i, has_root(&f));
	}
}

static void a_filesystem_that_is_named_is_not_claimed(void **state)
{
	static const char *const cmdlines[] = {
		"root=/dev/zza rootfstype=zzfs", "root=8:5 rootfstype=zzfs", "root=PARTUUID=3 rootfstype=zzfs",
		"root=PARTLABEL=y rootfstype=zzfs", "root=/dev/disk/by-id/x rootfstype=zzfs",
		"root=UUID=9 rootfstype=zzfs rootfallback=/dev/zza rd.retry=100"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		_cleanup_fixture_ struct fixture f;
		struct job_result r = {.kind = JOB_PROBE, .name = "zza"};
		bool is_late = strstr(cmdlines[i], "rootfallback=") != NULL;

		fixture_make(&f, "feature=madeup\n", cmdlines[i]);
		world.claim = PART_HOLDS;
		r.generation = has(&f, "zza", 0, NULL)->generation;
		strcpy(r.probe.type, "crypto_LUKS");
		strcpy(r.probe.usage, "raid");
		strcpy(r.probe.partuuid, "3");
		strcpy(r.probe.partlabel, "y");
		strcpy(r.probe.links, "by-id/x\n");
		r.probe.major = 8;
		r.probe.minor = 5;
		r.probe.n_signatures = 2;
		r.probe.signatures[0] = (struct signature){.type = "crypto_LUKS", .usage = "raid"};
		r.probe.signatures[1] = (struct signature){.type = "zzfs", .usage = "filesystem"};
		said();
		block_done(f.boot, &r);
		assert_int_equal(strstr(said(), "device zza") != NULL, is_late);
		if (is_late) { /* what was claimed for another root */
			stages_advance(f.boot);
			world.now += 1000000;
			stages_advance(f.boot);
			assert_contains(said(), "gone mine\n");
		}
		stages_advance(f.boot);
		assert_string_equal(f.boot->flow.failure, "");
		assert_true(f.boot->flow.stage > STAGE_WAIT);
	}
}

static void the_account_says_how_a_former_member_is_mounted(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const char *text;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	has_member(&f);
	has(&f, "zza1", 1, "zzfs");
	said();
	diagnose(f.boot);
	text = said();
	assert_contains(text, "try: if zza is no member of an MD array any more: root=/dev/zza1 rootfstype=zzfs on the kernel");
	/* It is not to be mounted as it is. */
	assert_null(strstr(text, "try: root=UUID=1"));
	assert_null(strstr(text, "one of the filesystems above"));
}

static void is_read_as(struct fixture *f, const char *name, const struct probe *probe)
{
	struct job_result r = {.kind = JOB_PROBE, .probe = *probe};
	size_t n = 0;

	block_add(f->boot, name, probe->partn > 0);
	while (strcmp(f->boot->devices->list[n].name, name) != 0)
		n++;
	f->boot->devices->list[n].state = DEVICE_PROBING;
	r.generation = f->boot->devices->list[n].generation;
	snprintf(r.name, sizeof(r.name), "%s", name);
	block_done(f->boot, &r);
}

/* It looks as what is on the array. */
static void a_feature_is_not_shown_a_partition_of_a_member(void **state)
{
	static const struct probe partition = {.type = "crypto_LUKS", .usage = "crypto", .partn = 1},
				  member = {.type = "linux_raid_member", .usage = "raid", .shares_table = true},
				  plain = {.table = "gpt"};

	(void)state;
	for (int is_member = 0; is_member < 2; is_member++)
		for (int disk_first = 0; disk_first < 2; disk_first++) {
			_cleanup_fixture_ struct fixture f;

			fixture_make(&f, "feature=madeup\n", "root=UUID=1");
			block_add(f.boot, "zza", false);
			said();
			if (disk_first)
				is_read_as(&f, "zza", is_member ? &member : &plain);
			is_read_as(&f, "zza1", &partition);
			if (!disk_first) {
				assert_null(strstr(said(), "device zza1"));
				is_read_as(&f, "zza", is_member ? &member : &plain);
			}
			if (is_member)
				assert_null(strstr(said(), "device zza1"));
			else
				assert_contains(said(), "device zza1 crypto_LUKS\n");
		}
}

static void a_feature_is_shown_a_partition_whose_disk_hangs(void **state)
{
	static const struct probe partition = {.type = "crypto_LUKS", .usage = "crypto", .partn = 1};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	block_add(f.boot, "zza", false);
	block_begun(f.boot, 0);
	said();
	is_read_as(&f, "zza1", &partition);
	block_tick(f.boot, world.now);
	assert_null(strstr(said(), "device zza1"));
	world.now += JOBS_HANG_MS;
	block_tick(f.boot, world.now);
	assert_contains(said(), "device zza1 crypto_LUKS\n");
	block_tick(f.boot, world.now);
	assert_null(strstr(said(), "device zza1"));
}

static void a_partition_need_not_wait_for_what_is_not_its_disk(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct block_device *d;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	has(&f, "zz", 0, NULL);
	has(&f, "zza11", 11, NULL);
	has(&f, "zza1", 1, "zzfs");
	assert_true(has_root(&f));
	/* One that cannot be read. */
	d = has(&f, "zza", 0, NULL);
	assert_false(has_root(&f));
	d->state = DEVICE_HANGS;
	assert_true(has_root(&f));
	/* Where nothing starts arrays. */
	fixture_clear(&f);
	fixture_make(&f, "", "root=UUID=1");
	has(&f, "zza", 0, NULL);
	has(&f, "zza1", 1, "zzfs");
	assert_true(has_root(&f));
}

/* As one does that cannot read its last sectors, where a superblock may be. */
static void a_disk_that_hangs_does_not_hold_up_its_partition_for_ever(void **state)
{
	(void)state;
	for (unsigned changes = 0; changes < 2; changes++) {
		_cleanup_fixture_ struct fixture f;
		struct block_device *d;

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		d = has(&f, "zza", 0, NULL);
		block_begun(f.boot, (size_t)(d - f.boot->devices->list));
		world.now += 60000; /* the disk has to start: both take long */
		has(&f, "zza1", 1, "zzfs");
		assert_false(has_root(&f));
		world.now += JOBS_HANG_MS - 1;
		if (changes) { /* all the time */
			block_add(f.boot, "zza", false);
			assert_int_equal(d->state, DEVICE_AGAIN);
			has(&f, "zza1", 1, "zzfs");
		}
		assert_false(has_root(&f));
		world.now++;
		assert_true(has_root(&f));
		/* It comes to an end after all. */
		d->state = DEVICE_PROBING;
		d = has(&f, "zza", 0, "linux_raid_member");
		d->probe.shares_table = true;
		assert_false(has_root(&f));
	}
}

/* What an array is made of must be known for it to appear. */
static void all_disks_are_read_for_an_array_that_is_named(void **state)
{
	static const struct {
		const char *cmdline;
		bool all;
	} cases[] = {{"root=/dev/md0", true}, {"root=/dev/md127p1", true}, {"root=/dev/zzb", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", cases[i].cmdline);
		has(&f, "zza", 0, NULL);
		assert_int_equal(block_next(f.boot) >= 0, cases[i].all);
	}
}

/* root=/dev/zza, which is a member of something: the others are needed, too. */
static void all_disks_are_read_for_what_a_feature_holds(void **state)
{
	static const enum part_claim claims[] = {PART_IGNORES, PART_HOLDS, PART_REFUSES};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(claims); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", "root=/dev/zza");
		world.claim = claims[i / 2];
		if (i % 2)
			has(&f, "zzb", 0, NULL);
		appears(&f, "zza", "crypto_LUKS", "crypto", "1");
		if (i % 2 == 0)
			has(&f, "zzb", 0, NULL);
		assert_int_equal(block_next(f.boot) >= 0, claims[i / 2] == PART_HOLDS);
	}
}

/* The device of the test is read again. */
static void is_read(struct fixture *f, int result, const char *uuid)
{
	struct block_device *d = &f->boot->devices->list[0];
	struct job_result r = {.kind = JOB_PROBE, .result = result, .probe = d->probe};

	block_add(f->boot, d->name, true);
	d->state = DEVICE_PROBING;
	r.generation = d->generation;
	snprintf(r.name, sizeof(r.name), "%s", d->name);
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", uuid);
	block_done(f->boot, &r);
}

static void a_device_that_was_claimed_is_reported_gone_however_it_goes(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=9");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1"); /* which this machine does not have */
	said();
	is_read(&f, 0, "1");
	assert_string_equal(said(), "device zza crypto_LUKS\n"); /* the same */
	is_read(&f, 0, "2");
	assert_string_equal(said(), "gone mine\ndevice zza crypto_LUKS\n");
	block_mistaken(f.boot, block_ref(f.boot, 0));
	assert_contains(said(), "gone mine\n");
	is_read(&f, 0, "2");
	assert_string_equal(said(), "device zza crypto_LUKS\n");
	is_read(&f, -EIO, "2");
	assert_string_equal(said(), "gone mine\n"); /* and nobody is asked about it */
	is_read(&f, 0, "2");
	said();
	block_sweep(f.boot);
	assert_string_equal(said(), "gone mine\n");
}

static void a_root_without_a_device_is_the_feature_that_claims_it(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job job;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=far:away rootflags=soft");
	assert_contains(said(), "root far:away\n");
	stages_advance(f.boot);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_false(part_has_root(f.part));
	assert_true(part_root_mount(f.part, "server:/export", "nfs4", "vers=4.2"));
	assert_true(part_has_root(f.part));
	stages_advance(f.boot);
	assert_true(f.boot->flow.stage > STAGE_WAIT);
	assert_true(goal_mount_job(f.boot, &job));
	assert_string_equal(job.source, "server:/export");
	assert_string_equal(job.fstype, "nfs4");
	assert_string_equal(job.options, "vers=4.2,soft");
	assert_string_equal(job.name, "");
	fixture_clear(&f);
	fixture_make(&f, "feature=madeup\n", "root=near:by");
	assert_contains(f.boot->flow.failure, "is of a kind that the image cannot reach");
	fixture_clear(&f);
	/* It may turn out to be a device. */
	fixture_make(&f, "feature=madeup\n", "root=far:disk");
	part_root_is(f.part, "UUID=2");
	appears(&f, "sda", "zzfs", "filesystem", "2");
	assert_true(part_has_root(f.part));
}

static void it_hears_of_its_subsystems_alone(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	static const char usb[] = "add@/usb/1\0ACTION=add\0DEVPATH=/usb/1\0SUBSYSTEM=usb";
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	receives(&f, net, sizeof(net));
	assert_string_equal(said(), "uevent /net/eth0\n");
	receives(&f, usb, sizeof(usb));
	assert_string_equal(said(), "");
}

static void each_feature_hears_of_an_event_once(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=second\n", "root=UUID=1");
	said();
	receives(&f, net, sizeof(net));
	assert_string_equal(said(), "uevent /net/eth0\nuevent /net/eth0\n");
	world.loses = true;
	events_receive(f.boot);
	assert_string_equal(said(), "uevent lost\nuevent lost\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feature_that_is_not_named_costs_nothing),
		cmocka_unit_test(it_is_opened_with_its_settings_and_its_parameters),
		cmocka_unit_test(it_hears_of_no_device_before_it_begins),
		cmocka_unit_test(it_begins_before_its_first_stage),
		cmocka_unit_test(it_begins_although_the_root_was_mounted_in_a_shell),
		cmocka_unit_test(it_is_not_tried_again_before_it_begins),
		cmocka_unit_test(a_device_that_is_held_keeps_the_wait_for_the_root),
		cmocka_unit_test(a_name_is_that_of_a_partition_whose_disk_is_not_read),
		cmocka_unit_test(a_device_that_is_refused_ends_the_wait_with_the_reason),
		cmocka_unit_test(a_refusal_that_there_is_no_place_for_is_logged),
		cmocka_unit_test(a_device_that_is_held_for_a_reason_says_it_in_the_end),
		cmocka_unit_test(a_claim_may_change),
		cmocka_unit_test(only_whoever_has_claimed_a_device_changes_that),
		cmocka_unit_test(a_reason_that_is_over_takes_no_place),
		cmocka_unit_test(what_the_user_mounts_with_is_known),
		cmocka_unit_test(a_device_that_is_refused_is_the_last_choice),
		cmocka_unit_test(a_device_that_somebody_else_wants_now_is_shown_again),
		cmocka_unit_test(what_a_feature_holds_or_refuses_is_not_mounted_from_fstab),
		cmocka_unit_test(a_root_may_have_a_name_that_a_feature_gives),
		cmocka_unit_test(a_feature_hears_what_is_waited_for),
		cmocka_unit_test(what_is_lacking_counts_while_it_is_waited_for),
		cmocka_unit_test(a_device_has_few_names_and_none_once_it_is_gone),
		cmocka_unit_test(names_of_others_leave_room_for_that_of_the_root),
		cmocka_unit_test(a_name_that_is_given_again_takes_no_place),
		cmocka_unit_test(a_partition_of_a_member_is_not_that_of_the_array),
		cmocka_unit_test(a_partition_of_a_former_member_is_mounted_for_whoever_knows),
		cmocka_unit_test(a_filesystem_that_is_named_is_not_claimed),
		cmocka_unit_test(the_account_says_how_a_former_member_is_mounted),
		cmocka_unit_test(a_feature_is_not_shown_a_partition_of_a_member),
		cmocka_unit_test(a_feature_is_shown_a_partition_whose_disk_hangs),
		cmocka_unit_test(a_partition_need_not_wait_for_what_is_not_its_disk),
		cmocka_unit_test(a_disk_that_hangs_does_not_hold_up_its_partition_for_ever),
		cmocka_unit_test(all_disks_are_read_for_an_array_that_is_named),
		cmocka_unit_test(all_disks_are_read_for_what_a_feature_holds),
		cmocka_unit_test(a_device_that_was_claimed_is_reported_gone_however_it_goes),
		cmocka_unit_test(a_root_without_a_device_is_the_feature_that_claims_it),
		cmocka_unit_test(it_hears_of_its_subsystems_alone),
		cmocka_unit_test(each_feature_hears_of_an_event_once),
	};

	return RUN_TESTS(tests);
}
