/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Boots an entry once. The loader itself must forget the choice before it starts the entry: where
 * that is not certain there is no trial, since a trial that hangs would be started again at each
 * boot.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "deploy/efivar.h"
#include "deploy/loader/kit.h"
#include "deploy/place/exchange.h"
#include "deploy/place/folder.h"
#include "format/menu/bls.h"
#include "format/kernel/efivar.h"
#include "format/menu/grubenv.h"
#include "host/boot/efi.h"
#include "host/boot/mountpoint.h"

#define ONE_SHOT_NAME "LoaderEntryOneShot" EFIVAR_LOADER
#define ONE_SHOT EFIVAR_DIR "/" ONE_SHOT_NAME

enum {
	EFI_ATTRIBUTES = 7,   /* non-volatile, boot service access, runtime access */
	FEATURE_ONE_SHOT = 3, /* bit of LoaderFeatures */
	GRUBENV_SIZE = 1024,
};

/* ---- GRUB ---- */

static const char *grubenv_path(const struct loader *l)
{
	const char *file = l->menu.file[BOOTMENU_GRUB];

	return arena_printf(l->arena, "%.*sgrubenv", (int)(strrchr(file, '/') + 1 - file), file);
}

static const char *grubenv_of(const struct loader *l)
{
	return root_resolve(l->q->root, grubenv_path(l), l->arena);
}

/* The value of next_entry; NULL if it is not set or PATH is no GRUB environment block. */
static const char *next_entry(const struct loader *l, const char *path, bool *is_environment)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char value[GRUBENV_SIZE];
	int r = path ? root_read(l->q->root, path, GRUBENV_SIZE, &text) : -ENOENT;

	if (r == 0)
		r = text.len == GRUBENV_SIZE ? grubenv_get(buf_cstr(&text), text.len, "next_entry",
							   value, sizeof(value))
					     : -EBADMSG;
	*is_environment = r >= 0;
	return r > 0 ? arena_strdup(l->arena, value) : NULL;
}

/* GRUB overwrites the file's blocks in place, which works on a plain disk and simple filesystems
 * only. */
static const char *why_not_writable(const struct loader *l, const char *grubenv)
{
	static const char *const never[] = {"btrfs", "zfs", "squashfs", "overlay", "f2fs", "erofs"};
	struct mountpoint mount;
	const char *device, *uuid;

	if (mountpoint_of(l->q->root, grubenv, l->arena, &mount) < 0)
		return "which filesystem it lies on is not known";
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (strcmp(mount.fstype, never[i]) == 0)
			return arena_printf(l->arena, "it lies on %s", never[i]);
	device = root_resolve(
		l->q->root, arena_printf(l->arena, "sys/dev/block/%u:%u", mount.major, mount.minor),
		l->arena);
	if (!device)
		return "which disk it lies on is not known";
	if (strstr(device, "/block/md"))
		return "it lies on an array (MD)";
	if (!strstr(device, "/block/dm-"))
		return NULL;
	uuid = root_read_line(l->q->root, arena_printf(l->arena, "%s/dm/uuid", device), l->arena);
	/* GRUB sees a multipath device as a plain disk. */
	if (uuid && (str_starts(uuid, "mpath-") || strstr(uuid, "-mpath-")))
		return NULL;
	return "it lies on LVM, or an encrypted or mapped volume";
}

static const char *grub_tool(const struct loader *l, const char *first, const char *second)
{
	bool is_second = strstr(l->menu.file[BOOTMENU_GRUB], "/grub2/") != NULL;

	return loader_find_tool(l, (const char *const[]){is_second ? second : first, NULL});
}

static int grub_try(const struct loader *l, const char *id, struct err *err)
{
	const char *file = l->menu.file[BOOTMENU_GRUB], *grubenv = grubenv_of(l);
	const char *tool = grub_tool(l, "grub-reboot", "grub2-reboot"), *why, *now;
	const char *boot = arena_printf(l->arena, "--boot-directory=/%s", l->q->bootdir->boot);
	bool is_environment;
	int e;

	next_entry(l, grubenv, &is_environment);
	if (!is_environment) {
		err_set(err, -ENOTSUP,
			"GRUB has no environment (grubenv beside %s) to keep the "
			"choice for one boot in",
			file);
		return err_hint(err, "grub-editenv %s create",
				root_quoted(l->q->root, grubenv_path(l), l->arena));
	}
	why = why_not_writable(l, grubenv);
	if (why)
		return err_set(err, -ENOTSUP,
			       "GRUB cannot write to %s (%s): the trial would be started again at "
			       "each boot",
			       grubenv, why);
	if (!l->menu.grub_keeps_next)
		return err_set(err, -ENOTSUP,
			       "%s does not look at next_entry: it knows no entry "
			       "for one boot",
			       file);
	if (!tool)
		return err_set(err, -ENOTSUP, "there is no grub-reboot to choose the trial with");
	e = loader_run_tool(l, (const char *const[]){tool, boot, id, NULL}, err);
	if (e < 0)
		return e;
	now = next_entry(l, grubenv, &is_environment);
	return now && strcmp(now, id) == 0
		       ? 0
		       : err_set(err, -EIO, "%s has run, but %s does not hold the trial", tool,
				 grubenv);
}

static bool is_trial(const char *id)
{
	return str_starts(id, BOOTMENU_TRIAL) || str_starts(id, BOOTMENU_BLS_LAST BOOTMENU_TRIAL);
}

static int grub_forget(const struct loader *l, struct err *err)
{
	const char *grubenv = grubenv_of(l), *now, *tool;
	bool is_environment;

	now = next_entry(l, grubenv, &is_environment);
	if (!now || !is_trial(now))
		return 0;
	tool = grub_tool(l, "grub-editenv", "grub2-editenv");
	if (!tool)
		return err_set(err, -ENOTSUP,
			       "there is no grub-editenv to take the trial back with");
	return loader_run_tool(l,
			       (const char *const[]){tool, arena_printf(l->arena, "/%s", grubenv),
						     "unset", "next_entry", NULL},
			       err);
}

/* ---- systemd-boot and what follows its interface ---- */

static bool knows_one_shot(const struct loader *l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	return efi_read(l->q->root, "LoaderFeatures" EFIVAR_LOADER, &value) == 0 &&
	       value.len == 2 * sizeof(uint32_t) + sizeof(uint32_t) &&
	       (le32(value.data + sizeof(uint32_t)) >> FEATURE_ONE_SHOT & 1);
}

static void encode(const char *text, struct buf *out)
{
	buf_add_u32le(out, EFI_ATTRIBUTES);
	do
		buf_add(out, (const char[]){*text, '\0'}, 2);
	while (*text++);
}

static int write_variable(const struct loader *l, const char *path, const char *text,
			  struct err *err)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_fd_ int fd = -1;
	int e = efivar_remove(l->q->root, path, err);

	if (e < 0)
		return e;
	encode(text, &value);
	fd = open(loader_host_path(l, path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	e = fd < 0 ? -errno : write_full(fd, value.data, value.len);
	return e < 0 ? err_sys(err, e, "EFI variable %s", strrchr(path, '/') + 1) : 0;
}

/* Gives the entry one try, whatever count an earlier trial has left. */
static int count_one(const struct loader *l, const char *file, struct err *err)
{
	const char *slash = strrchr(file, '/'), *counted;
	_cleanup_fd_ int folder = -1;
	struct bls_name now;

	if (!bls_name_decode(slash + 1, &now))
		return err_set(err, -EBADMSG, "%s is no entry", file);
	if (now.counts && now.left == 1 && now.done == 0)
		return 0;
	counted = arena_printf(l->arena, "%s+1.conf", now.id);
	folder = folder_of(l->q->root, file, err);
	if (folder < 0)
		return folder;
	if (exchange_move(folder, slash + 1, counted, err) < 0)
		return err->code;
	loader_say(l, "%s/%.*s/%s is written", root_prefix(l->q->root), (int)(slash - file), file,
		   counted);
	return 0;
}

/* The number in LoaderInfo's "systemd-boot 252.39-1~deb12u1"; 0 for another loader. */
static unsigned long systemd_boot_version(const struct loader *l)
{
	static const char name[] = "systemd-boot ";
	char text[256];

	if (!efi_text(l->q->root, EFIVAR_LOADER_INFO, text, sizeof(text)) || !str_starts(text, name))
		return 0;
	return strtoul(text + strlen(name), NULL, 10);
}

/* The name by which the loader knows the entry ID, which has one try. Some versions count the boot
 * counter as part of it, later ones do not. Since 251 it is a pattern, so one that matches both
 * ID+1.conf and ID.conf works. */
static const char *one_shot_name(const struct loader *l, const char *id)
{
	unsigned long version = systemd_boot_version(l);

	return version && version < 251 ? arena_printf(l->arena, "%s+1.conf", id)
					: arena_printf(l->arena, "%s[+.][1c][.o][cn][of]*", id);
}

static int bls_try(const struct loader *l, const struct bootmenu_entry *entry, struct err *err)
{
	int e;

	if (!root_exists(l->q->root, EFIVAR_DIR) || !knows_one_shot(l)) {
		err_set(err, -ENOTSUP,
			"this machine was not started by a boot loader that takes an "
			"entry for one boot (LoaderFeatures)");
		return err_hint(err,
				"systemd-boot is one; rebuild without --try-next, the previous "
				"image stays in the menu");
	}
	e = count_one(l, entry->file, err);
	return e < 0 ? e : write_variable(l, ONE_SHOT, one_shot_name(l, entry->id), err);
}

static int bls_forget(const struct loader *l, struct err *err)
{
	_cleanup_buf_ struct buf value = BUF_INIT, start = BUF_INIT;

	if (efi_read(l->q->root, ONE_SHOT_NAME, &value) < 0)
		return 0;
	encode(BOOTMENU_BLS_LAST BOOTMENU_TRIAL, &start);
	start.len -= 2;
	if (value.len < start.len || memcmp(value.data, start.data, start.len) != 0)
		return 0;
	return efivar_remove(l->q->root, ONE_SHOT, err);
}

/* ---- extlinux ---- */

/* The extlinux program, and the folder to pass to it. NULL if it is missing, or if U-Boot, not
 * extlinux, reads the file. */
static const char *extlinux_tool(const struct loader *l, const char **folder)
{
	const char *file = l->menu.file[BOOTMENU_EXTLINUX];

	*folder = arena_printf(l->arena, "/%.*s", (int)(strrchr(file, '/') - file), file);
	if (!root_exists(l->q->root, arena_printf(l->arena, "%s/ldlinux.sys", *folder)))
		return NULL;
	return loader_find_tool(l, (const char *const[]){"extlinux", NULL});
}

static int extlinux_run(const struct loader *l, const char *option, struct err *err)
{
	const char *folder, *tool = extlinux_tool(l, &folder);

	if (!tool)
		return err_set(err, -ENOTSUP,
			       "extlinux and its ldlinux.sys are not both there: what else reads "
			       "%s, such as U-Boot, knows no entry for one boot",
			       l->menu.file[BOOTMENU_EXTLINUX]);
	return loader_run_tool(l, (const char *const[]){tool, option, folder, NULL}, err);
}

/* ---- which of them ---- */

static const struct bootmenu_entry *find_trial(const struct loader *l, enum bootmenu_loader loader,
					       const char *path)
{
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];

		if (e->loader == loader && e->is_ours && e->id && is_trial(e->id) &&
		    (!path || bootmenu_names(e, path)))
			return e;
	}
	return NULL;
}

static int try_next(const struct loader *l, const char *version, const char *path, struct err *err)
{
	const struct bootmenu_entry *grub = find_trial(l, BOOTMENU_GRUB, path);
	const struct bootmenu_entry *bls = find_trial(l, BOOTMENU_BLS, path);
	const struct bootmenu_entry *extlinux = find_trial(l, BOOTMENU_EXTLINUX, path);

	if (l->menu.grub_reads_bls && bls)
		grub = bls;
	/* LoaderFeatures is set by the loader that started the machine: with it, the BLS entry is
	 * the right one even if GRUB has a menu, too. */
	if (bls && (!grub || knows_one_shot(l)))
		return bls_try(l, bls, err);
	if (grub)
		return grub_try(l, grub->id, err);
	if (extlinux)
		return extlinux_run(l, arena_printf(l->arena, "--once=%s", extlinux->id), err);
	if (!l->menu.n) {
		err_set(err, -ENOTSUP,
			"no boot menu was found (GRUB, Boot Loader Specification, extlinux): no "
			"entry can be chosen for the next boot");
		return err_hint(err, "without --try-next the image is replaced, and the old one is "
				     "kept");
	}
	err_set(err, -ENOTSUP,
		"no menu has an entry for /%s that the next boot of Linux %s could take", path,
		version);
	return err_hint(err, l->menu.has[BOOTMENU_GRUB] && !bls
				     ? "GRUB must read preroot.cfg, which takes "
				       "/etc/grub.d/42_preroot and a run of grub-mkconfig; and its "
				       "menu must have an entry with the present image of that kernel"
				     : "the menu must have an entry with the present image of that "
				       "kernel, from which the trial's is made");
}

static int begin(struct loader *l, struct err *err)
{
	return bootmenu_read(l->q->root, l->q->bootdir->boot, l->arena, &l->menu, err);
}

int loader_try_next(const struct loader_request *q, const char *version, const char *path,
		    struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct loader l = {.q = q, .arena = &arena};
	int e = begin(&l, err);

	return e < 0 ? e : try_next(&l, version, path, err);
}

int loader_forget_trial(const struct loader_request *q, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct loader l = {.q = q, .arena = &arena};
	const char *folder;
	int e = begin(&l, err);

	if (e == 0 && l.menu.has[BOOTMENU_GRUB])
		e = grub_forget(&l, err);
	if (e == 0)
		e = bls_forget(&l, err);
	if (e == 0 && l.menu.has[BOOTMENU_EXTLINUX] && find_trial(&l, BOOTMENU_EXTLINUX, NULL) &&
	    extlinux_tool(&l, &folder))
		e = extlinux_run(&l, "--clear-once", err);
	return e;
}
