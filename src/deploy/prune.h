/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removes the images in /boot that nothing needs: those of kernels that are gone, previous ones
 * beyond the number to keep, and stale trials. In doubt an image stays. It never removes the image
 * in use of an installed kernel, or its newest previous one if that is missing; the image that this
 * machine booted from; or the last good one. Neither does it remove files of others: copies, rescue
 * images, and images without a manifest of preroot. Those are only listed, with the command that removes
 * them. Two kinds are none of theirs: images of a kernel that is gone, if preroot has kept them or this
 * distribution names them like that; and previous images beyond the number that are older than another
 * one of another builder, which a rebuild would not have kept.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "deploy/inventory.h"
#include "deploy/loader/loader.h"
#include "host/root.h"

struct prune_item {
	const char *path; /* of an image */
	const char *version;
	uint64_t bytes; /* that it takes on /boot */
	bool goes;
	const char *why; /* it goes, or stays though it looks unneeded */
	const char *command; /* that removes what stays, for a person to decide; NULL */
	bool is_way_back; /* the newest previous image of another builder, beyond those to be kept */
};

struct prune {
	struct prune_item *items;
	size_t n;
	uint64_t bytes;     /* of what goes */
	const char **gone;  /* kernels that nothing is left of but what preroot knows of them */
	size_t n_gone;
};

struct prune_rule {
	unsigned keep; /* this many previous images of each kernel */
	bool only_own; /* leave all that has no manifest of preroot */
};

/* Fails if something cannot be read. */
int prune_choose(const struct root *r, const struct inventory *inventory, struct prune_rule rule,
		 struct arena *arena, struct prune *out, struct err *err);

/* All images of the kernel VERSION, which is to have none any more. Previous ones and trials of others
 * are only listed. -EPERM if preroot did not make the one in use, or if the machine's own boot menu boots one of them. */
int prune_choose_kernel(const struct root *r, const struct inventory *inventory, const char *version,
			struct arena *arena, struct prune *out, struct err *err);

/* Did preroot surely make the IMAGE? */
bool prune_is_own(const struct root *r, const struct boot_image *image);

/* ERR says that /boot is full: its hint becomes the command that frees most there, and how much. It
 * stays what it is where nothing can be freed. KEEP: previous images of each kernel. Returns the code that ERR holds. */
int prune_hint(const struct root *r, unsigned keep, struct err *err);

/* Removes it, and brings the menu in line (LOADER; NULL: leave it). A menu that cannot be brought
 * in line is a failure, and the images are there again. The caller has the lock. */
int prune_remove(const struct root *r, const struct bootdir *b, const struct prune *p,
		 const struct loader_request *loader, struct err *err);
