/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GRUB. Our entries are in a file of our own beside grub.cfg, which sources it through the lines
 * that /etc/grub.d/42_preroot prints. Each is a copy of the machine's entry for that kernel with
 * another initrd. Only the distribution's tool ever writes grub.cfg itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/loader/kit.h"
#include "format/menu/grubcfg.h"

#define OWN_FILE "preroot.cfg"
#define SCRIPT	 "etc/grub.d/42_preroot"

/* ---- one entry ---- */

struct edit {
	struct grubcfg_span span;
	const char *text; /* the replacement */
};

static int by_place(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	return x->span.begin < y->span.begin ? -1 : x->span.begin > y->span.begin;
}

static void write_body(struct buf *out, const char *text, const struct grubcfg_entry *e,
		       struct edit *edits, size_t n)
{
	size_t at = e->body.begin;

	qsort(edits, n, sizeof(*edits), by_place);
	for (size_t i = 0; i < n; i++) {
		if (edits[i].span.begin < at)
			continue;
		buf_add(out, text + at, edits[i].span.begin - at);
		buf_add_str(out, edits[i].text);
		at = edits[i].span.end;
	}
	buf_add(out, text + at, e->body.end - at);
}

/* Writes a copy of FROM, decoded as E, with the image of W. False if FROM does not name its image
 * in a way that can be replaced. */
static bool write_entry(const struct loader *l, const struct bootmenu_entry *from,
			const struct loader_wanted *w, const char *text,
			const struct grubcfg_entry *e, struct buf *out)
{
	struct edit *edits = arena_alloc(l->arena, (e->n_initrds + 2) * sizeof(*edits));
	size_t n = 0;

	for (size_t i = 0; i < e->n_initrds; i++) {
		const char *other = loader_rename(l, from, w, e->initrds[i].text);

		if (other)
			edits[n++] =
				(struct edit){e->initrds[i].span, grubcfg_quote(other, l->arena)};
	}
	if (n == 0)
		return false;
	if (w->is_trial)
		edits[n++] = (struct edit){{e->load.end, e->load.end}, " " LOADER_TRIAL_WORD};
	/* Our entry must not become GRUB's saved default: it may be gone at the next boot. */
	if (e->save.end)
		edits[n++] = (struct edit){e->save, "true"};
	buf_printf(out, "menuentry %s --id %s %s {",
		   grubcfg_quote(loader_title(l, from, w), l->arena),
		   grubcfg_quote(w->id, l->arena), e->arguments);
	write_body(out, text, e, edits, n);
	buf_add_str(out, "}\n");
	return true;
}

static bool write_wanted(const struct loader *l, const struct loader_wanted *w, struct buf *out)
{
	const struct bootmenu_entry *from = loader_template(l, BOOTMENU_GRUB, w);
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *folder;
	struct grubcfg menu;

	if (!from || root_read(l->q->root, from->file, GRUBCFG_SIZE_MAX, &text) < 0)
		return false;
	folder = arena_printf(l->arena, "/%s", from->top->folder);
	const struct grubcfg_variable known[] = {
		{"prefix", folder}, {"config_directory", folder}, {"root", NULL}, {0}};
	if (grubcfg_decode(buf_cstr(&text), text.len, known, l->arena, &menu, NULL) < 0)
		return false;
	for (size_t i = 0; i < menu.n; i++)
		if (menu.entries[i].line == from->line)
			return write_entry(l, from, w, buf_cstr(&text), &menu.entries[i], out);
	return false;
}

/* ---- grub.cfg ---- */

/* Does grub-mkconfig find this kernel? Its patterns depend on the architecture it runs on. */
static bool has_kernel(const struct loader *l, const char *version)
{
	static const char *const starts[] = {
		"vmlinuz-",
		"kernel-",
#if !defined(__x86_64__) && !defined(__i386__)
		"vmlinux-",
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (root_exists(l->q->root, arena_printf(l->arena, "%s/%s%s", l->q->bootdir->boot,
							 starts[i], version)))
			return true;
	return false;
}

static bool is_named(const struct loader *l, const char *path)
{
	for (size_t i = 0; i < l->menu.n; i++)
		if (l->menu.entries[i].loader == BOOTMENU_GRUB &&
		    bootmenu_names(&l->menu.entries[i], path))
			return true;
	return false;
}

/* The image of the requested kernel if the menu lacks it though GRUB's tool would find it; or NULL.
 * An image without a kernel cannot boot, and one that kernel-install has put elsewhere is not
 * GRUB's. Other kernels are no reason to run the tool: it may skip them each time. */
static const struct boot_image *find_unnamed(const struct loader *l)
{
	if (!l->q->version || strcmp(l->q->bootdir->path, l->q->bootdir->boot) != 0)
		return NULL;
	for (size_t i = 0; i < l->images.n; i++) {
		const struct boot_image *image = &l->images.list[i];

		if (image->kind == BOOT_IMAGE_CURRENT &&
		    strcmp(image->version, l->q->version) == 0 && has_kernel(l, image->version) &&
		    !is_named(l, image->path))
			return image;
	}
	return NULL;
}

/* Runs the tool that writes grub.cfg. 1: it ran; 0: there is no tool. */
static int make_menu(struct loader *l, struct err *err)
{
	static const char *const debian[] = {"update-grub", NULL};
	static const char *const any[] = {"grub-mkconfig", "grub2-mkconfig", NULL};
	const char *file = l->menu.file[BOOTMENU_GRUB];
	const char *tool =
		strcmp(file, "boot/grub/grub.cfg") == 0 ? loader_find_tool(l, debian) : NULL;
	const char *const with_file[] = {loader_find_tool(l, any), "-o",
					 arena_printf(l->arena, "/%s", file), NULL};
	const char *const alone[] = {tool, NULL};
	int e;

	if (!tool && !with_file[0])
		return 0;
	e = loader_save(l, file, err);
	if (e == 0)
		e = loader_run_tool(l, tool ? alone : with_file, err);
	if (e == 0)
		e = loader_read_menu(l, err);
	if (e < 0)
		return e;
	l->tool_ran = true;
	if (!l->menu.has[BOOTMENU_GRUB])
		return err_set(err, -ENOENT, "%s left no menu", tool ? tool : with_file[0]);
	return 1;
}

static int name_all(struct loader *l, struct err *err)
{
	const struct boot_image *image = find_unnamed(l);
	int e;

	if (!image)
		return 0;
	e = make_menu(l, err);
	if (e < 0)
		return e;
	if (e == 0) {
		loader_say(l,
			   "%s/%s does not name %s, and there is no tool to run that would add it",
			   root_prefix(l->q->root), l->menu.file[BOOTMENU_GRUB], image->path);
		return 0;
	}
	image = find_unnamed(l);
	if (!image)
		return 0;
	err_set(err, -ENOENT, "GRUB's menu was made again, and still has no entry with %s",
		image->path);
	return err_hint(err,
			"see why grub-mkconfig passes over Linux %s (/etc/default/grub, "
			"/etc/grub.d); the menu is what it was",
			image->version);
}

static bool is_read(const struct loader *l, const char *own)
{
	for (const char **file = l->menu.sourced; *file; file++)
		if (strcmp(*file, own) == 0)
			return true;
	return false;
}

/* Makes grub.cfg source our file. */
static int connect_own(struct loader *l, const char *own, bool is_new, struct err *err)
{
	int e = loader_read_menu(l, err);

	if (e < 0 || is_read(l, own))
		return e;
	if (root_exists(l->q->root, SCRIPT)) {
		e = make_menu(l, err);
		if (e < 0 || (e > 0 && is_read(l, own)))
			return e < 0 ? e : 0;
		if (e > 0)
			return err_set(err, -ENOENT,
				       "GRUB's menu was made again, and still does not read %s: is "
				       "%s/" SCRIPT " executable?",
				       own, root_prefix(l->q->root));
	}
	if (is_new)
		loader_say(l,
			   "%s is not read by GRUB: it needs %s/" SCRIPT " and a run of "
			   "grub-mkconfig",
			   own, root_prefix(l->q->root));
	return 0;
}

/* Several systems may share an EFI system partition. A menu there is ours if it boots one of our
 * kernels. */
static bool is_this_systems(const struct loader *l)
{
	if (!strstr(l->menu.file[BOOTMENU_GRUB], "/EFI/"))
		return true;
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];

		if (e->loader == BOOTMENU_GRUB && e->kernel && root_exists(l->q->root, e->kernel))
			return true;
	}
	return false;
}

int loader_grub_update(struct loader *l, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *file, *own;
	size_t n = 0;
	int e;

	/* Fedora's GRUB reads BLS entries: grub.cfg has no kernels. */
	if (!l->menu.has[BOOTMENU_GRUB] || l->menu.grub_reads_bls || !is_this_systems(l))
		return 0;
	e = name_all(l, err);
	if (e < 0)
		return e;
	file = l->menu.file[BOOTMENU_GRUB];
	own = arena_printf(l->arena, "%.*s" OWN_FILE, (int)(strrchr(file, '/') + 1 - file), file);
	buf_add_str(&text, "# Written by preroot for each previous image and each trial; "
			   "changes here are lost.\n");
	for (size_t i = 0; i < l->n_wanted; i++)
		n += write_wanted(l, &l->wanted[i], &text);
	if (n == 0) {
		e = loader_remove(l, own, err);
		return e < 0 ? e : 0;
	}
	e = loader_write(l, own, file, &text, err);
	return e < 0 ? e : connect_own(l, own, e > 0, err);
}
