/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The file that an entry of the plan comes from. What is read is one consistent state of it: if the
 * file changes or vanishes meanwhile, the error names it.
 */

#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "host/root.h"
#include "plan/plan.h"

struct source {
	int fd;
	struct stat st;	   /* when it was opened */
	const char *slash; /* with PATH: how a message should spell it */
	const char *path;
};

/* E has a source. Close with source_close(). */
int source_open(const struct root *root, const struct plan_entry *e, struct source *out,
		struct err *err);

/* Appends its content. -ESTALE when it has changed since it was opened. */
int source_read(const struct source *s, struct buf *out, struct err *err);

static inline void source_close(struct source *s)
{
	s->fd = close_fd(s->fd);
}
#define _cleanup_source_ __attribute__((cleanup(source_close)))
