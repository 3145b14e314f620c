/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 and disks with the signatures of several things: which of them is taken, and what is said
 * of the others. Failures of libblkid, which differ between its releases, are made up.
 */

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "init/devices/block.h"
#include "init/devices/probe.h"
#include "init/devices/signatures.h"
#include "init/rescue/diagnose.h"
#include "recorder.h"
#include "support.h"

#define EXT_UUID "01020304-0506-0708-090a-0b0c0d0e0f10"


enum { DISK_SIZE = 16 * 1024 * 1024, MD_AT = 4096, MD_SIZE = 256 };

/* ---- libblkid ---- */

static struct {
	int safeprobe, probe; /* its failures that are still to come */
	int error;	      /* what the latter leave in errno */
} failures;

int __real_blkid_do_probe(blkid_probe pr);
int __wrap_blkid_do_probe(blkid_probe pr);
int __wrap_blkid_do_probe(blkid_probe pr)
{
	if (!failures.probe)
		return __real_blkid_do_probe(pr);
	failures.probe--;
	errno = failures.error;
	return -1;
}

int __real_blkid_do_safeprobe(blkid_probe pr);
int __wrap_blkid_do_safeprobe(blkid_probe pr);
int __wrap_blkid_do_safeprobe(blkid_probe pr)
{
	if (!failures.safeprobe)
		return __real_blkid_do_safeprobe(pr);
	failures.safeprobe--;
	return -1;
}

/* ---- disks ---- */

static void put(int fd, off_t at, const void *data, size_t len)
{
	assert_int_equal(pwrite(fd, data, len, at), (ssize_t)len);
}

static int make_disk(const char *folder)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/disk", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && ftruncate(fd, DISK_SIZE) == 0);
	return fd;
}

static void put_ext2(int fd, const char *label)
{
	static const unsigned char uuid[16] = {1, 2,  3,  4,  5,  6,  7,  8,
					       9, 10, 11, 12, 13, 14, 15, 16};

	put(fd, 1024 + 0x38, "\x53\xef", 2);
	put(fd, 1024 + 0x68, uuid, sizeof(uuid));
	put(fd, 1024 + 0x78, label, strlen(label));
}

/* Newer releases of libblkid also want a root directory, whose first entry is itself. */
static void put_iso9660(int fd, const char *label)
{
	enum { DESCRIPTOR = 32768, BLOCK_SIZE = 2048, ROOT = 20, ENTRY_SIZE = 34 };
	unsigned char entry[ENTRY_SIZE] = {ENTRY_SIZE, [32] = 1};

	put_le32(entry + 2, ROOT);
	put_le32(entry + 10, BLOCK_SIZE);
	put(fd, DESCRIPTOR, "\001CD001\001", 8);
	put(fd, DESCRIPTOR + 40, "                                ", 32);
	put(fd, DESCRIPTOR + 40, label, strlen(label));
	put(fd, DESCRIPTOR + 128, "\000\010\010", 4); /* size of a block, in both orders */
	put(fd, DESCRIPTOR + 156, entry, sizeof(entry));
	put(fd, (off_t)ROOT * BLOCK_SIZE, entry, sizeof(entry));
}

/* A member of an array, or a former one; AT: where its metadata of version 1.x is. SECTORS: that the array has. */
static void put_md_of(int fd, off_t at, uint32_t sectors)
{
	unsigned char sb[MD_SIZE] = {0};
	uint64_t sum = 0;

	put_le32(sb, 0xa92b4efc);
	put_le32(sb + 4, 1);
	for (int i = 0; i < 16; i++)
		sb[16 + i] = (unsigned char)(0xf1 + i);
	put_le32(sb + 72, 1);
	put_le32(sb + 136, sectors);
	put_le32(sb + 144, (uint32_t)(at / 512));
	for (int i = 0; i < MD_SIZE; i += 4)
		sum += (uint32_t)sb[i] | (uint32_t)sb[i + 1] << 8 | (uint32_t)sb[i + 2] << 16 |
		       (uint32_t)sb[i + 3] << 24;
	put_le32(sb + 216, (uint32_t)((sum & 0xffffffff) + (sum >> 32)));
	put(fd, at, sb, sizeof(sb));
}

static void put_md(int fd, off_t at)
{
	put_md_of(fd, at, (uint32_t)(at / 512));
}

/* The same of version 0.90. */
static void put_old_md(int fd, off_t at)
{
	unsigned char sb[MD_SIZE] = {0};

	put_le32(sb, 0xa92b4efc);
	put_le32(sb + 8, 90);
	put_le32(sb + 32, (uint32_t)(at / 1024));
	put(fd, at, sb, sizeof(sb));
}

/* With one partition from sector 2048 to END. */
static void put_mbr(int fd, uint64_t end)
{
	unsigned char mbr[512] = {[450] = 0x83, [510] = 0x55, [511] = 0xaa};

	put_le32(mbr + 454, 2048);
	put_le32(mbr + 458, (uint32_t)end - 2048);
	put(fd, 0, mbr, sizeof(mbr));
}

/* The same, and the partition holds a filesystem of BLOCKS of 1 KiB. */
static void put_mbr_with(int fd, uint64_t end, uint32_t blocks)
{
	unsigned char count[4];

	put_mbr(fd, end);
	put_le32(count, blocks);
	put(fd, 2048 * 512 + 1024 + 0x38, "\x53\xef", 2);
	put(fd, 2048 * 512 + 1024 + 4, count, sizeof(count));
}

static void put_full_mbr(int fd, uint64_t end)
{
	put_mbr_with(fd, end, (uint32_t)(end - 2048) / 2);
}

/* It ends before the last 64 KiB. */
static void put_small_mbr(int fd, uint64_t end)
{
	put_mbr_with(fd, end, (uint32_t)(end - 2048) / 2 - 64);
}

static void put_broken_mbr(int fd, uint64_t end)
{
	put_mbr_with(fd, end, (uint32_t)end);
}

static uint32_t sum_of(const unsigned char *data, size_t len)
{
	uint32_t sum = UINT32_MAX;

	while (len--) {
		sum ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
	}
	return ~sum;
}

/* Without partitions, of a disk of END sectors. */
static void put_gpt(int fd, uint64_t end)
{
	enum { ENTRIES = 128, ENTRY = 128, HEADER = 92 };
	static const unsigned char entries[ENTRIES * ENTRY];
	unsigned char mbr[512] = {[450] = 0xee, [510] = 0x55, [511] = 0xaa}, gpt[512] = "EFI PART\0\0\1";

	put_le32(mbr + 454, 1);
	put_le32(mbr + 458, (uint32_t)end - 1);
	put_le32(gpt + 12, HEADER);
	put_le32(gpt + 24, 1);
	put_le32(gpt + 32, (uint32_t)end - 1);
	put_le32(gpt + 40, 34);
	put_le32(gpt + 48, (uint32_t)end - 34);
	put_le32(gpt + 72, 2);
	put_le32(gpt + 80, ENTRIES);
	put_le32(gpt + 84, ENTRY);
	put_le32(gpt + 88, sum_of(entries, sizeof(entries)));
	put_le32(gpt + 16, sum_of(gpt, HEADER));
	put(fd, 0, mbr, sizeof(mbr));
	put(fd, 512, gpt, sizeof(gpt));
}

/* Its label: N times the character U+4E01, which has three bytes. */
static void put_f2fs(int fd, unsigned n)
{
	put(fd, 1024, "\x10\x20\xf5\xf2\x01\0\x0d\0", 8);
	for (unsigned i = 0; i < n; i++)
		put(fd, 1024 + 0x7c + 2 * i, "\x01\x4e", 2);
}

/* One of two devices; the kind of its checksum is one that is not looked at. */
/* The checksum of btrfs, which newer versions of libblkid look at. */
static uint32_t crc32c(const unsigned char *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t bit = 0; bit < len * 8; bit++)
		crc = crc >> 1 ^ ((crc ^ (uint32_t)p[bit / 8] >> bit % 8) & 1 ? 0x82f63b78 : 0);
	return ~crc;
}

static void put_btrfs(int fd, uint8_t devices)
{
	enum { SUPER = 65536, SUM = 32 };
	unsigned char sb[4096] = {[50] = 1, [136] = devices, [145] = 16, [149] = 64, [201] = 2};
	uint32_t sum;

	memcpy(sb + 64, "_BHRfS_M", 8);
	sum = crc32c(sb + SUM, sizeof(sb) - SUM);
	for (unsigned i = 0; i < 4; i++)
		sb[i] = (unsigned char)(sum >> 8 * i);
	put(fd, SUPER, sb, sizeof(sb));
}

enum content { EXT2 = 1, ISO9660 = 2, MD = 4 };

static int try_probe(unsigned content, struct probe *out)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_fd_ int fd = make_disk(folder);

	*out = (struct probe){0};
	if (content & EXT2)
		put_ext2(fd, "system");
	if (content & ISO9660)
		put_iso9660(fd, "CDROM");
	if (content & MD)
		put_md(fd, MD_AT);
	return probe_content(fd, out);
}

static struct probe probe_of(unsigned content)
{
	struct probe p;

	assert_int_equal(try_probe(content, &p), 0);
	return p;
}

/* A boot that knows a disk vda with CONTENT. */
static struct boot *boot_with(const char *cmdline, unsigned content)
{
	struct boot *b = recorder_boot_with(cmdline);
	struct job_result r = {.name = "vda", .probe = probe_of(content)};

	block_want_named(b);
	block_add(b, "vda", false);
	b->devices->list[0].state = DEVICE_PROBING;
	r.generation = b->devices->list[0].generation;
	block_done(b, &r);
	return b;
}

/* ---- what is found ---- */

static void a_disk_with_one_signature_is_what_that_says(void **state)
{
	struct probe p = probe_of(EXT2);

	(void)state;
	assert_false(p.ambivalent);
	assert_string_equal(p.type, "ext2");
	assert_int_equal(p.n_signatures, 0);
}

static void all_signatures_of_a_disk_are_known(void **state)
{
	struct probe p = probe_of(EXT2 | ISO9660);
	char all[64];

	(void)state;
	assert_true(p.ambivalent);
	assert_string_equal(p.type, "");
	assert_int_equal(p.n_signatures, 2);
	signatures_list(&p, all, sizeof(all));
	assert_true(strcmp(all, "ext2 and iso9660") == 0 || strcmp(all, "iso9660 and ext2") == 0);
	p = probe_of(EXT2 | MD);
	assert_string_equal(p.type, "linux_raid_member");
	signatures_list(&p, all, sizeof(all));
	assert_string_equal(all, "linux_raid_member and ext2");
}

/* libblkid 2.41 does not distinguish several signatures from other failures. */
static void where_libblkid_fails_each_signature_is_looked_at(void **state)
{
	static const struct {
		unsigned content;
		bool ambivalent;
		unsigned n;
		const char *type, *uuid;
	} cases[] = {
		{0, false, 0, "", ""},
		{EXT2, false, 1, "ext2", EXT_UUID},
		{EXT2 | ISO9660, true, 2, "", ""},
		{EXT2 | MD, false, 2, "linux_raid_member", "f1f2f3f4-f5f6-f7f8-f9fa-fbfcfdfeff00"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int damaged = 0; damaged < 4; damaged++) {
			struct probe p;

			failures = (typeof(failures)){.safeprobe = 1, .probe = damaged};
			p = probe_of(cases[i].content);
			assert_int_equal(p.ambivalent, cases[i].ambivalent);
			assert_int_equal(p.n_signatures, cases[i].n);
			assert_string_equal(p.type, cases[i].type);
			assert_string_equal(p.uuid, cases[i].uuid);
			assert_int_equal(failures.safeprobe + failures.probe, 0);
		}
}

static void libblkid_that_only_fails_does_not_end_the_search(void **state)
{
	struct probe p;

	(void)state;
	failures = (typeof(failures)){.safeprobe = 2, .probe = 1000000};
	assert_int_equal(try_probe(EXT2, &p), 0);
	assert_string_equal(p.type, "");
	failures = (typeof(failures)){0};
}

static void a_device_that_cannot_be_read_is_no_empty_one(void **state)
{
	_cleanup_folder_ char *folder = make_folder();
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = make_disk(folder), unreadable = -1;
	struct probe p = {0};

	(void)state;
	failures = (typeof(failures)){.safeprobe = 1, .probe = 1, .error = EIO};
	assert_int_equal(try_probe(EXT2, &p), -EIO);
	assert_true(asprintf(&path, "%s/disk", folder) > 0);
	unreadable = open(path, O_WRONLY | O_CLOEXEC);
	put_ext2(fd, "system");
	assert_int_equal(probe_content(unreadable, &p), -EBADF);
}

static void a_member_whose_superblock_is_at_the_end_shares_its_partitions(void **state)
{
	static const struct {
		off_t at;
		bool shares;
	} cases[] = {{MD_AT, false}, {0, false}, {DISK_SIZE - 8192, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_folder_ char *folder = make_folder();
		_cleanup_fd_ int fd = make_disk(folder);
		struct probe p = {0};

		put_md(fd, cases[i].at);
		assert_int_equal(probe_content(fd, &p), 0);
		assert_string_equal(p.type, "linux_raid_member");
		assert_int_equal(p.shares_table, cases[i].shares);
	}
}

/* The superblock of a former member outlives a new table, and the array must not be started over what is on the
 * disk now. */
static void a_table_with_room_for_the_superblock_is_not_that_of_the_array(void **state)
{
	enum { SECTORS = DISK_SIZE / 512, NEW = SECTORS - 16, OLD = SECTORS - 128 };
	static const struct {
		void (*table)(int fd, uint64_t end);
		uint64_t end;
		off_t at; /* of the superblock, in sectors */
		bool is_member;
		bool is_small; /* the array has room in the partition */
	} cases[] = {
		{put_full_mbr, SECTORS, NEW, false, false},
		{put_full_mbr, NEW + 2, NEW, false, false},
		{put_full_mbr, NEW, NEW, true, false},
		{put_full_mbr, SECTORS, OLD, false, false},
		{put_full_mbr, OLD + 2, OLD, false, false},
		{put_full_mbr, OLD, OLD, true, false},
		/* The kernel would cut the partition off on the array; what is on it fits there, or is not known. */
		{put_small_mbr, SECTORS, NEW, true, false},
		{put_mbr, SECTORS, NEW, true, false},
		{put_mbr, SECTORS, OLD, true, false},
		{put_broken_mbr, SECTORS, OLD, true, false},
		{put_full_mbr, 2 * SECTORS, NEW, true, false}, /* of an array that is larger than its members */
		/* The superblock is that of the partition. */
		{put_mbr, SECTORS, NEW, false, true},
		{put_small_mbr, SECTORS, NEW, false, true},
		{put_mbr, NEW, NEW, true, true},
		{put_gpt, SECTORS, OLD, false, false},
		{put_gpt, OLD, OLD, true, false},
		{put_gpt, NEW, NEW, true, false},
		/* An array that was made over a table: the backup of the table is gone, and no partition can be
		 * where the superblock is. */
		{put_gpt, SECTORS, NEW, true, false},
		{put_full_mbr, SECTORS, 8, true, false}, /* no table of an array is there */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_folder_ char *folder = make_folder();
		_cleanup_fd_ int fd = make_disk(folder);
		struct probe p = {0};

		cases[i].table(fd, cases[i].end);
		if (cases[i].at == OLD)
			put_old_md(fd, cases[i].at * 512);
		else
			put_md_of(fd, cases[i].at * 512, (uint32_t)cases[i].at - (cases[i].is_small ? 2048 : 0));
		assert_int_equal(probe_content(fd, &p), 0);
		if ((strcmp(p.type, "linux_raid_member") == 0) != cases[i].is_member)
			fail_msg("case %zu: %s", i, p.type);
		assert_int_equal(p.shares_table, cases[i].is_member && cases[i].at != 8);
		if (cases[i].is_member)
			continue;
		assert_string_equal(p.table, cases[i].table == put_gpt ? "gpt" : "dos");
		assert_string_equal(p.usage, "");
		assert_string_equal(p.uuid, "");
		assert_int_equal(p.n_signatures, 0);
	}
}

/* ---- which is taken ---- */

/* btrfs and NTFS have longer ones than ext4; of the longest nothing is better than a part. */
static void long_labels_are_whole_or_left_out(void **state)
{
	static const struct {
		unsigned chars;
		bool fits;
	} cases[] = {{1, true}, {30, true}, {128, true}, {170, true}, {171, false}, {512, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int two = 0; two < 2; two++) {
			_cleanup_folder_ char *folder = make_folder();
			_cleanup_fd_ int fd = make_disk(folder);
			struct probe p = {0};
			const char *label = p.label;

			put_f2fs(fd, cases[i].chars);
			if (two)
				put_iso9660(fd, "CDROM");
			assert_int_equal(probe_content(fd, &p), 0);
			for (unsigned k = 0; k < p.n_signatures; k++)
				if (strcmp(p.signatures[k].type, "f2fs") == 0)
					label = p.signatures[k].label;
			assert_int_equal(two, label != p.label);
			assert_int_equal(strlen(label), cases[i].fits ? 3 * cases[i].chars : 0);
		}
}

static void how_many_devices_a_btrfs_has_is_known(void **state)
{
	(void)state;
	for (int two = 0; two < 2; two++)
		for (uint8_t devices = 0; devices < 3; devices++) {
			_cleanup_folder_ char *folder = make_folder();
			_cleanup_fd_ int fd = make_disk(folder);
			struct probe p = {0};

			put_btrfs(fd, devices);
			if (two)
				put_iso9660(fd, "CDROM");
			assert_int_equal(probe_content(fd, &p), 0);
			assert_string_equal(p.type, two ? "" : "btrfs");
			assert_int_equal(p.btrfs.devices, devices);
			assert_int_equal(p.btrfs.id, devices ? 2 : 0);
		}
}

static void the_filesystem_that_root_names_is_taken(void **state)
{
	static const struct {
		const char *cmdline, *type; /* NULL: the root is not there */
	} cases[] = {
		{"root=UUID=" EXT_UUID, "ext2"},
		{"root=LABEL=system", "ext2"},
		{"root=LABEL=CDROM", "iso9660"},
		{"root=LABEL=other", NULL},
		{"root=/dev/vda", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline, EXT2 | ISO9660);
		int n = block_find(b, &b->params.root);

		if ((n >= 0) != (cases[i].type != NULL))
			fail_msg("%s: %d", cases[i].cmdline, n);
		if (n >= 0)
			assert_string_equal(b->devices->list[n].probe.type, cases[i].type);
		free(b);
	}
}

static void it_may_be_wanted_later(void **state)
{
	struct boot *b = boot_with("root=/dev/vdb mount.usr=UUID=" EXT_UUID, EXT2 | ISO9660);

	(void)state;
	assert_int_equal(block_find(b, &b->params.usr), -1);
	block_want(b, &b->params.usr);
	assert_int_equal(block_find(b, &b->params.usr), 0);
	free(b);
}

static void what_two_of_them_are_called_names_none(void **state)
{
	struct block_device d = {.name = "vda", .probe = {.ambivalent = true, .n_signatures = 2}};
	struct spec spec;

	(void)state;
	for (int i = 0; i < 2; i++)
		d.probe.signatures[i] = (struct signature){
			.type = "ext4", .usage = "filesystem", .uuid = "1-2", .label = "x"};
	spec_parse("LABEL=x", &spec);
	signatures_resolve(&spec, &d);
	assert_string_equal(d.probe.type, "");
	d.probe.signatures[1].usage[0] = '\0'; /* it cannot be mounted */
	signatures_resolve(&spec, &d);
	assert_string_equal(d.probe.type, "ext4");
}

/* The members of a mirror have its filesystem's UUID: only who names the disk itself knows
 * better. */
static void a_member_of_an_array_is_none_only_for_whoever_says_so(void **state)
{
	static const struct {
		const char *cmdline, *types;
		bool named;
	} cases[] = {
		{"root=/dev/vda", "ext2", true},
		{"root=/dev/vda", "xfs,ext2", true},
		{"root=/dev/vda", "ext", false},
		{"root=/dev/vda", "ext23", false},
		{"root=/dev/vda", "linux_raid_member", false},
		{"root=/dev/vda", NULL, false},
		{"root=UUID=" EXT_UUID, "ext2", false},
		{"root=LABEL=system", "ext2", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline, EXT2 | MD);

		if (signatures_are_named(&b->params.root, cases[i].types, &b->devices->list[0]) !=
		    cases[i].named)
			fail_msg("%s %s", cases[i].cmdline, cases[i].types);
		assert_string_equal(b->devices->list[0].probe.type, "linux_raid_member");
		free(b);
	}
}

/* ---- the account ---- */

static void the_account_says_what_to_type(void **state)
{
	struct boot *b = boot_with("root=LABEL=other", EXT2 | ISO9660);

	(void)state;
	diagnose(b);
	assert_contains(recorder_log(), "vda has the signatures of ");
	assert_contains(recorder_log(), "    ext2 UUID=" EXT_UUID " LABEL=system\n");
	assert_contains(recorder_log(), "root=/dev/vda rootfstype=ext2 on the kernel command line");
	assert_contains(recorder_log(), "wipefs --all --types iso9660 /dev/vda\n");
	assert_null(strstr(recorder_log(), "more drivers"));
	free(b);
	b = boot_with("root=UUID=" EXT_UUID, EXT2 | MD);
	diagnose(b);
	assert_contains(recorder_log(), "it may be a member of an array, and only if it is none");
	assert_contains(recorder_log(), "wipefs --all --types linux_raid_member /dev/vda\n");
	free(b);
	b = boot_with("root=LABEL=other", EXT2 | MD); /* that array is nobody's business here */
	diagnose(b);
	assert_null(strstr(recorder_log(), "wipefs"));
	free(b);
	b = boot_with("root=LABEL=other", EXT2 | ISO9660);
	for (unsigned i = 0; i < b->devices->list[0].probe.n_signatures; i++) /* two of one type */
		strcpy(b->devices->list[0].probe.signatures[i].type, "ext2");
	buf_clear(&recorder.log);
	diagnose(b);
	assert_contains(recorder_log(), "rootfstype=ext2 on the kernel command line\n");
	assert_null(strstr(recorder_log(), "wipefs"));
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_with_one_signature_is_what_that_says),
		cmocka_unit_test(all_signatures_of_a_disk_are_known),
		cmocka_unit_test(where_libblkid_fails_each_signature_is_looked_at),
		cmocka_unit_test(libblkid_that_only_fails_does_not_end_the_search),
		cmocka_unit_test(a_device_that_cannot_be_read_is_no_empty_one),
		cmocka_unit_test(a_member_whose_superblock_is_at_the_end_shares_its_partitions),
		cmocka_unit_test(a_table_with_room_for_the_superblock_is_not_that_of_the_array),
		cmocka_unit_test(long_labels_are_whole_or_left_out),
		cmocka_unit_test(how_many_devices_a_btrfs_has_is_known),
		cmocka_unit_test(the_filesystem_that_root_names_is_taken),
		cmocka_unit_test(it_may_be_wanted_later),
		cmocka_unit_test(what_two_of_them_are_called_names_none),
		cmocka_unit_test(a_member_of_an_array_is_none_only_for_whoever_says_so),
		cmocka_unit_test(the_account_says_what_to_type),
	};

	return RUN_TESTS(tests);
}
