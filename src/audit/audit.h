/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What will go wrong when an image is made, or when the machine boots: a list of findings, each a
 * fact with a remedy. It only looks, changes nothing, and runs nothing. What is not there (no
 * /etc/fstab, no /proc, no boot loader) is a finding or nothing, never a failure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "format/machine/conf.h"
#include "host/boot/kernels.h"
#include "host/remembered/cache.h"
#include "host/root.h"
#include "plan/request.h"

enum audit_severity {
	AUDIT_ERROR,   /* a boot or a rebuild will fail, or someone other than root decides what
			  boots */
	AUDIT_WARNING, /* it may */
	AUDIT_NOTE,    /* good to know */
	AUDIT_SEVERITIES,
};

struct audit_finding {
	const char *id; /* the same in all versions; words separated by dashes */
	enum audit_severity severity;
	const char *kernel; /* version; NULL: it is not about one kernel */
	const char *fact;
	const char *remedy; /* NULL: none is known */
	bool is_command;    /* REMEDY is a shell command, with words quoted as needed */
	bool bars_rebuild;  /* an image made now would not boot */
};

struct audit_request {
	const struct root *root;
	const struct request *request; /* the request of the rebuild to check for */
	/* Sets OUT to the request plus the configuration for the kernel VERSION. 0 or -errno. NULL:
	 * none. */
	int (*configure)(const char *version, struct request *out, void *arg, struct err *err);
	void *arg;
	const struct conf *settings;   /* whose keys are checked; NULL: none */
	const char *given; /* the options that a rebuild must be given as well, as words of a
			      shell, each after a blank; NULL: only the root */
	struct cache *cache;	       /* has the records of builds; NULL: none */
	const char *const *kernels;    /* versions to look at */
	size_t n_kernels;	       /* 0: the running one, and the newest */
	bool all;		       /* all kernels, and what is left of removed ones */
	bool for_rebuild;	       /* leave out what a rebuild finds or fixes by itself */
};

struct audit_report {
	struct audit_finding *findings; /* those about no kernel first, then by kernel; the worst
					   first */
	size_t n;
	size_t counts[AUDIT_SEVERITIES];
	const char **kernels; /* that were looked at, newest first */
	size_t n_kernels;
};

/* All of OUT lives in ARENA. -ENOENT: there is no such kernel; another -errno when nothing could be
 * checked. */
int audit_run(const struct audit_request *q, struct arena *arena, struct audit_report *out,
	      struct err *err);

struct audit_made_for {
	const char *file;     /* of a module, below the root */
	const char *vermagic; /* "": it has none */
};

/* Whether the MODULES, which are in an image, were made for KERNEL: the check of an audit, without a
 * look at any file. OUT, which lives in ARENA, is empty before. */
void audit_modules(const struct kernel *kernel, const struct audit_made_for *modules, size_t n,
		   struct arena *arena, struct audit_report *out);

/* "error", "warning", "note" */
const char *audit_severity_name(enum audit_severity severity);
