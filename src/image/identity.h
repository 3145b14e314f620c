/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity of an image: the sum at the end of its manifest, which PID 1 tells of the image it
 * was started from (format/ours/manifest_id.h). Whether the sum is right is not looked at: that is
 * what image/verify.h does.
 */

#include "base/err.h"
#include "format/ours/manifest_id.h"

/* FD: of the image, which messages call NAME. 1; 0 and OUT untouched: no manifest; -errno. */
int image_identity(int fd, const char *name, char out[MANIFEST_ID + 1], struct err *err);
