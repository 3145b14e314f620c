/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the boot loaders of a machine offer.
 */

#include "host/boot/bootdir.h"
#include "host/boot/bootmenu.h"
#include "support.h"

#define V   "6.1.0-9-amd64"
#define OLD "5.10.0-8-amd64"
#define ID  "0123456789abcdef0123456789abcdef"

struct machine {
	char *folder;
	struct root root;
	struct arena arena;
	struct err err;
	struct bootdir boot;
	struct bootmenu menu;
};

static void machine_make(struct machine *m)
{
	*m = (struct machine){.folder = make_folder()};
	put_text(m->folder, "boot/vmlinuz-" V, "kernel");
	put_text(m->folder, "boot/initrd.img-" V, "image");
	put_text(m->folder, "boot/vmlinuz-" OLD, "kernel");
	put_text(m->folder, "boot/initrd.img-" OLD, "image");
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static void read_menu(struct machine *m)
{
	assert_ok(bootdir_read(&m->root, &m->arena, &m->boot, &m->err), 0, &m->err);
	assert_ok(bootmenu_read(&m->root, m->boot.boot, &m->arena, &m->menu, &m->err), 0, &m->err);
}

static void assert_entry(const struct machine *m, size_t i, const char *id, const char *version,
			 const char *image)
{
	const struct bootmenu_entry *e = &m->menu.entries[i];

	assert_true(i < m->menu.n);
	assert_string_equal(e->id ? e->id : "-", id);
	assert_string_equal(e->version ? e->version : "-", version);
	assert_string_equal(e->initrds[0] ? e->initrds[0] : "-", image);
}

static void no_loader_is_no_failure(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	read_menu(&m);
	assert_int_equal(m.menu.n, 0);
	assert_false(m.menu.has[BOOTMENU_GRUB] || m.menu.has[BOOTMENU_BLS] ||
		     m.menu.has[BOOTMENU_EXTLINUX]);
}

static void GRUB_and_what_it_sources_are_read_in_order(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/grub/grub.cfg",
		 "if [ \"${next_entry}\" ]; then save_env next_entry; fi\n"
		 "menuentry A --id a { linux /boot/vmlinuz-" V " ro\n initrd /boot/initrd.img-" V
		 "\n}\nif [ -f x ]; then source ${config_directory}/preroot.cfg; fi\n"
		 "source $prefix/absent.cfg\nsource $prefix/grub.cfg\n"
		 "menuentry W --id w { chainloader +1\n}\n");
	put_text(m.folder, "boot/grub/preroot.cfg",
		 "menuentry P --id preroot-previous-" V " { linux ($root)/boot/vmlinuz-" V
		 "\n initrd (hd0,gpt2)/boot/initrd.img-" V
		 ".previous\n}\nsource $prefix/grub.cfg\n");
	put_text(m.folder, "boot/initrd.img-" V ".previous", "image");
	read_menu(&m);
	assert_true(m.menu.has[BOOTMENU_GRUB] && m.menu.grub_keeps_next);
	assert_string_equal(m.menu.file[BOOTMENU_GRUB], "boot/grub/grub.cfg");
	assert_int_equal(m.menu.n, 3);
	assert_entry(&m, 0, "a", V, "boot/initrd.img-" V);
	assert_entry(&m, 1, "preroot-previous-" V, V, "boot/initrd.img-" V ".previous");
	assert_entry(&m, 2, "w", "-", "-");
	assert_true(m.menu.entries[1].is_ours && !m.menu.entries[0].is_ours);
	assert_string_equal(m.menu.entries[1].file, "boot/grub/preroot.cfg");
	assert_string_equal(m.menu.sourced[0], "boot/grub/preroot.cfg");
	assert_null(m.menu.sourced[1]);
	assert_null(m.menu.problem);
	assert_ptr_equal(bootmenu_find(&m.menu, V, NULL), &m.menu.entries[0]);
	assert_ptr_equal(bootmenu_find(&m.menu, V, "boot/initrd.img-" V ".previous"),
			 &m.menu.entries[1]);
	assert_null(bootmenu_find(&m.menu, OLD, NULL));
}

static void paths_count_from_the_filesystem_that_boot_lies_on(void **state)
{
	static const struct {
		const char *mounts, *path;
	} cases[] = {
		{NULL, "/boot/vmlinuz-" V},
		{NULL, "/vmlinuz-" V},
		{NULL, "/@/boot/vmlinuz-" V},
		{NULL, "/BOOT/debian@/vmlinuz-" V},
		{"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "/boot/vmlinuz-" V},
		{"20 1 8:1 / / rw - ext4 a rw\n21 20 8:2 / /boot rw - ext4 b rw\n", "/vmlinuz-" V},
		{"20 1 0:9 /@ / rw - btrfs /dev/sda1 rw\n", "/@/boot/vmlinuz-" V},
		{"20 1 0:9 /@ / rw - btrfs a rw\n21 20 0:9 /kernels /boot rw - btrfs a rw\n",
		 "/kernels/vmlinuz-" V},
		{NULL, "(hd0,msdos1)//boot/./../boot/vmlinuz-" V},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		if (cases[i].mounts)
			put_text(m.folder, "proc/mountinfo", cases[i].mounts);
		put_text(m.folder, "boot/grub2/grub.cfg",
			 arena_printf(&m.arena, "menuentry A --id a { linux %s\n}\n",
				      cases[i].path));
		read_menu(&m);
		assert_string_equal(m.menu.entries[0].kernel, "boot/vmlinuz-" V);
		assert_string_equal(m.menu.entries[0].version, V);
	}
}

static void a_kernel_that_is_not_there_has_no_version(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/grub/grub.cfg",
		 "menuentry A --id a { linux /boot/vmlinuz-4.19.0\n}\n");
	read_menu(&m);
	assert_entry(&m, 0, "a", "-", "-");
	assert_non_null(m.menu.entries[0].kernel);
}

static void the_version_is_the_kernels_own(void **state)
{
	_cleanup_machine_ struct machine m;
	uint8_t head[0x10280] = {0};

	(void)state;
	machine_make(&m);
	head[0x1fe] = 0x55;
	head[0x1ff] = 0xaa;
	memcpy(head + 0x202, "HdrS\x0f\x02", 6);
	head[0x1f1] = 4;
	head[0x20f] = 1; /* 0x100 after 0x200 */
	memcpy(head + 0x300, "6.7.8 (x@y)", 12);
	put_file(m.folder, "boot/vmlinuz", head, sizeof(head));
	put_text(m.folder, "boot/grub/grub.cfg", "menuentry A --id a { linux /boot/vmlinuz\n}\n");
	read_menu(&m);
	assert_entry(&m, 0, "a", "6.7.8", "-");
}

static void links_are_followed_and_found_again(void **state)
{
	_cleanup_machine_ struct machine m;
	const struct bootmenu_top *top;

	(void)state;
	machine_make(&m);
	put_link(m.folder, "vmlinuz", "boot/vmlinuz-" V);
	put_link(m.folder, "initrd.img", "boot/initrd.img-" V);
	put_text(m.folder, "boot/initrd.img-" V ".trial", "image");
	put_text(m.folder, "boot/grub/grub.cfg",
		 "menuentry A --id a { linux /vmlinuz\n initrd /initrd.img\n}\n");
	read_menu(&m);
	assert_entry(&m, 0, "a", V, "boot/initrd.img-" V);
	top = m.menu.entries[0].top;
	assert_string_equal(bootmenu_rename(top, "/initrd.img", "boot/initrd.img-" V,
					    "boot/initrd.img-" V ".trial", &m.arena),
			    "/boot/initrd.img-" V ".trial");
	assert_string_equal(bootmenu_rename(top, "(hd0)/@/boot/initrd.img-" V, "boot/initrd.img-" V,
					    "boot/initrd.img-" V ".trial", &m.arena),
			    "(hd0)/@/boot/initrd.img-" V ".trial");
	assert_null(bootmenu_rename(top, "/initrd.img", "boot/initrd.img-" V, "usr/absent",
				    &m.arena));
}

static void Fedoras_GRUB_takes_entry_files(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n");
	put_text(m.folder, "boot/loader/entries/" ID "-" V ".conf",
		 "title Fedora\nversion " V "\nlinux /vmlinuz-" V "\ninitrd /initrd.img-" V
		 " $tuned_initrd\noptions $kernelopts\n");
	put_text(m.folder, "boot/loader/entries/a-preroot-trial-" V "+0-1.conf",
		 "linux /vmlinuz-" V "\n");
	put_text(m.folder, "boot/loader/entries/broken.conf", "title nothing\n");
	put_text(m.folder, "boot/loader/entries/README", "x\n");
	read_menu(&m);
	assert_true(m.menu.has[BOOTMENU_GRUB] && m.menu.has[BOOTMENU_BLS] && m.menu.grub_reads_bls);
	assert_int_equal(m.menu.n, 2);
	assert_entry(&m, 0, ID "-" V, V, "boot/initrd.img-" V);
	assert_entry(&m, 1, "a-preroot-trial-" V, V, "-");
	assert_true(m.menu.entries[1].is_ours);
	assert_string_equal(m.menu.entries[0].options, "$kernelopts");
	assert_contains(m.menu.problem, "broken.conf");
}

static void entries_of_an_EFI_partition_count_from_its_top(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "efi/" ID "/" V "/linux", "kernel");
	put_text(m.folder, "efi/" ID "/" V "/initrd", "image");
	put_text(m.folder, "efi/loader/entries/" ID "-" V ".conf",
		 "linux /" ID "/" V "/linux\ninitrd /" ID "/" V "/initrd\n");
	read_menu(&m);
	assert_entry(&m, 0, ID "-" V, V, "efi/" ID "/" V "/initrd");
	assert_string_equal(m.menu.entries[0].kernel, "efi/" ID "/" V "/linux");
	assert_string_equal(m.menu.file[BOOTMENU_BLS], "efi/loader/entries");
}

static void extlinux_may_count_from_its_own_folder(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/extlinux/extlinux.conf",
		 "default a\ninclude more.conf\nlabel a\nlinux ../vmlinuz-" V
		 "\ninitrd ../initrd.img-" V "\nlabel b\nlinux /boot/vmlinuz-" OLD
		 "\nappend initrd=/boot/initrd.img-" OLD "\n");
	put_text(m.folder, "boot/extlinux/more.conf", "label c\nkernel chain.c32\n");
	read_menu(&m);
	assert_int_equal(m.menu.n, 3);
	assert_entry(&m, 0, "a", V, "boot/initrd.img-" V);
	assert_entry(&m, 1, "b", OLD, "boot/initrd.img-" OLD);
	assert_entry(&m, 2, "c", "-", "-");
}

static void a_menu_that_cannot_be_read_is_a_failure(void **state)
{
	static const char *const files[] = {"boot/grub/grub.cfg", "boot/extlinux/extlinux.conf"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_text(m.folder, files[i], "label \n}\n");
		assert_ok(bootdir_read(&m.root, &m.arena, &m.boot, &m.err), 0, &m.err);
		assert_fails(bootmenu_read(&m.root, m.boot.boot, &m.arena, &m.menu, &m.err), -EBADMSG,
			     &m.err);
		assert_contains(m.err.text, files[i]);
		assert_contains(m.err.text, "line");
	}
}

static void a_sourced_file_that_cannot_be_read_is_a_problem(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "boot/grub/grub.cfg",
		 "source $prefix/custom.cfg\nmenuentry A --id a { linux /boot/vmlinuz-" V "\n}\n");
	put_text(m.folder, "boot/grub/custom.cfg", "\n'");
	read_menu(&m);
	assert_int_equal(m.menu.n, 1);
	assert_contains(m.menu.problem, "custom.cfg: line 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_loader_is_no_failure),
		cmocka_unit_test(GRUB_and_what_it_sources_are_read_in_order),
		cmocka_unit_test(paths_count_from_the_filesystem_that_boot_lies_on),
		cmocka_unit_test(a_kernel_that_is_not_there_has_no_version),
		cmocka_unit_test(the_version_is_the_kernels_own),
		cmocka_unit_test(links_are_followed_and_found_again),
		cmocka_unit_test(Fedoras_GRUB_takes_entry_files),
		cmocka_unit_test(entries_of_an_EFI_partition_count_from_its_top),
		cmocka_unit_test(extlinux_may_count_from_its_own_folder),
		cmocka_unit_test(a_menu_that_cannot_be_read_is_a_failure),
		cmocka_unit_test(a_sourced_file_that_cannot_be_read_is_a_problem),
	};

	return RUN_TESTS(tests);
}
