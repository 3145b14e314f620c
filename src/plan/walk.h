/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Adds a path of a root to the plan, walking it as the kernel would: every link on the way is kept,
 * and the file at its end is added, without what it needs.
 *
 * The image has one layout: bin, sbin, lib and lib64 are links to folders of their own in usr. A
 * root may have another layout. An unmerged /bin goes to usr/bin. Where one of those folders is a
 * link to another of them (usr/sbin to bin, usr/lib64 to lib), each file that is reached through it
 * gets a link of its own. Two files that end up on the same path must have the same bytes.
 */

#include "host/root.h"
#include "plan/plan.h"

/*
 * Adds the file at PATH. *REAL: its path below the root, with links resolved and without a leading
 * slash; in the plan's arena. -ENOENT, -ELOOP and others name the chain of links that led there;
 * -EEXIST when two different files end up on the same path.
 */
int walk_add(const struct root *root, struct plan *plan, const char *path, const char *reason,
	     const char **real, struct err *err);
