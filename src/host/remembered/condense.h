/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of /proc and /sys with parts that change all the time, or with each boot, and that no plan
 * depends on: the speed of a processor, the use of a swap area, the numbers and the order of
 * mounts, mounts without a device, the sequence number of a disk. A trace (host/remembered/trace.h)
 * uses the rest.
 */

#include <stdbool.h>

#include "base/buf.h"

/* Whether PATH, below a root, is such a file. */
bool trace_condenses(const char *path);

/* Reduces TEXT of the file at PATH to the parts that matter. */
void trace_condense(const char *path, struct buf *text);
