/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rd.cmdline=ask: kernel parameters typed at the console, line by line, until one is empty or a
 * single dot. They override those of the kernel.
 */

#include "init/core/boot.h"

enum stage_step ask_step(struct boot *b);
