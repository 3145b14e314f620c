/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What consists of several devices may be of use without all of them. When a boot part is told to do with
 * less: once a wait has taken two thirds of the time limit for the root, as in dracut.
 */

#include "init/core/boot.h"

/* When a part is due to be told; INT64_MAX: none is. */
int64_t degrade_due(const struct boot *b);

/* Tells those that are. */
void degrade_tick(struct boot *b, int64_t now);
