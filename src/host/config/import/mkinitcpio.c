/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/config/import/import.h"

/*
 * mkinitcpio (Arch): mkinitcpio.conf and mkinitcpio.conf.d, which bash sources; above all lists of
 * hooks. Source: mkinitcpio.conf(5), mkinitcpio(8).
 */

/* What the hooks are here: a module of dracut, nothing (it is always done or not needed), or a
 * loss. */
static const struct hook {
	const char *name, *module, *loss;
} hooks[] = {
	{"acpi_override", NULL, "acpi_override=yes and acpi_table_dir= pack ACPI tables"},
	{"autodetect", NULL, NULL},
	{"base", NULL, NULL},
	{"block", NULL, NULL},
	{"btrfs", "btrfs", NULL},
	{"consolefont", "i18n", NULL},
	{"dmraid", "dmraid", NULL},
	{"encrypt", "crypt", NULL},
	{"filesystems", NULL, NULL},
	{"fsck", NULL, NULL},
	{"keyboard", NULL, NULL},
	{"keymap", "i18n", NULL},
	{"kms", NULL, NULL},
	{"lvm2", "lvm", NULL},
	{"mdadm", "mdraid", NULL},
	{"mdadm_udev", "mdraid", NULL},
	{"memdisk", "memdisk", NULL},
	{"microcode", NULL, NULL},
	{"modconf", NULL, NULL},
	{"net", "network", NULL},
	{"plymouth", "plymouth", NULL},
	{"resume", "resume", NULL},
	{"sd-encrypt", "crypt", NULL},
	{"sd-lvm2", "lvm", NULL},
	{"sd-vconsole", "i18n", NULL},
	{"shutdown", NULL, NULL},
	{"sleep", NULL, NULL},
	{"strip", NULL, NULL},
	{"systemd", NULL, NULL},
	{"udev", NULL, NULL},
	{"usr", NULL, NULL},
	{"zfs", "zfs", NULL},
};

static struct import_place place(const struct conf_assignment *a)
{
	return (struct import_place){a->file, a->line, a->key};
}

static bool names(const struct conf_word *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].text, name) == 0)
			return true;
	return false;
}

static void import_hook(struct import *im, const struct conf_word *w)
{
	struct import_place from = place(w->from);

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		const struct hook *h = &hooks[i];

		if (strcmp(h->name, w->text) != 0)
			continue;
		if (h->module)
			import_set(im, from, "add_dracutmodules+", h->module);
		if (h->loss)
			import_note(im, from, "the hook \"%s\" is not imported: %s", h->name, h->loss);
		return;
	}
	import_note(im, from, "the hook \"%s\" is a script of another package, which preroot does not "
			      "run: what it packs belongs into install_items, and what it does at "
			      "boot into a drop-in feature (/etc/preroot/features.d)", w->text);
}

static void import_hooks(struct import *im, const struct conf *c)
{
	struct conf_word *words;
	size_t n = conf_words(c, "HOOKS", im->arena, &words);
	struct import_place from;

	if (!n)
		return;
	from = place(words[0].from);
	import_set(im, from, "hostonly", names(words, n, "autodetect") ? "yes" : "no");
	if (!names(words, n, "fsck"))
		import_set(im, from, "omit_dracutmodules+", "fs-lib");
	for (size_t i = 0; i < n; i++)
		import_hook(im, &words[i]);
}

/* Each word of the list FROM becomes one of TO; "?" at the end of a module's name is "if there". */
static void import_words(struct import *im, const struct conf *c, const char *from, const char *to)
{
	struct conf_word *words;
	size_t n = conf_words(c, from, im->arena, &words);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i].text);

		if (len && words[i].text[len - 1] == '?')
			len--;
		import_set(im, place(words[i].from), to,
			   arena_strndup(im->arena, words[i].text, len));
	}
}

static void import_compression(struct import *im, const struct conf *c)
{
	const struct conf_assignment *codec = conf_find(c, "COMPRESSION");
	const struct conf_assignment *options = conf_find(c, "COMPRESSION_OPTIONS");
	const char *name = codec && codec->n_words ? codec->words[0] : "zstd";

	if ((!codec || !codec->n_words) && (!options || !options->n_words))
		return;
	import_set(im, place(codec && codec->n_words ? codec : options), "compress",
		   options && options->n_words
			   ? arena_printf(im->arena, "%s %s", name, options->text)
			   : name);
}

/* MODULES_DECOMPRESS is about how the image is packed: here, each module is compressed on its own. */
static void note_others(struct import *im, const struct conf *c)
{
	static const char *const known[] = {"MODULES", "BINARIES", "FILES", "HOOKS", "COMPRESSION",
					    "COMPRESSION_OPTIONS", "MODULES_DECOMPRESS"};

	for (size_t i = 0; i < c->n; i++) {
		const struct conf_assignment *a = &c->list[i];
		size_t k = 0;

		while (k < ARRAY_SIZE(known) && strcmp(known[k], a->key) != 0)
			k++;
		if (k == ARRAY_SIZE(known) && !a->is_used)
			import_note(im, place(a), "%s is not known: a hook may read it", a->key);
	}
}

/* Reads those files of FOLDER whose names end with SUFFIX. */
static int read_folder(struct import *im, const char *folder, const char *suffix, struct conf *out,
		       struct err *err)
{
	char **names;
	int n = import_names(im, folder, &names, err), r = 0;

	for (int i = 0; i < n && r == 0; i++)
		if (names[i][0] != '.' && str_ends(names[i], suffix))
			r = import_read(im, arena_printf(im->arena, "%s/%s", folder, names[i]), out, err);
	return n < 0 ? n : r;
}

/* Where images are is found out from the boot menu, and the previous image is the one to fall back to. */
static int note_presets(struct import *im, struct err *err)
{
	struct conf c = {0};
	int r = read_folder(im, "etc/mkinitcpio.d", ".preset", &c, err);

	for (size_t i = 0; i < c.n && r == 0; i++) {
		const struct conf_assignment *a = &c.list[i];

		if (a->n_words && str_ends(a->key, "_uki"))
			import_note(im, place(a), "%s: this version makes no unified kernel images",
				    a->key);
		else if (a->n_words && str_ends(a->key, "_config") &&
			 strcmp(a->text, "/etc/mkinitcpio.conf") != 0)
			import_note(im, place(a), "%s: the settings in %s are not imported", a->key,
				    a->text);
	}
	return r;
}

int import_mkinitcpio(struct import *im, struct err *err)
{
	struct conf c = {0};
	int r = import_read(im, "etc/mkinitcpio.conf", &c, err);

	if (r == 0)
		r = read_folder(im, "etc/mkinitcpio.conf.d", ".conf", &c, err);
	if (r < 0)
		return r;
	import_hooks(im, &c);
	import_words(im, &c, "MODULES", "force_drivers+");
	import_words(im, &c, "BINARIES", "install_items+");
	import_words(im, &c, "FILES", "install_items+");
	import_compression(im, &c);
	note_others(im, &c);
	return note_presets(im, err);
}
