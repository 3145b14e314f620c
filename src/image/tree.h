/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tree that the kernel unpacks an image to, kept as paths: where an entry ends up when its
 * folders are links, and where a link leads. Nothing is read from any disk. /dev and /root exist
 * from the start: the kernel has a small built-in archive of its own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/strset.h"

/* What several names of a file may share. */
struct tree_content {
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	unsigned segment; /* of its first name */
	uint32_t names;
};

struct tree_node {
	const char *path; /* without links on the way */
	unsigned mode;    /* with the type; 0: just made */
	uint32_t uid, gid, nlink;
	struct tree_content *content; /* NULL: just made, or built in */
	const char *target; /* of a link */
	bool listed;        /* in the manifest */
};

struct tree {
	struct arena *arena;
	struct strset paths;
	struct tree_node **all; /* in the order of the image; a path that occurs again is listed
				   once */
	size_t n;
};

void tree_clear(struct tree *t);

/* Where an entry with that path ends up, allocated in the arena. 0; -ENOENT when a folder on the
 * way is missing, -ENOTDIR when it is not a folder, -ELOOP, -ENAMETOOLONG. */
int tree_place(struct tree *t, const char *path, const char **out);

/* The node at PLACE (from tree_place()), created if there is none. */
struct tree_node *tree_add(struct tree *t, const char *place);

/* NULL: not there. Links are not followed. */
struct tree_node *tree_find(const struct tree *t, const char *place);

/* What PATH leads to, all links followed. NULL: nowhere. */
const struct tree_node *tree_follow(const struct tree *t, const char *path);
