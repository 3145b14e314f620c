/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/config/import/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/conf.h"

const struct importer importers[] = {
	{"initramfs-tools", "etc/initramfs-tools/initramfs.conf", import_initramfs_tools},
	{"mkinitcpio", "etc/mkinitcpio.conf", import_mkinitcpio},
	{"booster", "etc/booster.yaml", import_booster},
	{0},
};

const struct importer *importer_find(const char *name)
{
	for (const struct importer *i = importers; i->name; i++)
		if (strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

void import_set(struct import *im, struct import_place from, const char *key, const char *value)
{
	bool is_list = str_ends(key, "+");
	struct conf_assignment a = {
		.key = arena_strndup(im->arena, key, strlen(key) - is_list),
		.append = is_list,
		.is_array = is_list && strpbrk(value, " \t\n"),
		.text = arena_strdup(im->arena, value),
		.file = from.file,
		.line = from.line,
	};

	conf_add(&im->out, im->arena, &a);
}

void import_note(struct import *im, struct import_place from, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	im->notes = arena_grow(im->arena, im->notes, im->n_notes, sizeof(*im->notes));
	im->notes[im->n_notes++] = (struct import_note){from, arena_strdup(im->arena, text)};
}

static struct import_place whole(const char *file)
{
	return (struct import_place){file, 0};
}

int import_note_scripts(struct import *im, const char *folder, struct err *err)
{
	char **names;
	int n = root_listdir(im->root, folder, im->arena, &names);

	if (n == -ENOENT || n == -ENOTDIR)
		return 0;
	if (n < 0)
		return err_sys(err, n, "/%s", folder);
	for (int i = 0; i < n; i++)
		if (names[i][0] != '.')
			import_note(im, whole(arena_printf(im->arena, "/%s/%s", folder, names[i])),
				    "this script is not run by preroot: what it packs belongs into "
				    "install_items, and what it does at boot into a drop-in feature "
				    "(/etc/preroot/features.d)");
	return 0;
}

static int read_one(struct import *im, const char *path, struct conf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct conf_source source = {.file = arena_printf(im->arena, "/%s", path)};
	int r = root_read(im->root, path, CONF_SIZE_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "/%s", path);
	source.text = buf_cstr(&text);
	source.len = text.len;
	return conf_parse(out, im->arena, &source, err);
}

int import_read(struct import *im, const char *file, const char *folder, const char *suffix,
		struct conf *out, struct err *err)
{
	char **names;
	int n = root_listdir(im->root, folder, im->arena, &names), r = 0;

	if (root_exists(im->root, file))
		r = read_one(im, file, out, err);
	if (n < 0 && n != -ENOENT && n != -ENOTDIR)
		return err_sys(err, n, "/%s", folder);
	for (int i = 0; i < n && r == 0; i++)
		if (names[i][0] != '.' && str_ends(names[i], suffix))
			r = read_one(im, arena_printf(im->arena, "%s/%s", folder, names[i]), out, err);
	return r;
}
