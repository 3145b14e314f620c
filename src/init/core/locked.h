/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory for a secret: a page that is not swapped out, not dumped, and empty in workers.
 */

enum { LOCKED_SIZE = 4096 };

/* Of LOCKED_SIZE bytes, all 0; NULL: there is no memory. It is never freed. */
char *locked_new(void);

/* MEMORY may be NULL. */
void locked_wipe(char *memory);
