/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens to a trial image (IMAGE.trial, see host/boot/images.h) after the boots that it was
 * made for.
 */

#include "base/err.h"
#include "host/boot/bootdir.h"
#include "host/root.h"

/*
 * The trial of the current image at PATH has booted, and has the identity ID: it takes that name,
 * and the image that was there becomes the newest of KEEP previous images. An interruption loses
 * nothing: call it again. 1: an image of another builder is now beyond KEEP, see rotate_spared().
 * -ENOENT if no image of this kernel has the identity ID.
 */
int trial_keep(const struct root *r, const char *path, const char *id, unsigned keep,
	       struct err *err);

/* The trial has not booted: removes it. It is fine if it does not exist. */
int trial_drop(const struct root *r, const char *path, struct err *err);
