/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Other builders of initramfs images that the machine will run by itself, at the next kernel or the
 * next package: scripts in kernel/postinst.d, plugins of kernel-install, pacman's hooks, triggers of
 * initramfs-tools. They would replace the images that are there. Looks at names, modes and settings;
 * nothing is run, and no script is read.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "host/root.h"

struct builder {
	const char *name;    /* "dracut" */
	const char *path;    /* what runs it, below the root */
	const char *when;    /* "when a kernel is installed" */
	const char *command; /* that ends it */
};

/* Their number. */
size_t builders_list(const struct root *r, struct arena *arena, struct builder **out);

/* Is the command by which BUILDER builds preroot under another name? Only "initramfs-tools" and "dracut"
 * have such a command. */
bool builders_is_ours(const struct root *r, const char *builder, struct arena *arena);
