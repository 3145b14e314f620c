/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What becomes of a trial image (IMAGE.trial, see host/boot/bootdir.h) after the boots that it was made
 * for.
 */

#include "base/err.h"
#include "host/boot/bootdir.h"
#include "host/root.h"

/*
 * The trial of the image at PATH (a current one) has booted, and is the image ID: it takes that
 * name, and what was there becomes the youngest of KEEP previous images. Nothing of it is lost by
 * an interruption; then this is to be called again. -ENOENT: no image of this kernel is ID.
 */
int trial_keep(const struct root *r, const char *path, const char *id, unsigned keep,
	       struct err *err);

/* It has not: it goes. Not there: fine. */
int trial_drop(const struct root *r, const char *path, struct err *err);
