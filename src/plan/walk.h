/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Takes a path of a root into the plan as the kernel would walk it: every link on the way is
 * kept, and the file at its end is added, without what it needs.
 *
 * The image has one layout: bin, sbin, lib and lib64 are links to folders of their own in usr.
 * A root may have it otherwise. Its own /bin (no merge) goes to usr/bin. Where one of those
 * folders is a link to another of them (usr/sbin to bin, usr/lib64 to lib), a link for each file
 * that is reached by it leads there. Two files that the merge brings to one path must have the
 * same bytes.
 */

#include "host/root.h"
#include "plan/plan.h"

/*
 * Adds the file at PATH. *REAL: where it lies below the root, no links in it, no leading slash;
 * in the plan's arena. -ENOENT, -ELOOP and others name the chain of links that led there; -EEXIST
 * when the merge makes two different files one.
 */
int walk_add(const struct root *root, struct plan *plan, const char *path, const char *reason,
	     const char **real, struct err *err);
