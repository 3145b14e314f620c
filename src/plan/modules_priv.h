/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What plan/modules.c, plan/modules_index.c and plan/firmware.c share.
 */

#include <libkmod.h>
#include <stdint.h>

#include "base/strset.h"
#include "format/modindex.h"
#include "plan/modules.h"

struct module {
	const char *name;   /* "-" as "_" */
	const char *path;   /* below the module tree */
	const char *reason;
	unsigned flags;
	uint32_t number;    /* in the index, once sorted */
	struct module **hard, **pre, **post;
	size_t n_hard, n_pre, n_post;
};

/* A line of modules.dep. */
struct dep {
	const char *name;  /* "-" as "_" */
	const char *path;  /* below the module tree */
	const char *needs; /* paths with blanks between */
};

struct softdep {
	const char *name; /* pattern of module names */
	const char *text; /* "pre: a b post: c" */
};

struct modules {
	const struct root *root;
	const struct kernel *kernel;
	struct arena *arena;
	struct kmod_ctx *kmod;
	struct module **list;
	size_t count;
	struct strset by_name;  /* struct module of what was added */
	struct strset deps;     /* struct dep by name: all that the kernel has */
	struct strset dep_paths; /* and by path */
	struct softdep *softdeps;
	size_t n_softdeps;
};

/* Path of a module's file below the root. */
const char *module_file(const struct modules *m, const struct module *mod);

/* Appends depmod's text index NAME, NUL-terminated. */
int modules_read_index(struct modules *m, const char *name, struct buf *out, struct err *err);

/* The next module of modules.dep, in place: its path below the module tree, its name with "-" as
 * "_", and the paths of what it needs. */
bool modules_next_dep(char **cursor, const char **path, char name[MODINDEX_NAME_MAX],
		      const char **needs);

/* Adds the index files for the modules of M, which are sorted by name. */
int modules_add_index(struct modules *m, struct plan *plan,
		      const char *(*known)(const char *path), struct err *err);

/* Adds the firmware of all modules of M. */
int firmware_add(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		 struct err *err);
