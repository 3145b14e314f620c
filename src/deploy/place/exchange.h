/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of images in one folder change their files, and no file that has a name is lost by it, not
 * even when power goes: what a call did is on the disk when it returns. A FAT writes where a file
 * lies only with the file itself, and gives the space of one that is replaced away at once: so each
 * file that got a name is synced, and one that loses its own is held until then.
 */

#include <stdbool.h>

#include "base/err.h"
#include "host/root.h"

/* FROM, which may be no more than a temporary name, becomes TO, a name that is free. After a failure
 * all is as before. */
int exchange_move(int dir, const char *from, const char *to, struct err *err);

/*
 * A and B, both there, exchange their names. Neither is ever without one of the two files. Where the
 * filesystem cannot do that (FAT before Linux 6.0), by further names: links or, without those,
 * copies, which are named after IMAGE and are complete as soon as they have those names. There a run
 * that is killed may leave the file that was A under such a name alone: exchange_recover() brings it
 * back. After a failure all is as before. A and B are IMAGE, a previous one or the trial of it, or a
 * temporary name, whose file nobody misses after a crash.
 */
int exchange_names(int dir, const char *image, const char *a, const char *b, struct err *err);

/* Ends what a killed run has begun with names of the image at PATH below ROOT, and removes the further
 * names. Nothing is there to be done, as a rule. To be called under the lock (deploy/lock.h), before
 * anything else is done with that image. */
int exchange_recover(const struct root *root, const char *path, struct err *err);

/* The two files are there and hold the same bytes. */
bool exchange_are_same(int dir, const char *a, const char *b);
