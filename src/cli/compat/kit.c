/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/kit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/messages.h"
#include "deploy/inventory.h"
#include "deploy/prune.h"
#include "host/boot/bootdir.h"
#include "host/boot/images.h"
#include "host/boot/kernels.h"
#include "host/config/config.h"
#include "host/root.h"

/* Where the image of VERSION is, or would be, as this process sees it. */
static const char *image_path(const struct root *root, const char *version, struct arena *arena,
			      struct err *err)
{
	struct bootdir b;

	if (bootdir_read(root, arena, &b, err) < 0)
		return NULL;
	return arena_printf(arena, "%s/%s", root_prefix(root),
			    boot_image_path(root, &b, version, arena));
}

static bool has_image(const struct root *root, const char *version, struct arena *arena,
		      const char **path, struct err *err)
{
	*path = image_path(root, version, arena, err);
	return *path && root_exists(root, *path + strlen(root_prefix(root)));
}

int kit_find_image(const char *top, const char *version, bool all, struct arena *arena,
		   const char **out, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct kernel *kernels, one;
	int n = root_open(top, &root, err);

	*out = NULL;
	if (n == 0 && all) {
		n = kernels_list(&root, arena, &kernels, err);
	} else if (n == 0) {
		n = kernel_find(&root, version, arena, &one, err);
		n = n < 0 ? n : 1;
		kernels = &one;
	}
	for (int i = 0; i < n && !err->code; i++)
		if (has_image(&root, kernels[i].version, arena, out, err))
			return 0;
	*out = NULL;
	return n < 0 ? n : err->code;
}

const char *kit_image_path(const char *top, const char *version, struct arena *arena)
{
	_cleanup_root_ struct root root = {.fd = -1};
	const char *path = root_open(top, &root, NULL) < 0 ? NULL : image_path(&root, version, arena, NULL);

	return path ? path : "the image";
}

static int list_kernels(const char *top, bool only_with_image, struct arena *arena, const char ***out,
			struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct kernel *kernels;
	const char *path;
	int n = root_open(top, &root, err), found = 0;

	if (n == 0)
		n = kernels_list(&root, arena, &kernels, err);
	/* A system without any kernel yet, as while its packages are configured, has none with an image. */
	if (n == -ENOENT && only_with_image) {
		*err = (struct err){0};
		n = 0;
	}
	if (n < 0)
		return n;
	*out = arena_alloc(arena, ((size_t)n + 1) * sizeof(**out));
	for (int i = 0; i < n && !err->code; i++)
		if (!only_with_image || has_image(&root, kernels[i].version, arena, &path, err))
			(*out)[found++] = kernels[i].version;
	return err->code ? err->code : found;
}

int kit_kernels(const char *top, struct arena *arena, const char ***out, struct err *err)
{
	return list_kernels(top, false, arena, out, err);
}

int kit_kernels_with_image(const char *top, struct arena *arena, const char ***out, struct err *err)
{
	return list_kernels(top, true, arena, out, err);
}

int kit_images(const char *top, struct arena *arena, struct kit_image **out, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct inventory inventory;
	int r = root_open(top, &root, err), n = 0;

	if (r == 0)
		r = inventory_read(&root, NULL, arena, &inventory, err);
	if (r < 0)
		return r;
	*out = arena_alloc(arena, (inventory.n + 1) * sizeof(**out));
	for (size_t i = 0; i < inventory.n; i++) {
		const struct inventory_row *row = &inventory.rows[i];
		const struct boot_image *image = row->image ? row->image : row->images;

		if (row->n_images)
			(*out)[n++] = (struct kit_image){
				row->version,
				arena_printf(arena, "%s/%s", root_prefix(&root), image->path),
				!row->image || prune_is_own(&root, image)};
	}
	return n;
}

void kit_warn_of_skipped(const char *top, const char *after, bool only_with_image,
			 struct arena *arena)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct kernel *list;
	struct err err = {0};
	const char *path;
	size_t n = root_open(top, &root, NULL) < 0 ? 0 : kernels_without_modules(&root, arena, &list);

	for (size_t i = 0; i < n; i++)
		if ((!after || version_compare(list[i].version, after) > 0) &&
		    (!only_with_image || has_image(&root, list[i].version, arena, &path, &err)))
			cli_warn("%s", kernel_skipped_text(&root, &list[i], arena));
}

void kit_use_initramfs_tools(struct front_run *f, const char *folder)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct stat st;

	if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	/* Read in any case: the image is then the same under each name of the program. */
	if (strcmp(folder, "/" IMPORT_INITRAMFS_TOOLS) == 0 && root_open("/", &root, NULL) == 0 &&
	    config_reads_initramfs_tools(&root, &f->arena))
		return;
	front_add(f, &f->options, "--initramfs-tools");
	front_add(f, &f->options, folder);
}

/* ---- as lsinitrd searches ---- */

static const char *default_version(const struct root *root, struct arena *arena)
{
	struct utsname u;
	struct kernel *kernels;

	if (uname(&u) == 0 && root_exists(root, arena_printf(arena, "lib/modules/%s", u.release)))
		return arena_strdup(arena, u.release);
	return kernels_list(root, arena, &kernels, NULL) > 0 ? kernels[0].version : NULL;
}

static const char *machine_folder(const struct root *root, struct arena *arena)
{
	const char *id = root_read_line(root, "etc/machine-id", arena);

	if (root_exists(root, "efi/Default") || root_exists(root, "boot/Default") ||
	    root_exists(root, "boot/efi/Default") || !id || !*id || strcmp(id, "uninitialized") == 0)
		return "Default";
	return id;
}

static const char *search(const struct root *root, const char *version, struct arena *arena,
			  struct err *err)
{
	const char *machine = machine_folder(root, arena), *path;
	const char *const places[] = {
		arena_printf(arena, "/efi/%s/%s/initrd", machine, version),
		arena_printf(arena, "/boot/%s/%s/initrd", machine, version),
		arena_printf(arena, "/boot/efi/%s/%s/initrd", machine, version),
		arena_printf(arena, "/lib/modules/%s/initrd", version),
		arena_printf(arena, "/lib/modules/%s/initramfs.img", version),
		arena_printf(arena, "/boot/initramfs-%s.img", version),
		arena_printf(arena, "/usr/lib/modules/%s/initramfs.img", version),
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (root_exists(root, places[i]))
			return places[i];
	return has_image(root, version, arena, &path, err) ? path : NULL;
}

int kit_image_of(const char *version, struct arena *arena, const char **out, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	int r = root_open("/", &root, err);

	if (r == 0 && !version)
		version = default_version(&root, arena);
	if (r == 0 && !version)
		return err_set(err, -ENOENT, "there is no kernel below /lib/modules");
	*out = r == 0 ? search(&root, version, arena, err) : NULL;
	if (r == 0 && !*out && !err->code)
		err_set(err, -ENOENT, "there is no image of kernel %s", version);
	return *out ? 0 : err->code;
}
