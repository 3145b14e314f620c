/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernels that a machine has: a module tree, a kernel image, a configuration. The version
 * is what the kernel image itself says; a module tree for another version is an error.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "host/root.h"

struct kernel {
	const char *version;
	const char *modules_dir; /* below the root, links resolved: usr/lib/modules/VERSION; without
				  * modules, where they would be */
	const char *image;       /* below the root; NULL: there is none */
	bool is_monolithic;	 /* its configuration has no loadable modules: everything is built
				    in */
};

/* Lists every directory of the module folder that holds a module tree, and the kernels in /boot
 * whose configuration file says that they have no modules; newest version first. Returns their
 * number, or -errno. */
int kernels_list(const struct root *r, struct arena *arena, struct kernel **out, struct err *err);

/* Lists the kernels in /boot and in kernel-install's folders that kernels_list() leaves out, since their
 * modules are missing, newest first; without copies and those of rescue entries. Returns their number. */
size_t kernels_without_modules(const struct root *r, struct arena *arena, struct kernel **out);

/* Says that no image is made for K, one of kernels_without_modules(), and what to do. */
const char *kernel_skipped_text(const struct root *r, const struct kernel *k, struct arena *arena);

/*
 * The kernel called VERSION; with NULL the running one (when the root is the host's), else the
 * newest that has an image. It must have a module tree with depmod's indexes, unless it is
 * monolithic, and an image whose header has the same version; whatever is missing has an error of
 * its own.
 */
int kernel_find(const struct root *r, const char *version, struct arena *arena, struct kernel *out,
		struct err *err);

/* The same for what does not depend on a kernel: where kernel_find() finds none, OUT is one without
 * modules and image, called VERSION or as the running one. */
int kernel_find_or_none(const struct root *r, const char *version, struct arena *arena,
			struct kernel *out, struct err *err);

/* The version of the kernel that kernel_find() would look for, however incomplete its files are: with
 * NULL, newer ones without a kernel image count only if no other has one. */
int kernel_choose(const struct root *r, const char *version, struct arena *arena, const char **out,
		  struct err *err);

/* The version of the kernel image at PATH: from its header, otherwise from its name. NULL: it
 * cannot be opened, or neither has one. */
const char *kernel_version(const struct root *r, const char *path, struct arena *arena);

/* Does NAME, of a kernel or an image, end like those of copies and of half-installed files? */
bool kernel_name_is_copy(const char *name);

struct kernel_file {
	const char *path, *version;
	const char *suffix; /* of its name: "linux" of vmlinuz-linux, "" of vmlinuz */
};

/* The kernel images directly in FOLDER, by name, without links and copies. Returns their number. */
size_t kernel_files(const struct root *r, const char *folder, struct arena *arena,
		    struct kernel_file **out);

/* Where a kernel image of VERSION is, found by name, otherwise by header, whether or not there are
 * modules for it; NULL: nowhere. */
const char *kernel_image_path(const struct root *r, const char *version, struct arena *arena);

/* Adds a hint that depmod rebuilds the indexes of VERSION. Returns the code that ERR holds. */
int kernel_hint_depmod(const struct root *r, const char *version, struct err *err);

/*
 * Appends the kernel's configuration: /boot/config-VERSION, the module tree's config, or the
 * one that CONFIG_IKCONFIG=y put into the kernel image. *ORIGIN says which file.
 * -ENOENT when there is none.
 */
int kernel_config(const struct root *r, const struct kernel *k, struct arena *arena,
		  struct buf *out, const char **origin, struct err *err);
