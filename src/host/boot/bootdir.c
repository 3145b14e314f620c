/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/bootdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "format/kernel/efivar.h"
#include "format/machine/fstab.h"
#include "format/machine/mountinfo.h"
#include "host/boot/efi.h"
#include "host/boot/kernel_install.h"

enum {
	TEXT_MAX = 4 * 1024 * 1024,
};

/* ---- the folder ---- */

/* The last mount on TARGET. 1: there is one, 0: none, -errno: the mounts are not known. */
static int find_mount(const struct root *r, const char *target, struct arena *arena,
		      struct bootdir *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int e = root_read(r, "proc/self/mountinfo", TEXT_MAX, &text), found = 0;
	char *cursor, *line;

	if (e < 0)
		e = root_read(r, "proc/mountinfo", TEXT_MAX, &text);
	if (e < 0)
		return e;
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		struct mountinfo mi;

		if (!*line || mountinfo_decode(line, &mi, NULL) < 0 || *mi.target != '/' ||
		    strcmp(mi.target + 1, target) != 0)
			continue;
		out->fstype = arena_strdup(arena, mi.fstype);
		out->is_mount = true;
		found = 1;
	}
	return found;
}

/* Does fstab have a filesystem for TARGET? A noauto line counts, too. */
static bool is_in_fstab(const struct root *r, const char *target, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *path = arena_printf(arena, "/%s", target);
	struct fstab f = {0};
	struct fstab_entry e;

	if (root_read(r, "etc/fstab", TEXT_MAX, &text) < 0 || !buf_cstr(&text))
		return false;
	f.cursor = (char *)text.data;
	while (fstab_next(&f, &e))
		if (fstab_is_at(&e, path))
			return true;
	return false;
}

/* A directory below the root, links followed. */
static int open_folder(const struct root *r, const char *path)
{
	return root_openat(r, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
}

static int measure(const struct root *r, struct bootdir *b, struct err *err)
{
	_cleanup_fd_ int fd = open_folder(r, b->path);
	struct statvfs fs;
	struct stat st;

	if (fd < 0)
		return err_sys(err, fd, "%s/%s", root_prefix(r), b->path);
	if (fstatvfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s/%s", root_prefix(r), b->path);
	b->cluster = fs.f_frsize ? fs.f_frsize : 1;
	b->total = (uint64_t)fs.f_blocks * b->cluster;
	b->free = (uint64_t)(geteuid() ? fs.f_bavail : fs.f_bfree) * b->cluster;
	b->available = (uint64_t)fs.f_bavail * b->cluster;
	b->is_read_only = fs.f_flag & ST_RDONLY;
	b->device = st.st_dev;
	return 0;
}

static bool has_menu(const struct root *r, const char *boot, struct arena *arena)
{
	static const char *const menus[] = {"grub/grub.cfg", "grub2/grub.cfg",
					    "extlinux/extlinux.conf", "extlinux.conf",
					    "loader/entries"};

	for (size_t i = 0; i < ARRAY_SIZE(menus); i++)
		if (root_exists(r, arena_printf(arena, "%s/%s", boot, menus[i])))
			return true;
	return false;
}

/* systemd-boot leaves its name in an EFI variable. */
static bool is_systemd_boot(const struct root *r)
{
	char text[256];

	return efi_text(r, EFIVAR_LOADER_INFO, text, sizeof(text)) &&
	       str_starts(text, "systemd-boot ");
}

static int is_not_mounted(const struct root *r, const char *path, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	err_set(err, -ENODEV, "%s/%s is not mounted, but /etc/fstab has a filesystem for it",
		root_prefix(r), path);
	return err_hint(err, "mount %s",
			quote_word(arena_printf(&arena, "/%s", path), &arena));
}

/* If kernel-install has put kernels on an EFI system partition, those are the ones that boot,
 * unless /boot has a menu of its own and systemd-boot did not start the machine. */
static int choose_folder(const struct root *r, struct arena *arena, struct bootdir *b,
			 struct err *err)
{
	static const char *const esps[] = {"efi", "boot/efi"};
	struct kernel_install k;

	if (kernel_install_find(r, arena, &k)) {
		bool is_in_boot = strcmp(k.top, b->boot) == 0;

		if (is_in_boot ||
		    (k.has_kernel && (!has_menu(r, b->boot, arena) || is_systemd_boot(r)))) {
			b->token = k.folder;
			b->path = k.top;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(esps) && !b->token; i++) {
		struct bootdir mount = {0};

		if (!has_menu(r, b->boot, arena) && is_in_fstab(r, esps[i], arena) &&
		    find_mount(r, esps[i], arena, &mount) == 0)
			return is_not_mounted(r, esps[i], err);
	}
	return 0;
}

/* Reads the menu and the kernels of the folder. A menu that cannot be read is left out. */
static void read_content(const struct root *r, struct arena *arena, struct bootdir *b)
{
	struct bootmenu *menu = arena_alloc(arena, sizeof(*menu));

	if (bootmenu_read(r, b->boot, arena, menu, NULL) == 0)
		b->menu = menu;
	b->n_kernels = kernel_files(r, b->boot, arena, &b->kernels);
}

int bootdir_read(const struct root *r, struct arena *arena, struct bootdir *out, struct err *err)
{
	struct bootdir b = {.boot = root_resolve(r, "boot", arena)};
	int found, e;

	b.path = b.boot;
	if (!b.boot)
		b.boot = "boot";
	else /* opening it triggers an automount */
		close_fd(open_folder(r, arena_printf(arena, "%s/.", b.boot)));
	if (find_mount(r, b.boot, arena, &(struct bootdir){0}) == 0 && is_in_fstab(r, b.boot, arena))
		return is_not_mounted(r, b.boot, err);
	e = choose_folder(r, arena, &b, err);
	if (e < 0)
		return e;
	if (!b.path) {
		err_set(err, -ENOENT, "%s/boot is not there", root_prefix(r));
		return err_hint(err, "images are kept in /boot: create it, or mount it");
	}
	found = find_mount(r, b.path, arena, &b);
	if (found == 0 && b.path != b.boot && is_in_fstab(r, b.path, arena))
		return is_not_mounted(r, b.path, err);
	e = measure(r, &b, err);
	if (e < 0)
		return e;
	b.has_links =
		!b.fstype || (strcmp(b.fstype, "vfat") != 0 && strcmp(b.fstype, "msdos") != 0 &&
			      strcmp(b.fstype, "exfat") != 0);
	read_content(r, arena, &b);
	*out = b;
	return 0;
}

uint64_t bootdir_takes(const struct bootdir *b, uint64_t size)
{
	return (size + b->cluster - 1) / b->cluster * b->cluster;
}
