/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What will bite when an image is made, or when the machine boots: a list of findings, each a fact
 * with a remedy. Looks only, changes nothing, runs nothing. What is not there (no /etc/fstab, no
 * /proc, no boot loader) is a finding or nothing, never a failure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/remembered/cache.h"
#include "host/root.h"
#include "plan/request.h"

enum audit_severity {
	AUDIT_ERROR,   /* a boot or a rebuild will fail, or others than root decide what boots */
	AUDIT_WARNING, /* it may */
	AUDIT_NOTE,    /* good to know */
	AUDIT_SEVERITIES,
};

struct audit_finding {
	const char *id; /* the same in all versions; words with dashes between */
	enum audit_severity severity;
	const char *kernel; /* version; NULL: it is not of one kernel */
	const char *fact;
	const char *remedy; /* NULL: none is known */
	bool is_command;    /* REMEDY is one for a shell, words quoted where they have to be */
	bool bars_rebuild;  /* an image made now would not boot */
};

struct audit_request {
	const struct root *root;
	const struct request *request; /* for what a rebuild would be asked for */
	/* That, with what the configuration says for the kernel VERSION, in OUT. 0 or -errno. NULL:
	 * nothing. */
	int (*configure)(const char *version, struct request *out, void *arg, struct err *err);
	void *arg;
	struct cache *cache;	       /* has the records of builds; NULL: none */
	const char *const *kernels;    /* versions to look at */
	size_t n_kernels;	       /* 0: the running one, and the newest */
	bool all;		       /* every one, and what is left of kernels */
	bool for_rebuild;	       /* leave out what a rebuild finds or mends by itself */
};

struct audit_report {
	struct audit_finding *findings; /* of no kernel first, then by kernel; the worst first */
	size_t n;
	size_t counts[AUDIT_SEVERITIES];
	const char **kernels; /* that were looked at, newest first */
	size_t n_kernels;
};

/* All of OUT lives in ARENA. -ENOENT: there is no such kernel; else -errno when nothing could be
 * looked at. */
int audit_run(const struct audit_request *q, struct arena *arena, struct audit_report *out,
	      struct err *err);

/* "error", "warning", "note" */
const char *audit_severity_name(enum audit_severity severity);
