/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rd.memdebug=: what memory there is when a stage begins, into the kernel's log. 1: the lines of
 * /proc/meminfo that matter; 2: all of them; 3 and above: /proc/slabinfo as well.
 */

void memory_log(unsigned level, const char *stage);
