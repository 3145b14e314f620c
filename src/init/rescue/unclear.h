/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The part of the account of a failed boot that is about disks with the signatures of several things
 * (devices/signatures.h).
 */

#include "init/core/boot.h"

/* What is on each device of which that is unclear, and what to type. True: there are some. */
bool unclear_show(const struct boot *b);
