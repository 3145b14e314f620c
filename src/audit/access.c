/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "format/kernel/efivar.h"
#include "host/boot/efi.h"
#include "host/boot/images.h"

/* Can anyone but root decide what boots? Files that others can write, and Secure Boot. */

enum { VARIABLE_VALUE = 4 };

/* ---- permissions ---- */

/* On a filesystem without owners (FAT) the mount options set the mode of all files, and a remount
 * does not change it. */
const char *audit_close_boot(struct audit *a)
{
	const char *boot = audit_path(a, a->boot.path);

	return arena_printf(a->arena,
			    "umount %s && mount -o umask=0077 %s # and umask=0077 in /etc/fstab", boot,
			    boot);
}

static const char *close_it(struct audit *a, const char *path, bool of_boot)
{
	return of_boot && a->has_boot && !a->boot.has_links
		       ? audit_close_boot(a)
		       : arena_printf(a->arena, "chmod go-w %s", audit_path(a, path));
}

static void check_writable(struct audit *a, const char *id, const char *path, bool of_boot)
{
	struct stat st;

	if (root_stat(a->root, path, &st) < 0 || !(st.st_mode & 022))
		return;
	audit_add_command(a, AUDIT_ERROR, id, NULL,
			  arena_printf(a->arena, "/%s can be written by %s (mode %04o)", path,
				       st.st_mode & 02 ? "everybody" : "its group",
				       (unsigned)st.st_mode & 07777),
			  close_it(a, path, of_boot));
}

void audit_boot_access(struct audit *a)
{
	struct boot_images images = {0};

	if (!a->has_boot)
		return;
	check_writable(a, "boot-writable", a->boot.path, true);
	boot_images_list(a->root, &a->boot, a->arena, &images, NULL);
	for (size_t i = 0; i < images.n; i++)
		check_writable(a, "boot-writable", images.list[i].path, true);
	for (size_t i = 0; i < a->n_kernels; i++)
		if (a->kernels[i].image)
			check_writable(a, "boot-writable", a->kernels[i].image, true);
	for (size_t i = 0; a->has_menu && i < BOOTMENU_LOADERS; i++)
		if (a->menu.has[i] && a->menu.file[i])
			check_writable(a, "boot-writable", a->menu.file[i], true);
}

/* Files may belong to root, or to the owner of the tree. */
static void check_owner(struct audit *a, const char *path)
{
	struct stat st, top;

	if (root_stat(a->root, path, &st) < 0 || root_stat(a->root, ".", &top) < 0 || !st.st_uid ||
	    st.st_uid == top.st_uid)
		return;
	audit_add_command(a, AUDIT_ERROR, "config-owner", NULL,
			  arena_printf(a->arena,
				       "/%s belongs to user %u, who can thus change what goes into "
				       "images",
				       path, (unsigned)st.st_uid),
			  arena_printf(a->arena, "chown root:root %s", audit_path(a, path)));
}

static void check_config(struct audit *a, const char *path)
{
	check_owner(a, path);
	check_writable(a, "config-writable", path, false);
}

void audit_config_access(struct audit *a)
{
	static const char *const paths[] = {
		"etc",
		"etc/cmdline",
		"etc/crypttab",
		"etc/default/grub",
		"etc/fstab",
		"etc/dracut.conf",
		"etc/initramfs-tools/initramfs.conf",
		"etc/kernel/cmdline",
		"etc/preroot.conf",
	};
	static const char *const folders[] = {
		"etc/cmdline.d",
		"etc/dracut.conf.d",
		"etc/initramfs-tools/conf.d",
		"etc/modprobe.d",
		"etc/modules-load.d",
		"etc/preroot",
		"etc/preroot/features.d",
		"usr/local/lib/preroot/features.d",
		"usr/lib/preroot/features.d",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		check_config(a, paths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char **names;
		int n = root_listdir(a->root, folders[i], a->arena, &names);

		if (n >= 0)
			check_config(a, folders[i]);
		for (int k = 0; k < n; k++) {
			const char *path = arena_printf(a->arena, "%s/%s", folders[i], names[k]);
			struct stat st;

			if (root_stat(a->root, path, &st) == 0 && S_ISREG(st.st_mode))
				check_config(a, path);
		}
	}
}

/* ---- Secure Boot ---- */

/* The first byte of a variable; -1 if there is none. */
static int read_switch(struct audit *a, const char *name)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (efi_read(a->root, arena_printf(a->arena, "%s" EFIVAR_GLOBAL, name), &value) < 0 ||
	    value.len <= VARIABLE_VALUE)
		return -1;
	return value.data[VARIABLE_VALUE];
}

static void check_signed(struct audit *a, struct audit_kernel *k)
{
	const struct audit_module *sample;
	size_t n = audit_sample(a, k, &sample);

	for (size_t i = 0; i < n; i++) {
		if (sample[i].is_signed)
			continue;
		audit_add(a, AUDIT_WARNING, "module-unsigned", k,
			  arena_printf(a->arena,
				       "/%s is not signed, and Secure Boot is on: the kernel "
				       "may not load it",
				       sample[i].path),
			  sample[i].is_foreign
				  ? "sign it with a key that the machine trusts (mokutil)"
				  : "install a kernel whose modules are signed");
		return;
	}
}

void audit_secure_boot(struct audit *a)
{
	int on = read_switch(a, "SecureBoot");

	if (on < 0)
		return;
	audit_add(a, AUDIT_NOTE, "secure-boot", NULL,
		  on == 1 ? "Secure Boot is on"
		  : read_switch(a, "SetupMode") == 1
			  ? "Secure Boot is off, and the firmware accepts new keys (setup mode)"
			  : "Secure Boot is off",
		  NULL);
	if (on != 1)
		return;
	audit_add(a, AUDIT_NOTE, "image-unsigned", NULL,
		  "neither the firmware nor the boot loader checks a signature of a separate "
		  "image: only a unified kernel image (UKI) covers it",
		  NULL);
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		check_signed(a, k);
}
