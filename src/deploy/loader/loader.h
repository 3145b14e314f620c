/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot loader's side of a rebuild: entries for previous images and for a trial. The tools of
 * GRUB and extlinux are run if needed, never through a shell; each file is replaced atomically
 * (deploy/place/atomic.h); after a failure the menu is as before.
 */

#include "base/err.h"
#include "host/boot/bootdir.h"
#include "host/boot/bootmenu.h"
#include "host/root.h"

struct loader_request {
	const struct root *root;
	const struct bootdir *bootdir;
	const char *version; /* of the kernel that the menu must have; NULL: none */
	const char *run_tool;			  /* "auto": when a name is new; "never" */
	void (*say)(const char *text, void *arg); /* each step that changed something, one line */
	/* Called before a program that may take minutes; may be NULL. */
	void (*running)(const char *program, void *arg);
	void *arg;
};

/*
 * Brings the menus in line with the images that are there: an entry for each previous image and
 * each trial, none for those that are gone, the loader's own tool (update-grub, grub-mkconfig,
 * grub2-mkconfig) when the image of VERSION is not in its menu. Then reads the menus again: each
 * entry that boots a kernel with an image of ours must name files that are there. Nothing to do:
 * nothing is written or run. Failure: what was written is undone.
 */
int loader_update(const struct loader_request *q, struct err *err);

/* -ENOTSUP when the menus boot the kernel VERSION, but with something else than the image at PATH:
 * to replace that has no effect. */
int loader_check(const struct loader_request *q, const char *path, struct err *err);

/* The next boot, and only that, takes the trial image at PATH of VERSION. -ENOTSUP with the reason
 * when the loader has no such thing. To be called after loader_update(). */
int loader_try_next(const struct loader_request *q, const char *version, const char *path,
		    struct err *err);

/* Takes that back, if it has not happened yet. */
int loader_forget_trial(const struct loader_request *q, struct err *err);
