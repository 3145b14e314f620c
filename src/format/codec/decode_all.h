/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The decoders that the program has. PID 1 links fewer, and has its own list.
 */

#include "format/codec/decode.h"

/* NULL for a codec that is known but cannot be read here. */
const struct decoder_ops *decoder_find(enum codec codec);
