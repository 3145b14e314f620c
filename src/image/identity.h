/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity of an image: the sum at the end of its manifest, which PID 1 reports for the image
 * it was started from (format/ours/manifest_id.h). Whether the sum is right is not checked here:
 * image/verify.h does that.
 */

#include "base/err.h"
#include "format/ours/manifest_id.h"

/* FD: the image, which messages call NAME. 1; 0, OUT unchanged: no manifest; -errno. */
int image_identity(int fd, const char *name, char out[MANIFEST_ID + 1], struct err *err);

/* Did preroot make the image? 1: it has a manifest with an identity, or it is damaged and has files
 * that only images of ours have before that place. 0: nothing shows it. -errno: FD cannot be read.
 * Reads no further than that takes; modules and firmware of ours are skipped. */
int image_is_ours(int fd, const char *name, struct err *err);
