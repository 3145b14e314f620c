/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an image can bring up: devices that a feature sets up, by the names and the facts that a build knows.
 */

#include <stdio.h>

#include "features/features.h"
#include "features/mdraid/members.h"
#include "support.h"

static bool reaches(const char *text)
{
	struct spec spec;

	spec_parse(text, &spec);
	return features_reach(NULL, NULL, NULL, &spec);
}

static void what_features_set_up_is_reached_by_its_names(void **state)
{
	static const char *const yes[] = {"/dev/sda1", "UUID=1", "/dev/md0", "/dev/md127p1", "/dev/md/root"},
				 *const no[] = {"/dev/mapper/root", "/dev/vg/root", "/dev/dm-0",
						"/dev/md_d0", "nfs:x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!reaches(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (reaches(no[i]))
			fail_msg("%s", no[i]);
}

/* Firmware's metadata needs mdadm. */
static void arrays_of_the_kernels_metadata_are_set_up(void **state)
{
	static const struct {
		const char *level, *metadata;
		bool is_set_up;
	} cases[] = {
		{"raid1", "1.2", true}, {"raid5", "0.90", true}, {"raid1", "external:imsm", false},
		{"raid1", "external:/md127/0", false}, {"raid0", "none", false}, {"raid0", "", false},
		{"raid1", NULL, false}, {NULL, "1.2", false}, {NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hw_block k = {.md_level = cases[i].level, .md_metadata = cases[i].metadata};

		if (features_set_up(&k) != cases[i].is_set_up)
			fail_msg("%s %s", cases[i].level, cases[i].metadata);
	}
}

/* As udev makes its links. */
static void an_array_of_this_machine_is_known_by_its_uuid(void **state)
{
	static const struct {
		const char *device, *uuid, *name, *own;
	} cases[] = {
		{"md127", "11111111:22222222:33333333:44444444", "host:root",
		 "11111111:22222222:33333333:44444444 127 root"},
		{"md0", "11111111:22222222:33333333:44444444", "0", "11111111:22222222:33333333:44444444 0 0"},
		{"md3", "11111111:22222222:33333333:44444444", NULL, "11111111:22222222:33333333:44444444 3"},
		{"md_root", "11111111:22222222:33333333:44444444", "host:a:b",
		 "11111111:22222222:33333333:44444444 - a:b"},
		{"md3", "11111111:22222222:33333333:44444444",
		 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "11111111:22222222:33333333:44444444 3"},
		{"md3", "1111", "root", NULL},
		{"md3", NULL, "root", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hw_block k = {.name = cases[i].device};
		_cleanup_folder_ char *folder = make_folder();
		_cleanup_root_ struct root r = {.fd = -1};
		_cleanup_arena_ struct arena a = {0};
		struct err err = {0};
		const char *own;
		char path[256], target[64];

		snprintf(target, sizeof(target), "../../%s", cases[i].device);
		put_link(folder, "dev/disk/by-id/md-uuid-55555555:22222222:33333333:44444444", "../../md77");
		put_link(folder, "dev/disk/by-id/md-name-host:other", "../../md77");
		snprintf(path, sizeof(path), "dev/disk/by-id/md-uuid-%s", cases[i].uuid);
		if (cases[i].uuid)
			put_link(folder, path, target);
		snprintf(path, sizeof(path), "dev/disk/by-id/md-name-%s", cases[i].name);
		if (cases[i].name)
			put_link(folder, path, target);
		assert_ok(root_open(folder, &r, &err), 0, &err);
		own = mdraid_own(&r, &k, &a);
		assert_string_equal(own ? own : "none", cases[i].own ? cases[i].own : "none");
	}
}

/* Plain volumes of cryptsetup have no header that says with which cipher. */
static void volumes_of_luks_and_lvm_are_set_up(void **state)
{
	static const struct {
		const char *id;
		bool is_set_up;
	} cases[] = {
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac46-root", true},
		{"CRYPT-LUKS1-3f71d376904648b2870a1c69ef76ac46-a-b", true},
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac46-", false},
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac4-root", false},
		{"CRYPT-LUKS2-", false},
		{"CRYPT-PLAIN-root", false},
		{"LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw2iKcIUz8X9UqvFcVSv2FfrsA6qwR", true},
		{"LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw2iKcIUz8X9UqvFcVSv2FfrsA6qwR-real", true},
		{"LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw2iKcIUz8X9UqvFcVSv2FfrsA6qwRx", false},
		{"LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw2iKcIUz8X9UqvFcVSv2FfrsA6qw", false},
		{"LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw-2iKcIUz8X9UqvFcVSv2FfrsA6qwR", false},
		{"LVM-x", false},
		{NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (features_set_up(&(struct hw_block){.dm_uuid = cases[i].id}) != cases[i].is_set_up)
			fail_msg("%s", cases[i].id);
}

static void a_feature_that_is_left_out_is_named(void **state)
{
	struct request_wish omit = {.kind = WISH_OMIT_FEATURE, .word = "mdraid"};
	struct request with = {0}, without = {.wishes = &omit, .n_wishes = 1};
	struct hw_block array = {.md_level = "raid1", .md_metadata = "1.2"}, disk = {.name = "sda"};
	struct spec spec;

	(void)state;
	spec_parse("/dev/md/root", &spec);
	assert_null(features_left_out(&with, &spec, NULL));
	assert_null(features_left_out(&with, NULL, &array));
	assert_string_equal(features_left_out(&without, &spec, NULL), "mdraid");
	assert_string_equal(features_left_out(&without, NULL, &array), "mdraid");
	assert_null(features_left_out(&without, NULL, &disk));
	spec_parse("UUID=1", &spec);
	assert_null(features_left_out(&without, &spec, NULL));
	/* A name that may be of either kind. */
	omit.word = "lvm";
	spec_parse("/dev/vg/root", &spec);
	assert_string_equal(features_left_out(&without, &spec, NULL), "lvm");
	spec_parse("/dev/mapper/vg-root", &spec);
	assert_null(features_left_out(&without, &spec, NULL));
}

/* ---- members of arrays ---- */

#define UUID "6f5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a"
#define OWN  "11111111-2222-3333-4444-555555555555"

static void members_are_noted_by_what_stays_the_same(void **state)
{
	static const struct {
		const char *slot, *udev, *noted; /* NULL: not at all */
	} cases[] = {
		{"1\n", "E:ID_FS_UUID=" UUID "\nE:ID_FS_UUID_SUB=" OWN "\nS:disk/by-path/pci-1\nS:disk/by-id/wwn-0x1\n"
			"S:disk/by-id/nvme-b\nS:disk/by-id/ata-a\n", UUID " 1 " OWN " /dev/disk/by-id/ata-a"},
		{"0\n", "S:disk/by-id/wwn-0x2\nE:ID_FS_UUID=" UUID "\nS:disk/by-id/wwn-0x1\n",
		 UUID " 0 - /dev/disk/by-id/wwn-0x1"},
		{"0\n", "S:disk/by-id/a\nE:ID_FS_UUID=" UUID "\nE:ID_FS_UUID_SUB=odd words\n",
		 UUID " 0 - /dev/disk/by-id/a"},
		{"none\n", "E:ID_FS_UUID=" UUID "\nS:disk/by-id/a\n", NULL},		  /* a spare */
		{"0\n", "E:ID_FS_UUID=" UUID "\nS:disk/by-path/a\n", NULL},		  /* moves with the cable */
		{"0\n", "E:ID_FS_UUID=" UUID "\nS:disk/by-id/a b\n", NULL},		  /* no name of udev's */
		{"0\n", "E:ID_FS_UUID=six\nS:disk/by-id/a\n", NULL},
		{"0\n", "S:disk/by-id/a\n", NULL},
		{"4294967296\n", "E:ID_FS_UUID=" UUID "\nS:disk/by-id/a\n", NULL},
		{NULL, "E:ID_FS_UUID=" UUID "\nS:disk/by-id/a\n", NULL},
		{"0\n", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		_cleanup_folder_ char *folder = make_folder();
		struct hw_block blocks[] = {{.name = "md7p1", .path = "devices/md7/md7p1"},
					    {.name = "md7", .path = "devices/md7", .holder = "md7p1"},
					    {.name = "sda1", .path = "devices/sda1", .holder = "md7"},
					    {.name = "sda", .path = "devices/sda", .holder = "sda1"}};
		struct hw_mount m = {.blocks = blocks, .n_blocks = ARRAY_SIZE(blocks)};
		struct request request = {.hardware_file = i % 2 ? "other.json" : NULL};
		struct root root;
		struct build b = {.request = &request, .root = &root};
		struct err err = {0};
		char expected[256] = "";

		assert_ok(root_open(folder, &root, &err), 0, &err);
		put_text(folder, "sys/devices/sda1/dev", "8:1\n");
		put_text(folder, "sys/devices/sda/dev", "8:0\n");
		put_text(folder, "run/udev/data/b8:0", "E:ID_FS_UUID=" UUID "\nS:disk/by-id/whole\n");
		if (cases[i / 2].slot)
			put_text(folder, "sys/devices/md7/md/dev-sda1/slot", cases[i / 2].slot);
		if (cases[i / 2].udev)
			put_text(folder, "run/udev/data/b8:1", cases[i / 2].udev);
		for (unsigned again = 0; again < 2; again++) /* swap is on the same array */
			mdraid_note_members(&b, &m, &blocks[1]);
		if (cases[i / 2].noted && i % 2 == 0) /* and not about another machine */
			snprintf(expected, sizeof(expected), "mdraid.member=%s\n", cases[i / 2].noted);
		assert_string_equal(buf_cstr(&b.boot_conf) ?: "", expected);
		buf_clear(&b.boot_conf);
		arena_clear(&b.plan.arena);
		root_close(&root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_features_set_up_is_reached_by_its_names),
		cmocka_unit_test(arrays_of_the_kernels_metadata_are_set_up),
		cmocka_unit_test(an_array_of_this_machine_is_known_by_its_uuid),
		cmocka_unit_test(volumes_of_luks_and_lvm_are_set_up),
		cmocka_unit_test(a_feature_that_is_left_out_is_named),
		cmocka_unit_test(members_are_noted_by_what_stays_the_same),
	};

	return RUN_TESTS(tests);
}
