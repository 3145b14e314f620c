/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The hardware of small made-up machines, and hardware descriptions in JSON.
 */

#include <stdio.h>

#include "host/hardware/hardware.h"
#include "support.h"

struct machine {
	char *folder;
	struct root root;
	struct arena arena;
	struct hardware hw;
	struct err err;
	struct buf mounts;
};

static void machine_make(struct machine *m)
{
	*m = (struct machine){.folder = make_folder()};
	put_dir(m->folder, "sys/devices");
	put_text(m->folder, "proc/sys/kernel/osrelease", "6.1.0-1-amd64\n");
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	buf_clear(&m->mounts);
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static void put_attribute(struct machine *m, const char *device, const char *name,
			  const char *value)
{
	put_text(m->folder, arena_printf(&m->arena, "sys/%s/%s", device, name), value);
}

/* A device on a bus. All but the path may be NULL. */
static void put_device(struct machine *m, const char *path, const char *subsystem,
		       const char *modalias, const char *driver, const char *module)
{
	struct arena *a = &m->arena;

	put_dir(m->folder, arena_printf(a, "sys/%s", path));
	if (modalias)
		put_attribute(m, path, "modalias", arena_printf(a, "%s\n", modalias));
	if (subsystem)
		put_link(m->folder, arena_printf(a, "sys/%s/subsystem", path),
			 arena_printf(a, "/sys/bus/%s", subsystem));
	if (!driver)
		return;
	put_dir(m->folder, arena_printf(a, "sys/bus/%s/drivers/%s", subsystem, driver));
	put_link(m->folder, arena_printf(a, "sys/%s/driver", path),
		 arena_printf(a, "/sys/bus/%s/drivers/%s", subsystem, driver));
	if (!module)
		return;
	put_dir(m->folder, arena_printf(a, "sys/module/%s", module));
	if (!type_of(m->folder, arena_printf(a, "sys/bus/%s/drivers/%s/module", subsystem, driver)))
		put_link(m->folder,
			 arena_printf(a, "sys/bus/%s/drivers/%s/module", subsystem, driver),
			 arena_printf(a, "/sys/module/%s", module));
}

/* A block device at PATH with its number. */
static void put_block(struct machine *m, const char *path, const char *number, bool is_partition)
{
	struct arena *a = &m->arena;
	const char *name = strrchr(path, '/') + 1;

	put_attribute(m, path, "dev", number);
	put_link(m->folder, arena_printf(a, "sys/dev/block/%s", number),
		 arena_printf(a, "../../%s", path));
	put_link(m->folder, arena_printf(a, "sys/class/block/%s", name),
		 arena_printf(a, "../../%s", path));
	if (is_partition)
		put_attribute(m, path, "partition", "1\n");
}

static void put_slave(struct machine *m, const char *path, const char *slave)
{
	struct arena *a = &m->arena;

	put_link(m->folder, arena_printf(a, "sys/%s/slaves/%s", path, strrchr(slave, '/') + 1),
		 arena_printf(a, "/sys/%s", slave));
}

static void add_mount(struct machine *m, const char *number, const char *target, const char *fstype,
		      const char *source)
{
	buf_printf(&m->mounts, "30 1 %s / %s rw,relatime shared:1 - %s %s rw,errors=remount-ro\n",
		   number, target, fstype, source);
	put_text(m->folder, "proc/self/mountinfo", buf_cstr(&m->mounts));
}

static void read_machine(struct machine *m)
{
	assert_ok(hardware_read(&m->root, &m->arena, &m->hw, &m->err), 0, &m->err);
}

/* Blocks of TARGET from the filesystem down, as "name name<holder name". */
static void assert_blocks(struct machine *m, const char *target, const char *expected)
{
	const struct hw_mount *mount = hardware_mount(&m->hw, target);
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!mount)
		fail_msg("%s is not among the mounts", target);
	for (size_t i = 0; mount && i < mount->n_blocks; i++)
		buf_printf(&b, "%s%s%s%s", i ? " " : "", mount->blocks[i].name,
			   mount->blocks[i].holder ? "<" : "",
			   mount->blocks[i].holder ? mount->blocks[i].holder : "");
	assert_string_equal(buf_cstr(&b), expected);
}

/* Modaliases of the devices that are needed FOR, in their order. */
static void assert_devices(struct machine *m, const char *for_what, const char *expected)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < m->hw.n_devices; i++) {
		const struct hw_device *d = &m->hw.devices[i];

		if (strcmp(d->needed_for, for_what) == 0)
			buf_printf(&b, "%s%s", b.len ? " " : "", d->modalias ? d->modalias : "-");
	}
	assert_string_equal(buf_cstr(&b), expected);
}

/* ---- machines ---- */

#define PCI "devices/pci0000:00"

static void a_virtio_disk_needs_its_pci_device_and_itself(void **state)
{
	_cleanup_machine_ struct machine m;
	const struct hw_device *d;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:04.0", "pci", "pci:v00001AF4d00001001", "virtio-pci",
		   "virtio_pci");
	put_device(&m, PCI "/0000:00:04.0/virtio1", "virtio", "virtio:d00000002v00001AF4",
		   "virtio_blk", "virtio_blk");
	put_device(&m, PCI "/0000:00:05.0", "pci", "pci:unrelated", "e1000", "e1000");
	put_block(&m, PCI "/0000:00:04.0/virtio1/block/vda", "254:0", false);
	put_block(&m, PCI "/0000:00:04.0/virtio1/block/vda/vda1", "254:1", true);
	add_mount(&m, "254:1", "/", "ext4", "/dev/vda1");
	add_mount(&m, "0:21", "/proc", "proc", "proc");
	read_machine(&m);
	assert_string_equal(m.hw.kernel, "6.1.0-1-amd64");
	assert_int_equal(m.hw.n_mounts, 1);
	assert_string_equal(m.hw.mounts[0].source, "/dev/vda1");
	assert_string_equal(m.hw.mounts[0].fstype, "ext4");
	assert_string_equal(m.hw.mounts[0].options, "rw,errors=remount-ro");
	assert_blocks(&m, "/", "vda1 vda<vda1");
	assert_false(m.hw.mounts[0].blocks[0].is_virtual);
	/* The bus before what sits on it. */
	assert_devices(&m, "/", "pci:v00001AF4d00001001 virtio:d00000002v00001AF4");
	d = &m.hw.devices[0];
	assert_string_equal(d->path, PCI "/0000:00:04.0");
	assert_string_equal(d->subsystem, "pci");
	assert_string_equal(d->driver, "virtio-pci");
	assert_string_equal(d->module, "virtio_pci");
	assert_null(hardware_mount(&m.hw, "/proc"));
}

static void a_partition_on_scsi_needs_the_whole_way_up(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:1f.2", "pci", "pci:ahci", "ahci", "ahci");
	put_dir(m.folder, "sys/" PCI "/0000:00:1f.2/ata1/host0/target0:0:0");
	put_device(&m, PCI "/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0", "scsi", "scsi:t-0x00",
		   "sd", NULL);
	put_block(&m, PCI "/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda2", "8:2",
		  true);
	add_mount(&m, "8:2", "/home\\040of\\040all", "xfs", "/dev/sda2");
	read_machine(&m);
	assert_blocks(&m, "/home of all", "sda2 sda<sda2");
	assert_devices(&m, "/home of all", "pci:ahci scsi:t-0x00");
	assert_string_equal(m.hw.devices[1].driver, "sd");
	assert_null(m.hw.devices[1].module); /* built into the kernel */
}

static void a_namespace_that_controllers_share_needs_all_of_them(void **state)
{
	_cleanup_machine_ struct machine m;
	const char *subsystem = "devices/virtual/nvme-subsystem/nvme-subsys0";

	(void)state;
	machine_make(&m);
	for (int i = 0; i < 2; i++) {
		const char *port = arena_printf(&m.arena, PCI "/0000:0%d:00.0", i + 1);

		put_device(&m, port, "pci", arena_printf(&m.arena, "pci:nvme-port-%d", i), "nvme",
			   "nvme");
		put_dir(m.folder, arena_printf(&m.arena, "sys/%s/nvme/nvme%d", port, i));
		put_link(m.folder, arena_printf(&m.arena, "sys/%s/nvme%d", subsystem, i),
			 arena_printf(&m.arena, "/sys/%s/nvme/nvme%d", port, i));
	}
	put_block(&m, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "259:0", false);
	put_block(&m, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1", "259:1",
		  true);
	add_mount(&m, "259:1", "/", "ext4", "/dev/nvme0n1p1");
	read_machine(&m);
	assert_blocks(&m, "/", "nvme0n1p1 nvme0n1<nvme0n1p1");
	assert_devices(&m, "/", "pci:nvme-port-0 pci:nvme-port-1");
	/* The shared device is no work of software: a driver brings it up. */
	assert_false(m.hw.mounts[0].blocks[0].is_virtual);
	assert_false(m.hw.mounts[0].blocks[1].is_virtual);
}

static void device_mapper_over_two_disks_needs_both(void **state)
{
	_cleanup_machine_ struct machine m;
	const struct hw_mount *mount;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:first", "ahci", "ahci");
	put_device(&m, PCI "/0000:00:02.0", "pci", "pci:second", "virtio-pci", "virtio_pci");
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda1", "8:1", true);
	put_block(&m, PCI "/0000:00:02.0/block/vda", "254:0", false);
	put_block(&m, "devices/virtual/block/dm-0", "253:0", false);
	put_attribute(&m, "devices/virtual/block/dm-0", "dm/uuid", "LVM-abc\n");
	put_slave(&m, "devices/virtual/block/dm-0", PCI "/0000:00:01.0/block/sda/sda1");
	put_slave(&m, "devices/virtual/block/dm-0", PCI "/0000:00:02.0/block/vda");
	add_mount(&m, "253:0", "/", "ext4", "/dev/mapper/vg-root");
	read_machine(&m);
	assert_blocks(&m, "/", "dm-0 sda1<dm-0 sda<sda1 vda<dm-0");
	assert_devices(&m, "/", "pci:first pci:second");
	mount = hardware_mount(&m.hw, "/");
	assert_true(mount->blocks[0].is_virtual);
	assert_string_equal(mount->blocks[0].dm_uuid, "LVM-abc");
	assert_false(mount->blocks[1].is_virtual);
	assert_null(mount->blocks[1].dm_uuid);
}

/* A partition on an array needs what the array needs, and is no array itself. */
static void an_array_has_its_level_and_its_metadata(void **state)
{
	static const char array[] = "devices/virtual/block/md127", partition[] = "devices/virtual/block/md127/md127p1";
	_cleanup_machine_ struct machine m;
	const struct hw_mount *mount;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:first", "ahci", "ahci");
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:01.0/block/sdb", "8:16", false);
	put_block(&m, array, "9:127", false);
	put_block(&m, partition, "259:0", true);
	put_attribute(&m, array, "md/level", "raid1\n");
	put_attribute(&m, array, "md/metadata_version", "1.2\n");
	put_slave(&m, array, PCI "/0000:00:01.0/block/sda");
	put_slave(&m, array, PCI "/0000:00:01.0/block/sdb");
	add_mount(&m, "259:0", "/", "ext4", "/dev/md127p1");
	read_machine(&m);
	assert_blocks(&m, "/", "md127p1 md127<md127p1 sda<md127 sdb<md127");
	mount = hardware_mount(&m.hw, "/");
	assert_false(mount->blocks[0].is_virtual);
	assert_null(mount->blocks[0].md_level);
	assert_true(mount->blocks[1].is_virtual);
	assert_string_equal(mount->blocks[1].md_level, "raid1");
	assert_string_equal(mount->blocks[1].md_metadata, "1.2");
	assert_null(mount->blocks[2].md_level);
}

static void assert_slaves(struct machine *m, const char *target, const char *expected)
{
	const struct hw_mount *mount = hardware_mount(&m->hw, target);
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; mount && i < mount->n_blocks; i++) {
		const struct hw_block *k = &mount->blocks[i];

		buf_printf(&b, "%s %s:", k->name, k->kind);
		for (size_t n = 0; n < k->n_slaves; n++)
			buf_printf(&b, " %s", k->slaves[n]);
		buf_printf(&b, "\n");
	}
	assert_string_equal(buf_cstr(&b), expected);
}

/* A thin volume: its data and its metadata are on the same partition. */
static void all_that_a_device_lies_on_is_known(void **state)
{
	static const char disk[] = PCI "/0000:00:01.0/block/vda", partition[] = PCI "/0000:00:01.0/block/vda/vda1";
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:first", "virtio-pci", "virtio_pci");
	put_block(&m, disk, "254:0", false);
	put_block(&m, partition, "254:1", true);
	for (int i = 0; i < 4; i++) {
		const char *path = arena_printf(&m.arena, "devices/virtual/block/dm-%d", i);

		put_block(&m, path, arena_printf(&m.arena, "253:%d", i), false);
		put_attribute(&m, path, "dm/uuid", "LVM-x\n");
		if (i == 0 || i == 3)
			put_attribute(&m, path, "dm/name", i ? "vg-other\n" : "vg-root\n");
	}
	for (int i = 1; i < 3; i++) {
		const char *path = arena_printf(&m.arena, "devices/virtual/block/dm-%d", i);

		put_slave(&m, "devices/virtual/block/dm-0", path);
		put_slave(&m, path, partition);
	}
	add_mount(&m, "253:0", "/", "ext4", "/dev/mapper/vg-root");
	read_machine(&m);
	assert_slaves(&m, "/", "dm-0 lvm: dm-1 dm-2\ndm-1 lvm: vda1\nvda1 partition: vda\nvda disk:\ndm-2 lvm: vda1\n");
	assert_string_equal(hardware_mount(&m.hw, "/")->blocks[0].dm_name, "vg-root");
	assert_null(hardware_mount(&m.hw, "/")->blocks[1].dm_name);
}

static void each_kind_of_block_device_has_a_name(void **state)
{
	static const struct {
		const char *name, *dm_uuid;
		bool is_virtual, is_partition;
		const char *kind;
	} cases[] = {
		{"sda", NULL, false, false, "disk"},
		{"nvme0n1", NULL, false, false, "disk"},
		{"sda1", NULL, false, true, "partition"},
		{"md0p1", NULL, false, true, "partition"},
		{"md127", NULL, true, false, "array"},
		{"dm-1", "LVM-x", true, false, "lvm"},
		{"dm-1", "CRYPT-LUKS2-x-root", true, false, "crypt"},
		{"dm-1", "CRYPT-PLAIN-x", true, false, "crypt"},
		{"dm-1", "CRYPT-VERITY-x", true, false, "verity"},
		{"dm-1", "CRYPT-INTEGRITY-x", true, false, "integrity"},
		{"dm-1", "mpath-3600", true, false, "multipath"},
		{"dm-1", "part1-mpath-3600", true, false, "partition"},
		{"dm-1", "DMRAID-isw_x", true, false, "dmraid"},
		{"dm-1", "other", true, false, "mapped"},
		{"dm-1", NULL, true, false, "mapped"},
		{"bcache0", NULL, true, false, "bcache"},
		{"loop0", NULL, true, false, "loop"},
		{"zd0", NULL, true, false, "zvol"},
		{"new0", NULL, true, false, "virtual"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hw_block k = {.name = cases[i].name,
				     .dm_uuid = cases[i].dm_uuid,
				     .is_virtual = cases[i].is_virtual};

		assert_string_equal(hardware_kind(&k, cases[i].is_partition), cases[i].kind);
	}
}

static void a_stack_that_bites_its_tail_ends(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_block(&m, "devices/virtual/block/dm-0", "253:0", false);
	put_block(&m, "devices/virtual/block/dm-1", "253:1", false);
	put_slave(&m, "devices/virtual/block/dm-0", "devices/virtual/block/dm-1");
	put_slave(&m, "devices/virtual/block/dm-1", "devices/virtual/block/dm-0");
	add_mount(&m, "253:0", "/", "ext4", "/dev/dm-0");
	read_machine(&m);
	assert_blocks(&m, "/", "dm-0 dm-1<dm-0");
}

static void a_later_mount_hides_the_one_below_it(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:02.0/block/sdb", "8:16", false);
	put_block(&m, PCI "/0000:00:03.0/block/sdc", "8:32", false);
	add_mount(&m, "8:0", "/", "ext4", "/dev/sda");
	add_mount(&m, "8:16", "/", "xfs", "/dev/sdb");
	add_mount(&m, "8:32", "/home", "xfs", "/dev/sdc");
	read_machine(&m);
	assert_int_equal(m.hw.n_mounts, 2);
	assert_blocks(&m, "/", "sdb");
	assert_blocks(&m, "/home", "sdc");
	/* What is not on a disk hides what is, too. */
	add_mount(&m, "0:50", "/home", "tmpfs", "tmpfs");
	read_machine(&m);
	assert_null(hardware_mount(&m.hw, "/home"));
	assert_blocks(&m, "/", "sdb");
}

static void a_filesystem_without_a_number_is_found_by_its_source(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda2", "8:2", true);
	put_block(&m, "devices/virtual/block/dm-3", "253:3", false);
	put_attribute(&m, "devices/virtual/block/dm-3", "dm/name", "luks-1234\n");
	put_slave(&m, "devices/virtual/block/dm-3", PCI "/0000:00:01.0/block/sda/sda2");
	add_mount(&m, "0:30", "/", "btrfs", "/dev/sda2");
	add_mount(&m, "0:31", "/home", "btrfs", "/dev/mapper/luks-1234");
	add_mount(&m, "0:32", "/tmp", "tmpfs", "tmpfs");
	read_machine(&m);
	assert_blocks(&m, "/", "sda2 sda<sda2");
	assert_blocks(&m, "/home", "dm-3 sda2<dm-3 sda<sda2");
	assert_null(hardware_mount(&m.hw, "/tmp"));
}

/* Its kernel lists the devices of the seed as its own. */
static void the_seed_of_a_btrfs_is_known(void **state)
{
	static const char own[] = "sys/fs/btrfs/aaaaaaaa-0000-0000-0000-000000000000";

	(void)state;
	for (int has_seed = 0; has_seed < 2; has_seed++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
		put_block(&m, PCI "/0000:00:02.0/block/sdb", "8:16", false);
		for (int i = 0; i < 2; i++) {
			put_text(m.folder, arena_printf(&m.arena, "%s/devinfo/%d/fsid", own, i + 1),
				 has_seed && !i ? "bbbbbbbb-0000-0000-0000-000000000000\n"
						: "aaaaaaaa-0000-0000-0000-000000000000\n");
			put_link(m.folder, arena_printf(&m.arena, "%s/devices/sd%c", own, 'a' + i),
				 arena_printf(&m.arena, "../../../../" PCI "/0000:00:0%d.0/block/sd%c", i + 1,
					      'a' + i));
		}
		add_mount(&m, "0:30", "/", "btrfs", "/dev/sdb");
		read_machine(&m);
		assert_blocks(&m, "/", "sdb sda");
		if (has_seed)
			assert_string_equal(hardware_mount(&m.hw, "/")->btrfs_seed,
					    "bbbbbbbb-0000-0000-0000-000000000000");
		else
			assert_null(hardware_mount(&m.hw, "/")->btrfs_seed);
	}
}

static void a_mount_whose_device_is_unknown_is_left_out(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	add_mount(&m, "9:0", "/", "ext4", "/dev/md0");
	buf_add_str(&m.mounts, "garbage\n\n1 2 3\n");
	put_text(m.folder, "proc/self/mountinfo", buf_cstr(&m.mounts));
	read_machine(&m);
	assert_int_equal(m.hw.n_mounts, 0);
	assert_int_equal(m.hw.n_devices, 0);
}

static void a_captured_tree_may_have_its_mounts_beside_self(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_text(m.folder, "proc/mountinfo", "1 0 8:0 / / rw - ext4 /dev/sda rw\n");
	read_machine(&m);
	assert_blocks(&m, "/", "sda");
}

static void links_out_of_sys_are_not_devices(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_dir(m.folder, "etc/evil");
	put_link(m.folder, "sys/dev/block/8:0", "../../../etc/evil");
	add_mount(&m, "8:0", "/", "ext4", "/dev/sda");
	read_machine(&m);
	assert_int_equal(m.hw.n_mounts, 0);
}

static void a_keyboard_is_found_by_its_letters(void **state)
{
	_cleanup_machine_ struct machine m;
	static const char *const keys[] = {
		/* A keyboard, a power button, a mouse, nothing. */
		"402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n",
		"10000000000000 0\n", "ff0000 0 0 0 0\n", ""};

	(void)state;
	machine_make(&m);
	put_text(m.folder, "proc/self/mountinfo", "");
	for (int i = 0; i < 4; i++) {
		const char *usb = arena_printf(&m.arena, PCI "/0000:00:14.0/usb1/1-%d", i);
		const char *input = arena_printf(&m.arena, "%s/input/input%d", usb, i);

		put_device(&m, usb, "usb", arena_printf(&m.arena, "usb:%d", i), "usbhid", "usbhid");
		put_attribute(&m, input, "capabilities/key", keys[i]);
		put_link(m.folder, arena_printf(&m.arena, "sys/class/input/input%d", i),
			 arena_printf(&m.arena, "/sys/%s", input));
		put_link(m.folder, arena_printf(&m.arena, "sys/class/input/event%d", i), "nowhere");
	}
	read_machine(&m);
	assert_devices(&m, "keyboard", "usb:0");
}

static void a_modalias_may_stand_in_the_uevent_alone(void **state)
{
	_cleanup_machine_ struct machine m;
	const char *card = "devices/platform/host/mmc0:0001";

	(void)state;
	machine_make(&m);
	put_dir(m.folder, "sys/devices/platform/host/mmc0:0001");
	put_attribute(&m, card, "uevent", "DRIVER=mmcblk\nMODALIAS=mmc:block\nA=b\n");
	put_block(&m, "devices/platform/host/mmc0:0001/block/mmcblk0", "179:0", false);
	add_mount(&m, "179:0", "/", "ext4", "/dev/mmcblk0");
	read_machine(&m);
	assert_devices(&m, "/", "mmc:block");
}

static void a_driver_that_is_built_in_is_known_as_such(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:one", "loaded", "loaded");
	put_text(m.folder, "sys/module/loaded/initstate", "live\n");
	put_device(&m, PCI "/0000:00:01.0/x", "virtio", "virtio:two", "inside", "inside");
	put_device(&m, PCI "/0000:00:01.0/x/y", "scsi", "scsi:three", "sd", NULL);
	put_block(&m, PCI "/0000:00:01.0/x/y/block/sda", "8:0", false);
	add_mount(&m, "8:0", "/", "ext4", "/dev/sda");
	read_machine(&m);
	assert_devices(&m, "/", "pci:one virtio:two scsi:three");
	assert_false(m.hw.devices[0].is_builtin);
	assert_true(m.hw.devices[1].is_builtin); /* it has a folder, but was never loaded */
	assert_true(m.hw.devices[2].is_builtin);
}

static void the_root_is_what_a_shared_device_is_needed_for(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:one", "ahci", "ahci");
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda1", "8:1", true);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda2", "8:2", true);
	add_mount(&m, "8:2", "/home", "ext4", "/dev/sda2");
	add_mount(&m, "8:1", "/", "ext4", "/dev/sda1");
	read_machine(&m);
	assert_devices(&m, "/", "pci:one");
	assert_devices(&m, "/home", "");
}

static void a_device_with_two_purposes_stands_once(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI "/0000:00:01.0", "pci", "pci:one", "ahci", "ahci");
	put_block(&m, PCI "/0000:00:01.0/block/sda", "8:0", false);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda1", "8:1", true);
	put_block(&m, PCI "/0000:00:01.0/block/sda/sda2", "8:2", true);
	add_mount(&m, "8:1", "/", "ext4", "/dev/sda1");
	add_mount(&m, "8:2", "/home", "ext4", "/dev/sda2");
	read_machine(&m);
	assert_int_equal(m.hw.n_devices, 1);
	assert_devices(&m, "/", "pci:one");
}

static void without_sys_or_proc_it_is_said_so(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct hardware hw = {.n_mounts = 77};
	struct root root;
	struct err err = {0};

	(void)state;
	assert_ok(root_open(dir, &root, &err), 0, &err);
	assert_fails(hardware_read(&root, &arena, &hw, &err), -ENOENT, &err);
	assert_contains(err.text, "/sys");
	assert_true(err.hint[0] != '\0');
	put_dir(dir, "sys/devices");
	assert_fails(hardware_read(&root, &arena, &hw, &err), -ENOENT, &err);
	assert_contains(err.text, "mountinfo");
	assert_int_equal(hw.n_mounts, 77);
	root_close(&root);
}

/* ---- JSON ---- */

#define HEAD "{\"preroot-hardware\": 1, "

static int from_json(const char *text, struct arena *arena, struct hardware *hw, struct err *err)
{
	size_t len = strlen(text);
	_cleanup_free_ uint8_t *exact = exact_copy(text, len);

	return hardware_from_json((const char *)exact, len, arena, hw, err);
}

static const char whole[] =
	HEAD "\"kernel\": \"6.1.0\", \"extra\": [1],\n"
	     "\"mounts\": [{\"target\": \"/\", \"source\": \"/dev/dm-0\", \"fstype\": \"ext4\",\n"
	     "  \"options\": \"rw\", \"blocks\": [\n"
	     "    {\"name\": \"dm-0\", \"path\": \"devices/dm-0\", \"virtual\": true, \"dm-uuid\": "
	     "\"LVM-x\", \"dm-name\": \"vg-root\", \"kind\": \"lvm\", \"slaves\": [\"vda\"], \"md-level\": \"raid1\", \"md-metadata\": \"1.2\"},\n"
	     "    {\"name\": \"vda\", \"path\": \"devices/vda\", \"holder\": \"dm-0\"}]}],\n"
	     "\"devices\": [{\"path\": \"devices/pci\", \"subsystem\": \"pci\", \"modalias\": "
	     "\"pci:v1\","
	     "\n  \"driver\": \"virtio-pci\", \"module\": \"virtio_pci\", \"for\": \"/\"},\n"
	     "  {\"path\": \"devices/other\", \"modalias\": null, \"for\": \"keyboard\"}],\n"
	     "\"cpus\": [{\"vendor\": \"GenuineIntel\", \"family\": 6, \"model\": 142, "
	     "\"stepping\": 10,\n  \"platforms\": 128, \"guest\": true}, {\"vendor\": \"x\"}]}\n";

static void each_kind_of_processor_is_told_once(void **state)
{
	_cleanup_machine_ struct machine m;
	const struct hw_cpu *c;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "proc/mountinfo", "");
	put_text(m.folder, "proc/cpuinfo",
		 "processor: 0\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 142\nstepping: 10\n\n"
		 "processor: 1\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 142\nstepping: 10\n\n"
		 "processor: 2\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 143\nstepping: 1\n"
		 "flags: hypervisor\n\n");
	put_text(m.folder, "sys/devices/system/cpu/cpu0/microcode/processor_flags", "0x80\n");
	put_text(m.folder, "sys/devices/system/cpu/cpu1/microcode/processor_flags", "0x80\n");
	put_text(m.folder, "sys/devices/system/cpu/cpu2/microcode/processor_flags", "junk\n");
	assert_ok(hardware_read(&m.root, &m.arena, &m.hw, &m.err), 0, &m.err);
	assert_true(m.hw.knows_cpus);
	assert_int_equal(m.hw.n_cpus, 2);
	c = m.hw.cpus;
	assert_string_equal(c[0].vendor, "GenuineIntel");
	assert_true(c[0].family == 6 && c[0].model == 142 && c[0].stepping == 10);
	assert_true(c[0].platforms == 0x80 && !c[0].is_guest);
	assert_true(c[1].model == 143 && c[1].platforms == HW_PLATFORMS_UNKNOWN && c[1].is_guest);
}

static void without_cpuinfo_the_processors_are_not_known(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "proc/mountinfo", "");
	assert_ok(hardware_read(&m.root, &m.arena, &m.hw, &m.err), 0, &m.err);
	assert_false(m.hw.knows_cpus);
	/* Another architecture's are known, and none of them is one of x86. */
	put_text(m.folder, "proc/cpuinfo", "processor: 0\nCPU implementer: 0x41\n");
	assert_ok(hardware_read(&m.root, &m.arena, &m.hw, &m.err), 0, &m.err);
	assert_true(m.hw.knows_cpus && m.hw.n_cpus == 0);
}

static void a_description_is_read(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct hardware hw;
	struct err err = {0};

	(void)state;
	assert_ok(from_json(whole, &arena, &hw, &err), 0, &err);
	assert_string_equal(hw.kernel, "6.1.0");
	assert_int_equal(hw.n_mounts, 1);
	assert_string_equal(hw.mounts[0].target, "/");
	assert_string_equal(hw.mounts[0].source, "/dev/dm-0");
	assert_string_equal(hw.mounts[0].fstype, "ext4");
	assert_string_equal(hw.mounts[0].options, "rw");
	assert_int_equal(hw.mounts[0].n_blocks, 2);
	assert_true(hw.mounts[0].blocks[0].is_virtual);
	assert_string_equal(hw.mounts[0].blocks[0].dm_uuid, "LVM-x");
	assert_string_equal(hw.mounts[0].blocks[0].dm_name, "vg-root");
	assert_string_equal(hw.mounts[0].blocks[0].kind, "lvm");
	assert_int_equal(hw.mounts[0].blocks[0].n_slaves, 1);
	assert_string_equal(hw.mounts[0].blocks[0].slaves[0], "vda");
	assert_int_equal(hw.mounts[0].blocks[1].n_slaves, 0);
	assert_string_equal(hw.mounts[0].blocks[0].md_level, "raid1");
	assert_string_equal(hw.mounts[0].blocks[0].md_metadata, "1.2");
	assert_null(hw.mounts[0].blocks[1].md_level);
	assert_null(hw.mounts[0].blocks[0].holder);
	assert_string_equal(hw.mounts[0].blocks[1].holder, "dm-0");
	assert_false(hw.mounts[0].blocks[1].is_virtual);
	assert_int_equal(hw.n_devices, 2);
	assert_string_equal(hw.devices[0].module, "virtio_pci");
	assert_string_equal(hw.devices[0].needed_for, "/");
	assert_null(hw.devices[1].modalias);
	assert_null(hw.devices[1].driver);
	assert_true(hw.knows_cpus && hw.n_cpus == 2);
	assert_string_equal(hw.cpus[0].vendor, "GenuineIntel");
	assert_true(hw.cpus[0].family == 6 && hw.cpus[0].model == 142 && hw.cpus[0].stepping == 10);
	assert_true(hw.cpus[0].platforms == 128 && hw.cpus[0].is_guest);
	assert_true(hw.cpus[1].platforms == HW_PLATFORMS_UNKNOWN && !hw.cpus[1].is_guest);
}

static void a_bad_value_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{HEAD "\"kernel\": 6, \"mounts\": [], \"devices\": []}", "\"kernel\""},
		{HEAD "\"devices\": []}", "\"mounts\""},
		{HEAD "\"mounts\": []}", "\"devices\""},
		{HEAD "\"mounts\": {}, \"devices\": []}", "\"mounts\" is not a list"},
		{HEAD "\"mounts\": [1], \"devices\": []}", "mounts[0]"},
		{HEAD "\"mounts\": [null], \"devices\": []}", "mounts[0]"},
		{HEAD "\"mounts\": [{}], \"devices\": []}", "\"target\" is missing"},
		{HEAD "\"mounts\": [{\"target\": \"\"}], \"devices\": []}",
		 "\"target\" is missing"},
		{HEAD "\"mounts\": [{\"target\": [], \"fstype\": \"x\"}], \"devices\": []}",
		 "\"target\" is not a string"},
		{HEAD "\"mounts\": [{\"target\": \"/\", \"blocks\": []}], \"devices\": []}",
		 "\"fstype\" is missing"},
		{HEAD "\"mounts\": [{\"target\": \"/\", \"fstype\": \"x\"}], \"devices\": []}",
		 "\"blocks\" is not a list"},
		{HEAD "\"mounts\": [{\"target\": \"/\", \"fstype\": \"x\", \"blocks\": [{\"name\": "
		      "\"a\"}, 7]}], \"devices\": []}",
		 "mounts[0]: blocks[1]"},
		{HEAD "\"mounts\": [{\"target\": \"/\", \"fstype\": \"x\", \"blocks\": [{\"name\": "
		      "\"a\", \"virtual\": 1}]}], \"devices\": []}",
		 "\"virtual\" is not true or false"},
		{HEAD "\"mounts\": [], \"devices\": [], \"cpus\": 1}", "\"cpus\" is not a list"},
		{HEAD "\"mounts\": [], \"devices\": [], \"cpus\": [{\"model\": 1}]}",
		 "cpus[0]: \"vendor\" is missing"},
		{HEAD "\"mounts\": [], \"devices\": [], \"cpus\": [{\"vendor\": \"x\"}, "
		      "{\"vendor\": \"x\", \"model\": 256}]}",
		 "cpus[1]: \"model\" is not a number from 0 to 255"},
		{HEAD "\"mounts\": [], \"devices\": [], \"cpus\": [{\"vendor\": \"x\", "
		      "\"stepping\": -1}]}",
		 "\"stepping\""},
		{HEAD "\"mounts\": [], \"devices\": [{\"path\": \"p\"}]}", "\"for\" is missing"},
		{HEAD "\"mounts\": [], \"devices\": [{\"for\": \"/\"}]}", "\"path\" is missing"},
		{HEAD "\"mounts\": [], \"devices\": [{\"path\": \"p\", \"for\": \"/\"}, "
		      "{\"path\": \"a\\u0000b\", \"for\": \"/\"}]}",
		 "devices[1]: \"path\" is not a string"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct hardware hw = {.n_mounts = 77};
		struct err err = {0};

		assert_fails(from_json(cases[i].text, &arena, &hw, &err), -EBADMSG, &err);
		assert_contains(err.text, cases[i].says);
		assert_int_equal(hw.n_mounts, 77);
	}
}

static void what_is_no_description_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"null",
		"1",
		"[]",
		"{}",
		"{\"mounts\": [], \"devices\": []}",
		"hello",
		"{",
		HEAD "\"mounts\": [], \"devices\": []",
		HEAD "\"mounts\": [], \"devices\": []} x",
		"{\"preroot-hardware\": \"1\", \"mounts\": [], \"devices\": []}",
		"{\"preroot-hardware\": true, \"mounts\": [], \"devices\": []}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct hardware hw;
		struct err err = {0};
		int r = from_json(bad[i], &arena, &hw, &err);

		if (r != -EBADMSG || err.code != r)
			fail_msg("[%s] is no hardware description: %d", bad[i], r);
	}
}

static void a_newer_description_is_told_apart(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct hardware hw;
	struct err err = {0};

	(void)state;
	assert_fails(from_json("{\"preroot-hardware\": 2}", &arena, &hw, &err), -EPROTONOSUPPORT,
		     &err);
	assert_contains(err.text, "version 2");
}

static void check_json(uint8_t *data, size_t len, void *arg)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct hardware hw;
	struct err err = {0};
	int r = hardware_from_json((const char *)data, len, &arena, &hw, &err);

	(void)arg;
	assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	assert_true(r == 0 || err.text[0]);
}

static void no_description_is_fatal(void **state)
{
	(void)state;
	sweep(whole, sizeof(whole) - 1, check_json, NULL);
}

static void what_fstab_wants_early_is_told_before_the_rest(void **state)
{
	static const char usb[] = "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host6/target6:0:0/"
				  "6:0:0:0/block/sda";
	struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/fstab", "broken\nLABEL=x /srv ext4 x-initrd.mount 0 2\n"
					"LABEL=y /mnt ext4 defaults 0 2\n");
	put_block(&m, usb, "8:0", false);
	put_device(&m, "devices/pci0000:00/0000:00:14.0", "pci", "pci:v1", "xhci_hcd", NULL);
	add_mount(&m, "8:0", "/mnt", "ext4", "/dev/sda");
	add_mount(&m, "8:0", "/srv", "ext4", "/dev/sda");
	add_mount(&m, "8:0", "/usr", "ext4", "/dev/sda");
	read_machine(&m);
	assert_true(hardware_mount(&m.hw, "/srv")->is_early);
	assert_true(hardware_mount(&m.hw, "/usr")->is_early);
	assert_false(hardware_mount(&m.hw, "/mnt")->is_early);
	assert_devices(&m, "/srv", "pci:v1");
	machine_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_virtio_disk_needs_its_pci_device_and_itself),
		cmocka_unit_test(a_partition_on_scsi_needs_the_whole_way_up),
		cmocka_unit_test(a_namespace_that_controllers_share_needs_all_of_them),
		cmocka_unit_test(device_mapper_over_two_disks_needs_both),
		cmocka_unit_test(an_array_has_its_level_and_its_metadata),
		cmocka_unit_test(all_that_a_device_lies_on_is_known),
		cmocka_unit_test(each_kind_of_block_device_has_a_name),
		cmocka_unit_test(a_stack_that_bites_its_tail_ends),
		cmocka_unit_test(a_later_mount_hides_the_one_below_it),
		cmocka_unit_test(a_filesystem_without_a_number_is_found_by_its_source),
		cmocka_unit_test(the_seed_of_a_btrfs_is_known),
		cmocka_unit_test(a_mount_whose_device_is_unknown_is_left_out),
		cmocka_unit_test(a_captured_tree_may_have_its_mounts_beside_self),
		cmocka_unit_test(links_out_of_sys_are_not_devices),
		cmocka_unit_test(a_keyboard_is_found_by_its_letters),
		cmocka_unit_test(a_modalias_may_stand_in_the_uevent_alone),
		cmocka_unit_test(a_driver_that_is_built_in_is_known_as_such),
		cmocka_unit_test(what_fstab_wants_early_is_told_before_the_rest),
		cmocka_unit_test(the_root_is_what_a_shared_device_is_needed_for),
		cmocka_unit_test(a_device_with_two_purposes_stands_once),
		cmocka_unit_test(without_sys_or_proc_it_is_said_so),
		cmocka_unit_test(each_kind_of_processor_is_told_once),
		cmocka_unit_test(without_cpuinfo_the_processors_are_not_known),
		cmocka_unit_test(a_description_is_read),
		cmocka_unit_test(a_bad_value_is_told_with_its_place),
		cmocka_unit_test(what_is_no_description_is_refused),
		cmocka_unit_test(a_newer_description_is_told_apart),
		cmocka_unit_test(no_description_is_fatal),
	};

	return RUN_TESTS(tests);
}
