/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/config/import/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "format/machine/conf.h"
#include "host/config/settings_file.h"

const struct importer importers[] = {
	{"initramfs-tools", IMPORT_INITRAMFS_TOOLS "/initramfs.conf", import_initramfs_tools},
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

/* ---- the result ---- */

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
		.as = from.key,
	};

	conf_add(&im->out, im->arena, &a);
}

static void add_note(struct import *im, const struct import_note *note)
{
	im->notes = arena_grow(im->arena, im->notes, im->n_notes, sizeof(*im->notes));
	im->notes[im->n_notes++] = *note;
}

void import_note(struct import *im, struct import_place from, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_note(im, &(struct import_note){from, arena_strdup(im->arena, text), false, false});
}

#define INSTEAD                                                                                 \
	"belongs into install_items, and what %s at boot into a drop-in feature "              \
	"(/etc/preroot/features.d)"

void import_note_script(struct import *im, const char *path)
{
	struct import_note note = {
		.from = {arena_printf(im->arena, "/%s", path), 0, NULL},
		.text = arena_printf(im->arena,
				     "this script is not run by preroot: what it packs " INSTEAD,
				     "it does"),
		.is_script = true,
	};

	add_note(im, &note);
}

void import_join_scripts(struct import *im)
{
	struct import_place from = {arena_printf(im->arena, "/%s", im->folder), 0, NULL};
	const char *names = NULL;
	size_t kept = 0, prefix = strlen(from.file) + 1;

	for (size_t i = 0; i < im->n_notes; i++) {
		const struct import_note note = im->notes[i];

		if (note.is_script)
			names = arena_printf(im->arena, "%s%s%s", names ? names : "",
					     names ? ", " : "", note.from.file + prefix);
		else
			im->notes[kept++] = note;
	}
	im->n_notes = kept;
	if (names)
		add_note(im, &(struct import_note){
				     from,
				     arena_printf(im->arena,
						  "preroot runs no scripts of initramfs-tools (%s): "
						  "what they pack " INSTEAD,
						  names, "they do"),
				     true, false});
}

const char *import_place_text(const struct import_place *place, struct arena *arena)
{
	return place->line ? arena_printf(arena, "%s:%u", place->file, place->line) : place->file;
}

/* ---- files ---- */

static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static void note_file(struct import *im, const char *shown)
{
	im->files = arena_grow(im->arena, im->files, im->n_files, sizeof(*im->files));
	im->files[im->n_files++] = shown;
}

int import_names(struct import *im, const char *folder, char ***names, struct err *err)
{
	int n = root_listdir(im->root, folder, im->arena, names);

	if (is_missing(n))
		return 0;
	return n < 0 ? err_sys(err, n, "/%s", folder) : n;
}

/* 1: TEXT has the file PATH; 0: there is none. */
static int read_file(struct import *im, const char *path, const char *shown, struct buf *text,
		     struct err *err)
{
	int r = settings_file_read(im->root, path, shown, text, err);

	return r == 0 ? 1 : is_missing(r) ? 0 : r;
}

int import_read(struct import *im, const char *path, struct conf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	return import_read_text(im, path, out, &text, err);
}

int import_read_text(struct import *im, const char *path, struct conf *out, struct buf *text,
		     struct err *err)
{
	struct conf_source source = {.file = arena_printf(im->arena, "/%s", path),
				     .path = root_path(im->root, path, im->arena),
				     .errors = im->flaws};
	int r = read_file(im, path, source.file, text, err);

	if (r <= 0)
		return r;
	source.text = buf_cstr(text);
	source.len = text->len;
	note_file(im, source.file);
	return conf_parse(out, im->arena, &source, err);
}

/* Nothing behind a NUL is lost, and nothing that a shell or a terminal would take for a command. */
static int check_line(struct import *im, const char *line, size_t len, struct import_place from,
		      struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '\r') {
			err_set(err, -EBADMSG, "%s:%u: a carriage return: the lines must end as on Unix",
				from.file, from.line);
			return err_hint(err, CONF_RETURN_HINT, root_quoted(im->root, from.file, im->arena));
		}
		if ((c < ' ' && c != '\t') || c == 127)
			return err_set(err, -EBADMSG, "%s:%u: byte %u is no text", from.file,
				       from.line, c);
	}
	return 0;
}

int import_lines(struct import *im, const char *path, import_line *take, void *arg, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct import_place from = {arena_printf(im->arena, "/%s", path), 0, NULL};
	int r = read_file(im, path, from.file, &text, err);
	const char *p = buf_cstr(&text), *end = p + text.len;

	if (r <= 0)
		return r;
	note_file(im, from.file);
	for (r = 0; r == 0 && p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		from.line++;
		r = check_line(im, p, len, from, err);
		if (r == 0)
			r = take(im, arena_strndup(im->arena, p, len), from, arg, err);
		p += len + 1;
	}
	return r;
}
