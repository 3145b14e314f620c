/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Puts an image in the place that the machine boots from. The image was packed elsewhere, so that
 * its size is known before anything on /boot is touched. Then: is there room; a temporary file
 * beside the final name; data on the disk; read back from there and compared; owner, permissions
 * and labels; the old image kept, the new one in its place (deploy/place/rotate.h). Whatever fails,
 * all is as it was.
 */

#include "base/arena.h"
#include "base/err.h"
#include "deploy/place/rotate.h"
#include "host/boot/bootdir.h"
#include "image/pack.h"

struct swap {
	const struct root *root;
	const struct bootdir *bootdir;
	const char *path;       /* of the image, below the root */
	unsigned keep;		/* the number of previous images to keep */
	bool keep_current;      /* false: the one there now has failed */
	unsigned mode;          /* permissions */
	const char *secret;     /* a file in it that not everybody may read; NULL: none */
	int packed;             /* file that holds the image */
	const struct pack_result *image;
	struct arena *arena;
};

struct swap_result {
	bool same;        /* PATH had these very bytes and permissions: nothing was written */
	uint64_t before;  /* bytes of the image that was there; 0: none */
	struct rotation keep; /* unless SAME: to be ended with rotate_finish() or rotate_undo() */
};

/* A file without a name to pack to: in FOLDER, or where that cannot be, in memory. */
int swap_scratch(const char *folder, struct err *err);

int swap_image(const struct swap *s, struct swap_result *out, struct err *err);
