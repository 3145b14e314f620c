/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When the root cannot be reached: says in words what was wanted, what was found, what is
 * missing and what to type. Prints only; what happens next is the policy of rescue.h.
 */

#include "init/core/boot.h"

void diagnose(const struct boot *b);

/* Its first line: the root cannot be reached, or the boot cannot go on with it. */
const char *diagnose_summary(const struct boot *b);
