/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the boot loaders of a machine offer: the entries of GRUB's menu (boot/grub/grub.cfg,
 * boot/grub2/grub.cfg, else one of the EFI system partition, and what they source), of the Boot
 * Loader Specification (type 1, loader/entries of /boot, /efi and /boot/efi), and of extlinux. Read
 * only.
 *
 * All paths are below the root, links resolved where the file is there, without a leading slash: a
 * path in a menu counts from the top of the filesystem that the loader reads, which may be the
 * root's, /boot's or the EFI system partition's, or a part of those; see bootmenu_place().
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/root.h"

/* What preroot calls its own entries: this and the version of a kernel. */
#define BOOTMENU_PREVIOUS "preroot-previous" /* a number, from 2, for those that are older; "-" */
#define BOOTMENU_TRIAL	  "preroot-trial-"

/* In front of the names of entry files. What systemd-boot and Fedora's GRUB have no other order for
 * goes by name, the greatest first, and the first is the default: ours must be the least by the
 * rules of both. */
#define BOOTMENU_BLS_LAST "a-"

/* Is that how preroot names an entry, on this machine or another? */
bool bootmenu_is_own_id(const char *id);

enum bootmenu_loader {
	BOOTMENU_GRUB,
	BOOTMENU_BLS,
	BOOTMENU_EXTLINUX,
	BOOTMENU_LOADERS,
};

/* Where a loader's paths begin. */
struct bootmenu_top {
	const struct root *root;
	const char *base;   /* folder at whose top they may begin: boot, efi, ... */
	const char *folder; /* of the menu, where relative ones begin */
	const char *target; /* of the mount that BASE lies on; NULL: not known */
	const char *inside; /* what of that filesystem is mounted there: "/", "/@" */
};

struct bootmenu_entry {
	enum bootmenu_loader loader;
	const struct bootmenu_top *top;
	const char *file;     /* that it stands in */
	unsigned line;        /* where it begins; 0: it is the whole file */
	const char *id;       /* by which its loader knows it, without .conf; NULL: none */
	const char *title;
	const char *number;   /* by which GRUB's "default" calls it; NULL: not known */
	const char *version;  /* of the kernel; NULL: not known, or the kernel is not there */
	const char *kernel;   /* NULL: it boots no Linux */
	const char **initrds; /* ends with NULL */
	const char *options;  /* the kernel command line, as written */
	const char *machine;  /* whose entry file says it is; NULL: it does not */
	bool is_ours;         /* preroot wrote it on this machine, for a previous image or a trial */
	bool is_plain;        /* it has one kernel, not one of two: another can be made from it */
};

struct bootmenu {
	bool has[BOOTMENU_LOADERS]; /* a menu of that loader was found */
	const char *file[BOOTMENU_LOADERS]; /* its main file, or folder of entries */
	struct bootmenu_entry *entries; /* in the order of the menus */
	size_t n;
	const char **sourced; /* the files that GRUB reads besides; ends with NULL */
	const char *preferred[BOOTMENU_LOADERS]; /* what the file of GRUB or extlinux says is to be
						    booted, as it is written; NULL: nothing */
	bool grub_reads_bls;  /* its entries are those of BOOTMENU_BLS, as on Fedora */
	bool grub_keeps_next; /* grub.cfg takes the entry for the next boot from grubenv */
	const char *problem;  /* NULL, or what could not be read: "FILE: line N: ..." */
};

/* BOOT: the folder where menus of GRUB and extlinux lie (struct bootdir). No loader at all is no failure. A menu that cannot be read is; of what it sources, and of entry
 * files, one that cannot be read is only a problem. What a menu holds beside plain entries (GRUB's
 * script language) is passed over. */
int bootmenu_read(const struct root *r, const char *boot, struct arena *arena,
		  struct bootmenu *out, struct err *err);

/* The first entry that boots VERSION with the image at PATH (NULL: any). */
const struct bootmenu_entry *bootmenu_find(const struct bootmenu *m, const char *version,
					   const char *path);

/* Is PATH, links resolved, among the initrds of E? */
bool bootmenu_names(const struct bootmenu_entry *e, const char *path);

/* The file that WRITTEN in a menu means: of those that it can mean the first that is there, with
 * links resolved; the first one, if none is. */
char *bootmenu_place(const struct bootmenu_top *top, const char *written, struct arena *arena);

/* What to write instead of WRITTEN, which means the file at PATH, so that it means NEW, a file
 * in the same folder. NULL: that cannot be said. */
char *bootmenu_rename(const struct bootmenu_top *top, const char *written, const char *path,
		      const char *new, struct arena *arena);
