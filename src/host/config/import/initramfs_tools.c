/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/boot/swap.h"
#include "host/config/import/import.h"

/*
 * initramfs-tools (Debian): initramfs.conf and conf.d, which are sourced by a shell, the list of
 * modules, update-initramfs.conf, and scripts. Source: initramfs.conf(5), initramfs-tools(7),
 * update-initramfs.conf(5), mkinitramfs.
 */

#define SHARED	   "usr/share/initramfs-tools" /* for packages */
#define CONF_HOOKS SHARED "/conf-hooks.d"

static struct import_place place(const struct conf_assignment *a)
{
	return (struct import_place){a->file, a->line, a->key};
}

/* FILE in the folder of the settings. */
static const char *own(const struct import *im, const char *file)
{
	return arena_printf(im->arena, "%s/%s", im->folder, file);
}

/* ---- values ---- */

#define NO_NETWORK "this version has no network"

static bool is_no(const struct conf_assignment *a)
{
	return !a->n_words || strcmp(a->text, "n") == 0 || strcmp(a->text, "no") == 0;
}

/* IS_LACK: an image without that would not boot the machine. */
static void note_value(struct import *im, const struct conf_assignment *a, const char *text, bool is_lack)
{
	import_note(im, place(a), "%s=%s: %s", a->key, a->text, text);
	im->notes[im->n_notes - 1].is_lack = is_lack;
}

static void import_modules(struct import *im, const struct conf_assignment *a)
{
	struct import_place from = place(a);

	if (strcmp(a->text, "dep") == 0) {
		import_set(im, from, "hostonly", "yes");
		import_set(im, from, "hostonly_mode", "strict");
	} else if (strcmp(a->text, "list") == 0) {
		import_note(im, from, "MODULES=list packs what the file \"modules\" lists; here, the "
				      "drivers of the way to the root are found out as well");
		import_set(im, from, "hostonly", "yes");
		import_set(im, from, "hostonly_mode", "strict");
	} else if (strcmp(a->text, "netboot") == 0) {
		note_value(im, a, NO_NETWORK, true);
	} else {
		if (strcmp(a->text, "most") != 0)
			import_note(im, from, "MODULES=%s is not known: as in initramfs-tools, it is "
					      "taken for most", a->text);
		import_set(im, from, "hostonly", "no");
	}
}

/* "auto" and no RESUME mean the same. */
static void import_resume_key(struct import *im, const struct conf_assignment *a)
{
	if (strcmp(a->text, "none") == 0)
		import_set(im, place(a), "kernel_cmdline+", "noresume");
	else if (strcmp(a->text, "auto") != 0)
		import_set(im, place(a), "kernel_cmdline+",
			   arena_printf(im->arena, "resume=%s", a->text));
}

/* An image for any machine has no swap area of its own, but that of initramfs-tools has this one's. */
static int import_swap(struct import *im, const struct conf *c, struct err *err)
{
	const struct conf_assignment *a = conf_find(c, "RESUME");
	const struct conf_assignment *hostonly = conf_find(&im->out, "hostonly");
	struct swap_area swap;
	int r;

	if ((a && a->n_words && strcmp(a->text, "auto") != 0) || !hostonly || conf_is_yes(hostonly))
		return 0;
	r = swap_to_resume(im->root, im->arena, &swap, err);
	if (r == 0 && swap.name)
		import_set(im, (struct import_place){swap.file, swap.line, NULL}, "kernel_cmdline+",
			   arena_printf(im->arena, "resume=%s", swap.name));
	return r;
}

static void import_level(struct import *im, const struct conf *c, const struct conf_assignment *a)
{
	const struct conf_assignment *codec = conf_find(c, "COMPRESS");
	const char *name = codec && codec->n_words ? codec->words[0] : "zstd";

	import_set(im, place(a), arena_printf(im->arena, "compress_level_%s", name), a->text);
}

/* Settings that have no key here. */
static const struct {
	const char *key;
	const char *harmless; /* a value that loses nothing, beside "" and "n" */
	const char *text;     /* what another loses; NULL: none does */
	bool is_lack;
} others[] = {
	{"BOOT", "local", NO_NETWORK, true},
	{"BUSYBOXDIR", NULL, NULL, false},
	{"BUSYBOX", NULL, NULL, false}, /* PID 1 runs no scripts that would need it */
	{"DEVICE", NULL, NO_NETWORK, false}, /* of use only with BOOT=nfs; so are IP and NFSROOT */
	{"DROPBEAR", NULL, NO_NETWORK, false},
	{"FRAMEBUFFER", NULL, "this version leaves drivers of screens to the root", false},
	{"FSTYPE", NULL, NULL, false}, /* PID 1 finds out the type, and the checker goes by that */
	{"IP", NULL, NO_NETWORK, false},
	{"KEYMAP", NULL, "this version has no keymaps and fonts for the console", false},
	{"NFSROOT", "auto", NO_NETWORK, false},
	{"RUNSIZE", "10%", "/run has the kernel's own limit, half of the memory", false},
	{"TMPDIR", NULL, NULL, false}, /* there are no temporary files but beside the image */
	{"UMASK", NULL, NULL, false},  /* only its owner may read an image in any case */
};

static void import_other(struct import *im, const struct conf_assignment *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (strcmp(others[i].key, a->key) != 0)
			continue;
		if (!others[i].text || is_no(a) ||
		    (others[i].harmless && strcmp(others[i].harmless, a->text) == 0))
			return;
		note_value(im, a, others[i].text, others[i].is_lack);
		return;
	}
	if (!a->is_used)
		import_note(im, place(a), "%s is not known: a script may read it", a->key);
}

static void import_key(struct import *im, const struct conf *c, const struct conf_assignment *a)
{
	struct import_place from = place(a);

	/* A later one overrides it, and an empty one is as if it were not there. */
	if (conf_find(c, a->key) != a || !a->n_words)
		return;
	if (strcmp(a->key, "MODULES") == 0)
		import_modules(im, a);
	else if (strcmp(a->key, "COMPRESS") == 0)
		import_set(im, from, "compress", a->text);
	else if (strcmp(a->key, "COMPRESSLEVEL") == 0)
		import_level(im, c, a);
	else if (strcmp(a->key, "RESUME") == 0)
		import_resume_key(im, a);
	else if (strcmp(a->key, "CRYPTSETUP") == 0 && !is_no(a))
		import_set(im, from, "add_dracutmodules+", "crypt");
	else if (strcmp(a->key, "ROOT") == 0)
		import_set(im, from, "kernel_cmdline+",
			   arena_printf(im->arena, "root=%s", a->text));
	else if (strcmp(a->key, "CRYPTSETUP") != 0)
		import_other(im, a);
}

/* ---- files of settings ---- */

bool import_reads(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return isalnum((unsigned char)*name) && !name[strspn(name, allowed)] &&
	       !strstr(name, ".dpkg-");
}

/* Is PATH a folder, where files of settings are? Then that is noted. */
static bool note_folder(struct import *im, const char *path)
{
	struct stat st;

	if (root_stat(im->root, path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	import_note(im, (struct import_place){arena_printf(im->arena, "/%s", path), 0, NULL},
		    "it is a folder, and not read");
	return true;
}

/* MASK: a folder whose files replace those of the same name; NULL: none. */
static int read_folder(struct import *im, const char *folder, const char *mask, struct conf *out,
		       struct err *err)
{
	char **names;
	int n = import_names(im, folder, &names, err), r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		const char *path = arena_printf(im->arena, "%s/%s", folder, names[i]);

		if (!import_reads(names[i]) ||
		    (mask && root_exists(im->root, arena_printf(im->arena, "%s/%s", mask, names[i]))))
			continue;
		if (!note_folder(im, path))
			r = import_read(im, path, out, err);
	}
	return n < 0 ? n : r;
}

/* WHY begins with the place, which the note names itself. */
static void note_left_out(struct import *im, const char *file, const struct err *why)
{
	size_t len = strlen(file);
	const char *reason = strncmp(why->text, file, len) == 0 && why->text[len] == ':'
				     ? strstr(why->text + len, ": ")
				     : NULL;
	struct import_place from = {file, 0, NULL};

	if (reason)
		from.file = arena_strndup(im->arena, why->text, (size_t)(reason - why->text));
	import_note(im, from, "it is left out: %s", reason ? reason + 2 : why->text);
}

/* What packages set last, over the administrator's files too. They are sourced by a shell: a file that is
 * more than assignments is named, and must not keep the image from being built. */
static int read_conf_hooks(struct import *im, struct conf *out, struct err *err)
{
	char **names;
	int n = import_names(im, CONF_HOOKS, &names, err);

	for (int i = 0; i < n; i++) {
		const char *file = arena_printf(im->arena, "/" CONF_HOOKS "/%s", names[i]);
		struct err why = {0};

		if (names[i][0] == '.')
			continue;
		if (!note_folder(im, file + 1) && import_read(im, file + 1, out, &why) < 0)
			note_left_out(im, file, &why);
	}
	return n < 0 ? n : 0;
}

static int read_settings(struct import *im, struct conf *out, struct err *err)
{
	const char *drop_ins = own(im, "conf.d");
	int r = import_read(im, own(im, "initramfs.conf"), out, err);

	if (r == 0)
		r = read_folder(im, SHARED "/conf.d", drop_ins, out, err);
	return r < 0 ? r : read_folder(im, drop_ins, NULL, out, err);
}

int import_resume(const struct root *root, const char *folder, struct arena *arena,
		  const struct conf_assignment **out, struct err *err)
{
	struct import im = {.root = root, .arena = arena, .folder = folder + strspn(folder, "/")};
	struct conf c = {0};
	int r = read_settings(&im, &c, err);

	*out = r == 0 ? conf_find(&c, "RESUME") : NULL;
	return r;
}

static int import_settings(struct import *im, struct err *err)
{
	const char *file = own(im, "initramfs.conf");
	const struct conf_assignment *modules;
	struct conf c = {0};
	int r = read_settings(im, &c, err);

	if (r == 0)
		r = read_conf_hooks(im, &c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		import_key(im, &c, &c.list[i]);
	modules = conf_find(&c, "MODULES");
	if ((!modules || !modules->n_words) && root_exists(im->root, file))
		import_set(im, (struct import_place){arena_printf(im->arena, "/%s", file), 1, NULL},
			   "hostonly", "no"); /* most is the default */
	return import_swap(im, &c, err);
}

/* ---- modules ---- */

static bool is_modprobe_line(const char *line)
{
	static const char *const keywords[] = {"alias", "blacklist", "options", "remove", "softdep"};
	size_t len = strcspn(line, " \t");

	for (size_t i = 0; line[len] && i < ARRAY_SIZE(keywords); i++)
		if (strlen(keywords[i]) == len && strncmp(line, keywords[i], len) == 0)
			return true;
	return false;
}

/* "NAME [PARAMETERS]": loaded at boot, in this order. */
static int import_module(struct import *im, char *line, struct import_place from, void *arg,
			 struct err *err)
{
	char *name = line + strspn(line, " \t"), *rest = name + strcspn(name, " \t#");
	const char *parameters;

	(void)arg;
	(void)err;
	if (!*name || *name == '#')
		return 0;
	parameters = *rest == ' ' || *rest == '\t' ? rest + strspn(rest, " \t") : "";
	if (strcspn(name, " \t") == strlen("install") && str_starts(name, "install")) {
		import_note(im, from, "an \"install\" line of modprobe.d has no effect in this file, and "
				      "PID 1 runs no commands instead of loading a module");
		return 0;
	}
	if (is_modprobe_line(name)) {
		import_note(im, from, "a line of modprobe.d: it belongs into a file in /etc/modprobe.d");
		return 0;
	}
	if (*rest)
		*rest++ = '\0';
	import_set(im, from, "force_drivers+", name);
	if (*parameters && *parameters != '#')
		import_note(im, from, "the parameters of a module belong into a file in "
				      "/etc/modprobe.d: options %s %s", name, parameters);
	return 0;
}

static int import_lists(struct import *im, struct err *err)
{
	char **names;
	int r = import_lines(im, own(im, "modules"), import_module, NULL, err);
	int n = r < 0 ? r : import_names(im, SHARED "/modules.d", &names, err);

	for (int i = 0; i < n && r == 0; i++)
		if (names[i][0] != '.')
			r = import_lines(im,
					 arena_printf(im->arena, SHARED "/modules.d/%s", names[i]),
					 import_module, NULL, err);
	return n < 0 ? n : r;
}

/* ---- update-initramfs.conf ---- */

/* Does a line of TEXT that is no comment set update_initramfs to "no", perhaps on a condition? */
static bool says_no(struct buf *text)
{
	static const char key[] = "update_initramfs=";
	const char *line = buf_cstr(text), *end = line + text->len, *next, *at;

	for (; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next : end;
		line += strspn(line, " \t");
		at = line < next && *line != '#' ? memmem(line, (size_t)(next - line), key, strlen(key)) : NULL;
		at = at ? at + strlen(key) : next;
		at += strspn(at, "\"'");
		if (next - at >= 2 && str_starts(at, "no") && !isalnum((unsigned char)at[2]))
			return true;
	}
	return false;
}

/* Each assignment that can be read counts: a line that cannot must not turn updates on that another turns off. */
static int read_update(struct import *im, struct import_update *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err_list *flaws = arena_alloc(im->arena, sizeof(*flaws));
	struct conf c = {0};
	int r;

	*flaws = (struct err_list){.arena = im->arena};
	im->flaws = flaws;
	r = import_read_text(im, own(im, "update-initramfs.conf"), &c, &text, err);
	im->flaws = NULL;
	*out = (struct import_update){.update = conf_find(&c, "update_initramfs"),
				      .backup = conf_find(&c, "backup_initramfs"),
				      .flaws = flaws};
	out->is_off = flaws->n ? says_no(&text) : out->update && strcmp(out->update->text, "no") == 0;
	return r;
}

/* It says when images are made, not what is in them: what only a shell can read of it is named, and must not
 * keep a package from being configured. */
static int import_update(struct import *im, struct err *err)
{
	const char *file = arena_printf(im->arena, "/%s", own(im, "update-initramfs.conf"));
	struct import_update u;
	int r = read_update(im, &u, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < u.flaws->n; i++)
		note_left_out(im, file, u.flaws->list[i]);
	if (u.update && *u.update->text && !im->is_live && strcmp(u.update->text, "yes") != 0)
		import_note(im, place(u.update), "update_initramfs=%s: preroot rebuild always rebuilds; "
						 "with --all, all kernels", u.update->text);
	/* With "no" the previous image is kept all the same: it is the way back. */
	if (u.backup && strcmp(u.backup->text, "yes") == 0)
		import_set(im, place(u.backup), "preroot_keep", "1");
	return 0;
}

int import_update_initramfs(const struct root *root, struct arena *arena, struct import_update *out,
			    struct err *err)
{
	struct import im = {.root = root, .arena = arena, .folder = IMPORT_INITRAMFS_TOOLS};

	return read_update(&im, out, err);
}

/* ---- scripts ---- */

static int note_scripts(struct import *im, const char *folder, int depth, struct err *err)
{
	char **names;
	int n = import_names(im, folder, &names, err), r = 0;
	struct stat st;

	for (int i = 0; i < n && r == 0; i++) {
		const char *path = arena_printf(im->arena, "%s/%s", folder, names[i]);
		bool is_folder = root_stat(im->root, path, &st) == 0 && S_ISDIR(st.st_mode);

		if (is_folder && depth > 0)
			r = note_scripts(im, path, depth - 1, err);
		else if (!is_folder && import_reads(names[i]))
			import_note_script(im, path);
	}
	return n < 0 ? n : r;
}

static int import_scripts(struct import *im, struct err *err)
{
	const char *table = own(im, "DSDT.aml");
	int r = note_scripts(im, own(im, "hooks"), 0, err);

	if (r == 0)
		r = note_scripts(im, own(im, "scripts"), 1, err);
	if (r == 0 && root_exists(im->root, table))
		import_note(im, (struct import_place){arena_printf(im->arena, "/%s", table), 0, NULL},
			    "it is not imported: acpi_override=yes and acpi_table_dir= pack ACPI "
			    "tables");
	return r;
}

int import_initramfs_tools(struct import *im, struct err *err)
{
	int r;

	if (!im->folder)
		im->folder = IMPORT_INITRAMFS_TOOLS;
	r = import_settings(im, err);
	if (r == 0)
		r = import_lists(im, err);
	if (r == 0)
		r = import_update(im, err);
	return r < 0 ? r : import_scripts(im, err);
}
