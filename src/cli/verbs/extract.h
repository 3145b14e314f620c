/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What extract shares with front ends that unpack. */

#include "image/extract.h"

/* Warns of what was left out. */
void extract_warn(const struct extract_result *done);
