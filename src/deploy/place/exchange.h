/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Exchanges the names of images in one folder, so that no file that has a name is lost, not even on
 * a power failure: what a call did is on the disk when it returns. FAT writes the location of a
 * file only with the file itself, and reuses the space of a replaced file at once: so each file
 * that got a name is synced, and one that loses its name is kept open until then.
 */

#include <stdbool.h>

#include "base/err.h"
#include "host/root.h"

/* FROM, which may be only a temporary name, becomes TO, a name that is free. After a failure
 * everything is as before. */
int exchange_move(int dir, const char *from, const char *to, struct err *err);

/*
 * A and B, which both exist, exchange their names. Each name has one of the two files at any time.
 * Where the filesystem cannot do that (FAT before Linux 6.0), by further names: links or, without
 * those, copies, which are named after IMAGE and are complete as soon as they have those names.
 * There a killed run may leave the file that was A only under such a name: exchange_recover()
 * brings it back. After a failure everything is as before. A and B are IMAGE, a previous one or the
 * trial of it, or a temporary name, whose file nobody misses after a crash.
 */
int exchange_names(int dir, const char *image, const char *a, const char *b, struct err *err);

/* Finishes what a killed run has begun with names of the image at PATH below ROOT, and removes the
 * extra names. Normally there is nothing to do. To be called under the lock (deploy/lock.h), before
 * anything else is done with that image. */
int exchange_recover(const struct root *root, const char *path, struct err *err);

/* Whether the two files exist and hold the same bytes. */
bool exchange_are_same(int dir, const char *a, const char *b);
