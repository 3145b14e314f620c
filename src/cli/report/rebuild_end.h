/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last sentence of a rebuild of several kernels. */

#include "transaction/rebuild.h"

/* 0, or -EIO: some kernels failed. ERR then says how many, and what became of the others. */
int rebuild_end(const struct rebuild_outcome *out, bool check, struct err *err);
