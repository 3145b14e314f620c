/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /boot, and the images in it.
 */

#include "host/boot/bootdir.h"
#include "host/boot/images.h"
#include "format/kernel/cpio.h"
#include "support.h"

#define V "6.1.0-9-amd64"

struct machine {
	char *folder;
	struct root root;
	struct arena arena;
	struct err err;
	struct bootdir boot;
};

static void machine_make(struct machine *m)
{
	*m = (struct machine){.folder = make_folder()};
	put_dir(m->folder, "boot");
	put_dir(m->folder, "etc");
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static void read_boot(struct machine *m)
{
	assert_ok(bootdir_read(&m->root, &m->arena, &m->boot, &m->err), 0, &m->err);
}

static void put_mounts(struct machine *m, const char *text)
{
	put_dir(m->folder, "proc");
	put_text(m->folder, "proc/mountinfo", text);
}

static void assert_path(struct machine *m, const char *path)
{
	assert_string_equal(boot_image_path(&m->root, &m->boot, V, &m->arena), path);
}

static void a_plain_folder_is_measured(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	read_boot(&m);
	assert_string_equal(m.boot.path, "boot");
	assert_false(m.boot.is_mount);
	assert_true(m.boot.has_links);
	assert_true(m.boot.cluster > 0 && m.boot.total >= m.boot.free);
	assert_int_equal(bootdir_takes(&m.boot, 0), 0);
	assert_int_equal(bootdir_takes(&m.boot, 1), m.boot.cluster);
	assert_int_equal(bootdir_takes(&m.boot, m.boot.cluster), m.boot.cluster);
}

static void without_the_folder_there_is_an_error(void **state)
{
	_cleanup_machine_ struct machine m;
	char *path;

	(void)state;
	machine_make(&m);
	assert_true(asprintf(&path, "%s/boot", m.folder) > 0);
	assert_int_equal(rmdir(path), 0);
	free(path);
	assert_int_equal(bootdir_read(&m.root, &m.arena, &m.boot, &m.err), -ENOENT);
	assert_true(*m.err.hint);
}

static void what_fstab_mounts_there_must_be_mounted(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/fstab", "# all\nUUID=12-34 /boot/ vfat noauto 0 2\n");
	put_mounts(&m, "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	assert_int_equal(bootdir_read(&m.root, &m.arena, &m.boot, &m.err), -ENODEV);
	assert_non_null(strstr(m.err.text, "not mounted"));

	put_mounts(&m, "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		       "21 20 8:2 / /boot rw - vfat /dev/sda2 rw\n");
	read_boot(&m);
	assert_true(m.boot.is_mount);
	assert_false(m.boot.has_links);
	assert_string_equal(m.boot.fstype, "vfat");
}

static void a_line_that_mount_passes_over_counts_as_well(void **state)
{
	static const char *const lines[] = {
		"UUID=12-34 /boot vfat defaults 0 2\r\n", "UUID=12-34 /boot vfat defaults # all\n",
		"UUID=12-34 /boot vfat defaults yes no\n", "UUID=12-34 //boot/ # all\n",
		"UUID=12-34 /boot\r\n",		    "UUID=12-34 \\057boot vfat"};
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_mounts(&m, "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		put_text(m.folder, "etc/fstab", lines[i]);
		if (bootdir_read(&m.root, &m.arena, &m.boot, &m.err) != -ENODEV)
			fail_msg("%s", lines[i]);
	}
}

static void where_mounts_are_not_known_fstab_decides_nothing(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/fstab", "UUID=12-34 /boot vfat defaults 0 2\n");
	read_boot(&m);
	assert_null(m.boot.fstype);
}

static void a_link_is_followed(void **state)
{
	_cleanup_machine_ struct machine m;
	char *path;

	(void)state;
	machine_make(&m);
	assert_true(asprintf(&path, "%s/boot", m.folder) > 0);
	assert_int_equal(rmdir(path), 0);
	put_dir(m.folder, "real");
	put_link(m.folder, "boot", "/real");
	free(path);
	read_boot(&m);
	assert_string_equal(m.boot.path, "real");
}

static void the_name_in_use_comes_before_the_distributions(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	read_boot(&m);
	assert_path(&m, "boot/initramfs-" V ".img");
	put_text(m.folder, "etc/os-release", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n");
	assert_path(&m, "boot/initrd.img-" V);
	put_text(m.folder, "boot/initramfs-" V ".img", "x");
	assert_path(&m, "boot/initramfs-" V ".img");
}

static void folders_of_kernel_install_are_used(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	put_dir(m.folder, "boot/0123456789abcdef0123456789abcdef");
	put_dir(m.folder, "boot/0123456789abcdef0123456789abcdef/" V);
	read_boot(&m);
	assert_path(&m, "boot/0123456789abcdef0123456789abcdef/" V "/initrd");
	put_text(m.folder, "etc/machine-id", "../../etc\n");
	read_boot(&m);
	assert_path(&m, "boot/initramfs-" V ".img");
}

#define TOKEN "0123456789abcdef0123456789abcdef"
#define INFO  "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

static void put_variable(struct machine *m, const char *path, const char *text)
{
	_cleanup_free_ char *whole = NULL;
	FILE *file;

	put_text(m->folder, path, "");
	assert_true(asprintf(&whole, "%s/%s", m->folder, path) > 0);
	file = fopen(whole, "w");
	assert_non_null(file);
	fwrite("\6\0\0\0", 4, 1, file);
	for (; *text; text++) {
		fputc(*text, file);
		fputc(0, file);
	}
	assert_int_equal(fclose(file), 0);
}

static void images_lie_on_the_partition_where_kernel_install_puts_kernels(void **state)
{
	static const char *const esps[] = {"efi", "boot/efi"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(esps); i++) {
		_cleanup_machine_ struct machine m;
		const char *folder;
		struct boot_images images;

		machine_make(&m);
		folder = arena_printf(&m.arena, "%s/" TOKEN "/" V, esps[i]);
		put_text(m.folder, "etc/machine-id", TOKEN "\n");
		put_text(m.folder, "boot/initrd.img-" V, "what it is copied from");
		put_text(m.folder, arena_printf(&m.arena, "%s/linux", folder), "kernel");
		read_boot(&m);
		assert_string_equal(m.boot.path, esps[i]);
		assert_string_equal(m.boot.boot, "boot");
		assert_path(&m, arena_printf(&m.arena, "%s/initrd", folder));
		put_text(m.folder, arena_printf(&m.arena, "%s/initrd.img-" V, folder), "12345");
		assert_path(&m, arena_printf(&m.arena, "%s/initrd.img-" V, folder));
		assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
		assert_int_equal(images.n, 1);
		assert_int_equal(images.list[0].size, 5);
		/* A menu of GRUB's is older, or newer: who started the machine knows. */
		put_text(m.folder, "boot/grub/grub.cfg", "");
		read_boot(&m);
		assert_string_equal(m.boot.path, "boot");
		assert_path(&m, "boot/initrd.img-" V);
		put_variable(&m, INFO, "GRUB 2.12");
		read_boot(&m);
		assert_string_equal(m.boot.path, "boot");
		put_variable(&m, INFO, "systemd-boot 257.8");
		read_boot(&m);
		assert_string_equal(m.boot.path, esps[i]);
	}
}

static void a_partition_that_the_machine_boots_from_must_be_mounted(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_mounts(&m, "20 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
	put_text(m.folder, "etc/fstab", "UUID=0A1B-2C3D /boot/efi vfat umask=0077 0 1\n");
	assert_int_equal(bootdir_read(&m.root, &m.arena, &m.boot, &m.err), -ENODEV);
	assert_non_null(strstr(m.err.text, "boot/efi is not mounted"));
	/* GRUB has what it needs in /boot. */
	put_text(m.folder, "boot/grub/grub.cfg", "");
	read_boot(&m);
	assert_string_equal(m.boot.path, "boot");
}

static void images_are_listed_and_copies_of_people_are_not(void **state)
{
	static const char *const names[] = {
		"initrd.img-" V,
		"initrd.img-" V ".previous",
		"initrd.img-" V ".previous-2",
		"initrd.img-" V ".trial",
		"initramfs-6.12.0-1.fc40.x86_64.img",
		"initrd.img-" V ".bak",
		"initrd.img-" V ".previous-0",
		"initrd.img-" V ".previous-x",
		"initrd.img-" V ".preroot-0123abcd",
		"initrd.img-old",
		"initramfs-0-rescue-0123456789abcdef.img",
		"initramfs-6.12.0-1.fc40.x86_64kdump.img",
		"initramfs-linux.img",
		"vmlinuz-" V,
	};
	_cleanup_machine_ struct machine m;
	struct boot_images found;
	const struct boot_image *images;

	(void)state;
	machine_make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[256];

		snprintf(path, sizeof(path), "boot/%s", names[i]);
		put_text(m.folder, path, "12345");
	}
	put_dir(m.folder, "boot/initrd.img-7.0.0");
	read_boot(&m);
	assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &found, &m.err), 0, &m.err);
	assert_int_equal(found.n, 5);
	images = found.list;
	assert_string_equal(images[0].version, "6.12.0-1.fc40.x86_64");
	assert_string_equal(images[1].path, "boot/initrd.img-" V);
	assert_int_equal(images[1].size, 5);
	assert_int_equal(images[2].kind, BOOT_IMAGE_PREVIOUS);
	assert_int_equal(images[2].generation, 1);
	assert_int_equal(images[3].generation, 2);
	assert_int_equal(images[4].kind, BOOT_IMAGE_TRIAL);
	for (int i = 1; i < 5; i++)
		assert_string_equal(images[i].version, V);
	assert_string_equal(boot_image_previous("boot/a", 1, &m.arena), "boot/a.previous");
	assert_string_equal(boot_image_previous("boot/a", 3, &m.arena), "boot/a.previous-3");
	assert_string_equal(boot_image_trial("boot/a", &m.arena), "boot/a.trial");
}

/* ---- which file is the image ---- */

static void put_grub(struct machine *m, const char *kernel, const char *initrds)
{
	put_text(m->folder, "boot/grub2/grub.cfg",
		 arena_printf(&m->arena, "menuentry 'It' {\n linux %s quiet\n initrd %s\n}\n", kernel,
			      initrds));
	read_boot(m);
}

static void each_distribution_has_its_name(void **state)
{
	static const struct {
		const char *system, *path;
	} rows[] = {
		{"ID=debian\n", "boot/initrd.img-" V},
		{"ID=fedora\n", "boot/initramfs-" V ".img"},
		{"ID=opensuse-tumbleweed\n", "boot/initrd-" V},
		{"ID=\"sles\"\n", "boot/initrd-" V},
		{"ID=mageia\n", "boot/initrd-" V ".img"},
		{"ID=unheard-of\nID_LIKE=\"suse opensuse\"\n", "boot/initrd-" V},
		{"ID=unheard-of\n", "boot/initramfs-" V ".img"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_text(m.folder, "etc/os-release", rows[i].system);
		read_boot(&m);
		assert_path(&m, rows[i].path);
		/* What is there is right on every system. */
		put_text(m.folder, "boot/initrd-" V, "x");
		assert_path(&m, "boot/initrd-" V);
	}
}

static void the_menu_and_the_header_decide(void **state)
{
	_cleanup_machine_ struct machine m;
	struct boot_images images;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-linux", V);
	put_text(m.folder, "boot/initramfs-linux-fallback.img", "x");
	put_text(m.folder, "boot/amd-ucode.img", "x");
	read_boot(&m);
	assert_path(&m, "boot/initramfs-linux.img");
	put_grub(&m, "/vmlinuz-linux", "/initramfs-linux-fallback.img");
	assert_path(&m, "boot/initramfs-linux.img");
	put_text(m.folder, "boot/own", "x");
	put_text(m.folder, "boot/own.previous", "x");
	put_grub(&m, "/vmlinuz-linux", "/own");
	assert_path(&m, "boot/own");
	assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
	assert_int_equal(images.n, 2);
	assert_string_equal(images.list[0].path, "boot/own");
	assert_string_equal(images.list[0].version, V);
	assert_int_equal(images.list[1].kind, BOOT_IMAGE_PREVIOUS);
	assert_int_equal(images.n_others, 1);
	assert_string_equal(images.others[0].path, "boot/initramfs-linux-fallback.img");
}

static void a_copy_with_an_entry_of_its_own_is_not_the_image(void **state)
{
	static const char entry[] = "menuentry 'x' {\n linux /vmlinuz-" V "\n initrd /%s\n}\n";
	static const char *const others[] = {"initrd.img-" V ".lkg", "initrd.img-" V "-rescue",
					     "initrd.img-" V ".previous", "copy"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_kernel(m.folder, "boot/vmlinuz-" V, V);
		put_text(m.folder, arena_printf(&m.arena, "boot/%s", others[i]), "x");
		put_text(m.folder, "boot/initrd.img-" V, "x");
		put_text(m.folder, "boot/grub/grub.cfg",
			 arena_printf(&m.arena, "%s%s", arena_printf(&m.arena, entry, others[i]),
				      arena_printf(&m.arena, entry, "initrd.img-" V)));
		read_boot(&m);
		assert_path(&m, "boot/initrd.img-" V);
	}
}

static void the_kernel_of_a_rescue_entry_says_nothing(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-0-rescue-0123", V);
	put_text(m.folder, "boot/initramfs-0-rescue-0123.img", "x");
	put_grub(&m, "/vmlinuz-0-rescue-0123", "/initramfs-0-rescue-0123.img");
	assert_path(&m, "boot/initramfs-" V ".img");
}

static void a_link_is_the_image_that_it_leads_to(void **state)
{
	_cleanup_machine_ struct machine m;
	struct boot_images images;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_text(m.folder, "boot/real/image", "x");
	put_link(m.folder, "boot/initrd.img-" V, "real/image");
	read_boot(&m);
	assert_path(&m, "boot/real/image");
	put_grub(&m, "/vmlinuz-" V, "/initrd.img-" V);
	assert_path(&m, "boot/real/image");
	assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
	assert_int_equal(images.n, 1);
	assert_string_equal(images.list[0].path, "boot/real/image");
	/* It must stay in the folder of images. */
	put_text(m.folder, "outside", "x");
	put_grub(&m, "/vmlinuz-" V, "/../outside");
	assert_path(&m, "boot/real/image");
}

static void microcode_in_front_is_no_image(void **state)
{
	static const char *const early[] = {"kernel/x86/microcode/AuthenticAMD.bin", "kernel"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(early); i++) {
		_cleanup_buf_ struct buf archive = BUF_INIT;
		_cleanup_machine_ struct machine m;
		struct cpio_header h = {.mode = 0100644, .nlink = 1};
		struct boot_images images;

		machine_make(&m);
		put_kernel(m.folder, "boot/vmlinuz-" V, V);
		cpio_add_header(&archive, &h, early[i]);
		cpio_add_trailer(&archive);
		put_file(m.folder, "boot/initrd-early", archive.data, archive.len);
		put_text(m.folder, "boot/image", "x");
		put_grub(&m, "/vmlinuz-" V, "/image /initrd-early");
		assert_path(&m, "boot/image");
		put_grub(&m, "/vmlinuz-" V, "/initrd-early");
		assert_path(&m, "boot/initramfs-" V ".img");
		assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
		assert_int_equal(images.n + images.n_others, 0);
		/* Followed by an image, it is one. */
		buf_add(&archive, "\x1f\x8b", 2);
		put_file(m.folder, "boot/initrd-early", archive.data, archive.len);
		put_grub(&m, "/vmlinuz-" V, "/initrd-early");
		assert_path(&m, "boot/initrd-early");
	}
}

static void names_that_only_begin_with_a_kernels_version_are_others(void **state)
{
	static const char *const endings[] = {".old-dkms", ".lkg", ".saved", ".20260101",
					      "-fallback", "-rescue", "~", "+x"};
	_cleanup_machine_ struct machine m;
	struct boot_images images;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		put_text(m.folder, arena_printf(&m.arena, "boot/initrd.img-" V "%s", endings[i]),
			 "x");
	/* Another kernel's. */
	put_text(m.folder, "boot/initrd.img-" V "64", "x");
	read_boot(&m);
	assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
	assert_int_equal(images.n, 1);
	assert_string_equal(images.list[0].version, V "64");
	assert_int_equal(images.n_others, ARRAY_SIZE(endings));
	for (size_t i = 0; i < images.n_others; i++)
		assert_string_equal(images.others[i].version, V);
}

#define W "6.12.0-1-amd64"

static void put_bls(struct machine *m, const char *name, const char *text)
{
	put_text(m->folder, arena_printf(&m->arena, "boot/loader/entries/%s.conf", name), text);
	read_boot(m);
}

static void assert_refused(struct machine *m, const char *version, const char *text)
{
	assert_null(boot_image_own(&m->root, &m->boot, version, &m->arena, &m->err));
	assert_int_equal(m->err.code, -EINVAL);
	assert_non_null(strstr(m->err.text, text));
}

static void entries_of_other_systems_do_not_count(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/machine-id", TOKEN "\n");
	put_kernel(m.folder, "boot/other/linux", V);
	put_kernel(m.folder, "boot/mine/linux", V);
	put_text(m.folder, "boot/other/image", "x");
	put_text(m.folder, "boot/mine/image", "x");
	put_bls(&m, "a",
		"machine-id ffffffffffffffffffffffffffffffff\nlinux /other/linux\n"
		"initrd /other/image\n");
	assert_path(&m, "boot/initramfs-" V ".img");
	put_bls(&m, "b", "machine-id " TOKEN "\nlinux /mine/linux\ninitrd /mine/image\n");
	assert_path(&m, "boot/mine/image");
	/* Where kernel-install has a folder, that is the place. */
	put_text(m.folder, "boot/" TOKEN "/" V "/initrd", "x");
	read_boot(&m);
	assert_path(&m, "boot/" TOKEN "/" V "/initrd");
}

static void one_image_of_two_kernels_is_refused(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_kernel(m.folder, "boot/vmlinuz-" W, W);
	put_text(m.folder, "boot/initrd.gz", "x");
	put_text(m.folder, "boot/grub/grub.cfg",
		 "menuentry 'a' {\n linux /vmlinuz-" V "\n initrd /initrd.gz\n}\n"
		 "menuentry 'b' {\n linux /vmlinuz-" W "\n initrd /initrd.gz\n}\n");
	read_boot(&m);
	assert_refused(&m, V,
		       "/boot/initrd.gz is the image of kernels " V " and " W
		       "; give each its own");
	assert_refused(&m, W, W " and " V);
	/* One that has the kernel's name is its own, whoever borrows it. */
	put_text(m.folder, "boot/initrd.img-" V, "x");
	assert_path(&m, "boot/initrd.img-" V);
	assert_string_equal(boot_image_own(&m.root, &m.boot, V, &m.arena, &m.err),
			    "boot/initrd.img-" V);
}

static void a_link_to_another_kernels_image_is_refused(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/initramfs-" W ".img", "x");
	put_link(m.folder, "boot/initramfs-" V ".img", "initramfs-" W ".img");
	read_boot(&m);
	assert_refused(&m, V, "a link makes /boot/initramfs-" W ".img the image of kernel " V);
}

static void links_of_two_kernels_to_one_image_are_refused(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_kernel(m.folder, "boot/vmlinuz-" W, W);
	put_text(m.folder, "boot/common", "x");
	put_link(m.folder, "boot/initramfs-" V ".img", "common");
	read_boot(&m);
	assert_string_equal(boot_image_own(&m.root, &m.boot, V, &m.arena, &m.err), "boot/common");
	put_link(m.folder, "boot/initramfs-" W ".img", "common");
	read_boot(&m);
	assert_refused(&m, V, "/boot/common is the image of kernels " V " and " W);
	assert_refused(&m, W, "/boot/common is the image of kernels " W " and " V);
}

static void what_is_loaded_behind_an_image_is_not_the_image(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_text(m.folder, "boot/overlay.img", "x");
	put_text(m.folder, "boot/initrd-" V ".img", "x");
	put_grub(&m, "/vmlinuz-" V, "/initrd-" V ".img /overlay.img");
	assert_path(&m, "boot/initrd-" V ".img");
}

static void of_several_images_without_the_kernels_name_none_is_replaced(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_text(m.folder, "boot/first", "x");
	put_text(m.folder, "boot/overlay.img", "x");
	put_grub(&m, "/vmlinuz-" V, "/first /overlay.img");
	assert_path(&m, "boot/initramfs-" V ".img");
	assert_refused(&m, V,
		       "the boot menu (/boot/grub2/grub.cfg) boots kernel " V " with /boot/first and "
		       "/boot/overlay.img, and neither name says which is its image");
	assert_string_equal(m.err.hint,
			    "name the image /boot/initramfs-" V ".img, there and in the menu");
	/* That is what the hint says. */
	put_text(m.folder, "boot/initramfs-" V ".img", "x");
	put_grub(&m, "/vmlinuz-" V, "/initramfs-" V ".img /overlay.img");
	assert_string_equal(boot_image_own(&m.root, &m.boot, V, &m.arena, &m.err),
			    "boot/initramfs-" V ".img");
}

static void the_kernels_name_comes_before_others_of_the_menu(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_kernel(m.folder, "boot/vmlinuz-" V, V);
	put_text(m.folder, "boot/tools.img", "x");
	put_text(m.folder, "boot/recovery.img", "x");
	put_grub(&m, "/vmlinuz-" V, "/recovery.img");
	assert_path(&m, "boot/initramfs-" V ".img");
	put_grub(&m, "/vmlinuz-" V, "/tools.img");
	assert_path(&m, "boot/tools.img");
	put_text(m.folder, "boot/initrd.img-" V, "x");
	assert_path(&m, "boot/initrd.img-" V);
}

static void kernels_of_equally_new_versions_are_not_mixed(void **state)
{
	static const char *const names[] = {"6.1.0-01", "6.1.0-1"};
	_cleanup_machine_ struct machine m;
	struct boot_images images;

	(void)state;
	machine_make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *path = arena_printf(&m.arena, "boot/initrd.img-%s", names[i]);

		put_text(m.folder, path, "x");
		put_text(m.folder, arena_printf(&m.arena, "%s.previous", path), "x");
	}
	read_boot(&m);
	assert_ok(boot_images_list(&m.root, &m.boot, &m.arena, &images, &m.err), 0, &m.err);
	assert_int_equal(images.n, 4);
	for (size_t i = 0; i < images.n; i++)
		assert_string_equal(images.list[i].version, names[i / 2]);
}

static void microcode_may_be_of_several_archives(void **state)
{
	static const struct {
		const char *second;
		const char *path;
	} rows[] = {{"kernel/x86/microcode/GenuineIntel.bin", "boot/initramfs-" V ".img"},
		    {"kernelfoo", "boot/early"},
		    {"init", "boot/early"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf archive = BUF_INIT;
		_cleanup_machine_ struct machine m;
		struct cpio_header h = {.mode = 0100644, .nlink = 1};

		machine_make(&m);
		put_kernel(m.folder, "boot/vmlinuz-" V, V);
		cpio_add_header(&archive, &h, "kernel/x86/microcode/AuthenticAMD.bin");
		cpio_add_trailer(&archive);
		buf_add(&archive, "\0\0\0\0\0\0\0\0", 8);
		cpio_add_header(&archive, &h, rows[i].second);
		cpio_add_trailer(&archive);
		put_file(m.folder, "boot/early", archive.data, archive.len);
		put_grub(&m, "/vmlinuz-" V, "/early");
		assert_path(&m, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_folder_is_measured),
		cmocka_unit_test(without_the_folder_there_is_an_error),
		cmocka_unit_test(what_fstab_mounts_there_must_be_mounted),
		cmocka_unit_test(a_line_that_mount_passes_over_counts_as_well),
		cmocka_unit_test(where_mounts_are_not_known_fstab_decides_nothing),
		cmocka_unit_test(a_link_is_followed),
		cmocka_unit_test(the_name_in_use_comes_before_the_distributions),
		cmocka_unit_test(folders_of_kernel_install_are_used),
		cmocka_unit_test(images_lie_on_the_partition_where_kernel_install_puts_kernels),
		cmocka_unit_test(a_partition_that_the_machine_boots_from_must_be_mounted),
		cmocka_unit_test(images_are_listed_and_copies_of_people_are_not),
		cmocka_unit_test(each_distribution_has_its_name),
		cmocka_unit_test(the_menu_and_the_header_decide),
		cmocka_unit_test(a_copy_with_an_entry_of_its_own_is_not_the_image),
		cmocka_unit_test(the_kernel_of_a_rescue_entry_says_nothing),
		cmocka_unit_test(a_link_is_the_image_that_it_leads_to),
		cmocka_unit_test(microcode_in_front_is_no_image),
		cmocka_unit_test(names_that_only_begin_with_a_kernels_version_are_others),
		cmocka_unit_test(entries_of_other_systems_do_not_count),
		cmocka_unit_test(one_image_of_two_kernels_is_refused),
		cmocka_unit_test(a_link_to_another_kernels_image_is_refused),
		cmocka_unit_test(links_of_two_kernels_to_one_image_are_refused),
		cmocka_unit_test(what_is_loaded_behind_an_image_is_not_the_image),
		cmocka_unit_test(of_several_images_without_the_kernels_name_none_is_replaced),
		cmocka_unit_test(the_kernels_name_comes_before_others_of_the_menu),
		cmocka_unit_test(kernels_of_equally_new_versions_are_not_mixed),
		cmocka_unit_test(microcode_may_be_of_several_archives),
	};

	return RUN_TESTS(tests);
}
