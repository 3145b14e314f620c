/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/builders.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/import/import.h"

#define PLUGINS	     "etc/kernel/install.d"
#define HOOKS	     "etc/pacman.d/hooks"
#define OUR_NAMES    "usr/lib/preroot/names"
#define DEBIAN_CONF  IMPORT_INITRAMFS_TOOLS "/update-initramfs.conf"
#define AT_A_KERNEL  "when a kernel is installed"
#define AT_A_PACKAGE "when a package asks for it"

enum { CONF_MAX = 1024 * 1024 };

struct list {
	const struct root *root;
	struct arena *arena;
	struct builder *items;
	size_t n;
};

/* The builder that a script of this name runs, or NULL. A script that only makes rescue images, or
 * cleans up, overwrites none of our images. */
static const char *builder_of(const char *file)
{
	static const char *const builders[] = {"dracut", "mkinitcpio", "booster", "initramfs-tools",
					       "mkinitrd"};

	if (strstr(file, "rescue") || strstr(file, "remove"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		if (strstr(file, builders[i]))
			return builders[i];
	return NULL;
}

/* Is PATH, which is there, preroot? */
static bool is_preroot(const struct root *r, const char *path, struct arena *arena)
{
	const char *file = root_resolve(r, path, arena);
	struct stat st;

	/* Debian's package has a script there, which runs this. */
	return (file && strcmp(base_name(file), "preroot") == 0) ||
	       (!str_starts(path, "usr/local/") &&
		root_lstat(r, arena_printf(arena, OUR_NAMES "/%s", base_name(path)), &st) == 0);
}

bool builders_is_ours(const struct root *r, const char *builder, struct arena *arena)
{
	static const char *const folders[] = {"usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin"};
	const char *name = strcmp(builder, "initramfs-tools") == 0 ? "update-initramfs"
			 : strcmp(builder, "dracut") == 0	   ? "dracut"
								   : NULL;
	struct stat st;

	/* The first one is run, as PATH has them: by hooks, too. */
	for (size_t i = 0; name && i < ARRAY_SIZE(folders); i++) {
		const char *path = arena_printf(arena, "%s/%s", folders[i], name);

		if (root_stat(r, path, &st) == 0)
			return is_preroot(r, path, arena);
	}
	return false;
}

static void add(struct list *l, const char *name, const char *path, const char *when,
		const char *command)
{
	/* Its scripts stay behind when its package makes way for ours. */
	if (builders_is_ours(l->root, name, l->arena))
		return;
	l->items = arena_grow(l->arena, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct builder){name, path, when, command};
}

/* PATH below the root, quoted for a shell command. */
static const char *quoted_path(const struct list *l, const char *path)
{
	return root_quoted(l->root, path, l->arena);
}

/* run-parts, kernel-install and pacman skip a link to /dev/null. */
static bool is_runnable(const struct list *l, const char *path, bool needs_mode)
{
	struct stat st;

	return root_stat(l->root, path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	       (!needs_mode || (st.st_mode & 0111));
}

static const char *mask(const struct list *l, const char *folder, const char *file)
{
	const char *path = arena_printf(l->arena, "%s/%s", folder, file);
	struct stat st;

	/* It may be the only copy, so it is renamed: nothing runs a file of the other name. */
	if (root_lstat(l->root, path, &st) == 0) {
		const char *kept = arena_printf(l->arena, "%s.disabled", path);

		return arena_printf(l->arena, "mv %s %s && ln -s /dev/null %s",
				    quoted_path(l, path), quoted_path(l, kept),
				    quoted_path(l, path));
	}
	return arena_printf(l->arena, "mkdir -p %s && ln -sf /dev/null %s", quoted_path(l, folder),
			    quoted_path(l, path));
}

static void add_scripts(struct list *l)
{
	static const char *const folders[] = {"etc/kernel/postinst.d",
					      "usr/share/kernel/postinst.d"};
	char **names;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (root_listdir(l->root, folders[i], l->arena, &names) < 0)
			continue;
		for (; *names; names++) {
			const char *path = arena_printf(l->arena, "%s/%s", folders[i], *names);

			if (builder_of(*names) && is_runnable(l, path, true))
				add(l, builder_of(*names), path, AT_A_KERNEL,
				    arena_printf(l->arena, "chmod -x %s", quoted_path(l, path)));
		}
	}
}

/* The last value of KEY in FILE, without quotes; NULL if it is not set. */
static const char *read_setting(const struct list *l, const char *file, const char *key)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;
	const char *found = NULL;
	size_t len = strlen(key);

	if (root_read(l->root, file, CONF_MAX, &text) < 0)
		return NULL;
	cursor = arena_strndup(l->arena, buf_cstr(&text), text.len);
	while ((line = strsep(&cursor, "\n"))) {
		line += strspn(line, " \t");
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		line += len + 1 + strspn(line + len + 1, "\"'");
		found = arena_strndup(l->arena, line, strcspn(line, "\"' \t\r"));
	}
	return found;
}

/* kernel-install's initrd_generator=: plugins of other builders then do nothing. */
static const char *chosen_generator(const struct list *l)
{
	static const char *const files[] = {"etc/kernel/install.conf",
					    "run/kernel/install.conf",
					    "usr/local/lib/kernel/install.conf",
					    "usr/lib/kernel/install.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (root_exists(l->root, files[i]))
			return read_setting(l, files[i], "initrd_generator");
	return NULL;
}

/* Adds the files of FOLDER, except those that a file of the same name in OVER overrides. */
static void add_masked(struct list *l, const char *folder, const char *over, const char *ending,
		       bool needs_mode)
{
	const char *generator = needs_mode ? chosen_generator(l) : NULL;
	char **names;

	if (root_listdir(l->root, folder, l->arena, &names) < 0)
		return;
	for (; *names; names++) {
		const char *path = arena_printf(l->arena, "%s/%s", folder, *names);
		const char *above = arena_printf(l->arena, "%s/%s", over, *names);
		const char *builder = str_ends(*names, ending) ? builder_of(*names) : NULL;
		struct stat st;

		if (!builder || (generator && *generator && strcmp(generator, builder) != 0) ||
		    !is_runnable(l, path, needs_mode) ||
		    (strcmp(folder, over) != 0 && root_lstat(l->root, above, &st) == 0))
			continue;
		add(l, builder, path, AT_A_KERNEL, mask(l, over, *names));
	}
}

/* Package triggers run update-initramfs for the newest kernel, unless its configuration says no. The last
 * assignment in it counts. In one that only a shell can read, another line would not help: it is replaced. */
static void add_triggers(struct list *l)
{
	const char *file = quoted_path(l, DEBIAN_CONF), *when = AT_A_PACKAGE, *command;
	struct import_update u;
	struct err err = {0};
	int r = import_update_initramfs(l->root, l->arena, &u, &err);

	if (r == 0 && u.flaws->n) {
		err = *u.flaws->list[0];
		r = err.code;
	}
	if ((r == 0 && (!u.update || u.is_off)) ||
	    !is_runnable(l, "usr/sbin/update-initramfs", true))
		return;
	command = arena_printf(l->arena, "sed -i '$a update_initramfs=no' %s", file);
	if (r < 0) {
		when = arena_printf(l->arena, AT_A_PACKAGE ", unless that file turns it off, which only a "
					      "shell can tell (%s)", err.text);
		command = arena_printf(l->arena, "mv %s %s && echo update_initramfs=no >%s", file,
				       quoted_path(l, DEBIAN_CONF ".disabled"), file);
	}
	add(l, "initramfs-tools", DEBIAN_CONF, when, command);
}

size_t builders_list(const struct root *r, struct arena *arena, struct builder **out)
{
	struct list l = {.root = r, .arena = arena};

	add_scripts(&l);
	add_masked(&l, PLUGINS, PLUGINS, ".install", true);
	add_masked(&l, "usr/lib/kernel/install.d", PLUGINS, ".install", true);
	add_masked(&l, HOOKS, HOOKS, ".hook", false);
	add_masked(&l, "usr/share/libalpm/hooks", HOOKS, ".hook", false);
	add_triggers(&l);
	*out = l.items;
	return l.n;
}
