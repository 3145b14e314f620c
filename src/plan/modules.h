/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel modules of an image, chosen through libkmod on the target kernel's own indexes:
 * by name, by modalias, or by their place in the module tree. Dependencies and soft dependencies
 * follow by themselves; what is built into the target kernel counts as served and needs no file.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/kernels.h"
#include "host/root.h"
#include "plan/plan.h"

struct modules;

enum modules_found {
	MODULES_ABSENT,  /* the target kernel has nothing of that name */
	MODULES_BUILTIN, /* it is part of the kernel itself */
	MODULES_ADDED,   /* at least one module is in the image now */
};

enum modules_flags {
	MODULES_LOAD = 1 << 0,     /* load it at once when PID 1 starts */
	MODULES_REQUIRED = 1 << 1, /* the way to root goes through it: its firmware must be there */
};

/* Opens the indexes. ARENA, root and kernel must outlive the result. */
int modules_open(const struct root *root, const struct kernel *kernel, struct arena *arena,
		 struct modules **out, struct err *err);
void modules_close(struct modules *m);

/* An enum modules_found, or -errno. REASON is borrowed. */
int modules_add_name(struct modules *m, const char *name, unsigned flags, const char *reason,
		     struct err *err);

/* All modules with an alias that MODALIAS matches. With PREFER, a module of that name alone,
 * when it is among them. */
int modules_add_alias(struct modules *m, const char *modalias, const char *prefer, unsigned flags,
		      const char *reason, struct err *err);

/* For people to read: what the target kernel has for a device with MODALIAS that DRIVER drives
 * now (either may be NULL). Names with commas between, "built in", or NULL for nothing. */
const char *modules_describe(struct modules *m, const char *modalias, const char *driver);

/* Every module whose path below the module tree (kernel/drivers/ata/ahci.ko.xz) WANTED accepts;
 * its reason is WANTED's answer, NULL: not this one. Number of modules added, or -errno. */
int modules_add_tree(struct modules *m, const char *(*wanted)(const char *path), struct err *err);

/*
 * Takes out each module whose path in the image UNWANTED says yes to. To be called before
 * modules_finish(), with the same RECOMPRESS. -EBUSY for one that PID 1 loads at once, or that
 * another module depends on.
 */
int modules_drop(struct modules *m, bool recompress, bool (*unwanted)(const char *path, void *arg),
		 void *arg, struct err *err);

/*
 * Puts all that was added into the plan: the files, their firmware, the index for PID 1; and a
 * second index, without files, of the modules that KNOWN accepts and the image lacks, so that
 * PID 1 can name the driver that a device would have needed.
 * CONFIG is the target's kernel configuration (CONFIG_LEN 0: unknown). RECOMPRESS: store
 * uncompressed modules as zstd.
 */
int modules_finish(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		   bool recompress, const char *(*known)(const char *path), struct err *err);

/* Names of the modules added with MODULES_LOAD, sorted; *NAMES lives in the arena. */
size_t modules_load_list(struct modules *m, const char ***names);
/* Is NAME in the image, or part of the target kernel? */
bool modules_has(struct modules *m, const char *name);
size_t modules_count(const struct modules *m);
