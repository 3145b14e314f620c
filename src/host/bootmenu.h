/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the boot loaders of a machine offer: the entries of GRUB's menu (boot/grub/grub.cfg,
 * boot/grub2/grub.cfg and what they source), of the Boot Loader Specification (type 1, loader/entries
 * of /boot, /efi and /boot/efi), and of extlinux. Read only.
 *
 * All paths are below the root, without a leading slash: a path in a menu counts from the top of the
 * filesystem that the loader reads, which may be the root's, /boot's or the EFI system partition's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/bootdir.h"
#include "host/root.h"

enum bootmenu_loader {
	BOOTMENU_GRUB,
	BOOTMENU_BLS,
	BOOTMENU_EXTLINUX,
	BOOTMENU_LOADERS,
};

struct bootmenu_entry {
	enum bootmenu_loader loader;
	const char *file;     /* that it stands in */
	const char *id;       /* by which its loader knows it */
	const char *title;
	const char *version;  /* of the kernel; NULL: its file is there, but its version is not known, or it is not there */
	const char *kernel;   /* NULL: it boots no Linux */
	const char **initrds; /* ends with NULL */
	const char *options;  /* the kernel command line, as written */
	bool is_ours;         /* preroot wrote it, for a previous image or a trial */
};

struct bootmenu {
	bool has[BOOTMENU_LOADERS]; /* a menu of that loader was found */
	const char *file[BOOTMENU_LOADERS]; /* its main file, or folder of entries */
	struct bootmenu_entry *entries; /* in the order of the menus */
	size_t n;
	const char *problem;  /* NULL, or what could not be read: "FILE:LINE: ..." */
};

/* No loader at all is no failure. A menu that cannot be read is. What a menu holds beside plain
 * entries (GRUB's script language) is passed over. */
int bootmenu_read(const struct root *r, const struct bootdir *b, struct arena *arena,
		  struct bootmenu *out, struct err *err);

/* The first entry that boots VERSION with the image at PATH (NULL: any). */
const struct bootmenu_entry *bootmenu_find(const struct bootmenu *m, const char *version,
					   const char *path);
