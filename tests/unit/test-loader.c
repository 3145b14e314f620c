/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The boot loader's side of a rebuild, on trees. The tools that it runs are stood for by functions
 * here; tests/command runs the real ones.
 */

#include <stdio.h>
#include <sys/stat.h>

#include "base/process.h"
#include "deploy/loader/loader.h"
#include "support.h"

#define V     "6.1.0-9-amd64"
#define OLD   "5.10.0-8-amd64"
#define ID    "0123456789abcdef0123456789abcdef"
#define IMAGE "boot/initrd.img-" V
#define GRUB  "boot/grub/grub.cfg"
#define OWN   "boot/grub/preroot.cfg"
#define BLS   "boot/loader/entries/"
#define EXT   "boot/extlinux/extlinux.conf"
#define EFI   "sys/firmware/efi/efivars/"
#define GUID  "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

struct machine {
	char *folder;
	struct root root;
	struct arena arena;
	struct err err;
	struct bootdir boot;
	struct loader_request q;
	int said;
	struct buf words;
	char awaited[256]; /* the program that was announced */
};

/* What a tool does: called in place of it, with the machine that is tested. */
static int (*tool)(struct machine *m, const char *const *argv);
static struct machine *machine;
static int runs;

int __wrap_process_run(const struct process *p, struct buf *out, struct buf *errors,
		       struct err *err);
int __wrap_process_run(const struct process *p, struct buf *out, struct buf *errors,
		       struct err *err)
{
	int status;

	(void)out, (void)err;
	assert_non_null(tool);
	assert_string_equal(p->folder, machine->root.path);
	assert_true(p->argv[0][0] == '/' && p->seconds);
	assert_string_equal(machine->awaited, p->argv[0]);
	runs++;
	status = tool(machine, p->argv);
	if (status)
		buf_add_str(errors, "looking\ndisk not found\n");
	return status;
}

static void say(const char *text, void *arg)
{
	struct machine *m = arg;

	m->said++;
	buf_printf(&m->words, "%s\n", text);
}

static void tell_running(const char *program, void *arg)
{
	struct machine *m = arg;

	snprintf(m->awaited, sizeof(m->awaited), "%s", program);
}

static void machine_make(struct machine *m)
{
	*m = (struct machine){.folder = make_folder()};
	machine = m;
	tool = NULL;
	runs = 0;
	put_text(m->folder, "etc/os-release", "ID=debian\n");
	put_text(m->folder, "boot/vmlinuz-" V, "kernel");
	put_text(m->folder, IMAGE, "image");
	put_text(m->folder, IMAGE ".previous", "image");
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
	assert_ok(bootdir_read(&m->root, &m->arena, &m->boot, &m->err), 0, &m->err);
	m->q = (struct loader_request){.root = &m->root,
				       .bootdir = &m->boot,
				       .version = V,
				       .run_tool = "auto",
				       .say = say,
				       .running = tell_running,
				       .arg = m};
}

static void machine_clear(struct machine *m)
{
	root_close(&m->root);
	arena_clear(&m->arena);
	buf_clear(&m->words);
	remove_folder(m->folder);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_clear)))

static const char *content(struct machine *m, const char *path)
{
	struct buf text = BUF_INIT;
	const char *copy;

	assert_int_equal(root_read(&m->root, path, 1024 * 1024, &text), 0);
	copy = arena_strndup(&m->arena, buf_cstr(&text), text.len);
	buf_clear(&text);
	return copy;
}

static void put_tool(struct machine *m, const char *path)
{
	_cleanup_free_ char *whole = NULL;

	put_text(m->folder, path, "");
	assert_true(asprintf(&whole, "%s/%s", m->folder, path) > 0);
	assert_int_equal(chmod(whole, 0755), 0);
}

static void drop(struct machine *m, const char *path)
{
	_cleanup_free_ char *whole = NULL;

	assert_true(asprintf(&whole, "%s/%s", m->folder, path) > 0);
	assert_int_equal(remove(whole), 0);
}

static void update(struct machine *m)
{
	m->said = 0;
	buf_clear(&m->words);
	assert_ok(loader_update(&m->q, &m->err), 0, &m->err);
}

/* It has changed something, and a second run does nothing. */
static void update_twice(struct machine *m)
{
	int before;

	update(m);
	assert_true(m->said > 0);
	before = runs;
	update(m);
	assert_int_equal(m->said, 0);
	assert_int_equal(runs, before);
}

#define ENTRY(version)                                                                             \
	"menuentry 'Debian, with Linux " version "' --class debian --id 'gnulinux-" version        \
	"' {\n"                                                                                    \
	"\tsavedefault\n\tinsmod ext2\n\tlinux\t/boot/vmlinuz-" version " root=/dev/sda1 ro "      \
	"\"x=y z\"\n\techo\t'Loading ...'\n\tinitrd\t/boot/ucode.img /boot/initrd.img-" version    \
	"\n}\n"
#define SOURCE                                                                                     \
	"if [ -f ${config_directory}/preroot.cfg ]; then\n  source "                               \
	"${config_directory}/preroot.cfg\nfi\n"
#define NEXT "if [ \"${next_entry}\" ]; then\n set next_entry=\n save_env next_entry\nfi\n"

static void put_grub(struct machine *m, const char *text)
{
	put_text(m->folder, "boot/ucode.img", "microcode");
	put_text(m->folder, GRUB, text);
}

/* ---- GRUB ---- */

static void GRUB_gets_an_entry_for_the_previous_image(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_grub(&m, ENTRY(V) SOURCE);
	update_twice(&m);
	assert_content(m.folder, OWN,
		       "# Written by preroot for each previous image and each trial; changes here "
		       "are lost.\n"
		       "menuentry 'Debian, with Linux " V ", previous initramfs' --id "
		       "preroot-previous-" V " --class debian {\n\ttrue\n\tinsmod ext2\n\tlinux\t"
		       "/boot/vmlinuz-" V " root=/dev/sda1 ro \"x=y z\"\n\techo\t'Loading ...'\n"
		       "\tinitrd\t/boot/ucode.img /boot/initrd.img-" V ".previous\n}\n");
	assert_content(m.folder, GRUB, ENTRY(V) SOURCE);
	assert_int_equal(runs, 0);
}

static void entries_go_with_their_images(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_grub(&m, ENTRY(V) SOURCE);
	put_text(m.folder, IMAGE ".previous-2", "image");
	put_text(m.folder, IMAGE ".trial", "image");
	update_twice(&m);
	assert_contains(content(&m, OWN), "--id preroot-previous2-" V);
	assert_contains(content(&m, OWN), "previous initramfs 2'");
	assert_contains(content(&m, OWN), "--id preroot-trial-" V);
	assert_contains(content(&m, OWN), "\"x=y z\" preroot.trial\n");
	drop(&m, IMAGE ".trial");
	drop(&m, IMAGE ".previous-2");
	update_twice(&m);
	assert_null(strstr(content(&m, OWN), "trial-"));
	assert_null(strstr(content(&m, OWN), "previous2"));
	drop(&m, IMAGE ".previous");
	update_twice(&m);
	assert_int_equal(type_of(m.folder, OWN), 0);
}

static void GRUBs_own_words_keep_what_they_are(void **state)
{
	_cleanup_machine_ struct machine m;
	struct bootmenu menu;

	(void)state;
	machine_make(&m);
	put_grub(&m, "menuentry \"It's $x {1}\" --unrestricted $menuentry_id_option 'a' {\n"
		     "search --set=root 12-34\nlinux /vmlinuz-" V
		     " a='b}' # }\ninitrd \\\n/initrd.img-" V "\n}\n" SOURCE);
	update_twice(&m);
	assert_ok(bootmenu_read(&m.root, m.boot.boot, &m.arena, &menu, &m.err), 0, &m.err);
	assert_int_equal(menu.n, 2);
	assert_string_equal(menu.entries[1].title, "It's $x {1}, Linux " V ", previous initramfs");
	assert_string_equal(menu.entries[1].options, "a=b}");
	assert_string_equal(menu.entries[1].initrds[0], IMAGE ".previous");
	assert_contains(content(&m, OWN), "--unrestricted");
	assert_contains(content(&m, OWN), "search --set=root 12-34");
}

static int makes_the_menu(struct machine *m, const char *const *argv)
{
	assert_string_equal(argv[0], "/usr/sbin/update-grub");
	assert_null(argv[1]);
	put_text(m->folder, GRUB, ENTRY(V) ENTRY(OLD) SOURCE);
	return 0;
}

static void a_kernel_that_is_new_to_the_menu_is_added_by_the_tool(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	m.q.version = OLD;
	put_grub(&m, ENTRY(V));
	put_tool(&m, "usr/sbin/update-grub");
	put_tool(&m, "usr/sbin/grub-mkconfig");
	put_text(m.folder, "boot/vmlinuz-" OLD, "kernel");
	put_text(m.folder, "boot/initrd.img-" OLD, "image");
	tool = makes_the_menu;
	update_twice(&m);
	assert_int_equal(runs, 1);
	assert_content(m.folder, GRUB, ENTRY(V) ENTRY(OLD) SOURCE);
}

static void without_a_tool_a_menu_is_left_alone(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	m.q.version = OLD;
	put_grub(&m, ENTRY(V) SOURCE);
	put_text(m.folder, "boot/vmlinuz-" OLD, "kernel");
	put_text(m.folder, "boot/initrd.img-" OLD, "image");
	update(&m);
	assert_contains(buf_cstr(&m.words), "does not name boot/initrd.img-" OLD);
	put_tool(&m, "usr/sbin/update-grub");
	m.q.run_tool = "never";
	update(&m);
	assert_int_equal(runs, 0);
}

static int must_not_run(struct machine *m, const char *const *argv)
{
	(void)m;
	fail_msg("%s was run", argv[0]);
	return 0;
}

/* The tool may skip it each time, and would be run, and fail, at every rebuild. */
static void a_kernel_that_nobody_asked_for_is_no_reason_to_run_the_tool(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_grub(&m, ENTRY(V) SOURCE);
	put_text(m.folder, "boot/vmlinuz-" OLD, "kernel");
	put_text(m.folder, "boot/initrd.img-" OLD, "image");
	put_tool(&m, "usr/sbin/update-grub");
	tool = must_not_run;
	update_twice(&m);
	m.q.version = NULL;
	update(&m);
}

/* On an EFI system partition that several systems share. */
static void the_menu_of_another_system_is_left_alone(void **state)
{
	static const char forward[] =
		"search.fs_uuid 0a1b root hd0,gpt2\n"
		"set prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n";
	static const char *const menus[] = {
		forward,
		"menuentry 'Other' {\n\tlinux /vmlinuz-3.10.0\n\tinitrd /initramfs-3.10.0.img\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(menus); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_text(m.folder, "boot/efi/EFI/other/grub.cfg", menus[i]);
		put_tool(&m, "usr/sbin/grub-mkconfig");
		tool = must_not_run;
		update(&m);
		assert_int_equal(m.said, 0);
		assert_content(m.folder, "boot/efi/EFI/other/grub.cfg", menus[i]);
	}
}

static void the_script_that_reads_our_file_is_put_to_work(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_grub(&m, ENTRY(V));
	put_tool(&m, "usr/sbin/update-grub");
	put_tool(&m, "etc/grub.d/42_preroot");
	put_text(m.folder, "boot/vmlinuz-" OLD, "kernel");
	tool = makes_the_menu;
	/* The tool names it, and it is not there: that is no image of ours. */
	update_twice(&m);
	assert_int_equal(runs, 1);
	assert_contains(content(&m, OWN), "preroot-previous-" V);
}

static int fails(struct machine *m, const char *const *argv)
{
	(void)argv;
	put_text(m->folder, GRUB, "half");
	return 1;
}

static int forgets_a_kernel(struct machine *m, const char *const *argv)
{
	(void)argv;
	put_text(m->folder, GRUB, ENTRY(V) SOURCE);
	return 0;
}

static int names_what_is_not_there(struct machine *m, const char *const *argv)
{
	(void)argv;
	put_text(m->folder, GRUB,
		 ENTRY(V) ENTRY(OLD) SOURCE
		 "menuentry X { linux /boot/vmlinuz-4 \n initrd /boot/initrd.img-" OLD "\n}\n");
	return 0;
}

static int writes_nonsense(struct machine *m, const char *const *argv)
{
	(void)argv;
	put_text(m->folder, GRUB, "menuentry 'x {\n");
	return 0;
}

static void whatever_the_tool_does_wrong_is_undone(void **state)
{
	static const struct {
		int (*tool)(struct machine *m, const char *const *argv);
		const char *part;
	} cases[] = {
		{fails, "ended with status 1: disk not found"},
		{forgets_a_kernel, "still has no entry with boot/initrd.img-" OLD},
		{names_what_is_not_there, "which is not there"},
		{writes_nonsense, "quote"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		m.q.version = OLD;
		put_grub(&m, ENTRY(V) SOURCE "# old\n");
		put_tool(&m, "usr/sbin/update-grub");
		put_text(m.folder, "boot/vmlinuz-" OLD, "kernel");
		put_text(m.folder, "boot/initrd.img-" OLD, "image");
		tool = cases[i].tool;
		assert_true(loader_update(&m.q, &m.err) < 0);
		assert_contains(m.err.text, cases[i].part);
		assert_content(m.folder, GRUB, ENTRY(V) SOURCE "# old\n");
		assert_int_equal(type_of(m.folder, OWN), 0);
	}
}

/* ---- the Boot Loader Specification ---- */

#define FEDORA                                                                                     \
	"title Fedora (" V ")\nversion " V "\nmachine-id " ID "\nlinux /vmlinuz-" V                \
	"\ninitrd /initrd.img-" V " $tuned_initrd\noptions $kernelopts ro\ngrub_class fedora\n"

static void entry_files_are_made_and_removed(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_text(m.folder, IMAGE ".trial", "image");
	update_twice(&m);
	assert_content(m.folder, BLS "a-preroot-previous-" V ".conf",
		       "# Written by preroot; changes here are lost.\n"
		       "title Fedora (" V "), previous initramfs\nversion " V "\nmachine-id " ID
		       "\nlinux /vmlinuz-" V "\ninitrd /initrd.img-" V
		       ".previous $tuned_initrd\noptions $kernelopts ro\ngrub_class fedora\n");
	assert_contains(content(&m, BLS "a-preroot-trial-" V "+1.conf"),
			"\noptions $kernelopts ro preroot.trial\n");
	assert_content(m.folder, BLS ID "-" V ".conf", FEDORA);
	drop(&m, IMAGE ".trial");
	drop(&m, IMAGE ".previous");
	update_twice(&m);
	assert_int_equal(type_of(m.folder, BLS "a-preroot-trial-" V "+1.conf"), 0);
	assert_int_equal(type_of(m.folder, BLS "a-preroot-previous-" V ".conf"), 0);
	assert_content(m.folder, BLS ID "-" V ".conf", FEDORA);
}

/* They share a folder of entries, and have a kernel with the same name. */
static void entry_files_of_another_system_stay(void **state)
{
	static const char other[] = "title Other\nversion " V "\nmachine-id ffff\nlinux /ffff/" V
				    "/linux\ninitrd /ffff/" V "/initrd.previous\n";
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, "etc/machine-id", ID "\n");
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_text(m.folder, BLS "a-preroot-previous-" V ".conf", other);
	put_text(m.folder, BLS "a-preroot-previous2-" V ".conf", other);
	update_twice(&m);
	assert_content(m.folder, BLS "a-preroot-previous-" V ".conf", other);
	assert_contains(content(&m, BLS "a-preroot-previous-" V "-" ID ".conf"),
			"\ninitrd /initrd.img-" V ".previous $tuned_initrd\n");
	drop(&m, IMAGE ".previous");
	update_twice(&m);
	assert_int_equal(type_of(m.folder, BLS "a-preroot-previous-" V "-" ID ".conf"), 0);
	assert_content(m.folder, BLS "a-preroot-previous-" V ".conf", other);
	assert_content(m.folder, BLS "a-preroot-previous2-" V ".conf", other);
}

static void a_try_that_was_counted_is_left_as_it_is(void **state)
{
	_cleanup_machine_ struct machine m;
	char *from, *to;

	(void)state;
	machine_make(&m);
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_text(m.folder, IMAGE ".trial", "image");
	update(&m);
	assert_true(asprintf(&from, "%s/" BLS "a-preroot-trial-" V "+1.conf", m.folder) > 0);
	assert_true(asprintf(&to, "%s/" BLS "a-preroot-trial-" V "+0-1.conf", m.folder) > 0);
	assert_int_equal(rename(from, to), 0);
	update(&m);
	assert_int_equal(m.said, 0);
	assert_int_equal(type_of(m.folder, BLS "a-preroot-trial-" V "+1.conf"), 0);
	free(from);
	free(to);
}

/* ---- extlinux ---- */

#define LABELS                                                                                     \
	"default l0\n\nlabel l0\n\tmenu label Debian " V "\n\tmenu default\n\tlinux "              \
	"/boot/vmlinuz-" V "\n\tinitrd /boot/initrd.img-" V "\n\tfdtdir /usr/lib/dtb\n\tappend "   \
	"root=/dev/sda1 ro\n\nlabel old\n\tkernel /boot/vmlinuz-" V                                \
	"\n\tappend initrd=/boot/initrd.img-" V "\n"

static void labels_stand_in_a_block_at_the_end(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, EXT, LABELS);
	put_text(m.folder, IMAGE ".trial", "image");
	update_twice(&m);
	assert_content(m.folder, EXT,
		       LABELS
		       "# preroot begin: made for each previous image and each trial\n"
		       "label preroot-previous-" V "\n\tmenu label Debian " V
		       ", previous initramfs\n\tlinux /boot/vmlinuz-" V
		       "\n\tinitrd /boot/initrd.img-" V ".previous\n\tfdtdir /usr/lib/dtb\n"
		       "\tappend root=/dev/sda1 ro\nlabel preroot-trial-" V
		       "\n\tmenu label Debian " V ", new initramfs on trial\n\tlinux "
		       "/boot/vmlinuz-" V "\n\tinitrd /boot/initrd.img-" V
		       ".trial\n\tfdtdir /usr/lib/dtb\n\tappend root=/dev/sda1 ro preroot.trial\n"
		       "# preroot end\n");
	drop(&m, IMAGE ".trial");
	drop(&m, IMAGE ".previous");
	update_twice(&m);
	assert_content(m.folder, EXT, LABELS);
}

static void labels_behind_a_block_without_its_end_stay(void **state)
{
	static const char mine[] = "label mine\n\tlinux /boot/vmlinuz-" V "\n";
	_cleanup_machine_ struct machine m;
	char *text;

	(void)state;
	machine_make(&m);
	put_text(m.folder, EXT, LABELS);
	update(&m);
	text = arena_strdup(&m.arena, content(&m, EXT));
	*strstr(text, "# preroot end") = '\0';
	put_text(m.folder, EXT, arena_printf(&m.arena, "%s%s# preroot end\n", text, mine));
	update(&m);
	assert_contains(content(&m, EXT), mine);
	put_text(m.folder, EXT, arena_printf(&m.arena, "%s%s", text, mine));
	update_twice(&m);
	assert_contains(content(&m, EXT), mine);
	drop(&m, IMAGE ".previous");
	update_twice(&m);
	assert_contains(content(&m, EXT), mine);
	assert_null(strstr(content(&m, EXT), "preroot-previous"));
}

static void images_among_the_options_are_replaced(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, EXT,
		 "append initrd=/u.img,/initrd.img-" V
		 " root=/dev/sda1\nlabel a\nkernel /vmlinuz-" V);
	put_text(m.folder, "boot/u.img", "microcode");
	update_twice(&m);
	assert_contains(content(&m, EXT),
			"\tappend initrd=/u.img,/initrd.img-" V ".previous root=/dev/sda1\n");
}

/* ---- trials ---- */

static void put_grubenv(struct machine *m, const char *path, const char *lines)
{
	char text[1025];

	memset(text, '#', sizeof(text));
	text[snprintf(text, sizeof(text), "# GRUB Environment Block\n%s", lines)] = '#';
	put_file(m->folder, path, text, 1024);
}

static int chooses(struct machine *m, const char *const *argv)
{
	char line[256];

	assert_string_equal(argv[0], "/usr/sbin/grub-reboot");
	assert_string_equal(argv[1], "--boot-directory=/boot");
	snprintf(line, sizeof(line), "saved_entry=0\nnext_entry=%s\n", argv[2]);
	put_grubenv(m, "boot/grub/grubenv", line);
	return 0;
}

static int clears(struct machine *m, const char *const *argv)
{
	assert_string_equal(argv[0], "/usr/bin/grub-editenv");
	assert_string_equal(argv[1], "/boot/grub/grubenv");
	assert_string_equal(argv[2], "unset");
	assert_string_equal(argv[3], "next_entry");
	put_grubenv(m, "boot/grub/grubenv", "saved_entry=0\n");
	return 0;
}

static void put_trial(struct machine *m)
{
	put_grub(m, NEXT ENTRY(V) SOURCE);
	put_text(m->folder, IMAGE ".trial", "image");
	put_tool(m, "usr/sbin/grub-reboot");
	put_tool(m, "usr/bin/grub-editenv");
	put_grubenv(m, "boot/grub/grubenv", "saved_entry=0\n");
	put_text(m->folder, "proc/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	put_text(m->folder, "sys/devices/pci0/block/sda/sda1/uevent", "");
	put_text(m->folder, "sys/devices/virtual/block/dm-0/dm/uuid", "LVM-x\n");
	put_text(m->folder, "sys/devices/virtual/block/dm-1/dm/uuid", "mpath-x\n");
	put_text(m->folder, "sys/devices/virtual/block/md0/md0p1/uevent", "");
	put_link(m->folder, "sys/dev/block/8:1", "../../devices/pci0/block/sda/sda1");
	put_link(m->folder, "sys/dev/block/253:0", "../../devices/virtual/block/dm-0");
	put_link(m->folder, "sys/dev/block/253:1", "../../devices/virtual/block/dm-1");
	put_link(m->folder, "sys/dev/block/259:0", "../../devices/virtual/block/md0/md0p1");
	update(m);
}

static int try_it(struct machine *m)
{
	m->err = (struct err){0};
	return loader_try_next(&m->q, V, IMAGE ".trial", &m->err);
}

static void GRUB_boots_a_trial_once(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_trial(&m);
	tool = chooses;
	assert_ok(try_it(&m), 0, &m.err);
	assert_contains(content(&m, "boot/grub/grubenv"), "\nnext_entry=preroot-trial-" V "\n");
	tool = clears;
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_null(strstr(content(&m, "boot/grub/grubenv"), "next_entry"));
	assert_int_equal(runs, 2);
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_int_equal(runs, 2);
}

static void somebody_elses_choice_is_not_forgotten(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_trial(&m);
	put_grubenv(&m, "boot/grub/grubenv", "next_entry=windows\n");
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_int_equal(runs, 0);
}

static void where_GRUB_cannot_forget_there_is_no_trial(void **state)
{
	static const struct {
		const char *mounts, *grubenv, *part;
	} cases[] = {
		{"20 1 8:1 / / rw - btrfs a rw\n", "x=1\n", "btrfs"},
		{"20 1 253:0 / / rw - ext4 a rw\n", "x=1\n", "LVM"},
		{"20 1 259:0 / / rw - ext4 a rw\n", "x=1\n", "MD"},
		{"20 1 8:77 / / rw - ext4 a rw\n", "x=1\n", "not known"},
		{"\n", "x=1\n", "not known"},
		{"20 1 8:1 / / rw - ext4 a rw\n", NULL, "no environment"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_machine_ struct machine m;

		machine_make(&m);
		put_trial(&m);
		tool = chooses;
		put_text(m.folder, "proc/mountinfo", cases[i].mounts);
		if (cases[i].grubenv)
			put_grubenv(&m, "boot/grub/grubenv", cases[i].grubenv);
		else
			drop(&m, "boot/grub/grubenv");
		assert_fails(try_it(&m), -ENOTSUP, &m.err);
		assert_contains(m.err.text, cases[i].part);
		assert_int_equal(runs, 0);
		put_text(m.folder, "proc/mountinfo", "20 1 253:1 / / rw - ext4 a rw\n");
		put_grubenv(&m, "boot/grub/grubenv", "x=1\n");
		assert_ok(try_it(&m), 0, &m.err);
	}
}

static int does_nothing(struct machine *m, const char *const *argv)
{
	(void)m, (void)argv;
	return 0;
}

static void what_GRUB_was_told_is_read_back(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_trial(&m);
	tool = does_nothing;
	assert_fails(try_it(&m), -EIO, &m.err);
	drop(&m, IMAGE ".trial");
	update(&m);
	assert_fails(try_it(&m), -ENOTSUP, &m.err);
}

static void systemd_boot_boots_a_trial_once(void **state)
{
	static const uint8_t features[12] = {6, 0, 0, 0, 0x1f}, old[12] = {6, 0, 0, 0, 7};
	static const char info[] = "\6\0\0\0s\0y\0s\0t\0e\0m\0d\0-\0b\0o\0o\0t\0 \0"
				   "2\0004\0007\0.\0003\0\0";
	_cleanup_machine_ struct machine m;
	_cleanup_buf_ struct buf value = BUF_INIT;

	(void)state;
	machine_make(&m);
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_text(m.folder, IMAGE ".trial", "image");
	update(&m);
	assert_fails(try_it(&m), -ENOTSUP, &m.err);
	put_file(m.folder, EFI "LoaderFeatures" GUID, old, sizeof(old));
	assert_fails(try_it(&m), -ENOTSUP, &m.err);
	put_file(m.folder, EFI "LoaderFeatures" GUID, features, sizeof(features));
	put_text(m.folder, EFI "LoaderEntryOneShot" GUID, "an older choice");
	assert_ok(try_it(&m), 0, &m.err);
	assert_int_equal(root_read(&m.root, EFI "LoaderEntryOneShot" GUID, 4096, &value), 0);
	assert_int_equal(value.len, 4 + 2 * sizeof("a-preroot-trial-" V "[+.][1c][.o][cn][of]*"));
	assert_memory_equal(value.data, "\7\0\0\0a\0-\0p\0r\0", 12);
	assert_memory_equal(value.data + value.len - 4, "*\0\0\0", 4);
	buf_clear(&value);
	put_file(m.folder, EFI "LoaderInfo" GUID, info, sizeof(info));
	assert_ok(try_it(&m), 0, &m.err);
	assert_int_equal(root_read(&m.root, EFI "LoaderEntryOneShot" GUID, 4096, &value), 0);
	assert_int_equal(value.len, 4 + 2 * sizeof("a-preroot-trial-" V "+1.conf"));
	assert_true(type_of(m.folder, BLS "a-preroot-trial-" V "+1.conf") != 0);
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_int_equal(type_of(m.folder, EFI "LoaderEntryOneShot" GUID), 0);
}

static void a_second_trial_gets_a_try_of_its_own(void **state)
{
	static const uint8_t features[12] = {6, 0, 0, 0, 0x1f};
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_text(m.folder, IMAGE ".trial", "image");
	put_file(m.folder, EFI "LoaderFeatures" GUID, features, sizeof(features));
	put_text(m.folder, BLS "a-preroot-trial-" V "+0-1.conf", FEDORA);
	update(&m);
	assert_ok(try_it(&m), 0, &m.err);
	assert_true(type_of(m.folder, BLS "a-preroot-trial-" V "+1.conf") != 0);
	assert_int_equal(type_of(m.folder, BLS "a-preroot-trial-" V "+0-1.conf"), 0);
}

static int chooses_entry_file(struct machine *m, const char *const *argv)
{
	char line[256];

	assert_string_equal(argv[0], "/usr/sbin/grub2-reboot");
	snprintf(line, sizeof(line), "next_entry=%s\n", argv[2]);
	put_grubenv(m, "boot/grub2/grubenv", line);
	return 0;
}

static void Fedoras_GRUB_knows_a_trial_by_its_file(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_trial(&m);
	drop(&m, OWN);
	drop(&m, GRUB);
	put_text(m.folder, "boot/grub2/grub.cfg", NEXT "blscfg\n");
	put_text(m.folder, BLS ID "-" V ".conf", FEDORA);
	put_grubenv(&m, "boot/grub2/grubenv", "saved_entry=0\n");
	put_tool(&m, "usr/sbin/grub2-reboot");
	update_twice(&m);
	assert_true(type_of(m.folder, BLS "a-preroot-trial-" V ".conf") != 0);
	assert_int_equal(type_of(m.folder, "boot/grub2/preroot.cfg"), 0);
	tool = chooses_entry_file;
	assert_ok(try_it(&m), 0, &m.err);
	assert_int_equal(runs, 1);
	assert_contains(content(&m, "boot/grub2/grubenv"), "next_entry=a-preroot-trial-" V "\n");
}

static int boots_once(struct machine *m, const char *const *argv)
{
	(void)m;
	assert_string_equal(argv[0], "/usr/bin/extlinux");
	assert_true(strcmp(argv[1], "--once=preroot-trial-" V) == 0 ||
		    strcmp(argv[1], "--clear-once") == 0);
	assert_string_equal(argv[2], "/boot/extlinux");
	return 0;
}

static void extlinux_boots_a_trial_once(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	put_text(m.folder, EXT, LABELS);
	put_text(m.folder, IMAGE ".trial", "image");
	put_tool(&m, "usr/bin/extlinux");
	update(&m);
	tool = boots_once;
	assert_fails(try_it(&m), -ENOTSUP, &m.err);
	assert_contains(m.err.text, "U-Boot");
	put_text(m.folder, "boot/extlinux/ldlinux.sys", "x");
	assert_ok(try_it(&m), 0, &m.err);
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_int_equal(runs, 2);
}

static void without_a_loader_there_is_nothing_to_do(void **state)
{
	_cleanup_machine_ struct machine m;

	(void)state;
	machine_make(&m);
	update(&m);
	assert_int_equal(m.said, 0);
	assert_ok(loader_forget_trial(&m.q, &m.err), 0, &m.err);
	assert_fails(try_it(&m), -ENOTSUP, &m.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(GRUB_gets_an_entry_for_the_previous_image),
		cmocka_unit_test(entries_go_with_their_images),
		cmocka_unit_test(GRUBs_own_words_keep_what_they_are),
		cmocka_unit_test(a_kernel_that_is_new_to_the_menu_is_added_by_the_tool),
		cmocka_unit_test(without_a_tool_a_menu_is_left_alone),
		cmocka_unit_test(a_kernel_that_nobody_asked_for_is_no_reason_to_run_the_tool),
		cmocka_unit_test(the_menu_of_another_system_is_left_alone),
		cmocka_unit_test(the_script_that_reads_our_file_is_put_to_work),
		cmocka_unit_test(whatever_the_tool_does_wrong_is_undone),
		cmocka_unit_test(entry_files_are_made_and_removed),
		cmocka_unit_test(entry_files_of_another_system_stay),
		cmocka_unit_test(a_try_that_was_counted_is_left_as_it_is),
		cmocka_unit_test(labels_stand_in_a_block_at_the_end),
		cmocka_unit_test(labels_behind_a_block_without_its_end_stay),
		cmocka_unit_test(images_among_the_options_are_replaced),
		cmocka_unit_test(GRUB_boots_a_trial_once),
		cmocka_unit_test(somebody_elses_choice_is_not_forgotten),
		cmocka_unit_test(where_GRUB_cannot_forget_there_is_no_trial),
		cmocka_unit_test(what_GRUB_was_told_is_read_back),
		cmocka_unit_test(systemd_boot_boots_a_trial_once),
		cmocka_unit_test(a_second_trial_gets_a_try_of_its_own),
		cmocka_unit_test(Fedoras_GRUB_knows_a_trial_by_its_file),
		cmocka_unit_test(extlinux_boots_a_trial_once),
		cmocka_unit_test(without_a_loader_there_is_nothing_to_do),
	};

	return RUN_TESTS(tests);
}
