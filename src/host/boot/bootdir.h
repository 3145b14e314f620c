/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of kernels and images that a machine's boot loader reads: its free space, its kernels
 * and its menu. All paths are below the root, links resolved, without a leading slash. The images
 * are those of host/boot/images.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/boot/bootmenu.h"
#include "host/boot/kernels.h"
#include "host/root.h"

struct bootdir {
	const char *path;   /* of images and what is there of them: boot, or as kernel-install has it
			     * the EFI system partition, efi or boot/efi */
	const char *boot;   /* the folder of GRUB's and extlinux' menus */
	const char *token;  /* below it a folder for each kernel (host/boot/kernel_install.h); NULL */
	const char *fstype; /* ext4, vfat, ...; NULL: not known (no /proc below the root) */
	uint64_t total, free; /* bytes; free: for our use */
	uint64_t available; /* for whoever is not root, as df says */
	uint64_t cluster;     /* bytes; sizes of files are rounded up to it */
	uint64_t device;    /* st_dev */
	bool is_mount;      /* a filesystem of its own */
	bool is_read_only;
	bool has_links;     /* hard links, owners, permissions: no FAT */
	const struct bootmenu *menu; /* NULL: it cannot be read */
	struct kernel_file *kernels; /* in /boot itself */
	size_t n_kernels;
};

/* -ENOENT: there is none. -ENODEV: fstab has a filesystem for it that is not mounted: anything
 * written there would be hidden once it is. The same holds for the EFI system partition when there
 * is no menu in /boot. */
int bootdir_read(const struct root *r, struct arena *arena, struct bootdir *out, struct err *err);

/* Bytes that a file of SIZE occupies there. */
uint64_t bootdir_takes(const struct bootdir *b, uint64_t size);
