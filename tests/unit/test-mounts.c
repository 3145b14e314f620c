/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is mounted besides the root and over it: fstab, places below the root; and
 * roots that are found by the type of their partition.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/kernel/efivar.h"
#include "format/machine/fstab.h"
#include "init/devices/block.h"
#include "init/devices/discover.h"
#include "init/core/mount.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/goal/goal.h"
#include "recorder.h"
#include "support.h"

#define ROOT_TYPE "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"

/* ---- fstab ---- */

static void usr_and_what_is_marked_are_mounted_early(void **state)
{
	static const struct {
		const char *target, *fstype, *options;
		bool early;
	} cases[] = {
		{"/usr", "ext4", "defaults", true},
		{"/usr/", "ext4", "defaults", true},
		{"/usr", "ext4", "noauto", true},
		{"//usr//", "ext4", "noauto", true},
		{"/usrx", "ext4", "defaults", false},
		{"/us", "ext4", "defaults", false},
		{"", "auto", "defaults", false},
		{"/var", "ext4", "noauto,x-initrd.mount", false},
		{"/usr/local", "ext4", "defaults", false},
		{"/var", "ext4", "nofail,x-initrd.mount", true},
		{"/var", "ext4", "x-initrd.mount2", false},
		{"/var", "ext4", "xx-initrd.mount", false},
		{"/", "ext4", "x-initrd.mount", false},
		{"//", "ext4", "x-initrd.mount", false},
		{"none", "swap", "x-initrd.mount", false},
		{"/x", "swap", "x-initrd.mount", false},
		{"usr", "ext4", "x-initrd.mount", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fstab_entry e = {.target = (char *)cases[i].target,
					      .fstype = (char *)cases[i].fstype,
					      .options = (char *)cases[i].options};

		if (fstab_is_early(&e) != cases[i].early)
			fail_msg("%s %s", cases[i].target, cases[i].options);
	}
}

static void mounts_are_made_from_the_top_down(void **state)
{
	char text[] = "a / ext4 defaults 0 1\n"
		      "LABEL=deep /usr/share/doc ext4 x-initrd.mount\n"
		      "broken line\n"
		      "UUID=2 /usr ext4 ro 0 2\n"
		      "tmpfs /var tmpfs nofail,x-initrd.mount\n"
		      "LABEL=home /home ext4 defaults\n"
		      "LABEL=share /usr/share ext4 x-initrd.mount";
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a");

	(void)state;
	mounts_parse(b, text);
	assert_int_equal(b->mounts->n, 4);
	assert_string_equal(b->mounts->list[0].target, "/usr");
	assert_int_equal(b->mounts->list[0].spec.kind, SPEC_UUID);
	assert_false(b->mounts->list[0].optional);
	assert_string_equal(b->mounts->list[1].target, "/var");
	assert_int_equal(b->mounts->list[1].spec.kind, SPEC_NONE);
	assert_true(b->mounts->list[1].optional);
	assert_string_equal(b->mounts->list[2].target, "/usr/share");
	assert_string_equal(b->mounts->list[3].target, "/usr/share/doc");
}

static void usr_is_waited_for_whatever_its_options_say(void **state)
{
	char text[] = "UUID=2 /usr/ ext4 noauto,nofail 0 2\n"
		      "UUID=3 /var ext4 noauto,x-initrd.mount 0 2\n";
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a");

	(void)state;
	mounts_parse(b, text);
	assert_int_equal(b->mounts->n, 1);
	assert_false(b->mounts->list[0].optional);
}

static void a_line_with_a_flaw_is_obeyed_and_told(void **state)
{
	char text[] = "# made elsewhere\r\n"
		      "LABEL='u' /usr ext4 ro # of the system\r\n"
		      "UUID=3 /var\r\n";
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a");

	(void)state;
	mounts_parse(b, text);
	assert_int_equal(b->mounts->n, 1);
	assert_string_equal(b->mounts->list[0].options, "ro");
	assert_string_equal(b->mounts->list[0].spec.value, "u");
	assert_false(b->mounts->list[0].checked);
	assert_contains(recorder_log(), "line 2: its fifth field is no number; it is mounted");
	assert_contains(recorder_log(), "line 3: it does not say which type");
}

static void the_command_line_wins_over_usr_of_fstab(void **state)
{
	char text[] = "UUID=2 /usr ext4 ro\nUUID=3 /var ext4 x-initrd.mount\n";
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a mount.usr=LABEL=b");

	(void)state;
	mounts_parse(b, text);
	assert_int_equal(b->mounts->n, 1);
	assert_string_equal(b->mounts->list[0].target, "/var");
}

static void in_a_second_try_fstab_is_not_read_again(void **state)
{
	char text[] = "UUID=3 /var ext4 x-initrd.mount\n";
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a mount.usr=LABEL=b");

	(void)state;
	mounts_parse(b, text);
	assert_int_equal(mounts_fstab(b), STAGE_ENDS);
	assert_int_equal(b->mounts->n, 1);
}

static void more_mounts_than_there_is_room_for_are_no_harm(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=a");
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3 * MOUNTS_MAX; i++)
		buf_printf(&text, "LABEL=%d /%d ext4 x-initrd.mount\n", i, i);
	buf_cstr(&text);
	mounts_parse(b, (char *)text.data);
	assert_int_equal(b->mounts->n, MOUNTS_MAX);
	assert_string_equal(b->mounts->list[0].target, "/0");
}

/* ---- places below the root ---- */

static void assert_place(const char *root, const char *path, const char *expected)
{
	char link[64], target[512] = "";
	_cleanup_fd_ int fd = mount_open_target(root, path);

	assert_true(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(readlink(link, target, sizeof(target) - 1) > 0);
	assert_string_equal(target + strlen(root), expected);
}

static void no_link_leads_a_mount_out_of_the_root(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	char root[256];

	(void)state;
	snprintf(root, sizeof(root), "%s/root", folder);
	put_dir(folder, "outside/usr");
	put_dir(folder, "root/usr/share");
	put_dir(folder, "root/outside");
	put_link(folder, "root/absolute", "/usr");
	put_link(folder, "root/up", "../../../outside");
	put_link(folder, "root/magic", "/proc/self/root");
	recorder_start_with(0);
	assert_place(root, "/usr", "/usr");
	assert_place(root, "usr//share/", "/usr/share");
	assert_place(root, "/absolute/share", "/usr/share");
	assert_place(root, "/up", "/outside");
	assert_place(root, "/../../usr", "/usr");
	assert_int_equal(mount_open_target(root, "/magic/usr"), -ENOENT);
	buf_clear(&recorder.calls);
}

static void a_missing_folder_is_made_in_its_parent_alone(void **state)
{
	_cleanup_folder_ char *folder = make_folder();

	(void)state;
	put_dir(folder, "srv");
	put_link(folder, "dangling", "/nowhere/at/all");
	recorder_start_with(-EROFS);
	assert_int_equal(mount_open_target(folder, "/srv/new"), -ENOENT);
	assert_contains(recorder_calls(), "mkdir /proc/self/fd/");
	assert_contains(recorder_calls(), "/new 755\n");
	recorder_start_with(0);
	assert_int_equal(mount_open_target(folder, "/no/parent"), -ENOENT);
	assert_string_equal(recorder_calls(), "");
	buf_clear(&recorder.calls);
}

/* ---- roots that are found ---- */

static struct block_device *put_partition(struct boot *b, const char *name, unsigned disk,
					  unsigned number, const char *type)
{
	struct block_device *d = &b->devices->list[b->devices->n++];

	*d = (struct block_device){.state = DEVICE_KNOWN, .is_partition = true};
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->probe.usage, sizeof(d->probe.usage), "filesystem");
	snprintf(d->probe.type, sizeof(d->probe.type), "ext4");
	snprintf(d->probe.parttype, sizeof(d->probe.parttype), "%s", type);
	snprintf(d->probe.partuuid, sizeof(d->probe.partuuid), "part-%s", name);
	d->probe.partn = number;
	d->probe.disk_major = disk;
	return d;
}

static void without_a_name_the_type_of_the_partition_counts(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("quiet");
	struct block_device *hidden;
	char why[200] = "";

	(void)state;
	put_partition(b, "zza1", 1, 1, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
	assert_string_equal(recorder_root(b), "-");
	put_partition(b, "zza3", 1, 3, ROOT_TYPE);
	put_partition(b, "zza2", 1, 2, ROOT_TYPE);
	assert_string_equal(recorder_root(b), "zza2");
	hidden = put_partition(b, "zzb1", 2, 1, ROOT_TYPE);
	hidden->probe.partflags = 1ull << 63;
	assert_string_equal(recorder_root(b), "zza2");
	assert_false(discover_is_doubtful(b, why, sizeof(why)));
	hidden->probe.partflags = 1ull << 60;
	assert_true(discover_has_flag(hidden, DISCOVER_READ_ONLY));
	assert_string_equal(recorder_root(b), "-");
	assert_true(discover_is_doubtful(b, why, sizeof(why)));
	assert_contains(why, "zzb1");
	/* If the boot loader's disk is known, others do not matter. */
	snprintf(b->discovery->loader, sizeof(b->discovery->loader), "PART-zza1");
	assert_string_equal(recorder_root(b), "zza2");
	snprintf(b->discovery->loader, sizeof(b->discovery->loader), "part-zzb1");
	assert_string_equal(recorder_root(b), "zzb1");
	snprintf(b->discovery->loader, sizeof(b->discovery->loader), "part-of-no-disk");
	assert_string_equal(recorder_root(b), "-");
}

static char asked[64];

static uint8_t is_asked(struct boot *b, const struct block_device *d)
{
	(void)b;
	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%s%s ", d->name,
		 block_is_awaited(b, d) ? "" : "?");
	return PART_HOLDS;
}

/* What is held was none of the root's as long as another disk could have it. */
static void a_part_that_holds_the_root_hears_of_it_when_its_disk_is_known(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("quiet");

	(void)state;
	b->devices->known = is_asked;
	for (int i = 0; i < 2; i++) {
		struct block_device *d = put_partition(b, i ? "zzb1" : "zza1", (unsigned)i + 1, 1, ROOT_TYPE);

		d->was_read = true;
		d->claim = PART_HOLDS;
	}
	block_want(b, &b->params.root);
	assert_string_equal(asked, "");
	b->flow.task.state = TASK_ENDED;
	snprintf(b->flow.task.result.text, sizeof(b->flow.task.result.text), "PART-zzb1");
	assert_int_equal(discover_loader(b), STAGE_ENDS);
	assert_string_equal(asked, "zzb1 ");
}

static void the_devices_of_one_btrfs_are_no_rivals(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("quiet");
	struct block_device *first = put_partition(b, "zza1", 1, 1, ROOT_TYPE);
	struct block_device *second = put_partition(b, "zzb1", 2, 1, ROOT_TYPE);
	char why[200];

	(void)state;
	snprintf(first->probe.type, sizeof(first->probe.type), "btrfs");
	snprintf(second->probe.type, sizeof(second->probe.type), "btrfs");
	first->probe.btrfs.device[0] = 1;
	second->probe.btrfs.device[0] = 2;
	assert_false(discover_is_doubtful(b, why, sizeof(why)));
	assert_string_equal(recorder_root(b), "zza1");
	second->probe.btrfs.device[0] = 1; /* a copy */
	assert_true(discover_is_doubtful(b, why, sizeof(why)));
}

static void a_partition_can_be_counted_from_another(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("root=PARTUUID=part-zza1/PARTNROFF=2");
	_cleanup_free_ struct boot *back =
		recorder_boot_with("root=PARTUUID=PART-zza3/PARTNROFF=-2");

	(void)state;
	put_partition(b, "zza1", 1, 1, "");
	put_partition(b, "zzb3", 2, 3, ""); /* of another disk */
	assert_string_equal(recorder_root(b), "-");
	put_partition(b, "zza3", 1, 3, "");
	assert_string_equal(recorder_root(b), "zza3");
	put_partition(back, "zza1", 1, 1, "");
	put_partition(back, "zza3", 1, 3, "");
	assert_string_equal(recorder_root(back), "zza1");
}

static void labels_are_taken_as_udev_writes_them_too(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("root=LABEL=my\\x20root\\x2f");
	struct block_device *d = put_partition(b, "zza1", 1, 1, "");

	(void)state;
	strcpy(d->probe.label, "my root/");
	assert_string_equal(recorder_root(b), "zza1");
	strcpy(d->probe.label, "my\\x20root\\x2f");
	assert_string_equal(recorder_root(b), "zza1");
	strcpy(d->probe.label, "my root");
	assert_string_equal(recorder_root(b), "-");
}

static void a_number_and_a_link_name_a_device(void **state)
{
	_cleanup_free_ struct boot *b = recorder_boot_with("root=254:17");
	_cleanup_free_ struct boot *c = recorder_boot_with("root=/dev/disk/by-id/x-part1");
	struct block_device *d = put_partition(b, "zza1", 1, 1, "");

	(void)state;
	assert_string_equal(recorder_root(b), "-");
	d->probe.major = 254;
	d->probe.minor = 17;
	assert_string_equal(recorder_root(b), "zza1");
	d = put_partition(c, "zza1", 1, 1, "");
	assert_false(c->devices->probe_links);
	block_want(c, &c->params.root);
	assert_true(c->devices->probe_links);
	assert_int_equal(d->state, DEVICE_NEW); /* it is read again, for its links */
	d->state = DEVICE_KNOWN;
	strcpy(d->probe.links, "by-id/x\nby-id/x-part1\n");
	assert_string_equal(recorder_root(c), "zza1");
}

static void the_loaders_variable_is_text(void **state)
{
	static const char good[] = "\6\0\0\0a\0B\0" "1\0\0\0", bare[] = "\6\0\0\0a\0";
	static const char wide[] = "\6\0\0\0a\0b\1";
	char out[8] = "kept";

	(void)state;
	assert_int_equal(efivar_text(wide, 8, out, sizeof(out)), -EBADMSG);
	assert_int_equal(efivar_text(good, 3, out, sizeof(out)), -EBADMSG);
	assert_int_equal(efivar_text(good, 7, out, sizeof(out)), -EBADMSG);
	assert_int_equal(efivar_text(good, 12, out, 3), -E2BIG);
	assert_string_equal(out, "kept");
	assert_int_equal(efivar_text(good, 12, out, sizeof(out)), 0);
	assert_string_equal(out, "aB1");
	assert_int_equal(efivar_text(bare, 6, out, sizeof(out)), 0);
	assert_string_equal(out, "a");
	assert_int_equal(efivar_text(good, 4, out, sizeof(out)), 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usr_and_what_is_marked_are_mounted_early),
		cmocka_unit_test(usr_is_waited_for_whatever_its_options_say),
		cmocka_unit_test(a_line_with_a_flaw_is_obeyed_and_told),
		cmocka_unit_test(mounts_are_made_from_the_top_down),
		cmocka_unit_test(the_command_line_wins_over_usr_of_fstab),
		cmocka_unit_test(in_a_second_try_fstab_is_not_read_again),
		cmocka_unit_test(more_mounts_than_there_is_room_for_are_no_harm),
		cmocka_unit_test(no_link_leads_a_mount_out_of_the_root),
		cmocka_unit_test(a_missing_folder_is_made_in_its_parent_alone),
		cmocka_unit_test(without_a_name_the_type_of_the_partition_counts),
		cmocka_unit_test(a_part_that_holds_the_root_hears_of_it_when_its_disk_is_known),
		cmocka_unit_test(the_devices_of_one_btrfs_are_no_rivals),
		cmocka_unit_test(a_partition_can_be_counted_from_another),
		cmocka_unit_test(labels_are_taken_as_udev_writes_them_too),
		cmocka_unit_test(a_number_and_a_link_name_a_device),
		cmocka_unit_test(the_loaders_variable_is_text),
	};

	return RUN_TESTS(tests);
}
