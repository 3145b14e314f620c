/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of /proc and /sys that change all the time, or with each boot, in parts that no plan
 * depends on: the speed of a processor, how full a swap area is, the numbers and the order of
 * mounts, and those that lie on no device, the serial number of a disk's appearance. A trace
 * (host/remembered/trace.h) takes what is left.
 */

#include <stdbool.h>

#include "base/buf.h"

/* Whether PATH, below a root, is such a file. */
bool trace_condenses(const char *path);

/* Reduces TEXT of the file at PATH to the parts that matter. */
void trace_condense(const char *path, struct buf *text);
