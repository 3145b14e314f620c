/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Is there room on /boot for an image, before anything is written there? The old image and the
 * previous ones that are kept stay until the new one is in place, so the new one needs additional
 * space.
 */

#include "base/err.h"
#include "host/boot/bootdir.h"

enum { SPACE_RESERVE = 1024 * 1024 }; /* bytes to leave free */

/*
 * EXTRA: bytes of copies that have to be made of older images there (0 where links are possible).
 * -ENOSPC says how much is missing; prune_hint() adds what would free it.
 */
int space_check(const struct root *root, const struct bootdir *b, uint64_t bytes, uint64_t extra,
		struct err *err);
