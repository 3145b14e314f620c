/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an image says it holds: its manifest (format/ours/manifest.h). */

#include "base/buf.h"
#include "base/err.h"
#include "image/open.h"

/* Reads the image, which was just opened and which messages call NAME, to its end. OUT: the text of
 * the last manifest in it. -ENOENT: it has none, so preroot did not make it. */
int image_contents(struct image *image, const char *name, struct buf *out, struct err *err);
