/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What becomes of a trial image (IMAGE.trial, see host/bootdir.h) after the boots that it was made
 * for. Names change in steps of which each leaves every name whole; all of it can be done again
 * after it was interrupted anywhere.
 */

#include "base/err.h"
#include "host/bootdir.h"
#include "host/root.h"

/*
 * The trial of the image at PATH (a current one) has booted, and is the image ID: it takes that
 * name, and what was there becomes the youngest previous image. -ENOENT: neither of them is ID.
 * Else -errno: the names are as they were, or the trial has the name already, which is no worse.
 */
int trial_keep(const struct root *r, const struct bootdir *b, const char *path, const char *id,
	       struct err *err);

/* It has not: it goes. Not there: fine. */
int trial_drop(const struct root *r, const char *path, struct err *err);
