/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The names that udev would give a disk, from a made-up sysfs.
 */

#include <stdio.h>

#include "base/bytes.h"
#include "init/devices/links/links.h"
#include "support.h"

struct machine {
	char *folder;
	char links[LINKS_NAME_MAX];
};

static void machine_make(struct machine *m)
{
	m->folder = make_folder();
}

static void machine_clear(struct machine *m)
{
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static void put(struct machine *m, const char *path, const char *attribute, const char *text)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/%s", path, attribute);
	put_text(m->folder, file, text);
}

static void put_device(struct machine *m, const char *path, const char *subsystem)
{
	char link[512], target[512];

	put_dir(m->folder, path);
	snprintf(target, sizeof(target), "bus/%s", subsystem);
	put_dir(m->folder, target);
	snprintf(link, sizeof(link), "%s/subsystem", path);
	snprintf(target, sizeof(target), "%s/bus/%s", m->folder, subsystem);
	put_link(m->folder, link, target);
}

/* A disk at PATH, whose "device" is the folder DEVICE, and its second partition. */
static void put_disk(struct machine *m, const char *path, const char *device)
{
	const char *name = strrchr(path, '/') + 1;
	char link[512], target[512];

	put_dir(m->folder, path);
	snprintf(link, sizeof(link), "%s/device", path);
	snprintf(target, sizeof(target), "%s/%s", m->folder, device);
	put_link(m->folder, link, target);
	snprintf(target, sizeof(target), "%s/%s2", path, name);
	put(m, target, "partition", "2\n");
	snprintf(link, sizeof(link), "class/block/%s2", name);
	snprintf(target, sizeof(target), "../../%s/%s2", path, name);
	put_link(m->folder, link, target);
	snprintf(link, sizeof(link), "class/block/%s", name);
	snprintf(target, sizeof(target), "../../%s", path);
	put_link(m->folder, link, target);
}

static void assert_links(struct machine *m, const char *name, const char *expected)
{
	char dev[512];

	snprintf(dev, sizeof(dev), "%s/dev", m->folder);
	links_find(m->folder, dev, name, m->links, sizeof(m->links));
	assert_string_equal(m->links, expected);
}

#define PCI "devices/pci0000:00/0000:00:05.0"

static void virtio_disks_have_their_serial_number(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI, "pci");
	put_device(&m, PCI "/virtio3", "virtio");
	put_disk(&m, PCI "/virtio3/block/vdb", PCI "/virtio3");
	put(&m, PCI "/virtio3/block/vdb", "serial", "my disk/1 \n");
	put(&m, PCI "/virtio3/block/vdb", "diskseq", "9\n");
	assert_links(&m, "vdb", "by-diskseq/9\nby-id/virtio-my_disk_1\nby-path/pci-0000:00:05.0\n"
				"by-path/virtio-pci-0000:00:05.0\n");
	assert_links(&m, "vdb2",
		     "by-diskseq/9-part2\nby-id/virtio-my_disk_1-part2\n"
		     "by-path/pci-0000:00:05.0-part2\nby-path/virtio-pci-0000:00:05.0-part2\n");
}

static void nvme_namespaces_have_model_serial_and_number(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, "devices/pci0000:00/0000:00:01.0", "pci");
	put_device(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0", "pci");
	put_device(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0", "nvme");
	put_disk(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/nvme0n1",
		 "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0");
	put(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0", "model",
	    "Some SSD 970                            \n");
	put(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0", "serial", "S4EV  \n");
	put(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/nvme0n1", "wwid",
	    "eui.0025385b01\n");
	put(&m, "devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/nvme0n1", "nsid", "1\n");
	/* The bus nearest to the processor adds nothing. */
	assert_links(&m, "nvme0n1", "by-id/nvme-eui.0025385b01\nby-id/nvme-Some_SSD_970_S4EV\n"
				    "by-id/nvme-Some_SSD_970_S4EV_1\n"
				    "by-path/pci-0000:01:00.0-nvme-1\n");
	links_wwid(m.folder, "nvme0n12", m.links, sizeof(m.links));
	assert_string_equal(m.links, "eui.0025385b01");
}

/* An answer to IDENTIFY DEVICE inside VPD page 89h. */
static void put_identify(struct machine *m, const char *device, const char *model,
			 const char *serial, const uint16_t wwn[4])
{
	uint8_t page[572] = {0, 0x89, 0x02, 0x38};
	char words[40], path[512];

	snprintf(words, sizeof(words), "%-20s", serial);
	for (int i = 0; i < 20; i++)
		page[60 + 20 + (i ^ 1)] = (uint8_t)words[i];
	memset(words, ' ', sizeof(words));
	memcpy(words, model, strlen(model));
	for (int i = 0; i < 40; i++)
		page[60 + 54 + (i ^ 1)] = (uint8_t)words[i];
	page[60 + 2 * 87 + 1] = wwn ? 1 : 0;
	for (int i = 0; wwn && i < 4; i++) {
		page[60 + 216 + 2 * i] = (uint8_t)wwn[i];
		page[60 + 216 + 2 * i + 1] = (uint8_t)(wwn[i] >> 8);
	}
	snprintf(path, sizeof(path), "%s/vpd_pg89", device);
	put_file(m->folder, path, page, sizeof(page));
}

#define ATA PCI "/ata3/host2/target2:0:0/2:0:0:0"

static void ata_disks_have_model_serial_and_port(void **state)
{
	static const uint16_t wwn[] = {0x5000, 0xc500, 0xa1b2, 0xc3d4};
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI, "pci");
	put(&m, PCI "/ata3/ata_port/ata3", "port_no", "2\n");
	put_device(&m, ATA, "scsi");
	put_device(&m, PCI "/ata3/host2/target2:0:0", "scsi");
	put_device(&m, PCI "/ata3/host2", "scsi");
	put_disk(&m, ATA "/block/sda", ATA);
	put_identify(&m, ATA, "QEMU  HARDDISK", "  QM 01", wwn);
	assert_links(&m, "sda2",
		     "by-id/ata-QEMU_HARDDISK_QM_01-part2\nby-id/wwn-0x5000c500a1b2c3d4-part2\n"
		     "by-path/pci-0000:00:05.0-ata-2.0-part2\nby-path/pci-0000:00:05.0-ata-2-part2\n");
	put_identify(&m, ATA, "M", "1", NULL);
	links_find(m.folder, "/dev", "sda", m.links, sizeof(m.links));
	assert_true(links_has(m.links, "by-id/ata-M_1"));
	assert_null(strstr(m.links, "wwn"));
}

#define SCSI PCI "/virtio1/host7/target7:0:3/7:0:3:0"

static void put_page(struct machine *m, const char *page, const char *data, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), SCSI "/%s", page);
	put_file(m->folder, path, data, len);
}

static void scsi_machine(struct machine *m)
{
	machine_make(m);
	put_device(m, PCI, "pci");
	put_device(m, PCI "/virtio1", "virtio");
	put_device(m, PCI "/virtio1/host7", "scsi");
	put_device(m, PCI "/virtio1/host7/target7:0:3", "scsi");
	put_device(m, SCSI, "scsi");
	put_disk(m, SCSI "/block/sda", SCSI);
	put(m, SCSI, "vendor", "QEMU    \n");
	put(m, SCSI, "model", "QEMU HARDDISK   \n");
}

static void scsi_disks_have_their_best_designator(void **state)
{
	/* A name of the vendor's, then one of the port, then an NAA name. */
	static const char page[] = "\x00\x83\x00\x1e"
				   "\x02\x00\x00\x06"
				   "disk-1"
				   "\x01\x13\x00\x04zzzz"
				   "\x01\x03\x00\x08\x50\x00\xc5\x00\x11\x22\x33\x44";
	_cleanup_machine_ struct machine m;

	(void)state;
	scsi_machine(&m);
	assert_links(&m, "sda", "by-path/pci-0000:00:05.0-scsi-0:0:3:0\n");
	put_page(&m, "vpd_pg83", page, sizeof(page) - 1);
	links_find(m.folder, "/dev", "sda", m.links, sizeof(m.links));
	assert_true(links_has(m.links, "by-id/scsi-35000c50011223344"));
	assert_true(links_has(m.links, "by-id/wwn-0x5000c50011223344"));
	put_page(&m, "vpd_pg83", page, 14);
	links_find(m.folder, "/dev", "sda", m.links, sizeof(m.links));
	assert_true(links_has(m.links, "by-id/scsi-0QEMU_QEMU_HARDDISK_disk-1"));
	put_page(&m, "vpd_pg83", page, 13); /* cut: it is none */
	put_page(&m, "vpd_pg80", "\x00\x80\x00\x04 X 1", 8);
	links_find(m.folder, "/dev", "sda", m.links, sizeof(m.links));
	assert_true(links_has(m.links, "by-id/scsi-SQEMU_QEMU_HARDDISK_X_1"));
}

struct page_sweep {
	struct machine *machine;
	const char *page;
};

static void find_with(uint8_t *data, size_t len, void *arg)
{
	struct page_sweep *s = arg;

	put_page(s->machine, s->page, (char *)data, len);
	links_find(s->machine->folder, "/dev", "sda2", s->machine->links, sizeof(s->machine->links));
	assert_true(strlen(s->machine->links) < LINKS_NAME_MAX);
	for (const char *c = s->machine->links; *c; c++)
		assert_true(*c == '\n' || (unsigned char)*c > ' ');
}

static void no_page_of_a_disk_is_fatal(void **state)
{
	static const char page[] = "\x00\x83\x00\x16\x02\x00\x00\x06"
				   "disk-1"
				   "\x01\x03\x00\x08\x50\x00\xc5\x00\x11\x22\x33\x44";
	struct machine m;
	struct page_sweep s = {.machine = &m, .page = "vpd_pg83"};

	(void)state;
	scsi_machine(&m);
	sweep(page, sizeof(page) - 1, find_with, &s);
	s.page = "vpd_pg80";
	sweep(page, sizeof(page) - 1, find_with, &s);
	machine_clear(&m);
}

#define USB PCI "/usb2/2-1/2-1:1.0"

static void usb_disks_have_maker_model_and_port(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI, "pci");
	put_device(&m, PCI "/usb2", "usb");
	put_device(&m, PCI "/usb2/2-1", "usb");
	put(&m, PCI "/usb2/2-1", "serial", "00 1\n");
	put_device(&m, USB, "usb");
	put_device(&m, USB "/host4", "scsi");
	put_device(&m, USB "/host4/target4:0:0/4:0:0:0", "scsi");
	put_disk(&m, USB "/host4/target4:0:0/4:0:0:0/block/sdc", USB "/host4/target4:0:0/4:0:0:0");
	put(&m, USB "/host4/target4:0:0/4:0:0:0", "vendor", "Kings  \n");
	put(&m, USB "/host4/target4:0:0/4:0:0:0", "model", "Data  Stick 3\n");
	assert_links(&m, "sdc", "by-id/usb-Kings_Data_Stick_3_00_1-0:0\n"
				"by-path/pci-0000:00:05.0-usb-0:1:1.0-scsi-0:0:0:0\n");
}

static void cards_and_platform_devices_have_theirs(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, "devices/platform/LNRO0005:02", "platform");
	put_device(&m, "devices/platform/LNRO0005:02/virtio0", "virtio");
	put_disk(&m, "devices/platform/LNRO0005:02/virtio0/block/vda",
		 "devices/platform/LNRO0005:02/virtio0");
	assert_links(&m, "vda", "by-path/platform-LNRO0005:02\n"
				"by-path/virtio-platform-LNRO0005:02\n");
	put_device(&m, PCI, "pci");
	put_device(&m, PCI "/mmc_host/mmc0/mmc0:1", "mmc");
	put_disk(&m, PCI "/mmc_host/mmc0/mmc0:1/block/mmcblk0", PCI "/mmc_host/mmc0/mmc0:1");
	put(&m, PCI "/mmc_host/mmc0/mmc0:1", "name", "SD16G\n");
	put(&m, PCI "/mmc_host/mmc0/mmc0:1", "serial", "0xab\n");
	assert_links(&m, "mmcblk0", "by-id/mmc-SD16G_0xab\n");
}

/* A member of the array "host:my root", with metadata 1.2. */
static void put_member(struct machine *m, const char *name)
{
	static unsigned char data[256 * 1024];
	unsigned char *sb = data + 4096;
	uint64_t sum = 0;

	memset(data, 0, sizeof(data));
	put_le32(sb, 0xa92b4efc);
	put_le32(sb + 4, 1);
	for (unsigned i = 0; i < 16; i++)
		sb[16 + i] = (unsigned char)(0xf0 + i);
	strcpy((char *)sb + 32, "host:my root");
	put_le32(sb + 72, 1);
	put_le32(sb + 92, 2);
	for (int i = 0; i < 256; i += 4)
		sum += le32(sb + i);
	put_le32(sb + 216, (uint32_t)(sum + (sum >> 32)));
	put_file(m->folder, name, data, sizeof(data));
}

/* The kernel does not know them, but a member does. */
static void arrays_have_the_names_in_their_superblocks(void **state)
{
	enum { WHOLE, NO_METADATA, OTHER_METADATA, FOREIGN, NO_MEMBER, CASES };

	(void)state;
	for (int i = 0; i < CASES; i++) {
		static const char array[] = "devices/virtual/block/md127";
		_cleanup_machine_ struct machine m;
		char both[512], name[64];

		machine_make(&m);
		put_disk(&m, array, "none");
		put_dir(m.folder, "devices/virtual/block/md127/slaves/vda");
		put_dir(m.folder, "devices/virtual/block/md127/slaves/cciss!c0d0");
		if (i != NO_METADATA)
			put(&m, array, "md/metadata_version",
			    i == OTHER_METADATA ? "1.0\n" : i == FOREIGN ? "external:imsm\n" : "1.2\n");
		put_text(m.folder, "dev/vda", "cannot be read");
		if (i != NO_MEMBER)
			put_member(&m, "dev/cciss/c0d0");
		for (int partition = 0; partition < 2; partition++) {
			const char *suffix = partition ? "-part2" : "";

			snprintf(name, sizeof(name), "md127%s", partition ? "2" : "");
			snprintf(both, sizeof(both), "by-id/md-uuid-f0f1f2f3:f4f5f6f7:f8f9fafb:fcfdfeff%s\n"
				 "by-id/md-name-host:my_root%s\n", suffix, suffix);
			assert_links(&m, name, i == WHOLE ? both : "");
		}
	}
}

static void what_cannot_be_known_has_no_name(void **state)
{
	static const char path[] = PCI "/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0";
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_device(&m, PCI, "pci");
	put_device(&m, path, "scsi");
	put_disk(&m, PCI "/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0/block/sda", path);
	assert_links(&m, "sda", "");
	assert_links(&m, "never-there", "");
	links_wwid(m.folder, "sda", m.links, sizeof(m.links));
	assert_string_equal(m.links, "");
}

static void a_link_is_compared_whole(void **state)
{
	static const char links[] = "by-id/a-part1\nby-id/a\n";

	(void)state;
	assert_true(links_has(links, "by-id/a"));
	assert_true(links_has(links, "by-id/a-part1"));
	assert_false(links_has(links, "by-id/a-part"));
	assert_false(links_has(links, "id/a"));
	assert_false(links_has(links, ""));
	assert_false(links_has("", "by-id/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtio_disks_have_their_serial_number),
		cmocka_unit_test(nvme_namespaces_have_model_serial_and_number),
		cmocka_unit_test(ata_disks_have_model_serial_and_port),
		cmocka_unit_test(scsi_disks_have_their_best_designator),
		cmocka_unit_test(no_page_of_a_disk_is_fatal),
		cmocka_unit_test(usb_disks_have_maker_model_and_port),
		cmocka_unit_test(cards_and_platform_devices_have_theirs),
		cmocka_unit_test(arrays_have_the_names_in_their_superblocks),
		cmocka_unit_test(what_cannot_be_known_has_no_name),
		cmocka_unit_test(a_link_is_compared_whole),
	};

	return RUN_TESTS(tests);
}
