/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finds files of a plan that have the same bytes, so that the image holds them once, as hard links:
 * the many names of one program, firmware that is shipped twice.
 *
 * Only files of the machine below usr are linked (elsewhere a program might write to one of the
 * names and not mean the other), with the same mode, in the same segment and in the same form. The
 * kernel makes a link of every later entry with the number of an earlier one of its archive, and
 * both segments end with the trailer that makes it forget the numbers.
 *
 * Reads sizes of all sources, and the bytes of those that share their size with another.
 */

#include <stddef.h>
#include <stdint.h>

#include "host/root.h"
#include "plan/plan.h"

/* One for each entry of the plan. */
struct hardlink {
	uint32_t leader; /* index of the first entry of its file, possibly its own */
	uint32_t names;	 /* of that file; 1: it has no others */
	uint32_t ino;	 /* for the writer to remember the leader's number in */
};

/* PLAN is sorted. Free the result. A source that cannot be read has no links: the error is left to
 * whoever packs it. */
struct hardlink *hardlinks_find(const struct plan *plan, const struct root *root);
