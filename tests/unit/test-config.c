/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where dracut's configuration is read from: order, masking, other places; and what its keys mean.
 */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config/config.h"
#include "host/config/dracut_modules.h"
#include "support.h"

#define ETC "etc/dracut.conf.d/"
#define USR "usr/lib/dracut/dracut.conf.d/"
#define RUN "run/initramfs/dracut.conf.d/"

struct fixture {
	char *folder;
	struct root root;
	struct arena arena;
	struct config config;
	struct err err;
};

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){.folder = make_folder()};
	assert_ok(root_open(f->folder, &f->root, &f->err), 0, &f->err);
}

static void fixture_clear(struct fixture *f)
{
	root_close(&f->root);
	arena_clear(&f->arena);
	remove_folder(f->folder);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static int read_from(struct fixture *f, const char *file, const char *folder)
{
	struct config_places places = {.file = file, .folder = folder};

	return config_read(&f->root, &places, "6.1.0-9", &f->arena, &f->config, &f->err);
}

static int read_own(struct fixture *f)
{
	return read_from(f, NULL, NULL);
}

/* The files that are read, in their order, each followed by a blank. */
static void assert_files(struct fixture *f, const char *expected)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	assert_ok(read_own(f), 0, &f->err);
	for (size_t i = 0; i < f->config.n_files; i++)
		buf_printf(&got, "%s ", f->config.files[i]);
	assert_string_equal(buf_cstr(&got), expected);
}

static const char *value(const struct fixture *f, const char *key)
{
	const struct conf_assignment *a = conf_find(&f->config.values, key);

	return a ? a->text : "(none)";
}

/* As the shell of initramfs-tools reads them. */
static void update_initramfs_is_found_in_any_form(void **state)
{
	static const char *const rows[][2] = {
		{"update_initramfs=no\n", "no"},
		{" export update_initramfs=\"all\" # why\n", "all"},
		{"export\tupdate_initramfs='no'", "no"},
		{"backup_initramfs=no update_initramfs=all\n", "all"},
		{"update_initramfs=no\nupdate_initramfs=yes\n", "yes"},
		{"#update_initramfs=no\n", "(none)"},
		{"", "(none)"},
	};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct import_update u;

		put_text(f.folder, "etc/initramfs-tools/update-initramfs.conf", rows[i][0]);
		assert_ok(import_update_initramfs(&f.root, &f.arena, &u, &f.err), 0, &f.err);
		assert_string_equal(u.update ? u.update->text : "(none)", rows[i][1]);
		assert_int_equal(u.is_off, strcmp(rows[i][1], "no") == 0);
		assert_int_equal(u.flaws->n, 0);
	}
}

/* What only a shell could read must not turn updates on that may be off. */
static void a_flaw_in_another_line_loses_no_line_of_update_initramfs_conf(void **state)
{
	static const struct {
		const char *text, *update;
		bool is_off;
	} rows[] = {
		{"update_initramfs=no\nbackup_initramfs=$HOME\n", "no", true},
		{"backup_initramfs=$HOME\nupdate_initramfs='no'", "no", true},
		{"unset x\nupdate_initramfs=all\n", "all", false},
		{"[ -e /x ] && update_initramfs=no\n", "(none)", true},
		{"if true; then\n\tupdate_initramfs=\"no\"\nfi\n", "no", true},
		{"update_initramfs=no\r\n", "(none)", true},
		{"[ -e /x ] && update_initramfs=none\n", "(none)", false},
		{"[ -e /x ] && update_initramfs=yes\n#update_initramfs=no\n", "(none)", false},
		{"update_initramfs=${X:-yes}\nupdate_initramfs=", "", false},
	};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct import_update u;

		put_text(f.folder, "etc/initramfs-tools/update-initramfs.conf", rows[i].text);
		assert_ok(import_update_initramfs(&f.root, &f.arena, &u, &f.err), 0, &f.err);
		if (!u.flaws->n || u.is_off != rows[i].is_off ||
		    strcmp(u.update ? u.update->text : "(none)", rows[i].update) != 0)
			fail_msg("[%s] gives [%s], off %d, %zu flaws", rows[i].text,
				 u.update ? u.update->text : "(none)", u.is_off, u.flaws->n);
	}
}

static void without_any_file_there_is_nothing(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	assert_files(&f, "");
	assert_int_equal(f.config.values.n, 0);
}

static void the_main_file_is_read_first_and_later_files_override(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "etc/dracut.conf", "a=1\nb=1\nc=1\nl=\"x\"\n");
	put_text(f.folder, ETC "20.conf", "b=2\nl+=\"y\"\n");
	put_text(f.folder, USR "30.conf", "c=3\nl+=\"z\"\n");
	put_text(f.folder, RUN "10.conf", "b=0\nc=0\n");
	assert_files(&f, "/etc/dracut.conf /" RUN "10.conf /" ETC "20.conf /" USR "30.conf ");
	assert_string_equal(value(&f, "a"), "1");
	assert_string_equal(value(&f, "b"), "2");
	assert_string_equal(value(&f, "c"), "3");
	assert_string_equal(conf_find(&f.config.values, "c")->file, "/" USR "30.conf");
	assert_int_equal(conf_find(&f.config.values, "b")->line, 1);
}

/* What GNU "sort -V" makes of these names in the C locale. */
static void names_are_ordered_as_versions(void **state)
{
	static const char *const names[] = {"~z.conf", "2.conf",   "9-a.conf",	"10.a.conf",
					    "10.conf", "10a.conf", "10-a.conf", "A.conf",
					    "a1.conf", "a02.conf", "a2b.conf",	"a10.conf",
					    "b~.conf", "b.conf",   "b_.conf"};
	_cleanup_fixture_ struct fixture f;
	_cleanup_buf_ struct buf expected = BUF_INIT;

	(void)state;
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", i % 2 ? ETC : USR, names[i]);
		put_text(f.folder, path, "");
		buf_printf(&expected, "/%s ", path);
	}
	assert_files(&f, buf_cstr(&expected));
}

static void of_files_with_one_name_the_first_folder_has_it(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, USR "a.conf", "a=usr\n");
	put_text(f.folder, RUN "a.conf", "a=run\n");
	put_text(f.folder, RUN "b.conf", "b=run\n");
	assert_files(&f, "/" USR "a.conf /" RUN "b.conf ");
	put_text(f.folder, ETC "a.conf", "");
	assert_files(&f, "/" ETC "a.conf /" RUN "b.conf ");
	assert_string_equal(value(&f, "a"), "(none)");
}

static void a_link_to_the_null_device_masks(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, USR "a.conf", "a=usr\n");
	put_text(f.folder, RUN "b.conf", "b=run\n");
	put_link(f.folder, ETC "a.conf", "/dev/null");
	put_link(f.folder, USR "b.conf", "/dev/null");
	put_link(f.folder, "etc/dracut.conf", "/dev/null");
	assert_files(&f, "");
}

static void what_is_no_setting_does_not_count(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, USR "a.conf", "");
	put_link(f.folder, ETC "a.conf", "/nowhere");
	put_text(f.folder, ETC ".hidden.conf", "no assignment\n");
	put_text(f.folder, ETC "a.conf.bak", "no assignment\n");
	put_text(f.folder, ETC "README", "no assignment\n");
	put_dir(f.folder, ETC "profile");
	assert_files(&f, "/" USR "a.conf ");
}

static void links_are_followed_below_the_root(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "srv/a", "a=1\n");
	put_link(f.folder, ETC "a.conf", "/srv/a");
	assert_files(&f, "/" ETC "a.conf ");
	assert_string_equal(value(&f, "a"), "1");
}

static void what_cannot_be_read_is_an_error_with_its_path(void **state)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_free_ char *path = NULL;

	(void)state;
	fixture_make(&f);
	put_dir(f.folder, ETC);
	assert_true(asprintf(&path, "%s/" ETC "a.conf", f.folder) > 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(read_own(&f), -EINVAL, &f.err);
	assert_contains(f.err.text, "/" ETC "a.conf is a FIFO: ");
	assert_contains(f.err.hint, "remove it");
	assert_int_equal(unlink(path), 0);
	put_text(f.folder, ETC "a.conf", "");
	assert_int_equal(truncate(path, CONF_SIZE_MAX + 1), 0);
	assert_fails(read_own(&f), -E2BIG, &f.err);
	assert_contains(f.err.text, "/" ETC "a.conf is larger than 1048576 bytes");
	assert_int_equal(unlink(path), 0);
	put_text(f.folder, ETC "b.conf", "a=1\n\n  b = 2\n");
	assert_fails(read_own(&f), -EBADMSG, &f.err);
	assert_contains(f.err.text, "/" ETC "b.conf:3:3: ");
}

static void a_folder_in_place_of_a_file_is_passed_over_and_noted(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct config_places places = {0};

	(void)state;
	fixture_make(&f);
	put_dir(f.folder, "etc/dracut.conf");
	put_dir(f.folder, ETC "b.conf");
	put_text(f.folder, "usr/lib/dracut/dracut.conf.d/b.conf", "b=1\n"); /* it is masked */
	put_text(f.folder, ETC "c.conf", "c=1\n");
	assert_files(&f, "/" ETC "c.conf ");
	assert_int_equal(f.config.n_lost, 2);
	assert_string_equal(f.config.lost[0].from.file, "/etc/dracut.conf");
	assert_string_equal(f.config.lost[1].from.file, "/" ETC "b.conf");
	assert_contains(f.config.lost[1].text, "a folder");
	/* One that was named is meant. */
	places.file = f.folder;
	assert_fails(config_read(&f.root, &places, "1", &f.arena, &f.config, &f.err), -EISDIR, &f.err);
	assert_contains(f.err.text, "--conf ");
	assert_contains(f.err.text, " is a folder: ");
}

static void a_file_where_a_folder_should_be_is_an_error(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "etc/dracut.conf.d", "");
	assert_fails(read_own(&f), -ENOTDIR, &f.err);
	assert_contains(f.err.text, "/etc/dracut.conf.d");
}

static void the_number_of_files_is_bounded(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	for (int i = 0; i <= CONFIG_FILES_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), ETC "%d.conf", i);
		put_text(f.folder, path, "");
	}
	assert_fails(read_own(&f), -E2BIG, &f.err);
}

/* Outside of the root: they are the caller's. */
static void other_places_can_be_named(void **state)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_folder_ char *own = make_folder();
	char file[256], folder[256];

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "etc/dracut.conf", "a=etc\n");
	put_text(f.folder, ETC "a.conf", "b=etc\n");
	put_text(f.folder, USR "b.conf", "c=usr\n");
	put_text(own, "my.conf", "a=own\n");
	put_text(own, "d/b.conf", "c=own\n");
	snprintf(file, sizeof(file), "%s/my.conf", own);
	snprintf(folder, sizeof(folder), "%s/d", own);
	assert_ok(read_from(&f, file, NULL), 0, &f.err);
	assert_string_equal(value(&f, "a"), "own");
	assert_string_equal(value(&f, "b"), "etc");
	assert_string_equal(conf_find(&f.config.values, "a")->file, file);
	assert_ok(read_from(&f, NULL, folder), 0, &f.err);
	assert_string_equal(value(&f, "a"), "etc");
	assert_string_equal(value(&f, "b"), "(none)");
	assert_string_equal(value(&f, "c"), "own");
	assert_ok(read_from(&f, "/dev/null", folder), 0, &f.err);
	assert_string_equal(value(&f, "a"), "(none)");
	assert_int_equal(chdir(own), 0);
	assert_ok(read_from(&f, "my.conf", "d"), 0, &f.err);
	assert_string_equal(value(&f, "a"), "own");
	assert_string_equal(conf_find(&f.config.values, "c")->file, "d/b.conf");
	assert_int_equal(chdir("/"), 0);
}

static void what_was_named_must_be_there(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	assert_fails(read_from(&f, "/nowhere/my.conf", NULL), -ENOENT, &f.err);
	assert_contains(f.err.text, "/nowhere/my.conf");
	assert_fails(read_from(&f, NULL, "/nowhere/d"), -ENOENT, &f.err);
	assert_contains(f.err.text, "/nowhere/d");
	assert_fails(read_from(&f, NULL, "/dev/null"), -ENOTDIR, &f.err);
}

static void the_kernel_is_a_variable(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f);
	put_text(f.folder, "etc/dracut.conf", "initrdname=\"initrd.img-${kernel}\"\n");
	assert_ok(read_own(&f), 0, &f.err);
	assert_string_equal(value(&f, "initrdname"), "initrd.img-6.1.0-9");
}

static void keys_are_honoured_ignored_or_unknown(void **state)
{
	(void)state;
	assert_int_equal(config_effect("preroot_keep"), CONFIG_HONOURED);
	assert_int_equal(config_effect("preroot_compress_store"), CONFIG_HONOURED);
	assert_int_equal(config_effect("stdloglvl"), CONFIG_HONOURED);
	assert_int_equal(config_effect("omit_drivers"), CONFIG_HONOURED);
	assert_int_equal(config_effect("do_prelink"), CONFIG_MET);
	assert_int_equal(config_effect("libdirs"), CONFIG_LOST);
	assert_int_equal(config_effect("stdloglevel"), CONFIG_UNKNOWN);
	assert_non_null(config_lost("libdirs", ""));
	assert_non_null(config_lost("uefi", "yes"));
	assert_null(config_lost("uefi", "no"));
	assert_null(config_lost("do_prelink", "yes"));
	assert_null(config_lost("omit_drivers", "x"));
	assert_null(config_lost("stdloglevel", "x"));
	assert_string_equal(config_nearest("stdloglevel"), "stdloglvl");
	assert_string_equal(config_nearest("preroot_kep"), "preroot_keep");
	assert_string_equal(config_nearest("omit_driver"), "omit_drivers");
	assert_null(config_nearest("completely_else_and_far"));
}

/* Of CONTENT, the notes are EXPECTED: "LINE TEXT;". */
static void assert_notes(const char *content, const char *expected)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct config_note *notes;
	size_t n;

	fixture_make(&f);
	put_text(f.folder, "etc/dracut.conf", content);
	assert_ok(read_own(&f), 0, &f.err);
	n = config_notes(&f.config.values, &f.arena, &notes);
	for (size_t i = 0; i < n; i++)
		buf_printf(&got, "%u %s;", notes[i].from->line, notes[i].text);
	assert_string_equal(buf_cstr(&got), expected);
}

#define NO_UKI                                                                                  \
	" uefi has no effect: this version makes no unified kernel images, but images for the " \
	"boot loader;"

static void what_is_not_done_is_noted_with_its_place(void **state)
{
	(void)state;
	assert_notes("stdloglvl=3\npreroot_keep=2\n", "");
	assert_notes("keymap=x\n", "1 there is no key \"keymap\";");
	assert_notes("sshkey+=\"a\"\nsshkey+=\"b\"\nuefi=yes\n",
		     "2 sshkey has no effect: this version has no network;3" NO_UKI);
	/* Values that request nothing, or what is done anyway. */
	assert_notes("sshkey=\"a\"\nsshkey=\"\"\nuefi=no\nparallel=\" \"\n", "");
	assert_notes("uefi=no\nuefi=yes\nuefi_stub=/x\n", "2" NO_UKI);
	assert_notes("hostonly=\" no \"\nearly_microcode=\nro_mnt=yes\n", "");
	assert_notes("a=1\nhostonly=$a\n", "2 hostonly=\"1\" is neither yes nor no: as in dracut, it "
					   "is taken for no;");
	assert_notes("hostonly=yes\nhostonly=\"\"\n", "2 hostonly=\"\" is neither yes nor no: as in "
						   "dracut, it is taken for no;");
	assert_notes("hostonly=-h\nnofscks=\nacpi_override=\" \"\nhostonly_cmdline=\n", "");
	assert_notes("compress=\"zstd -19 -T0 --ultra\"\n", "");
	assert_notes("compress=\"zstd 3\"\n", "1 compress: \"3\" has no effect;");
	assert_notes("omit_dracutmodules+=\" plymouth nothing \"\n", "");
}

/* The list of facts about dracut, by purpose; what is in here and not in the table is forgotten. */
static const char all_modules[] =
	"base udev-rules fs-lib rootfs-block rootfs-block-fallback initqueue usrmount shutdown "
	"terminfo fstab-sys convertfs debug rescue securityfs test-root test-makeroot bash dash "
	"busybox shell-interpreter systemd systemd-initrd dracut-systemd systemd-udevd "
	"systemd-journald systemd-tmpfiles systemd-sysctl systemd-modules-load systemd-sysusers "
	"systemd-sysusers-service systemd-ask-password systemd-cryptsetup systemd-veritysetup "
	"systemd-integritysetup systemd-repart systemd-sysext systemd-creds systemd-pcrextend "
	"systemd-pstore systemd-coredump systemd-battery-check systemd-ac-power systemd-bsod "
	"systemd-hostnamed systemd-ldconfig systemd-networkd systemd-resolved systemd-timedated "
	"systemd-timesyncd systemd-portabled systemd-import systemd-emergency "
	"systemd-network-management kernel-modules kernel-modules-extra kernel-network-modules "
	"kernel-modules-export devicetree-firmware nvdimm qemu qemu-net watchdog watchdog-modules "
	"hwdb pcmcia ppcmac modsign drm simpledrm dm lvm mdraid dmraid multipath btrfs lunmask "
	"lvmmerge lvmthinpool-monitor crypt crypt-lib crypt-gpg crypt-loop tpm2-tss fido2 pkcs11 "
	"pcsc fips fips-crypto-policies masterkey ecryptfs integrity network network-manager connman "
	"network-legacy net-lib url-lib ssh-client biosdevname iscsi nfs nbd cifs fcoe fcoe-uefi nvmf "
	"virtiofs virtfs resume dmsquash-live dmsquash-live-autooverlay dmsquash-live-ntfs livenet "
	"img-lib overlayfs overlayfs-crypt pollcdrom memdisk squash squash-squashfs squash-erofs "
	"squash-lib i18n plymouth numlock bluetooth rngd dbus dbus-broker dbus-daemon memstrack "
	"syslog caps selinux warpclock uefi-lib cms cio_ignore dasd dasd_mod dcssblk zfcp zipl znet";

static void every_module_of_dracut_is_known(void **state)
{
	_cleanup_free_ char *copy = xstrdup(all_modules);
	char *cursor = copy, *name;
	size_t n = 0;

	(void)state;
	while ((name = strsep(&cursor, " ")))
		if (!dracut_module_find(name))
			fail_msg("module \"%s\" is not in the table", name);
	for (const struct dracut_module *m = dracut_modules; m->name; m++, n++) {
		bool has_target = m->effect == DRACUT_FEATURE || m->effect == DRACUT_DRIVER;

		assert_ptr_equal(dracut_module_find(m->name), m);
		assert_int_equal(has_target, m->target != NULL);
		assert_true(m->text && *m->text);
		/* An image must show what a feature or a driver brings, or lsinitrd would never name it;
		 * what there is not shows nothing. */
		assert_true(!has_target || m->sign);
		assert_true(dracut_module_is_addable(m) || m->effect == DRACUT_FOREIGN || !m->sign);
	}
	assert_true(n > 140);
	assert_null(dracut_module_find("nothing"));
	assert_string_equal(dracut_module_nearest("cript"), "crypt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_file_there_is_nothing),
		cmocka_unit_test(update_initramfs_is_found_in_any_form),
		cmocka_unit_test(a_flaw_in_another_line_loses_no_line_of_update_initramfs_conf),
		cmocka_unit_test(the_main_file_is_read_first_and_later_files_override),
		cmocka_unit_test(names_are_ordered_as_versions),
		cmocka_unit_test(of_files_with_one_name_the_first_folder_has_it),
		cmocka_unit_test(a_link_to_the_null_device_masks),
		cmocka_unit_test(what_is_no_setting_does_not_count),
		cmocka_unit_test(links_are_followed_below_the_root),
		cmocka_unit_test(what_cannot_be_read_is_an_error_with_its_path),
		cmocka_unit_test(a_folder_in_place_of_a_file_is_passed_over_and_noted),
		cmocka_unit_test(a_file_where_a_folder_should_be_is_an_error),
		cmocka_unit_test(the_number_of_files_is_bounded),
		cmocka_unit_test(other_places_can_be_named),
		cmocka_unit_test(what_was_named_must_be_there),
		cmocka_unit_test(the_kernel_is_a_variable),
		cmocka_unit_test(keys_are_honoured_ignored_or_unknown),
		cmocka_unit_test(what_is_not_done_is_noted_with_its_place),
		cmocka_unit_test(every_module_of_dracut_is_known),
	};

	return RUN_TESTS(tests);
}
