/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The initramfs images of a machine.
 *
 * Which file is the image of a kernel VERSION? The first of these that exists:
 *   1. what the boot menu boots this kernel with, if its name is the kernel's (preroot's own entries
 *      and those of other systems do not count), where that is on the filesystem of the images;
 *   2. a file with one of the names that distributions use: initrd.img-VERSION,
 *      initramfs-VERSION.img, initrd-VERSION.img, initrd-VERSION, initramfs-VERSION;
 *      in a folder that kernel-install made for the kernel, initrd or initrd.img-VERSION;
 *   3. what the boot menu boots this kernel with, under any name, if there is only one such file
 *      besides microcode;
 *   4. the names of 2. with the suffix of a kernel image whose header says VERSION
 *      (vmlinuz-linux, initramfs-linux.img);
 *   5. the name that this distribution uses.
 * A link counts as the file that it leads to. Next to an image are these, each named after it:
 *   IMAGE.previous, IMAGE.previous-2, ...   what it replaced, the youngest first
 *   IMAGE.trial                             what the next boot is to try, see rebuild --try-next
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/boot/bootdir.h"
#include "host/root.h"

enum boot_image_kind {
	BOOT_IMAGE_CURRENT,
	BOOT_IMAGE_PREVIOUS,
	BOOT_IMAGE_TRIAL,
};

struct boot_image {
	const char *path;
	const char *version; /* of its kernel */
	enum boot_image_kind kind;
	unsigned generation; /* of a previous one: 1 is the youngest */
	uint64_t size;
	bool has_usual_name; /* this distribution, or kernel-install, names its images like that */
};

struct boot_images {
	struct boot_image *list; /* by version (newest first), kind and generation */
	size_t n;
	/* Named like images, but not the image of a kernel: copies, fallback and rescue images.
	 * VERSION is the installed kernel in their name, or NULL. */
	struct boot_image *others;
	size_t n_others;
};

/* Where the image of VERSION is, or would be. */
const char *boot_image_path(const struct root *r, const struct bootdir *b, const char *version,
			    struct arena *arena);

/* The same, for whoever changes images. NULL, with -EINVAL in ERR: it must not be replaced, because
 * it is another kernel's as well, or because nobody knows which of several files it is. */
const char *boot_image_own(const struct root *r, const struct bootdir *b, const char *version,
			   struct arena *arena, struct err *err);

/* PATH is that of a current image. GENERATION counts from 1. */
const char *boot_image_previous(const char *path, unsigned generation, struct arena *arena);
const char *boot_image_trial(const char *path, struct arena *arena);

/* 0 or -errno. */
int boot_images_list(const struct root *r, const struct bootdir *b, struct arena *arena,
		     struct boot_images *out, struct err *err);
