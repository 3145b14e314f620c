/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A machine below a folder: its walls, and the kernels that it has.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/codec/encode.h"
#include "host/boot/kernels.h"
#include "host/elsewhere.h"
#include "host/root.h"
#include "support.h"

#define VERSION "6.1.0-1-amd64"
#define TREE	"usr/lib/modules/" VERSION

struct machine {
	char *outer;  /* a folder around it, with a file that must stay unseen */
	char *folder; /* its "/" */
	struct root root;
	struct arena arena;
	struct err err;
};

static void machine_make(struct machine *m)
{
	*m = (struct machine){.outer = make_folder()};
	put_text(m->outer, "secret", "outside");
	put_dir(m->outer, "machine");
	assert_true(asprintf(&m->folder, "%s/machine", m->outer) > 0);
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	remove_folder(m->outer);
	free(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

/* ---- the walls ---- */

static void assert_reads(struct machine *m, const char *path, const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	assert_int_equal(root_read(&m->root, path, 1000, &b), 0);
	assert_string_equal(buf_cstr(&b), text);
}

static void paths_are_taken_from_the_folder(void **state)
{
	_cleanup_machine_ struct machine m;
	struct stat st;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/fstab", "inside");
	assert_reads(&m, "etc/fstab", "inside");
	assert_reads(&m, "/etc/fstab", "inside");
	assert_reads(&m, "///etc/../etc/./fstab", "inside");
	assert_false(m.root.is_host);
	assert_int_equal(root_stat(&m.root, "/", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(root_stat(&m.root, "", &st), 0);
	assert_false(root_exists(&m.root, "etc/hostname"));
}

static void no_link_leads_out_of_the_folder(void **state)
{
	_cleanup_machine_ struct machine m;
	_cleanup_free_ char *secret = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	machine_make(&m);
	assert_true(asprintf(&secret, "%s/secret", m.outer) > 0);
	put_link(m.folder, "up", "../secret");
	put_link(m.folder, "far-up", "../../../../../../../../../../secret");
	put_link(m.folder, "absolute", secret);
	put_link(m.folder, "folder", "..");
	assert_int_equal(root_read(&m.root, "up", 100, &b), -ENOENT);
	assert_int_equal(root_read(&m.root, "far-up", 100, &b), -ENOENT);
	assert_int_equal(root_read(&m.root, "absolute", 100, &b), -ENOENT);
	assert_int_equal(root_read(&m.root, "folder/secret", 100, &b), -ENOENT);
	assert_int_equal(root_read(&m.root, "../secret", 100, &b), -ENOENT);
	assert_int_equal(b.len, 0);
	/* The same links lead to what is inside, when it is there. */
	put_text(m.folder, "secret", "inside");
	assert_reads(&m, "up", "inside");
	assert_reads(&m, "far-up", "inside");
	assert_reads(&m, "folder/secret", "inside");
	assert_reads(&m, "../secret", "inside");
}

static void absolute_links_lead_inside_the_folder(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "usr/lib/modules/x", "inside");
	put_link(m.folder, "lib", "/usr/lib");
	put_link(m.folder, "etc/modules", "/lib/modules/x");
	assert_reads(&m, "lib/modules/x", "inside");
	assert_reads(&m, "etc/modules", "inside");
	assert_string_equal(root_resolve(&m.root, "etc/modules", &m.arena), "usr/lib/modules/x");
	assert_string_equal(root_resolve(&m.root, "/lib", &m.arena), "usr/lib");
	assert_string_equal(root_resolve(&m.root, "/", &m.arena), "");
	assert_null(root_resolve(&m.root, "absent", &m.arena));
	assert_string_equal(root_readlink(&m.root, "etc/modules", &m.arena), "/lib/modules/x");
	assert_null(root_readlink(&m.root, "usr/lib/modules/x", &m.arena));
	assert_null(root_readlink(&m.root, "absent", &m.arena));
}

static void a_circle_of_links_ends(void **state)
{
	_cleanup_machine_ struct machine m;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct stat st;

	(void)state;
	machine_make(&m);
	put_link(m.folder, "a", "b");
	put_link(m.folder, "b", "/a");
	assert_int_equal(root_read(&m.root, "a", 100, &b), -ELOOP);
	assert_int_equal(root_lstat(&m.root, "a", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void only_regular_files_up_to_a_size_are_read(void **state)
{
	_cleanup_machine_ struct machine m;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "file", "12345");
	assert_int_equal(mkfifoat(m.root.fd, "fifo", 0644), 0);
	assert_int_equal(root_read(&m.root, "fifo", 100, &b), -EINVAL);
	assert_int_equal(root_read(&m.root, "/", 100, &b), -EISDIR);
	assert_int_equal(root_read(&m.root, "file/x", 100, &b), -ENOTDIR);
	assert_int_equal(root_read(&m.root, "file", 4, &b), -E2BIG);
}

static void the_first_line_of_a_small_file_is_read(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "sys/modalias", "pci:v1\nsecond\n");
	put_text(m.folder, "sys/no-newline", "text");
	put_text(m.folder, "sys/empty", "");
	assert_string_equal(root_read_line(&m.root, "sys/modalias", &m.arena), "pci:v1");
	assert_string_equal(root_read_line(&m.root, "sys/no-newline", &m.arena), "text");
	assert_string_equal(root_read_line(&m.root, "sys/empty", &m.arena), "");
	assert_null(root_read_line(&m.root, "sys/absent", &m.arena));
}

static void names_of_a_folder_are_sorted(void **state)
{
	_cleanup_machine_ struct machine m;
	char **names;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "d/b", "");
	put_text(m.folder, "d/a", "");
	put_text(m.folder, "d/.hidden", "");
	put_dir(m.folder, "empty");
	assert_int_equal(root_listdir(&m.root, "d", &m.arena, &names), 3);
	assert_string_equal(names[0], ".hidden");
	assert_string_equal(names[1], "a");
	assert_string_equal(names[2], "b");
	assert_null(names[3]);
	assert_int_equal(root_listdir(&m.root, "empty", &m.arena, &names), 0);
	assert_null(names[0]);
	assert_int_equal(root_listdir(&m.root, "absent", &m.arena, &names), -ENOENT);
	assert_int_equal(root_listdir(&m.root, "d/a", &m.arena, &names), -ENOTDIR);
}

static void a_root_that_is_no_folder_is_refused(void **state)
{
	_cleanup_machine_ struct machine m;
	_cleanup_free_ char *file = NULL, *absent = NULL;
	struct root r;

	(void)state;
	machine_make(&m);
	assert_true(asprintf(&file, "%s/secret", m.outer) > 0);
	assert_true(asprintf(&absent, "%s/absent", m.outer) > 0);
	assert_fails(root_open(file, &r, &m.err), -ENOTDIR, &m.err);
	assert_fails(root_open(absent, &r, &m.err), -ENOENT, &m.err);
	assert_ok(root_open("/", &r, &m.err), 0, &m.err);
	assert_true(r.is_host);
	root_close(&r);
}

/* ---- kernels ---- */

/* A kernel image that says it is VERSION, with a payload. */
static void put_bzimage(struct machine *m, const char *path, const char *version,
			const struct buf *payload)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	add_kernel(&b, arena_printf(&m->arena, "%s (someone@somewhere) #1 SMP", version));
	if (payload) {
		put_le32(b.data + 0x24c, (uint32_t)payload->len);
		buf_add(&b, payload->data, payload->len);
	}
	put_file(m->folder, path, b.data, b.len);
}

static void put_indexes(struct machine *m, const char *tree)
{
	put_text(m->folder, arena_printf(&m->arena, "%s/modules.order", tree), "");
	put_text(m->folder, arena_printf(&m->arena, "%s/modules.dep.bin", tree), "x");
	put_text(m->folder, arena_printf(&m->arena, "%s/modules.alias.bin", tree), "x");
}

static void put_complete(struct machine *m)
{
	put_link(m->folder, "lib", "usr/lib");
	put_indexes(m, TREE);
	put_bzimage(m, "boot/vmlinuz-" VERSION, VERSION, NULL);
}

static void a_complete_kernel_is_found(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	assert_ok(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), 0, &m.err);
	assert_string_equal(k.version, VERSION);
	assert_string_equal(k.modules_dir, TREE);
	assert_string_equal(k.image, "boot/vmlinuz-" VERSION);
	assert_ok(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), 0, &m.err);
	assert_string_equal(k.version, VERSION);
}

static void a_kernel_image_is_found_wherever_distributions_put_it(void **state)
{
	static const char *const places[] = {"boot/vmlinuz-" VERSION,
					     TREE "/vmlinuz",
					     "boot/vmlinux-" VERSION,
					     "boot/kernel-" VERSION,
					     "efi/0123456789abcdef/" VERSION "/linux",
					     "boot/0123456789abcdef/" VERSION "/linux",
					     "boot/efi/0123456789abcdef/" VERSION "/linux"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_machine_ struct machine m;
		struct kernel k;

		machine_make(&m);
		put_indexes(&m, TREE);
		put_bzimage(&m, places[i], VERSION, NULL);
		put_text(m.folder, "boot/grub/grub.cfg", "");
		put_text(m.folder, "etc/machine-id", "0123456789abcdef\n");
		assert_ok(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), 0, &m.err);
		assert_string_equal(k.image, places[i]);
	}
}

static void a_kernel_image_of_another_version_is_refused(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	put_bzimage(&m, "boot/vmlinuz-" VERSION, "6.1.0-2-amd64", NULL);
	assert_fails(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), -EBADMSG, &m.err);
	assert_contains(m.err.text, "6.1.0-2-amd64");
	assert_contains(m.err.text, "boot/vmlinuz-" VERSION);
	assert_true(m.err.hint[0] != '\0');
	assert_fails(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), -EBADMSG, &m.err);
}

static void what_is_called_a_kernel_but_is_none_is_refused(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	put_text(m.folder, "boot/vmlinuz-" VERSION, "garbage");
	assert_fails(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), -EBADMSG, &m.err);
	assert_contains(m.err.text, "boot/vmlinuz-" VERSION);
}

static void a_module_tree_without_an_image_is_told(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_indexes(&m, TREE);
	put_dir(m.folder, "boot");
	assert_fails(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), -ENOENT, &m.err);
	assert_contains(m.err.text, "no kernel image");
	assert_true(m.err.hint[0] != '\0');
	assert_fails(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), -ENOENT, &m.err);
}

static void a_module_tree_without_indexes_is_told_with_the_remedy(void **state)
{
	static const char *const indexes[] = {"modules.dep.bin", "modules.alias.bin"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		_cleanup_machine_ struct machine m;
		struct kernel k;

		machine_make(&m);
		put_complete(&m);
		assert_int_equal(
			unlinkat(m.root.fd, arena_printf(&m.arena, TREE "/%s", indexes[i]), 0), 0);
		assert_fails(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), -ENOENT, &m.err);
		assert_contains(m.err.text, indexes[i]);
		assert_contains(m.err.hint, "depmod -b ");
		assert_contains(m.err.hint, VERSION);
	}
}

static void an_unknown_version_is_told_with_those_that_are_there(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	put_indexes(&m, "usr/lib/modules/6.12.9");
	put_indexes(&m, "usr/lib/modules/6.12.10");
	assert_fails(kernel_find(&m.root, "5.10", &m.arena, &k, &m.err), -ENOENT, &m.err);
	assert_contains(m.err.hint, "6.12.10, 6.12.9, " VERSION);
}

static void what_cannot_be_a_version_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../..", "6.1/x", "/6.1", "-all", "6\n1"};
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(kernel_find(&m.root, bad[i], &m.arena, &k, &m.err), -EINVAL, &m.err);
}

static void kernels_are_listed_newest_first(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel *list;

	(void)state;
	machine_make(&m);
	put_indexes(&m, "usr/lib/modules/6.1.0-9");
	put_indexes(&m, "usr/lib/modules/6.1.0-10");
	put_dir(m.folder, "usr/lib/modules/5.10.0/kernel");
	put_dir(m.folder, "usr/lib/modules/6.99.0"); /* left over: empty */
	put_text(m.folder, "usr/lib/modules/README", "no tree");
	assert_int_equal(kernels_list(&m.root, &m.arena, &list, &m.err), 3);
	assert_string_equal(list[0].version, "6.1.0-10");
	assert_string_equal(list[1].version, "6.1.0-9");
	assert_string_equal(list[2].version, "5.10.0");
}

static void the_newest_with_an_image_is_the_default(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	put_indexes(&m, "usr/lib/modules/6.12.0");
	assert_ok(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), 0, &m.err);
	assert_string_equal(k.version, VERSION);
	put_bzimage(&m, "boot/vmlinuz-6.12.0", "6.12.0", NULL);
	assert_ok(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), 0, &m.err);
	assert_string_equal(k.version, "6.12.0");
}

static void a_machine_without_kernels_is_told(void **state)
{
	_cleanup_machine_ struct machine m;
	struct kernel *list, k;

	(void)state;
	machine_make(&m);
	assert_fails(kernels_list(&m.root, &m.arena, &list, &m.err), -ENOENT, &m.err);
	assert_fails(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), -ENOENT, &m.err);
	put_dir(m.folder, "usr/lib/modules");
	assert_int_equal(kernels_list(&m.root, &m.arena, &list, &m.err), 0);
	assert_fails(kernel_find(&m.root, NULL, &m.arena, &k, &m.err), -ENOENT, &m.err);
}

/* ---- the configuration of a kernel ---- */

static void assert_config(struct machine *m, const char *origin, const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *from = NULL;
	struct kernel k;

	assert_ok(kernel_find(&m->root, VERSION, &m->arena, &k, &m->err), 0, &m->err);
	assert_ok(kernel_config(&m->root, &k, &m->arena, &b, &from, &m->err), 0, &m->err);
	assert_string_equal(from, origin);
	assert_string_equal(buf_cstr(&b), text);
}

/* A kernel with a configuration inside, packed with CODEC. Its build puts the plain size behind
 * all streams but gzip's. */
static void put_ikconfig(struct machine *m, enum codec codec, const char *text)
{
	_cleanup_buf_ struct buf kernel = BUF_INIT, payload = BUF_INIT;

	buf_add_str(&kernel, "\x7f"
			     "ELF code IKCFG_ST in the code ");
	buf_add_str(&kernel, "IKCFG_ST");
	assert_ok(encode(CODEC_GZIP, NULL, text, strlen(text), &kernel, &m->err), 0, &m->err);
	buf_add_str(&kernel, "IKCFG_ED");
	assert_ok(encode(codec, NULL, kernel.data, kernel.len, &payload, &m->err), 0, &m->err);
	if (codec != CODEC_GZIP)
		buf_add_u32le(&payload, 32 * 1024 * 1024);
	put_bzimage(m, "boot/vmlinuz-" VERSION, VERSION, &payload);
}

static void a_configuration_is_found_in_three_places(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	put_ikconfig(&m, CODEC_GZIP, "inside");
	assert_config(&m, "boot/vmlinuz-" VERSION, "inside");
	put_text(m.folder, TREE "/config", "in the tree");
	assert_config(&m, TREE "/config", "in the tree");
	put_text(m.folder, "boot/config-" VERSION, "in /boot");
	assert_config(&m, "boot/config-" VERSION, "in /boot");
}

static void a_configuration_is_read_out_of_any_kernel(void **state)
{
	static const enum codec codecs[] = {CODEC_GZIP, CODEC_XZ, CODEC_LZ4, CODEC_ZSTD};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_complete(&m);
		put_ikconfig(&m, codecs[i], "CONFIG_A=y\n");
		assert_config(&m, "boot/vmlinuz-" VERSION, "CONFIG_A=y\n");
	}
}

static void a_kernel_without_a_configuration_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, payload = BUF_INIT;
	_cleanup_machine_ struct machine m;
	const char *origin;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	assert_ok(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), 0, &m.err);
	assert_fails(kernel_config(&m.root, &k, &m.arena, &b, &origin, &m.err), -ENOENT, &m.err);
	assert_contains(m.err.text, VERSION);
	buf_add_str(&payload, "not compressed at all");
	put_bzimage(&m, k.image, VERSION, &payload);
	assert_fails(kernel_config(&m.root, &k, &m.arena, &b, &origin, &m.err), -ENOENT, &m.err);
	k.image = NULL;
	assert_fails(kernel_config(&m.root, &k, &m.arena, &b, &origin, &m.err), -ENOENT, &m.err);
	assert_int_equal(b.len, 0);
}

static void a_damaged_kernel_is_told(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, payload = BUF_INIT;
	_cleanup_machine_ struct machine m;
	const char *origin;
	struct kernel k;

	(void)state;
	machine_make(&m);
	put_complete(&m);
	assert_ok(kernel_find(&m.root, VERSION, &m.arena, &k, &m.err), 0, &m.err);
	buf_add_str(&payload, "\x1f\x8b and no more");
	put_bzimage(&m, k.image, VERSION, &payload);
	assert_fails(kernel_config(&m.root, &k, &m.arena, &b, &origin, &m.err), -EBADMSG, &m.err);
	assert_contains(m.err.text, k.image);
}

/* ---- whose disks are these? ---- */

static void put_disks(const struct machine *m)
{
	put_dir(m->folder, "sys/devices/pci0000:00/vda/vda1");
	put_dir(m->folder, "sys/devices/virtual/block/loop0");
	put_link(m->folder, "sys/devices/virtual/block/dm-0/slaves/vda1", "../../../../pci0000:00/vda/vda1");
	put_text(m->folder, "sys/devices/virtual/block/dm-0/dm/name", "root\n");
	put_link(m->folder, "sys/devices/virtual/block/dm-1/slaves/loop0", "../../loop0");
	put_text(m->folder, "sys/devices/virtual/block/dm-1/dm/name", "loop0p1\n");
	put_link(m->folder, "sys/dev/block/254:1", "../../devices/pci0000:00/vda/vda1");
	put_link(m->folder, "sys/class/block/vda1", "../../devices/pci0000:00/vda/vda1");
	put_link(m->folder, "sys/dev/block/7:0", "../../devices/virtual/block/loop0");
	put_link(m->folder, "sys/dev/block/253:0", "../../devices/virtual/block/dm-0");
	put_link(m->folder, "sys/dev/block/253:1", "../../devices/virtual/block/dm-1");
	put_link(m->folder, "sys/class/block/dm-0", "../../devices/virtual/block/dm-0");
	put_link(m->folder, "sys/class/block/dm-1", "../../devices/virtual/block/dm-1");
}

#define A_DISK	"1 0 254:1 / / rw - ext4 /dev/vda1 rw\n"
#define SUBVOLUME "1 0 0:30 /@ / rw - btrfs /dev/vda1 rw\n"
#define OVERLAY "1 0 0:40 / / rw - overlay overlay rw\n"
#define NOTHING "1 0 0:5 / /proc rw - proc proc rw\n"

static bool shows(const char *mountinfo)
{
	_cleanup_machine_ struct machine m;

	machine_make(&m);
	put_disks(&m);
	if (mountinfo)
		put_text(m.folder, "proc/self/mountinfo", mountinfo);
	return elsewhere_shows_root(&m.root, &m.arena);
}

static void a_chroot_shows_its_disk_or_not(void **state)
{
	(void)state;
	assert_true(shows("1 0 254:1 / / rw - ext4 /dev/vda1 rw\n"));
	assert_true(shows(SUBVOLUME));
	assert_true(shows("1 0 0:30 /@/.snapshots/7/snapshot / rw - btrfs /dev/vda1 rw\n"));
	/* What no image can bring up is to be refused, not to become one for any machine. */
	assert_true(shows("1 0 253:0 / / rw - ext4 /dev/mapper/root rw\n"));
	assert_true(shows("1 0 0:30 / / rw - btrfs /dev/mapper/root rw\n"));

	assert_false(shows(NULL));
	assert_false(shows("1 0 0:5 / /proc rw - proc proc rw\n"));
	assert_false(shows("1 0 254:1 /srv/root / rw - ext4 /dev/vda1 rw\n"));
	assert_false(shows("1 0 7:0 / / rw - ext4 /dev/loop0 rw\n"));
	assert_false(shows("1 0 253:1 / / rw - ext4 /dev/mapper/loop0p1 rw\n"));
	assert_false(shows("1 0 0:30 / / rw - btrfs /dev/mapper/loop0p1 rw\n"));
	assert_false(shows("1 0 0:30 / / rw - btrfs /dev/mapper/gone rw\n"));
	assert_false(shows("1 0 8:9 / / rw - ext4 /dev/sda9 rw\n"));
	assert_false(shows("1 0 0:40 / / rw - overlay overlay rw\n"));
	assert_false(shows("1 0 254:1 / / rw - ext4 /dev/vda1 rw\n2 1 0:40 / / rw - tmpfs tmpfs rw\n"));
}

/* A machine with FILE. PID1: link to the root of the first process; NULL: it may not be seen. */
static void make_place(struct machine *m, const char *mountinfo, const char *pid1, const char *file,
		       const char *text)
{
	machine_make(m);
	put_disks(m);
	if (mountinfo)
		put_text(m->folder, "proc/self/mountinfo", mountinfo);
	if (pid1)
		put_link(m->folder, "proc/1/root", pid1);
	if (file)
		put_text(m->folder, file, text);
}

/* What elsewhere() says of it: "": nothing; followed by "+" if the root is on a disk there. */
static const char *place_of(const char *mountinfo, const char *pid1, const char *file, const char *text)
{
	static char answer[64];
	_cleanup_machine_ struct machine m;
	const char *place;
	bool has_disk;

	make_place(&m, mountinfo, pid1, file, text);
	place = elsewhere(&m.root, &has_disk, &m.arena);
	snprintf(answer, sizeof(answer), "%s%s", place ? place : "", has_disk ? "+" : "");
	return answer;
}

static void a_chroot_is_found_by_the_root_of_the_first_process_or_else_by_the_mounts(void **state)
{
	const char *same = "../..", *other = "../../sys", *hidden = NULL;

	(void)state;
	assert_string_equal(place_of(A_DISK, same, NULL, NULL), "+");
	assert_string_equal(place_of(A_DISK, other, NULL, NULL), "a chroot+");
	assert_string_equal(place_of(OVERLAY, other, NULL, NULL), "a chroot");
	assert_string_equal(place_of(NOTHING, other, NULL, NULL), "a chroot");
	assert_string_equal(place_of(NULL, same, NULL, NULL), "a chroot");

	assert_string_equal(place_of(A_DISK, hidden, NULL, NULL), "+");
	assert_string_equal(place_of(NOTHING, hidden, NULL, NULL), "a chroot");
}

/* "" if the running kernel is that of the machine. */
static const char *other_kernel(const char *mountinfo, const char *pid1, const char *file)
{
	_cleanup_machine_ struct machine m;
	const char *place;

	make_place(&m, mountinfo, pid1, file, "");
	place = elsewhere_runs_other_kernel(&m.root, &m.arena);
	return place ? place : "";
}

static void only_a_sure_chroot_or_container_has_the_kernel_of_another_system(void **state)
{
	const char *same = "../..", *other = "../../sys", *hidden = NULL;

	(void)state;
	/* A live system, as root and as anybody else. */
	assert_string_equal(other_kernel(OVERLAY, same, NULL), "");
	assert_string_equal(other_kernel(OVERLAY, hidden, NULL), "");
	assert_string_equal(other_kernel(A_DISK, hidden, NULL), "");
	assert_string_equal(other_kernel(A_DISK, other, NULL), "a chroot");
	assert_string_equal(other_kernel(NOTHING, hidden, NULL), "a chroot");
	assert_string_equal(other_kernel(NULL, hidden, NULL), "a chroot");
	assert_string_equal(other_kernel(OVERLAY, same, ".dockerenv"), "a container");
}

/* As in a "docker build", which leaves no mark. */
static void a_root_on_no_disk_is_in_doubt(void **state)
{
	static const char *const roots[] = {OVERLAY, "1 0 0:40 / / rw - tmpfs tmpfs rw\n",
					    "1 0 0:30 /@docker/btrfs/subvolumes/7 / rw - btrfs /dev/vda1 rw\n",
					    "1 0 0:30 /btrfs/subvolumes/7 / rw - btrfs /dev/vda1 rw\n",
					    "1 0 7:0 / / rw - ext4 /dev/loop0 rw\n"};
	const char *same = "../..", *hidden = NULL, *doubt = "a root that is on no disk of this machine";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		assert_string_equal(place_of(roots[i], same, NULL, NULL), doubt);
		assert_string_equal(place_of(roots[i], hidden, NULL, NULL), doubt);
	}
	assert_string_equal(place_of(NOTHING, same, NULL, NULL), doubt);
}

static void a_mark_of_a_container_counts_if_the_machine_agrees(void **state)
{
	static const char *const said[][2] = {{"run/systemd/container", "lxc\n"},
					      {"run/host/container-manager", "podman\n"},
					      {"proc/1/environ", "container=lxc"}};
	static const char *const marks[] = {".dockerenv", "run/.containerenv"};
	const char *same = "../..";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		assert_string_equal(place_of(A_DISK, same, said[i][0], said[i][1]), "a container");
	assert_string_equal(place_of(A_DISK, same, "proc/1/environ", "my_container=lxc"), "+");
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		assert_string_equal(place_of(A_DISK, same, marks[i], ""), "+");
		/* On btrfs, a container's root is a subvolume. */
		assert_string_equal(place_of(SUBVOLUME, same, marks[i], ""), "a container");
		assert_string_equal(place_of(OVERLAY, same, marks[i], ""), "a container");
		assert_string_equal(place_of(NULL, same, marks[i], ""), "a container");
	}
	setenv("container", "podman", 1);
	assert_string_equal(place_of(A_DISK, same, NULL, NULL), "+");
	assert_string_equal(place_of(SUBVOLUME, same, NULL, NULL), "+");
	assert_string_equal(place_of(OVERLAY, same, NULL, NULL), "a container");
	unsetenv("container");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chroot_shows_its_disk_or_not),
		cmocka_unit_test(a_chroot_is_found_by_the_root_of_the_first_process_or_else_by_the_mounts),
		cmocka_unit_test(a_root_on_no_disk_is_in_doubt),
		cmocka_unit_test(only_a_sure_chroot_or_container_has_the_kernel_of_another_system),
		cmocka_unit_test(a_mark_of_a_container_counts_if_the_machine_agrees),
		cmocka_unit_test(paths_are_taken_from_the_folder),
		cmocka_unit_test(no_link_leads_out_of_the_folder),
		cmocka_unit_test(absolute_links_lead_inside_the_folder),
		cmocka_unit_test(a_circle_of_links_ends),
		cmocka_unit_test(only_regular_files_up_to_a_size_are_read),
		cmocka_unit_test(the_first_line_of_a_small_file_is_read),
		cmocka_unit_test(names_of_a_folder_are_sorted),
		cmocka_unit_test(a_root_that_is_no_folder_is_refused),
		cmocka_unit_test(a_complete_kernel_is_found),
		cmocka_unit_test(a_kernel_image_is_found_wherever_distributions_put_it),
		cmocka_unit_test(a_kernel_image_of_another_version_is_refused),
		cmocka_unit_test(what_is_called_a_kernel_but_is_none_is_refused),
		cmocka_unit_test(a_module_tree_without_an_image_is_told),
		cmocka_unit_test(a_module_tree_without_indexes_is_told_with_the_remedy),
		cmocka_unit_test(an_unknown_version_is_told_with_those_that_are_there),
		cmocka_unit_test(what_cannot_be_a_version_is_refused),
		cmocka_unit_test(kernels_are_listed_newest_first),
		cmocka_unit_test(the_newest_with_an_image_is_the_default),
		cmocka_unit_test(a_machine_without_kernels_is_told),
		cmocka_unit_test(a_configuration_is_found_in_three_places),
		cmocka_unit_test(a_configuration_is_read_out_of_any_kernel),
		cmocka_unit_test(a_kernel_without_a_configuration_is_told),
		cmocka_unit_test(a_damaged_kernel_is_told),
	};

	unsetenv("container"); /* the tests may run in one */
	return RUN_TESTS(tests);
}
