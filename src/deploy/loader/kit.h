/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parts of loader.h share. Files are written through loader_write() and loader_remove(),
 * which keep what was there, so that a failure can take all of it back.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "deploy/loader/loader.h"
#include "host/boot/images.h"

enum { LOADER_TEXT_MAX = 4 * 1024 * 1024 };

#define LOADER_TRIAL_WORD "preroot.trial" /* kernel parameter of a trial */

/* An entry that the menu should have, for an existing image. */
struct loader_wanted {
	const char *id;
	const char *version;
	const char *current; /* path of the kernel's image */
	const char *path;    /* of this one */
	const char *what;    /* for its title: "previous initramfs" */
	bool is_trial;
};

struct loader_saved {
	const char *path;
	bool existed;
	const char *data;
	size_t len;
	unsigned mode, uid, gid;
};

struct loader {
	const struct loader_request *q;
	struct arena *arena;
	struct boot_images images;
	struct loader_wanted *wanted;
	size_t n_wanted;
	struct bootmenu menu;
	struct loader_saved *saved;
	size_t n_saved;
	bool tool_ran;
};

/* Reads the menus again. */
int loader_read_menu(struct loader *l, struct err *err);

/* Keeps what PATH holds, for the case of a failure. To be called before a tool changes it. */
int loader_save(struct loader *l, const char *path, struct err *err);

/* PATH holds TEXT; owner and mode as LIKE has them. 1: it was written, 0: it held that already. */
int loader_write(struct loader *l, const char *path, const char *like, const struct buf *text,
		 struct err *err);

/* PATH is gone. 1: it was there. */
int loader_remove(struct loader *l, const char *path, struct err *err);

/* What was written is undone, the last first. ERR stays what it is, but for what cannot be. */
void loader_undo(struct loader *l, struct err *err);

/* PATH below the root as this process opens it. */
const char *loader_host_path(const struct loader *l, const char *path);

void loader_say(const struct loader *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The entry of LOADER that another for W is made from; NULL: there is none. */
const struct bootmenu_entry *loader_template(const struct loader *l, enum bootmenu_loader loader,
					     const struct loader_wanted *w);

/* The title of the entry for W. */
const char *loader_title(const struct loader *l, const struct bootmenu_entry *from,
			 const struct loader_wanted *w);

/* How to write W's image in place of WRITTEN, which names the current one. NULL if it does not. */
const char *loader_rename(const struct loader *l, const struct bootmenu_entry *from,
			  const struct loader_wanted *w, const char *written);

/* The path of the first of NAMES, programs of the machine, that exists. NULL if there is none, or
 * no program may be run. NAMES ends with NULL. */
const char *loader_find_tool(const struct loader *l, const char *const *names);

/* Runs it. A status other than 0 is an error that quotes the last thing it said. */
int loader_run_tool(const struct loader *l, const char *const *argv, struct err *err);

/* One for each loader. They do nothing when there is no such loader. */
int loader_grub_update(struct loader *l, struct err *err);
int loader_bls_update(struct loader *l, struct err *err);
int loader_extlinux_update(struct loader *l, struct err *err);
