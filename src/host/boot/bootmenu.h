/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the boot loaders of a machine offer: the entries of GRUB's menu (boot/grub/grub.cfg,
 * boot/grub2/grub.cfg, else one of the EFI system partition, and the files that they source), of
 * the Boot Loader Specification (type 1, loader/entries of /boot, /efi and /boot/efi), and of
 * extlinux. Read only.
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

/* Prefix of the names of entry files. Where systemd-boot and Fedora's GRUB have no other order,
 * they sort entries by name in descending order, and the first one is the default: ours must sort
 * last by the rules of both. */
#define BOOTMENU_BLS_LAST "a-"

/* Is ID one that preroot gives to an entry, on this machine or another? */
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
	const char *target; /* of the mount that BASE is on; NULL: not known */
	const char *inside; /* the part of that filesystem that is mounted there: "/", "/@" */
};

struct bootmenu_entry {
	enum bootmenu_loader loader;
	const struct bootmenu_top *top;
	const char *file;     /* that it is in */
	unsigned line;        /* where it begins; 0: it is the whole file */
	const char *id;	      /* the loader's name for it, without .conf; NULL: none */
	const char *title;
	const char *number;   /* how GRUB's "default" refers to it; NULL: not known */
	const char *version;  /* of the kernel; NULL: not known, or the kernel is not there */
	const char *kernel;   /* NULL: it does not boot Linux */
	const char **initrds; /* ends with NULL */
	const char *options;  /* the kernel command line, as written */
	const char *machine;  /* whose entry it is, according to its file; NULL: it does not say */
	bool is_foreign;      /* another system's, which shares the folder of entries */
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
	bool grub_keeps_next; /* grub.cfg reads the entry for the next boot from grubenv */
	const char *problem;  /* NULL, or what could not be read: "FILE: line N: ..." */
};

/* BOOT is the folder of GRUB's and extlinux' menus (struct bootdir). It is no failure if there is
 * no loader, but one if a menu cannot be read. A sourced file or an entry file that cannot be read
 * is only a problem. Anything in a menu but plain entries (GRUB's script language) is skipped. */
int bootmenu_read(const struct root *r, const char *boot, struct arena *arena,
		  struct bootmenu *out, struct err *err);

/* The first entry that boots VERSION with the image at PATH (NULL: any image). */
const struct bootmenu_entry *bootmenu_find(const struct bootmenu *m, const char *version,
					   const char *path);

/* Is PATH, links resolved, among the initrds of E? */
bool bootmenu_names(const struct bootmenu_entry *e, const char *path);

/* The file that the path WRITTEN in a menu refers to: the first of the possible files that exists,
 * with links resolved; if none does, the first one. */
char *bootmenu_place(const struct bootmenu_top *top, const char *written, struct arena *arena);

/* What to write instead of WRITTEN, which refers to the file at PATH, so that it refers to NEW, a
 * file in the same folder. NULL: there is no way to write it. */
char *bootmenu_rename(const struct bootmenu_top *top, const char *written, const char *path,
		      const char *new, struct arena *arena);
