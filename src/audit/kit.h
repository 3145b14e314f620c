/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the checks of an audit: what all of them look at, and how they report findings.
 */

#include "base/buf.h"
#include "audit/audit.h"
#include "deploy/inventory.h"
#include "host/boot/bootmenu.h"
#include "host/hardware/hardware.h"
#include "host/boot/kernels.h"

enum { AUDIT_TEXT_MAX = 4 * 1024 * 1024 }; /* of a file that people write */

struct audit_kernel {
	const char *version;
	const char *modules_dir; /* NULL: it has no module tree */
	const char *image;	 /* the kernel itself, below the root; NULL */
	bool is_running, is_wanted;
	bool is_broken;			 /* already reported: no image can be made for it */
	const struct inventory_row *row; /* NULL: nothing of it is there, except perhaps IMAGE */
	struct buf config;		 /* empty: not known */
	const char *config_origin;
	const char *magic;	     /* the vermagic of its own modules; NULL: not known */
	struct audit_module *sample; /* a few of its modules */
	size_t n_sample;
	bool has_sample;
};

struct audit {
	const struct audit_request *q;
	const struct root *root;
	struct arena *arena;
	struct audit_report *out;
	struct inventory inventory;
	struct bootdir boot;
	bool has_boot;
	struct err boot_err; /* why not */
	struct bootmenu menu;
	bool has_menu; /* it could be read, but may be empty */
	struct err menu_err;
	const char *not_running; /* where this runs, if the running kernel is not this root's; NULL */
	const struct bootmenu_entry *preferred[BOOTMENU_LOADERS]; /* what is booted if nobody
								     chooses; NULL: not known */
	const struct bootmenu_entry *next; /* what is booted once instead; NULL */
	struct hardware hardware;
	bool has_hardware;
	struct audit_kernel *kernels; /* newest first */
	size_t n_kernels;
};

/* Adds a finding, with FACT and REMEDY (NULL: none) in the arena of A. KERNEL may be NULL. Returns
 * the finding, to be completed. */
struct audit_finding *audit_add(struct audit *a, enum audit_severity severity, const char *id,
				const struct audit_kernel *kernel, const char *fact,
				const char *remedy);

/* The same, and REMEDY is a command. */
void audit_add_command(struct audit *a, enum audit_severity severity, const char *id,
		       const struct audit_kernel *kernel, const char *fact, const char *command);

/* The command `preroot VERB` for this root, and for K; NULL: for no kernel. */
const char *audit_preroot(struct audit *a, const char *verb, const struct audit_kernel *k);

/* PATH of the root, as a word of a command. */
const char *audit_path(struct audit *a, const char *path);

/* A text file below the root, at most AUDIT_TEXT_MAX bytes; NULL: not there or not readable. The
 * caller may cut it up. */
char *audit_read(struct audit *a, const char *path);

/* The next kernel to look at; start with NULL. */
struct audit_kernel *audit_next(struct audit *a, struct audit_kernel *k);
const struct audit_kernel *audit_find(const struct audit *a, const char *version);

/* Does the configuration of K have OPTION=y? */
bool audit_has(const struct audit_kernel *k, const char *option);

/* Fills preferred and next, and reports what is odd about them. A menu must be there. */
void audit_default(struct audit *a);

/* ---- the checks ---- */

void audit_kernels(struct audit *a);
void audit_headers(struct audit *a);
void audit_vermagic(struct audit *a);
void audit_indexes(struct audit *a);
void audit_images(struct audit *a);
void audit_builders(struct audit *a);
void audit_decoders(struct audit *a);
void audit_menu(struct audit *a);
void audit_space(struct audit *a);
void audit_boot_access(struct audit *a);
void audit_image_access(struct audit *a);
void audit_config_access(struct audit *a);
void audit_devices(struct audit *a);
void audit_roots(struct audit *a);
void audit_arrays(struct audit *a);
void audit_plan(struct audit *a);
void audit_secure_boot(struct audit *a);

/* ---- what several of them need ---- */

/* The name in the superblock of the MD array that the kernel calls KERNEL, without that of the machine; NULL: it has
 * none, or udev has not said so. */
const char *audit_array_name(struct audit *a, const char *kernel);

struct audit_module {
	const char *path;  /* below the root */
	const char *magic; /* its vermagic: the kernel version that it was built for, a blank, and how
			    * that kernel was configured; NULL or "": it does not say */
	bool is_foreign;   /* not of the kernel's own package: outside of kernel/ */
	bool is_signed;
};

/* Reads a few modules of K, once. */
size_t audit_sample(struct audit *a, struct audit_kernel *k, const struct audit_module **out);

/* The command that makes /boot readable and writable for root only, where its files have no
 * modes. */
const char *audit_close_boot(struct audit *a);

/* The title of a boot entry, for people. */
const char *audit_title(const struct bootmenu_entry *e);

/* The same with its file, to begin a sentence about it. */
const char *audit_entry_place(struct audit *a, const struct bootmenu_entry *e);

/* Calls FN with each kernel command line of the machine; WHERE says in words where it was found. */
void audit_cmdlines(struct audit *a,
		    void (*fn)(struct audit *a, const char *line, const char *where, void *arg),
		    void *arg);

/* The same, but only those that future entries of the boot menu are made with. */
void audit_next_cmdlines(struct audit *a,
			 void (*fn)(struct audit *a, const char *line, const char *where, void *arg),
			 void *arg);
