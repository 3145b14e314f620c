/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folders that kernel-install makes: one for the machine, on the EFI system partition or in
 * /boot, and in it one for each kernel, which holds that kernel, called "linux", and its image.
 * Source: kernel-install(8), The Boot Loader Specification (uapi-group.org).
 */

#include <stdbool.h>

#include "base/arena.h"
#include "host/root.h"

/* Paths below the root, links resolved. */
struct kernel_install {
	const char *top;    /* boot, efi or boot/efi */
	const char *folder; /* TOP/TOKEN, where TOKEN is what the machine is called there */
	bool has_kernel;    /* a kernel is in one of its folders */
};

/* The first of them that holds a kernel, otherwise the first that exists. False: there is none. */
bool kernel_install_find(const struct root *r, struct arena *arena, struct kernel_install *out);
