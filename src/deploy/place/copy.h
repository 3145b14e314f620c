/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Appends all of FROM, from its start, to TO. Within one filesystem that can, the two share their
 * blocks. 0 or -errno. */
int copy_file(int from, int to);
