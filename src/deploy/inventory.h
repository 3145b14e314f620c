/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a machine has to boot: its kernels, newest first, and the images of each, with a state of
 * one word and a reason. Changes nothing. The content of an image is read only if the file was
 * touched since it was written. What cannot be read is in the notes, and a state that depends on it
 * is INVENTORY_UNKNOWN.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "deploy/state.h"
#include "host/boot/bootdir.h"
#include "host/boot/bootmenu.h"
#include "host/boot/builders.h"
#include "host/boot/images.h"
#include "host/remembered/cache.h"
#include "host/root.h"

enum inventory_verdict {
	INVENTORY_CURRENT,    /* a rebuild would write the same */
	INVENTORY_STALE,      /* something that it was made of has changed */
	INVENTORY_MISSING,    /* a kernel without an image */
	INVENTORY_ORPHANED,   /* an image without a kernel, or what is left of a kernel */
	INVENTORY_UNVERIFIED, /* not written, and so not verified, by preroot */
	INVENTORY_FAILED,     /* the last one that was booted did not come to the end */
	INVENTORY_UNKNOWN,    /* it may not be looked at */
	INVENTORY_VERDICTS,
};

struct inventory_row {
	const char *version;
	bool has_modules, has_kernel; /* MODULES: or it wants none */
	bool is_running, is_newest;
	struct boot_image *images; /* all of this kernel: current, previous, trial */
	size_t n_images;
	const struct boot_image *image, *trial; /* the one in use; NULL */
	size_t n_previous;
	const struct bootmenu_entry *entry; /* that boots it with this image; NULL */
	struct state state;
	enum inventory_verdict verdict;
	const char *why; /* NULL if there is nothing to say */
};

struct inventory {
	struct bootdir boot;
	bool has_boot;
	struct inventory_row *rows;
	size_t n;
	const struct boot_image *others; /* copies and so on, see struct boot_images */
	size_t n_others;
	/* Other builders that will replace what preroot wrote; none where it wrote nothing. */
	struct builder *builders;
	size_t n_builders;
	struct bootmenu menu;      /* without entries, if it could not be read */
	const char **notes;        /* what could not be looked at */
	size_t n_notes;
};

/* CACHE has the records of builds. All of OUT lives in ARENA. Fails only where nothing at all could
 * be said. */
int inventory_read(const struct root *r, struct cache *cache, struct arena *arena,
		   struct inventory *out, struct err *err);

/* "current", "stale", ... */
const char *inventory_word(enum inventory_verdict verdict);
