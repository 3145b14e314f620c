/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the parts of plan/modules: the modules that were added, and those that the kernel has.
 */

#include <libkmod.h>
#include <stdint.h>

#include "base/strset.h"
#include "format/ours/modindex.h"
#include "plan/modules/modules.h"

/* Beside enum modules_flags, while modules are left out. */
enum {
	MODULES_OMITTED = 1 << 16,
	MODULES_NEEDED_BY_NAMED = 1 << 17,
};

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
	const char *needs; /* paths separated by blanks */
};

/* A driver inside the kernel: it needs no file, but may ask for firmware. */
struct builtin {
	const char *name;
	unsigned flags;
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
	struct strset deps;	/* struct dep by name: every module of the kernel */
	struct strset dep_paths; /* and by path */
	struct softdep *softdeps;
	size_t n_softdeps;
	struct facts_table *facts;
	const struct modules_rule **tables; /* those that are still to be applied */
	size_t n_tables;
	int level; /* of zstd, for what is compressed here; 0: nothing is */
	struct strset builtins; /* struct builtin */
	const char *const *firmware; /* further folders for it, below the root */
	size_t n_firmware;
	const char *double_path; /* of a module that shares its name with another one */
};

/* Does modprobe.d have "blacklist NAME"? */
bool modules_is_blacklisted(struct modules *m, const char *name);

/* The row of RULES that decides about PATH; NULL: no row does, or it excludes PATH. */
const struct modules_rule *modules_rule_of(const struct modules_rule *rules, const char *path);

/* Path below the root of a module, and of a path in modules.dep, which may be an absolute one. */
const char *module_file(const struct modules *m, const struct module *mod);
const char *modules_file_of(const struct modules *m, const char *path);

/* Where a module goes in the image. */
const char *modules_image_path(struct modules *m, const struct module *mod);

/* The module that was added under NAME; NULL. */
struct module *modules_find(const struct modules *m, const char *name);

/* Adds a module and everything that it depends on. Returns MODULES_ADDED and sets *OUT, or
 * -errno. */
int modules_add(struct modules *m, const struct dep *dep, unsigned flags, const char *reason,
		struct module **out, struct err *err);

/* The module with that normalised name that the kernel has; NULL. */
const struct dep *modules_dep_of(const struct modules *m, const char *name);

/* Calls FN for the name of each module that WORD (a name or an alias) leads to. Returns the -errno
 * of FN. */
int modules_each_found(struct modules *m, const char *word,
		       int (*fn)(struct modules *m, const char *name, void *arg), void *arg);

/* Loads TO before MOD, after it, or neither. */
void modules_order(struct modules *m, struct module *mod, struct module *to, bool before,
		   bool after);

/* ---- drivers inside the kernel ---- */

bool modules_is_builtin(const struct modules *m, const char *name);
void modules_note_builtin(struct modules *m, const char *name, unsigned flags);

/* The built-in drivers that were noted, by name. */
size_t modules_builtins(struct modules *m, struct builtin ***list);

/* What they say about themselves: "NAME.KEY=VALUE", each NUL-terminated; nothing before Linux
 * 5.2. */
int modules_read_builtin_modinfo(struct modules *m, struct buf *out, struct err *err);

/* ---- what people and packages say ---- */

extern const char *const modules_modprobe_dirs[];

/*
 * The configuration files (*.conf) in DIRS, each resolved below the root: libkmod would follow
 * links that lead out of it. If two have the same name, the one in the earlier folder counts; they
 * are read in the order of their names. Ends with NULL.
 */
const char *const *modules_config_files(const struct root *root, const char *const *dirs,
					struct arena *arena);

/* The files of modprobe.d as libkmod can open them. Ends with NULL. */
const char *const *modules_modprobe_files(const struct root *root, struct arena *arena);

/* Reads the soft and weak dependencies of modprobe.d and of depmod's indexes. */
int modules_read_wishes(struct modules *m, struct err *err);

/* A word of a soft dependency ("pre:") of MOD to which modules in the image lead that all are
 * MODULES_OMITTED; NULL: there is none. */
const char *modules_lost_wish(struct modules *m, const struct module *mod);

/* Warns about "install" lines: PID 1 runs no commands of a configuration. */
void modules_warn_install_commands(struct modules *m, struct plan *plan);

/* Appends depmod's text index NAME, NUL-terminated. */
int modules_read_index(struct modules *m, const char *name, struct buf *out, struct err *err);

/* The next module of modules.dep, in place: its path below the module tree, its name with "-" as
 * "_", and the paths of what it needs. */
bool modules_next_dep(char **cursor, const char **path, char name[MODINDEX_NAME_MAX],
		      const char **needs);

/* Adds the index files for the modules of M, which are sorted by name. */
int modules_add_index(struct modules *m, struct plan *plan,
		      const struct modules_rule *known, struct err *err);

/* Adds the firmware of all modules of M. */
int firmware_add(struct modules *m, struct plan *plan, const char *config, size_t config_len,
		 struct err *err);

/* Reads the files of what was added, from the FIRST module on, and MORE files. */
int modules_read_files(struct modules *m, size_t first, const struct facts_file *more, size_t n,
		       struct err *err);
