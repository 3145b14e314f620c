/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What several front ends need to know of the machine. */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/compat/front.h"

/* The image that a rebuild of the kernel VERSION (NULL: the one that a rebuild chooses), or of ALL
 * kernels, would replace first, in *OUT; NULL: none. 0 or -errno. */
int kit_find_image(const char *root, const char *version, bool all, struct arena *arena,
		   const char **out, struct err *err);

/* Where the image of VERSION is, or would be. */
const char *kit_image_path(const char *root, const char *version, struct arena *arena);

/* As initramfs-tools' own commands do, reads its settings in FOLDER, if they are there. */
void kit_use_initramfs_tools(struct front_run *f, const char *folder);

/* All kernels, or those that have an image, newest first. Their number or -errno. */
int kit_kernels(const char *root, struct arena *arena, const char ***out, struct err *err);
int kit_kernels_with_image(const char *root, struct arena *arena, const char ***out, struct err *err);

/* The image in use of a kernel, otherwise another of its images. */
struct kit_image {
	const char *version, *path; /* PATH as this process sees it */
	bool is_own;		    /* made by preroot; or not in use, so that others decide */
};

/* One for each kernel that has images, even if nothing else of it is there, newest first. Their number or
 * -errno. */
int kit_images(const char *root, struct arena *arena, struct kit_image **out, struct err *err);

/* Warns of the kernels without modules, for which no image is made: those newer than the kernel AFTER
 * (NULL: all), and only those that have an image with ONLY_WITH_IMAGE. */
void kit_warn_of_skipped(const char *root, const char *after, bool only_with_image,
			 struct arena *arena);

/* The image of a kernel of this machine, where dracut's lsinitrd looks for it, or as preroot finds
 * it. VERSION NULL: the running kernel, or in a container the newest. -ENOENT. */
int kit_image_of(const char *version, struct arena *arena, const char **out, struct err *err);
