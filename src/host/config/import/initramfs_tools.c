/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/config/import/import.h"

/*
 * initramfs-tools (Debian): initramfs.conf and conf.d, which are sourced by a shell, the list of
 * modules, update-initramfs.conf, and scripts. Source: initramfs.conf(5), initramfs-tools(7),
 * update-initramfs.conf(5).
 */

#define FOLDER "etc/initramfs-tools/"

static struct import_place place(const struct conf_assignment *a)
{
	return (struct import_place){a->file, a->line};
}

static bool is_no(const struct conf_assignment *a)
{
	return !a->n_words || strcmp(a->text, "n") == 0 || strcmp(a->text, "no") == 0;
}

static void import_modules(struct import *im, const struct conf_assignment *a)
{
	struct import_place from = place(a);

	if (strcmp(a->text, "most") == 0) {
		import_set(im, from, "hostonly", "no");
	} else if (strcmp(a->text, "dep") == 0) {
		import_set(im, from, "hostonly", "yes");
		import_set(im, from, "hostonly_mode", "strict");
	} else if (strcmp(a->text, "list") == 0) {
		import_note(im, from, "MODULES=list packs what the file \"modules\" lists; here, the "
				      "drivers of the way to the root are found out as well");
		import_set(im, from, "hostonly", "yes");
		import_set(im, from, "hostonly_mode", "strict");
	} else {
		import_note(im, from, "MODULES=%s: this version has no network", a->text);
	}
}

static void import_resume(struct import *im, const struct conf_assignment *a)
{
	if (strcmp(a->text, "none") == 0)
		import_set(im, place(a), "kernel_cmdline+", "noresume");
	else if (a->n_words && strcmp(a->text, "auto") != 0)
		import_set(im, place(a), "kernel_cmdline+",
			   arena_printf(im->arena, "resume=%s", a->text));
}

static void import_level(struct import *im, const struct conf *c, const struct conf_assignment *a)
{
	const struct conf_assignment *codec = conf_find(c, "COMPRESS");
	const char *name = codec && codec->n_words ? codec->words[0] : "zstd";

	import_set(im, place(a), arena_printf(im->arena, "compress_level_%s", name), a->text);
}

/* Settings that have no key here. NULL as text: nothing is lost. */
static const struct {
	const char *key, *text;
} others[] = {
	{"BUSYBOX", NULL}, {"DEVICE", "this version has no network"}, {"FSTYPE", NULL},
	{"RUNSIZE", NULL}, {"UMASK", NULL}, {"NFSROOT", NULL}, {"FRAMEBUFFER", NULL},
	{"KEYMAP", "this version has no keymaps and fonts for the console"},
	{"CRYPTSETUP", "this version has no encrypted disks"},
	{"BOOT", NULL},
};

static void import_other(struct import *im, const struct conf_assignment *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(others[i].key, a->key) == 0) {
			if (others[i].text && !is_no(a))
				import_note(im, place(a), "%s=%s: %s", a->key, a->text,
					    others[i].text);
			return;
		}
	import_note(im, place(a), "%s is not known: a script may read it", a->key);
}

static void import_key(struct import *im, const struct conf *c, const struct conf_assignment *a)
{
	struct import_place from = place(a);

	if (conf_find(c, a->key) != a)
		return; /* a later one overrides it */
	if (strcmp(a->key, "MODULES") == 0)
		import_modules(im, a);
	else if (strcmp(a->key, "COMPRESS") == 0)
		import_set(im, from, "compress", a->text);
	else if (strcmp(a->key, "COMPRESSLEVEL") == 0)
		import_level(im, c, a);
	else if (strcmp(a->key, "RESUME") == 0)
		import_resume(im, a);
	else if (strcmp(a->key, "ROOT") == 0)
		import_set(im, from, "kernel_cmdline+",
			   arena_printf(im->arena, "root=%s", a->text));
	else
		import_other(im, a);
}

static void import_update(struct import *im, const struct conf *c)
{
	const struct conf_assignment *a = conf_find(c, "update_initramfs");

	if (a && strcmp(a->text, "yes") != 0)
		import_note(im, place(a), "update_initramfs=%s: preroot rebuild always rebuilds; "
					      "with --all, all kernels", a->text);
	a = conf_find(c, "backup_initramfs");
	if (a && strcmp(a->text, "yes") == 0)
		import_set(im, place(a), "preroot_keep", "1");
}

/* "NAME [PARAMETERS]": loaded at boot, in this order. */
static void import_module(struct import *im, char *line, struct import_place from)
{
	char *name = line + strspn(line, " \t"), *rest = name + strcspn(name, " \t#");
	const char *parameters;

	if (!*name || *name == '#')
		return;
	parameters = *rest == ' ' || *rest == '\t' ? rest + strspn(rest, " \t") : "";
	if (strcspn(name, " \t") == strlen("install") && str_starts(name, "install")) {
		import_note(im, from, "an \"install\" line of modprobe.d has no effect in this file, and "
				      "PID 1 runs no commands instead of loading a module");
		return;
	}
	if (str_starts(name, "softdep ") || str_starts(name, "options ")) {
		import_note(im, from, "a line of modprobe.d: it belongs into a file in /etc/modprobe.d");
		return;
	}
	if (*rest)
		*rest++ = '\0';
	import_set(im, from, "force_drivers+", name);
	if (*parameters && *parameters != '#')
		import_note(im, from, "the parameters of a module belong into a file in "
				      "/etc/modprobe.d: options %s %s", name, parameters);
}

static int import_list(struct import *im, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = root_read(im->root, FOLDER "modules", CONF_SIZE_MAX, &text);
	unsigned number = 0;
	char *cursor, *line;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(err, r, "/" FOLDER "modules");
	cursor = arena_strdup(im->arena, buf_cstr(&text));
	while ((line = strsep(&cursor, "\n")))
		import_module(im, line, (struct import_place){"/" FOLDER "modules", ++number});
	return 0;
}

int import_initramfs_tools(struct import *im, struct err *err)
{
	static const char *const scripts[] = {
		FOLDER "hooks", FOLDER "scripts/init-top", FOLDER "scripts/init-premount",
		FOLDER "scripts/local-top", FOLDER "scripts/local-block",
		FOLDER "scripts/local-premount", FOLDER "scripts/local-bottom",
		FOLDER "scripts/init-bottom", FOLDER "scripts/nfs-top",
		FOLDER "scripts/nfs-premount", FOLDER "scripts/nfs-bottom",
		FOLDER "scripts/panic",
	};
	struct conf settings = {0}, update = {0};
	int r = import_read(im, FOLDER "initramfs.conf", FOLDER "conf.d", "", &settings, err);

	for (size_t i = 0; i < settings.n && r == 0; i++)
		import_key(im, &settings, &settings.list[i]);
	if (r == 0)
		r = import_list(im, err);
	if (r == 0)
		r = import_read(im, FOLDER "update-initramfs.conf", FOLDER "none", "", &update, err);
	if (r == 0)
		import_update(im, &update);
	for (size_t i = 0; i < ARRAY_SIZE(scripts) && r == 0; i++)
		r = import_note_scripts(im, scripts[i], err);
	return r;
}
