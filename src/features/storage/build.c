/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/*
 * Drivers of the disks. Generic: everything the target kernel has for storage and its buses.
 * Hostonly: the drivers of each device between the bus and the filesystems that are mounted early.
 */

enum {
	ANY = REACH_GENERIC,
	ALWAYS = REACH_GENERIC | REACH_SLOPPY,
	OF_A_KIND = REACH_GENERIC | REACH_KIND,
};

const struct modules_rule storage_rules[] = {
	/* Disks that people plug in, and controllers of machines that a disk may be moved to. */
	{"kernel/drivers/ata/ahci.ko", "SATA disks", ALWAYS, 0},
	{"kernel/drivers/ata/ahci_platform.ko", "SATA disks", ALWAYS, 0},
	{"kernel/drivers/ata/ata_generic.ko", "SATA and IDE disks", ALWAYS, 0},
	{"kernel/drivers/ata/ata_piix.ko", "SATA and IDE disks", ALWAYS, 0},
	{"kernel/drivers/block/virtio_blk.ko", "disks of virtual machines", ALWAYS, 0},
	{"kernel/drivers/block/xen-blkfront.ko", "disks of Xen machines", ALWAYS, 0},
	{"kernel/drivers/scsi/hv_storvsc.ko", "disks of Hyper-V machines", ALWAYS, 0},
	{"kernel/drivers/scsi/sd_mod.ko", "SCSI disks", ALWAYS, 0},
	{"kernel/drivers/scsi/sg.ko", "SCSI disks", ALWAYS, 0},
	{"kernel/drivers/scsi/sr_mod.ko", "optical drives", ALWAYS, 0},
	{"kernel/drivers/scsi/virtio_scsi.ko", "disks of virtual machines", ALWAYS, 0},
	{"kernel/drivers/scsi/vmw_pvscsi.ko", "disks of VMware machines", ALWAYS, 0},
	{"kernel/drivers/scsi/xen-scsifront.ko", "disks of Xen machines", ALWAYS, 0},
	{"kernel/drivers/scsi/device_handler/", "several ways to one disk", ALWAYS, 0},
	{"kernel/drivers/mmc/", "SD cards and eMMC", ALWAYS, 0},
	{"kernel/drivers/nvme/host/nvme-fc.ko", NULL, 0, 0},
	{"kernel/drivers/nvme/host/nvme-rdma.ko", NULL, 0, 0},
	{"kernel/drivers/nvme/host/nvme-tcp.ko", NULL, 0, 0},
	{"kernel/drivers/nvme/host/nvme-fabrics.ko", NULL, 0, 0},
	{"kernel/drivers/nvme/target/", NULL, 0, 0},
	{"kernel/drivers/nvme/", "NVMe disks", ALWAYS, 0},
	{"kernel/drivers/pci/controller/vmd.ko", "NVMe disks behind Intel VMD", ALWAYS, 0},
	{"kernel/drivers/ufs/", "UFS flash", ALWAYS, 0},
	{"kernel/drivers/usb/storage/", "USB disks", ALWAYS, 0},
	{"kernel/drivers/virtio/", "bus of virtual machines", ALWAYS, 0},

	/* Controllers: all, or those of a kind that this machine has. */
	{"kernel/drivers/ata/", "SATA and IDE disks", OF_A_KIND, 0},
	{"kernel/drivers/message/fusion/", "SCSI and SAS controllers", OF_A_KIND, FACTS_DISKS},
	{"kernel/drivers/scsi/", "SCSI, SAS and RAID controllers", OF_A_KIND, FACTS_DISKS},

	/* Over a network, for tests, or of no use before the root is mounted. */
	{"kernel/drivers/block/aoe/", NULL, 0, 0},
	{"kernel/drivers/block/drbd/", NULL, 0, 0},
	{"kernel/drivers/block/nbd.ko", NULL, 0, 0},
	{"kernel/drivers/block/null_blk", NULL, 0, 0},
	{"kernel/drivers/block/rbd.ko", NULL, 0, 0},
	{"kernel/drivers/block/rnbd/", NULL, 0, 0},
	{"kernel/drivers/block/xen-blkback/", NULL, 0, 0},
	{"kernel/drivers/block/zram/", NULL, 0, 0},
	{"kernel/drivers/gpu/", NULL, 0, 0},
	{"kernel/drivers/infiniband/", NULL, 0, 0},
	{"kernel/drivers/media/", NULL, 0, 0},
	{"kernel/drivers/net/", NULL, 0, 0},
	{"kernel/drivers/target/", NULL, 0, 0},

	/* None of these registered a disk in any kernel from 5.10 to 7.2: not worth a look at their
	 * files. */
	{"kernel/drivers/accel/", NULL, 0, 0},
	{"kernel/drivers/accessibility/", NULL, 0, 0},
	{"kernel/drivers/atm/", NULL, 0, 0},
	{"kernel/drivers/bluetooth/", NULL, 0, 0},
	{"kernel/drivers/char/", NULL, 0, 0},
	{"kernel/drivers/comedi/", NULL, 0, 0},
	{"kernel/drivers/cpufreq/", NULL, 0, 0},
	{"kernel/drivers/crypto/", NULL, 0, 0},
	{"kernel/drivers/edac/", NULL, 0, 0},
	{"kernel/drivers/extcon/", NULL, 0, 0},
	{"kernel/drivers/gnss/", NULL, 0, 0},
	{"kernel/drivers/gpio/", NULL, 0, 0},
	{"kernel/drivers/hwmon/", NULL, 0, 0},
	{"kernel/drivers/hwtracing/", NULL, 0, 0},
	{"kernel/drivers/i2c/", NULL, 0, 0},
	{"kernel/drivers/iio/", NULL, 0, 0},
	{"kernel/drivers/input/", NULL, 0, 0},
	{"kernel/drivers/isdn/", NULL, 0, 0},
	{"kernel/drivers/leds/", NULL, 0, 0},
	{"kernel/drivers/nfc/", NULL, 0, 0},
	{"kernel/drivers/platform/", NULL, 0, 0},
	{"kernel/drivers/power/", NULL, 0, 0},
	{"kernel/drivers/powercap/", NULL, 0, 0},
	{"kernel/drivers/ptp/", NULL, 0, 0},
	{"kernel/drivers/pwm/", NULL, 0, 0},
	{"kernel/drivers/soundwire/", NULL, 0, 0},
	{"kernel/drivers/thermal/", NULL, 0, 0},
	{"kernel/drivers/tty/", NULL, 0, 0},
	{"kernel/drivers/uio/", NULL, 0, 0},
	{"kernel/drivers/vfio/", NULL, 0, 0},
	{"kernel/drivers/video/", NULL, 0, 0},
	{"kernel/drivers/w1/", NULL, 0, 0},

	{"kernel/drivers/acpi/nfit/", "persistent memory", ANY, 0},
	{"kernel/drivers/block/", "block devices", ANY, 0},
	{"kernel/drivers/md/", "RAID, LVM, encryption and caches", ANY, 0},
	{"kernel/drivers/memstick/", "memory sticks", ANY, 0},
	{"kernel/drivers/nvdimm/", "persistent memory", ANY, 0},
	{"kernel/drivers/", "it registers disks or their controllers", ANY, FACTS_DISKS},
	{"kernel/", NULL, 0, 0},
	{"", "disks with drivers from outside the kernel", ANY, FACTS_DISKS},
	{0},
};

/* Storage that no feature supports must fail, not look like success. */
static int refuse(struct err *err)
{
	return err_hint(err, "keep using the image builder of your distribution on this machine");
}

static int check_block(const struct hw_mount *m, const struct hw_block *k, struct err *err)
{
	if (!k->is_virtual || features_set_up(k))
		return 0;
	err_set(err, -ENOTSUP,
		"the way to %s leads over /sys/%s%s%s, which this version cannot bring up at boot",
		m->target, k->path ? k->path : k->name,
		k->dm_uuid	 ? " with device-mapper id "
		: k->md_metadata ? " with MD metadata "
				 : "",
		k->dm_uuid	 ? k->dm_uuid
		: k->md_metadata ? k->md_metadata
				 : "");
	return refuse(err);
}

static int check_omitted(const struct build *b, const struct hw_mount *m, const struct hw_block *k,
			 struct err *err)
{
	const char *feature = features_left_out(b->request, NULL, k);

	if (!feature)
		return 0;
	err_set(err, -ENOTSUP, "the way to %s leads over /sys/%s, which needs the feature %s, and that is "
		"left out", m->target, k->path ? k->path : k->name, feature);
	return err_hint(err, "do not omit it, in the configuration or on the command line");
}

/* M lies on several devices, which FEATURE brings together. The superblocks of one that has grown out of a seed
 * do not name that, so that PID 1 would wait for it in vain. */
static int check_joined(const struct build *b, const struct hw_mount *m, const char *feature, struct err *err)
{
	if (m->btrfs_seed) {
		err_set(err, -ENOTSUP, "the %s on %s has grown out of the seed with UUID %s, which this version cannot "
			"bring up at boot", m->fstype, m->target, m->btrfs_seed);
		return refuse(err);
	}
	if (features_wants_name(b->request, feature, true))
		return 0;
	err_set(err, -ENOTSUP, "the %s on %s lies on several disks, which needs the feature %s, and that "
		"is left out", m->fstype, m->target, feature);
	return err_hint(err, "do not omit it, in the configuration or on the command line");
}

/* A journal or log on a device of its own (ext4, xfs, reiserfs). */
static bool needs_more_devices(const char *options)
{
	static const char *const names[] = {"journal_dev=", "journal_path=", "logdev=", "rtdev=",
					    "jdev="};

	for (size_t i = 0; options && i < ARRAY_SIZE(names); i++)
		if (strstr(options, names[i]))
			return true;
	return false;
}

/* Is D a device of a bus on the way to M? A device is listed once, with the first mount that needs
 * it; if it is shared with /, its path tells that it is on the way to M, too. */
static bool carries(const struct hw_device *d, const struct hw_mount *m)
{
	if (d->subsystem && strcmp(d->subsystem, "scsi") == 0)
		return false;
	if (strcmp(d->needed_for, m->target) == 0)
		return true;
	for (size_t i = 0; i < m->n_blocks && strcmp(m->target, "/") != 0; i++)
		if (m->blocks[i].path && (str_starts(m->blocks[i].path, d->path) ||
					  str_starts(m->blocks[i].path, "devices/virtual/nvme-")))
			return true;
	return false;
}

static int refuse_remote(const struct hw_mount *m, const char *path, struct err *err)
{
	err_set(err, -ENOTSUP, "no controller was found below the disk of %s (/sys/%s): it is not "
		"local, and this version cannot bring it up at boot",
		m->target, path);
	return refuse(err);
}

/* The disks of iSCSI, rbd and the like have no bus device below them. */
static int check_controller(const struct build *b, const struct hw_mount *m, struct err *err)
{
	for (size_t i = 0; i < b->hardware.n_devices; i++)
		if (carries(&b->hardware.devices[i], m))
			return 0;
	return refuse_remote(m, m->n_blocks ? m->blocks[m->n_blocks - 1].path : "", err);
}

static bool is_disk(const struct hw_mount *m, const struct hw_block *k)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].holder && strcmp(m->blocks[i].holder, k->name) == 0)
			return false;
	return true;
}

/* Of several disks, as below an array or a btrfs, one may be local and another one not. */
static int check_disk(const struct build *b, const struct hw_mount *m, const struct hw_block *k,
		      struct err *err)
{
	if (!k->path || !is_disk(m, k) || str_starts(k->path, "devices/virtual/nvme-"))
		return 0;
	for (size_t i = 0; i < b->hardware.n_devices; i++) {
		const struct hw_device *d = &b->hardware.devices[i];

		if (!(d->subsystem && strcmp(d->subsystem, "scsi") == 0) &&
		    str_starts(k->path, d->path))
			return 0;
	}
	return refuse_remote(m, k->path, err);
}

static size_t count_disks(const struct hw_mount *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_blocks; i++)
		n += is_disk(m, &m->blocks[i]);
	return n;
}

static int check_mount(const struct build *b, const struct hw_mount *m, struct err *err)
{
	const char *joining = features_joining(m);
	size_t devices = 0;
	int r = 0;

	for (size_t k = 0; k < m->n_blocks && r == 0; k++) {
		devices += !m->blocks[k].holder;
		r = check_block(m, &m->blocks[k], err);
		if (r == 0)
			r = check_omitted(b, m, &m->blocks[k], err);
	}
	if (r == 0 && devices > 1 && joining) {
		r = check_joined(b, m, joining, err);
		devices = 1;
	}
	if (r == 0 && (devices > 1 || needs_more_devices(m->options))) {
		err_set(err, -ENOTSUP, "the %s on %s lies on more than one device (%s), which this "
			"version cannot bring up at boot", m->fstype, m->target,
			devices > 1 ? "several disks" : m->options);
		r = refuse(err);
	}
	if (r == 0)
		r = check_controller(b, m, err);
	for (size_t k = 0; k < m->n_blocks && count_disks(m) > 1 && r == 0; k++)
		r = check_disk(b, m, &m->blocks[k], err);
	return r;
}

static int refuse_without_block(const struct hw_mount *m, struct err *err)
{
	err_set(err, -ENOTSUP,
		"%s is %s%s%s%s: this version cannot bring up such a filesystem at boot",
		m->target, m->fstype, m->source ? " (" : "", m->source ? m->source : "",
		m->source ? ")" : "");
	return refuse(err);
}

static int check_mounts(const struct build *b, struct err *err)
{
	const struct hw_mount *root = hardware_mount(&b->hardware, "/");
	int r = 0;

	for (size_t i = 0; i < b->hardware.n_mounts; i++)
		if (b->hardware.mounts[i].is_early && !b->hardware.mounts[i].n_blocks &&
		    hardware_has_no_block(b->hardware.mounts[i].fstype))
			return refuse_without_block(&b->hardware.mounts[i], err);
	if (!root || !root->n_blocks) {
		err_set(err, -ENODEV, "no block device below / was found%s%s",
			b->request->hardware_file ? " in " : "",
			b->request->hardware_file ? b->request->hardware_file : "");
		return err_hint(err, "make a generic image (hostonly=no), or describe the machine that it "
				     "is for with preroot hardware");
	}
	for (size_t i = 0; i < b->hardware.n_mounts && r == 0; i++)
		if (b->hardware.mounts[i].is_early)
			r = check_mount(b, &b->hardware.mounts[i], err);
	return r;
}

/* PCI mass storage, SCSI, virtio, mmc and Hyper-V devices, each of which needs a driver. */
static bool carries_disks(const char *modalias)
{
	return modalias && ((str_starts(modalias, "pci:") && strstr(modalias, "bc01sc")) ||
			    str_starts(modalias, "virtio:") || str_starts(modalias, "scsi:") ||
			    str_starts(modalias, "mmc:") || str_starts(modalias, "vmbus:"));
}

/*
 * The modalias decides. If the running kernel uses a module for the device, the target kernel must
 * have the driver, as a module or built in. A driver that is built into the running kernel may have
 * another name there, or none.
 */
static int add_device(struct build *b, const struct hw_device *d, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *reason = arena_printf(a, "drives /sys/%s (%s) on the way to %s", d->path,
					  d->modalias ? d->modalias : d->driver, d->needed_for);
	const char *prefer = d->module ? d->module : d->driver;
	unsigned flags = MODULES_LOAD | MODULES_REQUIRED | (d->driver ? MODULES_IN_USE : 0);
	int r = MODULES_ABSENT;

	if (d->modalias)
		r = modules_add_alias(b->modules, d->modalias, prefer, flags, reason, err);
	if (r == MODULES_ABSENT && prefer)
		r = modules_add_name(b->modules, prefer, flags, reason, err);
	if (r < 0)
		return r;
	if (r != MODULES_ABSENT) {
		if (d->module && !d->is_builtin && !modules_has(b->modules, d->module))
			plan_warn(&b->plan,
				  "/sys/%s is driven by module %s now, but kernel %s offers %s for it",
				  d->path, d->module, b->kernel.version,
				  modules_describe(b->modules, d->modalias, NULL));
		return 0;
	}
	if (!d->module || d->is_builtin) {
		if (carries_disks(d->modalias))
			plan_warn(&b->plan,
				  "/sys/%s (%s, %s) is on the way to %s: the running kernel has its "
				  "driver built in, kernel %s lists none", d->path, d->modalias,
				  d->driver ? d->driver : "no driver", d->needed_for,
				  b->kernel.version);
		return 0;
	}
	err_set(err, -ENOENT,
		"kernel %s has no driver for /sys/%s, which is on the way to %s (modalias %s; the "
		"running kernel drives it with module %s)",
		b->kernel.version, d->path, d->needed_for, d->modalias ? d->modalias : "none",
		d->module);
	return err_hint(err, "install that driver for kernel %s, or build for another kernel",
			b->kernel.version);
}

static bool is_for_early(const struct build *b, const struct hw_device *d)
{
	const struct hw_mount *m = hardware_mount(&b->hardware, d->needed_for);

	return m && m->is_early;
}

static int build_hostonly(struct build *b, struct err *err)
{
	int r = check_mounts(b, err);


	for (size_t i = 0; i < b->hardware.n_devices && r == 0; i++)
		if (is_for_early(b, &b->hardware.devices[i]))
			r = add_device(b, &b->hardware.devices[i], err);
	return r;
}

/*
 * A controller that was asked for by name brings no disk of this machine with it, whose modalias
 * would name the driver; and no driver of a controller depends on that of its disks.
 */
int storage_complete(struct build *b, struct err *err)
{
	static const struct {
		const char *bus, *driver, *reason;
		const char *controllers[4]; /* where they are, for a bus that is built in */
	} disks[] = {
		{"mmc_core",
		 "mmc_block",
		 "disks of the SD card controllers in the image",
		 {"kernel/drivers/mmc/"}},
		{"scsi_mod",
		 "sd_mod",
		 "disks of the SCSI, SATA and USB controllers in the image",
		 {"kernel/drivers/ata/", "kernel/drivers/message/", "kernel/drivers/scsi/",
		  "kernel/drivers/usb/storage/"}},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(disks) && r >= 0; i++) {
		bool has = modules_packs(b->modules, disks[i].bus);

		for (size_t k = 0; k < ARRAY_SIZE(disks[i].controllers) && !has; k++)
			has = disks[i].controllers[k] &&
			      modules_packs_below(b->modules, disks[i].controllers[k]);
		if (has)
			r = modules_add_name(b->modules, disks[i].driver, 0, disks[i].reason, err);
	}
	return r < 0 ? r : 0;
}

int storage_build(struct build *b, struct err *err)
{
	int r = build_is_hostonly(b) ? build_hostonly(b, err) : 0;

	return r < 0 ? r : modules_add_rules(b->modules, storage_rules, build_reach(b), err);
}
