/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a machine keeps what its boot loader reads, and the images that lie there. All paths are
 * below the root, links resolved, without a leading slash.
 *
 * The image of a kernel VERSION has the name that is in use already, else the distribution's:
 * boot/initrd.img-VERSION (Debian and its kin) or boot/initramfs-VERSION.img (all others); in a
 * folder that kernel-install made for it, boot/efi/TOKEN/VERSION/initrd.img-VERSION or initrd. Beside it lie, each named after it:
 *   IMAGE.previous, IMAGE.previous-2, ...   what it replaced, the youngest first
 *   IMAGE.trial                             what the next boot is to try, see rebuild --try-next
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/root.h"

struct bootdir {
	const char *path;   /* of images and what is there of them: boot, or as kernel-install has it
			     * the EFI system partition, efi or boot/efi */
	const char *boot;   /* where menus of GRUB and extlinux lie */
	const char *token;  /* below it a folder for each kernel (host/boot/kernel_install.h); NULL */
	const char *fstype; /* ext4, vfat, ...; NULL: not known (no /proc below the root) */
	uint64_t total, free; /* bytes; free: for us */
	uint64_t cluster;   /* bytes that a file grows by */
	uint64_t device;    /* st_dev */
	bool is_mount;      /* a filesystem of its own */
	bool is_read_only;
	bool has_links;     /* hard links, owners, permissions: no FAT */
};

/* -ENOENT: there is none. -ENODEV: fstab has a filesystem for it, which is not mounted: what is
 * written there would be hidden as soon as it is. So it is with the EFI system partition where
 * no menu is in /boot. */
int bootdir_read(const struct root *r, struct arena *arena, struct bootdir *out, struct err *err);

/* Bytes that a file of SIZE takes there. */
uint64_t bootdir_takes(const struct bootdir *b, uint64_t size);

enum boot_image_kind {
	BOOT_IMAGE_CURRENT,
	BOOT_IMAGE_PREVIOUS,
	BOOT_IMAGE_TRIAL,
};

struct boot_image {
	const char *path;
	const char *version; /* of the kernel, by its name */
	enum boot_image_kind kind;
	unsigned generation; /* of a previous one: 1 is the youngest */
	uint64_t size;
};

/* Where the image of VERSION is, or would be. */
const char *boot_image_path(const struct root *r, const struct bootdir *b, const char *version,
			    struct arena *arena);

/* PATH is that of a current image. GENERATION counts from 1. */
const char *boot_image_previous(const char *path, unsigned generation, struct arena *arena);
const char *boot_image_trial(const char *path, struct arena *arena);

/* All images there, by version (newest first), kind and generation. Files that merely look alike,
 * such as copies that somebody called .bak, are none. Count, or -errno. */
int boot_images_list(const struct root *r, const struct bootdir *b, struct arena *arena,
		     struct boot_image **out, struct err *err);
