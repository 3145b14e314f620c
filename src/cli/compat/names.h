/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/compat/listing.h"

/* Appends the names of dracut's modules whose job an image of ours does, one a line. */
void names_of_modules(const struct listing *l, struct buf *out);
