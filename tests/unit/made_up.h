/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For tests of PID 1's side of the seam for boot parts: made-up features, which write down what
 * they are called for, and a boot that is up to the wait for the root. The clock is made up, too, and
 * jobs are only noted. The program is linked with --wrap of log_now, log_show, jobs_start, recvmsg and
 * shell_has_mounted.
 */

#include "base/buf.h"
#include "init/boot.h"
#include "init/core/part_calls.h"

struct made_up_world {
	int64_t now;
	struct job job;	 /* the last one */
	unsigned n_jobs;
	int jobs_result; /* of the next ones */
	enum part_claim claim;
	bool has_reason; /* for what it holds, too */
	const char *event; /* that the socket gives next, EVENT_LEN bytes; NULL: none */
	size_t event_len;
	bool loses; /* events */
	bool is_mounted; /* something on /sysroot */
	bool is_starting; /* what "madeup" holds */
	bool is_over;	 /* what "waiting" waits for */
};

extern struct made_up_world world;

/* What the features said, and what came to the console, since the last call. */
const char *said(void);

/* The state of the first feature, "madeup"; another one is "second", and "careful" does with less only on
 * request. With the parameter rd.waiting the
 * feature "waiting" waits before the root and before an overlay. */
struct made_up_state {
	bool word; /* first: what the parameter rd.made.up sets */
	struct device_ref held;
	bool is_wanted; /* the last device that it claimed */
};

extern const struct feature_boot made_up;

struct fixture {
	struct boot *boot;
	struct part *part;
	char conf[128];
};

/* Up to the wait for the root. CONF: of boot.conf. */
void fixture_make(struct fixture *f, const char *conf, const char *cmdline);
void fixture_clear(struct fixture *f);

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

/* A device of the test appears and has been read. */
void appears(struct fixture *f, const char *name, const char *type, const char *usage,
	     const char *uuid);

/* An event of the kernel comes. */
void receives(struct fixture *f, const char *event, size_t len);
