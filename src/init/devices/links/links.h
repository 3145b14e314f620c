/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names that udev's rules for disks give a block device in /dev/disk/by-id, by-path and
 * by-diskseq, worked out from sysfs, and for MD arrays from the superblock of a member. Source: udev's
 * rules.d/60-persistent-storage.rules, mdadm's 63-md-raid-arrays.rules, and
 * the helpers ata_id, scsi_id, usb_id and path_id, as documented by what they print.
 *
 *   by-id    nvme-WWID nvme-MODEL_SERIAL[_NSID]  virtio-SERIAL  mmc-NAME_SERIAL  ata-MODEL_SERIAL
 *            scsi-ID  wwn-0x...  usb-VENDOR_MODEL_SERIAL-T:L
 *            dm-name-NAME dm-uuid-UUID  md-uuid-UUID md-name-HOST:NAME
 *   by-path  pci-... platform-... with -nvme-N, -scsi-H:C:T:L, -ata-N, -usb-0:PORT behind
 *   by-diskseq  N
 *
 * with -partN for a partition. Not worked out: by-path of SAS, Fibre Channel, iSCSI and Hyper-V.
 */

#include <stdbool.h>
#include <stddef.h>

enum { LINKS_NAME_MAX = 1024, LINKS_WWID_MAX = 256 };

/* Writes the names of device NAME to OUT, "by-id/..." and so on, each followed by a newline. SYS is
 * where sysfs is mounted, DEV where devices have their nodes. Names that do not fit are left out. */
void links_find(const char *sys, const char *dev, const char *name, char *out, size_t size);

/* Is LINK one of those? */
bool links_has(const char *links, const char *link);

/* The worldwide unique name of the disk NAME, or of the disk of the partition NAME; "" if it has
 * none. Two disks with the same one are two paths to one disk. */
void links_wwid(const char *sys, const char *name, char *out, size_t size);
