/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a machine needs to reach its filesystems: for each mounted filesystem on a block device the
 * chain of block devices below it (partition, slaves), and for those every device of /sys on the
 * way up to the bus. Also the keyboards: somebody may have to type; and the kinds of processors,
 * for their microcode. Which driver of the target kernel serves a device is not recorded here: that
 * depends on the target.
 *
 * The JSON form is what `preroot hardware --json` prints and --hardware reads:
 *   {"preroot-hardware": 1, "kernel": "6.1.0",
 *    "mounts":  [{"target": "/", "source": "/dev/vda1", "fstype": "ext4", "options": "rw",
 *                 "blocks": [{"name": "vda1", "path": "devices/..."}, ...]}],
 *    "devices": [{"path": "devices/pci0000:00/...", "subsystem": "pci", "modalias": "pci:...",
 *                 "driver": "virtio-pci", "module": "virtio_pci", "for": "/"}],
 *    "cpus":    [{"vendor": "GenuineIntel", "family": 6, "model": 142, "stepping": 10,
 *                 "platforms": 128, "guest": false}]}
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "host/root.h"

/* One block device on the way to a filesystem. */
struct hw_block {
	const char *name;   /* kernel name: vda1 */
	const char *path;   /* below /sys: devices/... */
	const char *holder; /* kernel name of the device on top; NULL: the filesystem itself */
	bool is_virtual;    /* made by software: device mapper, MD, loop */
	const char *kind;   /* hardware_kind(); NULL: a description without it */
	const char **slaves; /* kernel names of all that it lies on; a partition lies on its disk */
	size_t n_slaves;
	const char *dm_name; /* of a device-mapper device: below /dev/mapper; NULL */
	const char *dm_uuid; /* of a device-mapper device; NULL */
	const char *md_level;	 /* of an MD array: raid1; NULL */
	const char *md_metadata; /* where its superblocks are: 1.2, external:imsm; NULL */
};

struct hw_mount {
	const char *target;
	const char *source;
	const char *fstype;
	const char *options; /* super block options */
	const char *btrfs_seed; /* UUID of one that a btrfs has grown out of; NULL: none is known */
	bool is_early;	     /* an initramfs mounts it: /, /usr, and mounts that fstab marks so */
	struct hw_block *blocks;
	size_t n_blocks;
};

struct hw_device {
	const char *path; /* below /sys: devices/... */
	const char *subsystem; /* NULL: unknown, as for the next three */
	const char *modalias;
	const char *driver;
	const char *module;
	const char *needed_for; /* mount target, HW_SWAP or "keyboard" */
	bool is_builtin;        /* the running kernel has the driver built in */
};

/* One kind of processor. */
struct hw_cpu {
	const char *vendor;  /* GenuineIntel, AuthenticAMD, ... */
	uint32_t family, model, stepping;
	uint32_t platforms;  /* Intel: the platform's mask; HW_PLATFORMS_UNKNOWN */
	bool is_guest;       /* of a virtual machine */
};

/* Target of a swap area, which has no place in the tree. */
#define HW_SWAP "swap"

#define HW_PLATFORMS_UNKNOWN UINT32_MAX

struct hardware {
	const char *kernel; /* the running one, as /proc/sys/kernel/osrelease says; NULL */
	struct hw_mount *mounts; /* those that an initramfs would mount, also without blocks */
	size_t n_mounts;
	struct hw_device *devices;
	size_t n_devices;
	struct hw_cpu *cpus; /* each kind once; none on other architectures than x86 */
	size_t n_cpus;
	bool knows_cpus; /* false: nothing could be found out about them */
};

/* Reads /proc/self/mountinfo, /proc/swaps (swap areas on partitions and disks), /etc/fstab and /sys
 * below the root. A mount whose device is not in /sys is left out. -ENOENT when there is no /proc
 * or no /sys. */
int hardware_read(const struct root *r, struct arena *arena, struct hardware *out,
		  struct err *err);

/* Reads the processors alone, from /proc/cpuinfo and the microcode driver's files in /sys. */
void hardware_read_cpus(const struct root *r, struct arena *arena, struct hardware *hw);

/* -EBADMSG: the message says which value is wrong. */
int hardware_from_json(const char *text, size_t len, struct arena *arena, struct hardware *out,
		       struct err *err);

/* Has a filesystem of this type no block device, although it holds files that last? */
bool hardware_has_no_block(const char *fstype);

/* What K is: disk, partition, array, lvm, crypt, ... */
const char *hardware_kind(const struct hw_block *k, bool is_partition);

/* NULL: not mounted from a block device. */
const struct hw_mount *hardware_mount(const struct hardware *hw, const char *target);
