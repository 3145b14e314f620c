/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "audit/kit.h"
#include "deploy/place/rotate.h"
#include "deploy/place/space.h"
#include "deploy/prune.h"

/* Compares the boot menu with the files, and checks for room for one more image. */

enum { CACHE_ROOM = 16 * 1024 * 1024 }; /* bytes that a run may write to /var/cache */

/* ---- the menu ---- */

const char *audit_title(const struct bootmenu_entry *e)
{
	if (e->title)
		return e->title;
	return e->id ? e->id : "";
}

static const char *place_of(struct audit *a, const struct bootmenu_entry *e)
{
	return e->line ? arena_printf(a->arena, "/%s, line %u", e->file, e->line)
		       : arena_printf(a->arena, "/%s", e->file);
}

/* The tool that updates this machine's menu, or NULL. */
static const char *menu_tool(struct audit *a)
{
	static const char *const tools[] = {"grub-mkconfig", "grub2-mkconfig"};
	static const char *const folders[] = {"usr/sbin", "usr/bin", "sbin"};
	const char *file = a->menu.file[BOOTMENU_GRUB];

	if (!a->menu.has[BOOTMENU_GRUB] || a->menu.grub_reads_bls)
		return NULL;
	if (root_exists(a->root, "usr/sbin/update-grub") && strcmp(file, "boot/grub/grub.cfg") == 0)
		return "update-grub";
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		for (size_t k = 0; k < ARRAY_SIZE(folders); k++)
			if (root_exists(a->root,
					arena_printf(a->arena, "%s/%s", folders[k], tools[i])))
				return arena_printf(
					a->arena, "%s -o %s", tools[i],
					quote_word(arena_printf(a->arena, "/%s", file), a->arena));
	return NULL;
}

static void report_unlisted(struct audit *a, const struct audit_kernel *k)
{
	const char *fact =
		arena_printf(a->arena, "the boot menu has no entry for kernel %s", k->version);
	const char *tool = menu_tool(a);

	if (tool)
		audit_add_command(a, AUDIT_WARNING, "boot-entry-missing", k, fact, tool);
	else
		audit_add(a, AUDIT_WARNING, "boot-entry-missing", k, fact,
			  "add it with the tool of the boot loader, as kernel-install");
}

/* Why the loader boots entry E by itself; NULL if only when it is chosen. If the loader's default
 * is not known, it is taken to be the first entry. */
static const char *why_booted(const struct audit *a, const struct bootmenu_entry *e)
{
	if (a->next == e)
		return ", which the next boot takes,";
	if (a->preferred[e->loader])
		return a->preferred[e->loader] == e ? ", which is booted by default," : NULL;
	for (size_t i = 0; i < a->menu.n; i++)
		if (a->menu.entries[i].loader == e->loader && a->menu.entries[i].kernel)
			return &a->menu.entries[i] == e ? ", the first one," : NULL;
	return NULL;
}

static void report_broken(struct audit *a, const struct bootmenu_entry *e, const char *path)
{
	const char *why = why_booted(a, e);
	enum audit_severity severity = why ? AUDIT_ERROR : AUDIT_WARNING;
	const struct audit_kernel *k = audit_find(a, e->version);
	/* The loader's own tool does not update the entries that preroot writes. */
	const char *tool = e->is_ours ? audit_preroot(a, "rebuild", NULL) : menu_tool(a);
	const char *fact =
		arena_printf(a->arena,
			     "the entry \"%s\" of the boot menu (%s)%s names /%s, which is "
			     "not there",
			     audit_title(e), place_of(a, e), why ? why : "", path);

	if (tool)
		audit_add_command(a, severity, "boot-entry-broken", k, fact, tool);
	else
		audit_add(a, severity, "boot-entry-broken", k, fact,
			  "update the boot menu, or install that kernel's package again");
}

static void check_file(struct audit *a, const struct bootmenu_entry *e, const char *path)
{
	if (!root_exists(a->root, path))
		report_broken(a, e, path);
}

/* Is it an entry of a kernel without an image? audit_images() reports that. */
static bool is_missing_image(const struct audit *a, const struct bootmenu_entry *e)
{
	const struct audit_kernel *k = audit_find(a, e->version);

	return k && k->is_wanted && k->row && k->row->verdict == INVENTORY_MISSING;
}

static void check_entries(struct audit *a)
{
	for (size_t i = 0; i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (!e->kernel)
			continue;
		check_file(a, e, e->kernel);
		for (size_t k = 0; e->initrds[k] && !is_missing_image(a, e); k++)
			check_file(a, e, e->initrds[k]);
	}
}

static void report_no_boot(struct audit *a)
{
	if (a->n_kernels || a->boot_err.code != -ENOENT)
		audit_add(a, AUDIT_ERROR, "boot-folder", NULL, a->boot_err.text, a->boot_err.hint);
}

void audit_menu(struct audit *a)
{
	const struct bootmenu *m = &a->menu;

	if (!a->has_boot) {
		report_no_boot(a);
		return;
	}
	if (!a->has_menu) {
		audit_add(a, AUDIT_WARNING, "boot-menu-unreadable", NULL, a->menu_err.text,
			  a->menu_err.code == -EACCES || a->menu_err.code == -EPERM
				  ? "run the audit as root"
				  : a->menu_err.hint);
		return;
	}
	if (m->problem)
		audit_add(a, AUDIT_WARNING, "boot-menu-unreadable", NULL, m->problem, NULL);
	if (!m->has[BOOTMENU_GRUB] && !m->has[BOOTMENU_BLS] && !m->has[BOOTMENU_EXTLINUX]) {
		audit_add(
			a, AUDIT_NOTE, "boot-loader-unknown", NULL,
			"no boot menu was found (GRUB, Boot Loader Specification, extlinux): what "
			"is booted is not known",
			NULL);
		return;
	}
	audit_default(a);
	check_entries(a);
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->image && k->modules_dir && !k->is_broken &&
		    !bootmenu_find(m, k->version, NULL))
			report_unlisted(a, k);
}

/* ---- space ---- */

static void check_boot_space(struct audit *a)
{
	const struct audit_kernel *of = NULL;
	struct err err = {0};
	uint64_t size = 0;

	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->row && k->row->image && k->row->image->size >= size) {
			of = k;
			size = k->row->image->size;
		}
	if (space_check(a->root, &a->boot, size, 0, &err) == 0)
		return;
	if (err.code == -ENOSPC)
		prune_hint(a->root, KEEP_DEFAULT, &err);
	if (err.code == -EROFS)
		audit_add_command(a, AUDIT_ERROR, "boot-read-only", NULL, err.text, err.hint);
	else if (of)
		audit_add(a, AUDIT_WARNING, "boot-full", NULL,
			  arena_printf(a->arena,
				       "/%s has %.1f MB free: too little for one more image of "
				       "the size of kernel %s's, %.1f MB",
				       a->boot.path, (double)a->boot.free / 1e6, of->version,
				       (double)size / 1e6),
			  err.hint);
	else
		audit_add(a, AUDIT_WARNING, "boot-full", NULL,
			  arena_printf(a->arena, "/%s has %.1f MB free", a->boot.path,
				       (double)a->boot.free / 1e6),
			  err.hint);
}

static void check_cache_space(struct audit *a)
{
	_cleanup_fd_ int fd =
		root_openat(a->root, "var/cache", O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	struct statvfs fs;
	uint64_t free;

	if (fd < 0 || fstatvfs(fd, &fs) < 0 || !fs.f_blocks)
		return;
	free = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (free >= CACHE_ROOM && (!fs.f_files || fs.f_favail))
		return;
	audit_add(a, AUDIT_WARNING, "cache-full", NULL,
		  free < CACHE_ROOM
			  ? arena_printf(a->arena,
					 "the filesystem of /var/cache has %.1f MB free: a "
					 "rebuild cannot keep what it compressed",
					 (double)free / 1e6)
			  : "the filesystem of /var/cache has room for no further file",
		  "free space there");
}

void audit_space(struct audit *a)
{
	if (a->has_boot)
		check_boot_space(a);
	check_cache_space(a);
}
