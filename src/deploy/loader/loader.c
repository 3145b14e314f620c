/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/loader/loader.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/loader/kit.h"

/* ---- what there is to be ---- */

static void want(struct loader *l, const struct boot_image *image)
{
	struct loader_wanted w = {
		.version = image->version,
		.path = image->path,
		.current = boot_image_path(l->q->root, l->q->bootdir, image->version, l->arena),
		.is_trial = image->kind == BOOT_IMAGE_TRIAL,
	};

	if (w.is_trial) {
		w.id = arena_printf(l->arena, BOOTMENU_TRIAL "%s", w.version);
		w.what = "new initramfs on trial";
	} else if (image->generation > 1) {
		w.id = arena_printf(l->arena, BOOTMENU_PREVIOUS "%u-%s", image->generation,
				    w.version);
		w.what = arena_printf(l->arena, "previous initramfs %u", image->generation);
	} else {
		w.id = arena_printf(l->arena, BOOTMENU_PREVIOUS "-%s", w.version);
		w.what = "previous initramfs";
	}
	l->wanted = arena_grow(l->arena, l->wanted, l->n_wanted, sizeof(*l->wanted));
	l->wanted[l->n_wanted++] = w;
}

/* ---- the whole ---- */

static int prepare(struct loader *l, struct err *err)
{
	int e = boot_images_list(l->q->root, l->q->bootdir, l->arena, &l->images, err);

	if (e < 0)
		return e;
	for (size_t i = 0; i < l->images.n; i++)
		if (l->images.list[i].kind != BOOT_IMAGE_CURRENT)
			want(l, &l->images.list[i]);
	return loader_read_menu(l, err);
}

/* Checks that the files of each of our entries exist; after the loader's tool has run, also those
 * of every entry that boots an image of ours. */
static int check(const struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];
		const char *missing = NULL;
		bool is_known = e->is_ours;

		for (size_t k = 0; l->tool_ran && k < l->images.n; k++)
			is_known |= bootmenu_names(e, l->images.list[k].path);
		if (!is_known || !e->kernel)
			continue;
		if (!root_exists(l->q->root, e->kernel))
			missing = e->kernel;
		for (const char **path = e->initrds; *path && !missing; path++)
			if (!root_exists(l->q->root, *path))
				missing = *path;
		if (missing)
			return err_set(err, -ENOENT,
				       "%s/%s: the entry \"%s\" names %s, which is not there",
				       root_prefix(l->q->root), e->file, e->title, missing);
	}
	return 0;
}

static int update_all(struct loader *l, struct err *err)
{
	int e = loader_grub_update(l, err);

	if (e == 0)
		e = loader_bls_update(l, err);
	if (e == 0)
		e = loader_extlinux_update(l, err);
	if (e == 0 && l->n_saved)
		e = loader_read_menu(l, err);
	if (e == 0 && l->n_saved)
		e = check(l, err);
	return e;
}

int loader_update(const struct loader_request *q, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct loader l = {.q = q, .arena = &arena};
	struct err own = {0};
	int e;

	if (!err)
		err = &own;
	e = prepare(&l, err);
	if (e < 0)
		return e;
	e = update_all(&l, err);
	if (e < 0)
		loader_undo(&l, err);
	return e;
}

int loader_check(const struct loader_request *q, const char *path, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const struct bootmenu_entry *other;
	struct bootmenu menu;

	if (bootmenu_read(q->root, q->bootdir->boot, &arena, &menu, NULL) < 0 ||
	    bootmenu_find(&menu, q->version, path))
		return 0;
	other = bootmenu_find(&menu, q->version, NULL);
	if (!other)
		return 0;
	err_set(err, -ENOTSUP, "the boot menu (%s) boots kernel %s with %s%s, not with /%s",
		other->file, q->version, other->initrds[0] ? "/" : "no image",
		other->initrds[0] ? other->initrds[0] : "", path);
	return err_hint(err,
			"correct the entry, or if that is as it should be: preroot rebuild "
			"--no-boot-loader; "
			"preroot build writes an image to any place");
}
