/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What would help where an image has no room while it is packed. */

#include "transaction/pack.h"

struct cache;

/* ERR: of writing to TO. If there was no room, its hint becomes how much there was, and what frees
 * some. CACHE may be NULL. Returns the code that ERR holds. */
int full_hint(const struct pack_target *to, struct cache *cache, struct err *err);
