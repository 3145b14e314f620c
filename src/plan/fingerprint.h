/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The fingerprint of a plan: a digest of everything that the bytes of its image depend on, made
 * without reading the files that it names. Two plans with the same fingerprint give the same image.
 */

#include "base/digest.h"
#include "format/codec/encode.h"
#include "plan/plan.h"
#include "host/root.h"

/*
 * Covers paths, types, permissions, reasons, links, contents that preroot made, the identity
 * (device, inode, size, mtime, ctime) of each source, CODEC with level and filter, the versions of
 * preroot and of the compression libraries, and the file of this program. PLAN is sorted. To be
 * called before the sources are read, so that later changes show. A source that does not exist is
 * an error that names it.
 */
int plan_fingerprint(const struct plan *plan, const struct root *root, enum codec codec,
		     const struct encode_options *base, uint8_t out[DIGEST_SIZE], struct err *err);
