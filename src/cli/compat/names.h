/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/compat/listing.h"

/* Appends the names of dracut's modules whose work an image of ours does, one a line. */
void names_of_modules(const struct listing *l, struct buf *out);

/* The same with what the files of each take, in dracut's words for --printsize. A file counts once. */
void names_with_sizes(const struct listing *l, struct buf *out);
