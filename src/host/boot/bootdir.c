/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/bootdir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/efivar.h"
#include "format/machine/fstab.h"
#include "format/machine/mountinfo.h"
#include "format/machine/osrelease.h"
#include "host/boot/kernel_install.h"

#define DEBIAN_START "initrd.img-"
#define OTHERS_START "initramfs-"
#define OTHERS_END   ".img"
#define PREVIOUS     ".previous"
#define TRIAL	     ".trial"

enum {
	TEXT_MAX = 4 * 1024 * 1024,
	EFIVAR_MAX = 4096,
	GENERATION_MAX = 99,
	TEMP_DIGITS = 8,
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

/* Does fstab have a filesystem for TARGET? Also in a line that mount(8) leaves out. */
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

/* The boot loader that started the machine has told so. */
static bool is_systemd_boot(const struct root *r)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	char text[256];

	return root_read(r, "sys/firmware/efi/efivars/" EFIVAR_LOADER_INFO, EFIVAR_MAX, &value) ==
		       0 &&
	       efivar_text(value.data, value.len, text, sizeof(text)) == 0 &&
	       str_starts(text, "systemd-boot ");
}

static int is_not_mounted(const struct root *r, const char *path, struct err *err)
{
	err_set(err, -ENODEV, "%s/%s is not mounted, but /etc/fstab has a filesystem for it",
		root_prefix(r), path);
	return err_hint(err, "mount /%s", path);
}

/* Kernels of kernel-install on an EFI system partition are what is booted, unless /boot has a menu
 * of its own, and what read the one there is not known. */
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

int bootdir_read(const struct root *r, struct arena *arena, struct bootdir *out, struct err *err)
{
	struct bootdir b = {.boot = root_resolve(r, "boot", arena)};
	int found, e;

	b.path = b.boot;
	if (!b.boot)
		b.boot = "boot";
	else /* a folder that is mounted when somebody looks into it */
		close_fd(open_folder(r, arena_printf(arena, "%s/.", b.boot)));
	if (find_mount(r, b.boot, arena, &(struct bootdir){0}) == 0 && is_in_fstab(r, b.boot, arena))
		return is_not_mounted(r, b.boot, err);
	e = choose_folder(r, arena, &b, err);
	if (e < 0)
		return e;
	if (!b.path) {
		err_set(err, -ENOENT, "%s/boot is not there", root_prefix(r));
		return err_hint(err, "images lie in /boot: make it, or mount it");
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
	*out = b;
	return 0;
}

uint64_t bootdir_takes(const struct bootdir *b, uint64_t size)
{
	return (size + b->cluster - 1) / b->cluster * b->cluster;
}

/* ---- names ---- */

static bool is_debian(const struct root *r)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char like[256] = "", id[64] = "";
	char *cursor = like, *word;

	if (root_read(r, "etc/os-release", TEXT_MAX, &text) < 0 &&
	    root_read(r, "usr/lib/os-release", TEXT_MAX, &text) < 0)
		return root_exists(r, "etc/debian_version");
	osrelease_get((const char *)text.data, text.len, "ID", id, sizeof(id));
	osrelease_get((const char *)text.data, text.len, "ID_LIKE", like, sizeof(like));
	if (strcmp(id, "debian") == 0 || strcmp(id, "ubuntu") == 0)
		return true;
	while ((word = strsep(&cursor, " ")))
		if (strcmp(word, "debian") == 0 || strcmp(word, "ubuntu") == 0)
			return true;
	return false;
}

const char *boot_image_path(const struct root *r, const struct bootdir *b, const char *version,
			    struct arena *arena)
{
	const char *names[4];
	bool is_in_boot = strcmp(b->path, b->boot) == 0, by_debian = is_debian(r);
	size_t n = 0;

	names[n++] = arena_printf(arena, "%s/" DEBIAN_START "%s", b->path, version);
	names[n++] = arena_printf(arena, "%s/" OTHERS_START "%s" OTHERS_END, b->path, version);
	if (b->token) {
		names[n++] = arena_printf(arena, "%s/%s/initrd", b->token, version);
		names[n++] =
			arena_printf(arena, "%s/%s/" DEBIAN_START "%s", b->token, version, version);
	}
	for (size_t i = is_in_boot ? 0 : 2; i < n; i++)
		if (root_exists(r, names[i]))
			return names[i];
	if (b->token &&
	    (!is_in_boot || root_exists(r, arena_printf(arena, "%s/%s", b->token, version))))
		return by_debian ? names[3] : names[2];
	return by_debian ? names[0] : names[1];
}

const char *boot_image_previous(const char *path, unsigned generation, struct arena *arena)
{
	return generation > 1 ? arena_printf(arena, "%s" PREVIOUS "-%u", path, generation)
			      : arena_printf(arena, "%s" PREVIOUS, path);
}

const char *boot_image_trial(const char *path, struct arena *arena)
{
	return arena_printf(arena, "%s" TRIAL, path);
}

/* ---- the list ---- */

struct listing {
	const struct root *root;
	struct arena *arena;
	struct boot_image *images;
	size_t n, cap;
};

/* Takes ".previous-3" and the like off NAME, which it cuts. */
static void take_kind(char *name, struct boot_image *out)
{
	char *dot = strrchr(name, '.');
	uint64_t number = 1;

	if (!dot)
		return;
	if (strcmp(dot, TRIAL) == 0)
		out->kind = BOOT_IMAGE_TRIAL;
	else if (str_starts(dot, PREVIOUS) &&
		 (!dot[strlen(PREVIOUS)] ||
		  (dot[strlen(PREVIOUS)] == '-' &&
		   parse_u64(dot + strlen(PREVIOUS) + 1, GENERATION_MAX, &number) && number > 1)))
		out->kind = BOOT_IMAGE_PREVIOUS;
	else
		return;
	out->generation = out->kind == BOOT_IMAGE_PREVIOUS ? (unsigned)number : 0;
	*dot = '\0';
}

/* Is it what comes of a kernel's version, and not of somebody's copy of an image? */
static bool is_version(const char *s)
{
	static const char *const endings[] = {".bak",  ".old",	    ".orig",	 ".new",
					      ".tmp",  ".dpkg-new", ".dpkg-bak", ".dpkg-dist",
					      ".save", ".backup",   "kdump"};
	const char *mark = strstr(s, ".preroot-");

	if (!isdigit((unsigned char)*s) || str_starts(s, "0-rescue") || strstr(s, PREVIOUS) ||
	    s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+_~-")])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (str_ends(s, endings[i]))
			return false;
	return !str_ends(s, "~") && !(mark && strlen(mark) == strlen(".preroot-") + TEMP_DIGITS);
}

/* VERSION: what the folder says; NULL: the name says it. */
static void take(struct listing *l, const char *folder, const char *name, const char *version)
{
	struct boot_image image = {.path = arena_printf(l->arena, "%s/%s", folder, name)};
	char *copy = arena_strdup(l->arena, name);
	struct stat st;

	take_kind(copy, &image);
	if (str_starts(copy, DEBIAN_START)) {
		image.version = copy + strlen(DEBIAN_START);
	} else if (str_starts(copy, OTHERS_START) && str_ends(copy, OTHERS_END)) {
		copy[strlen(copy) - strlen(OTHERS_END)] = '\0';
		image.version = copy + strlen(OTHERS_START);
	} else if (version && strcmp(copy, "initrd") == 0) {
		image.version = version;
	}
	if (!image.version || !is_version(image.version) ||
	    (version && strcmp(image.version, version) != 0) ||
	    root_lstat(l->root, image.path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	image.size = (uint64_t)st.st_size;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->images = xrealloc(l->images, l->cap, sizeof(*l->images));
	}
	l->images[l->n++] = image;
}

static int by_kernel(const void *a, const void *b)
{
	const struct boot_image *x = a, *y = b;
	int d = version_compare(y->version, x->version);

	if (d)
		return d;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* The folders that kernel-install makes, one a kernel. */
static void take_folders(struct listing *l, const char *folder)
{
	char **versions, **names;
	int n = folder ? root_listdir(l->root, folder, l->arena, &versions) : 0;

	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(l->arena, "%s/%s", folder, versions[i]);

		if (!is_version(versions[i]) || root_listdir(l->root, path, l->arena, &names) < 0)
			continue;
		for (char **name = names; *name; name++)
			take(l, path, *name, versions[i]);
	}
}

int boot_images_list(const struct root *r, const struct bootdir *b, struct arena *arena,
		     struct boot_image **out, struct err *err)
{
	struct listing l = {.root = r, .arena = arena};
	char **names;
	int n = root_listdir(r, b->path, arena, &names);

	if (n < 0)
		return err_sys(err, n, "%s/%s", root_prefix(r), b->path);
	if (strcmp(b->path, b->boot) == 0)
		for (int i = 0; i < n; i++)
			take(&l, b->path, names[i], NULL);
	take_folders(&l, b->token);
	if (l.n)
		qsort(l.images, l.n, sizeof(*l.images), by_kernel);
	*out = arena_memdup(arena, l.images ? l.images : (void *)"", l.n * sizeof(*l.images));
	free(l.images);
	return (int)l.n;
}
