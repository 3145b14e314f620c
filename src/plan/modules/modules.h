/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel modules of an image, chosen through libkmod on the target kernel's own indexes: by
 * name, by modalias, or by rules about their place in the module tree and what they provide.
 * Dependencies of all three kinds (hard, soft, weak) are added automatically; what is built into
 * the target kernel needs no file.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "host/boot/kernels.h"
#include "host/root.h"
#include "plan/modules/facts.h"
#include "plan/plan.h"

struct modules;

enum modules_found {
	MODULES_ABSENT,  /* the target kernel has nothing of that name */
	MODULES_BUILTIN, /* it is part of the kernel itself */
	MODULES_ADDED,   /* at least one module is in the image now */
};

enum modules_flags {
	MODULES_LOAD = 1 << 0,	   /* load it at once when PID 1 starts */
	MODULES_REQUIRED = 1 << 1, /* the way to root goes through it: its firmware must be there */
	MODULES_IN_USE = 1 << 2,   /* the running kernel drives that device with it: it works */
	MODULES_NAMED = 1 << 4,	   /* the user names it: modules_omit() leaves it alone */
	MODULES_LATE = 1 << 3,	   /* no disk depends on its devices; counts if everyone who adds it
				      says so */
};

/* In which images a rule counts: a set of these. RULE_LATE adds with MODULES_LATE. */
enum modules_reach {
	REACH_GENERIC = 1 << 0, /* any machine */
	REACH_SLOPPY = 1 << 1,	/* this one, and what people plug in or move it to */
	REACH_KIND = 1 << 2, /* the same, if this machine has a required module from the folder */
	RULE_LATE = 1 << 3,
};

/* A table of these ends with a row without a folder. The first row whose folder holds a module
 * decides about it. */
struct modules_rule {
	const char *folder;   /* start of the path below the module tree; with "*" a pattern */
	const char *reason;   /* NULL: none of it */
	unsigned reach;
	unsigned provides;    /* FACTS_*: those that provide one of them; 0: all */
};

/* Opens the indexes. ARENA, root and kernel must outlive the result. LEVEL: of zstd, for modules that
 * are not compressed yet, and for firmware if the kernel can read it that way; 0: they are packed as
 * they are. */
int modules_open(const struct root *root, const struct kernel *kernel, int level,
		 struct arena *arena, struct modules **out, struct err *err);
void modules_close(struct modules *m);

/* An enum modules_found, or -errno. REASON is borrowed. */
int modules_add_name(struct modules *m, const char *name, unsigned flags, const char *reason,
		     struct err *err);

/* Adds all modules below FOLDER ("drivers/net") of the module tree's kernel, extra and updates.
 * MODULES_ADDED, MODULES_ABSENT if there is none, or -errno. */
int modules_add_folder(struct modules *m, const char *folder, unsigned flags, const char *reason,
		       struct err *err);

/* Adds all modules with an alias that MODALIAS matches. With PREFER, only the module of that name,
 * if it is among them. */
int modules_add_alias(struct modules *m, const char *modalias, const char *prefer, unsigned flags,
		      const char *reason, struct err *err);

/* For people to read: what the target kernel has for a device with MODALIAS that DRIVER drives now
 * (either may be NULL). Names separated by commas, "built in", or NULL for nothing. */
const char *modules_describe(struct modules *m, const char *modalias, const char *driver);

/* Every module that RULES accept in images of REACH will be added by modules_apply_rules(), when it
 * is clear which files all rules need to look at. What is required must have been added before. 0 or
 * -errno. */
int modules_add_rules(struct modules *m, const struct modules_rule *rules, unsigned reach,
		      struct err *err);

/* These FOLDERS below the root are searched for firmware before those where the kernel looks, to which it
 * goes in the image. They end without a slash. Borrowed. */
void modules_search_firmware(struct modules *m, const char *const *folders, size_t n);

/* All folders below the root to search for firmware, in their order, in *OUT; their number. The last ones are
 * MODULES_FIRMWARE_OWN of the kernel's. */
enum { MODULES_FIRMWARE_OWN = 4 };
size_t modules_firmware_folders(const struct modules *m, const char ***out);

/* Adds the modules that the machine's modules-load.d folders name. */
int modules_add_load_files(struct modules *m, struct plan *plan, struct err *err);

/* To be called once, after all features have added modules and rules: reads the files of what was
 * added and of what the rules may add, and adds what they accept. */
int modules_apply_rules(struct modules *m, struct err *err);

/* To be called once, after all modules were added and before the two functions below: adds the soft
 * and weak dependencies, of the modules and of the configuration, until no more are found. */
int modules_add_softdeps(struct modules *m, struct err *err);

/*
 * Removes each module for whose path in the image UNWANTED returns true. To be called before
 * modules_finish(). -EBUSY for one that PID 1 loads at once, or that
 * another module depends on.
 */
int modules_drop(struct modules *m, bool (*unwanted)(const char *path, void *arg), void *arg,
		 struct err *err);

/*
 * Removes each module whose whole name PATTERN (POSIX, extended; every "-" is "_") matches, and those that
 * need it, but for what has MODULES_NAMED or is needed by that. FROM is where the pattern was given,
 * for messages. To be called before modules_finish(). -EBUSY if the way to the root needs one,
 * -EINVAL for a pattern that is none.
 */
int modules_omit(struct modules *m, const char *pattern, const char *from, struct err *err);

/* 0 if PATTERN is one for modules_omit(), else -EINVAL. */
int modules_check_pattern(const char *pattern, const char *from, struct err *err);

/*
 * Puts everything that was added into the plan: the files, their firmware, the index for PID 1; and
 * a second index, without files, of the modules in the folders of KNOWN that the image lacks, so
 * that PID 1 can name the driver that a device would have needed. CONFIG is the target's kernel
 * configuration (CONFIG_LEN 0: unknown).
 */
int modules_finish(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		   const struct modules_rule *known, struct err *err);

/* The names of the modules added with MODULES_LOAD, those on the way to root first, then by name;
 * *NAMES lives in the arena. Returns their number. */
size_t modules_load_list(struct modules *m, const char ***names);
/* Is NAME in the image as a module? */
bool modules_packs(const struct modules *m, const char *name);
/* The same for any module whose path below the module tree begins with FOLDER. */
bool modules_packs_below(const struct modules *m, const char *folder);
/* Is NAME in the image, or part of the target kernel? */
bool modules_has(struct modules *m, const char *name);
size_t modules_count(const struct modules *m);
/* The name of the module number I, if it is MODULES_REQUIRED, else NULL. REASON: why. */
const char *modules_required(const struct modules *m, size_t i, const char **reason);
/* Of the module number I: its vermagic, "" if it has none. FILE becomes its
 * path below the root. */
const char *modules_vermagic(const struct modules *m, size_t i, const char **file);
