/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What PID 1 recorded about a boot: boot.json, see preroot-boot-report(1). Times are microseconds
 * since the kernel's start, by CLOCK_MONOTONIC. The file is on a tmpfs that other programs may
 * write to by mistake, or comes from another machine: nothing in it is trusted.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { BOOTLOG_SIZE_MAX = 4 * 1024 * 1024 };

#define BOOTLOG_PATH "run/preroot/boot.json"
/* A year: no boot takes longer. */
#define BOOTLOG_TIME_MAX (366ll * 86400 * 1000000)

enum bootlog_kind {
	BOOTLOG_STAGE,
	BOOTLOG_MODULE,
	BOOTLOG_DEVICE,
	BOOTLOG_PROGRAM,
	BOOTLOG_KINDS,
};

/* Times: -1 for what has not happened. asked <= begin <= end. */
struct bootlog_item {
	enum bootlog_kind kind;
	const char *name;
	int64_t asked;      /* a module was wanted, a device was seen; else the same as begin */
	int64_t begin, end;
	int result;	    /* 0 or -errno; the exit status of a program */
	const char **needs; /* the modules that a module needs; the modules that drive a device,
			       nearest first */
	size_t n_needs;
};

struct bootlog {
	const char *version, *kernel, *init, *root, *failure; /* NULL: not given */
	const char *image;  /* its identity, see format/ours/manifest_id.h; NULL: not given */
	int64_t realtime;   /* of the end, since 1970; 0: not given */
	int64_t start, end; /* of PID 1's work */
	struct bootlog_item *items; /* by kind, then in the order in which they started */
	size_t n_items;
	size_t left_out; /* items for which PID 1 had no memory */
};

/* The texts live in ARENA. -EBADMSG when TEXT is not such a file, -EPROTONOSUPPORT for a newer
 * version. */
int bootlog_decode(const char *text, size_t len, struct arena *arena, struct bootlog *out,
		   struct err *err);

/* The item with this kind and name that ended last; NULL: none. */
const struct bootlog_item *bootlog_find(const struct bootlog *log, enum bootlog_kind kind,
					const char *name);

/*
 * What the root really waited for: the items on the longest chain, from first to last. Each item
 * waited for the one before it: a device for its driver, a driver for its dependencies, a mount for
 * the driver of its filesystem. Returns their number; *OUT lives in ARENA.
 */
size_t bootlog_chain(const struct bootlog *log, struct arena *arena,
		     const struct bootlog_item ***out);
