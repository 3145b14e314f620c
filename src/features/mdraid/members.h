/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which devices are the members of an array of this machine: once one of them is missing, nothing else can tell
 * which it was. A line of boot.conf each; those without a name that stays the same are left out.
 */

#include "features/features.h"

/* ARRAY is one of the blocks of M. */
void mdraid_note_members(struct build *b, const struct hw_mount *m, const struct hw_block *array);
