/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entries of the Boot Loader Specification. Ours are files beside the machine's, each a copy of the
 * machine's entry for that kernel with another initrd and title.
 */

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "deploy/loader/kit.h"
#include "format/menu/bls.h"

/* Writes an initrd line with the image replaced. Returns how many of its words were the image. */
static size_t write_initrds(const struct loader *l, const struct bootmenu_entry *from,
			    const struct loader_wanted *w, const struct keyline *line,
			    struct buf *out)
{
	char *words = arena_strndup(l->arena, line->value, line->value_len), *word;
	size_t n = 0;

	buf_add_str(out, "initrd");
	while ((word = strsep(&words, " \t"))) {
		const char *other = *word ? loader_rename(l, from, w, word) : NULL;

		if (*word)
			buf_printf(out, " %s", other ? other : word);
		n += other != NULL;
	}
	buf_add_str(out, "\n");
	return n;
}

static bool write_entry(const struct loader *l, const struct bootmenu_entry *from,
			const struct loader_wanted *w, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *cursor, *end;
	const char *trial = w->is_trial ? LOADER_TRIAL_WORD : NULL;
	struct keyline line;
	size_t n = 0;

	if (root_read(l->q->root, from->file, BLS_SIZE_MAX, &text) < 0)
		return false;
	cursor = buf_cstr(&text);
	end = cursor + text.len;
	buf_printf(out, "# Written by preroot; changes here are lost.\ntitle %s\n",
		   loader_title(l, from, w));
	while (keyline_next(&cursor, end, &line)) {
		if (bls_line_is(&line, "title"))
			continue;
		if (bls_line_is(&line, "initrd")) {
			n += write_initrds(l, from, w, &line, out);
			continue;
		}
		buf_printf(out, "%.*s %.*s", (int)line.key_len, line.key, (int)line.value_len,
			   line.value);
		/* Not every loader reads a second line of options. */
		if (trial && bls_line_is(&line, "options")) {
			buf_printf(out, " %s", trial);
			trial = NULL;
		}
		buf_add_str(out, "\n");
	}
	if (trial)
		buf_printf(out, "options %s\n", trial);
	return n > 0;
}

/* The wanted entry that E, one of ours, is for; NULL if it is no longer wanted. */
static const struct loader_wanted *wanted_of(const struct loader *l, const struct bootmenu_entry *e)
{
	for (size_t i = 0; i < l->n_wanted; i++)
		if (bootmenu_names(e, l->wanted[i].path) && str_starts(e->id, BOOTMENU_BLS_LAST) &&
		    str_starts(e->id + strlen(BOOTMENU_BLS_LAST), l->wanted[i].id))
			return &l->wanted[i];
	return NULL;
}

/* Does another system's entry, for a kernel with the same name, have this ID? */
static bool is_taken(const struct loader *l, const char *id)
{
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];

		if (e->loader == BOOTMENU_BLS && !e->is_ours && strcmp(e->id, id) == 0)
			return true;
	}
	return false;
}

/* The file with the entry for W, whatever its boot counter; else the name for a new one. */
static const char *file_for(const struct loader *l, const struct bootmenu_entry *from,
			    const struct loader_wanted *w)
{
	const char *id = arena_printf(l->arena, BOOTMENU_BLS_LAST "%s", w->id);

	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];

		if (e->loader == BOOTMENU_BLS && e->is_ours && wanted_of(l, e) == w)
			return e->file;
	}
	if (is_taken(l, id) && from->machine)
		id = arena_printf(l->arena, "%s-%s", id, from->machine);
	/* GRUB does not know boot counters, and takes them as part of the name. */
	return arena_printf(l->arena, "%s/%s%s.conf", from->top->folder, id,
			    w->is_trial && !l->menu.grub_reads_bls ? "+1" : "");
}

static int remove_others(struct loader *l, const bool *is_made, struct err *err)
{
	for (size_t i = 0; i < l->menu.n; i++) {
		const struct bootmenu_entry *e = &l->menu.entries[i];
		const struct loader_wanted *w;
		int r;

		if (e->loader != BOOTMENU_BLS || !e->is_ours)
			continue;
		w = wanted_of(l, e);
		r = w && is_made[w - l->wanted] ? 0 : loader_remove(l, e->file, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int loader_bls_update(struct loader *l, struct err *err)
{
	bool *is_made = arena_alloc(l->arena, (l->n_wanted + 1) * sizeof(*is_made));

	if (!l->menu.has[BOOTMENU_BLS])
		return 0;
	for (size_t i = 0; i < l->n_wanted; i++) {
		const struct loader_wanted *w = &l->wanted[i];
		const struct bootmenu_entry *from = loader_template(l, BOOTMENU_BLS, w);
		_cleanup_buf_ struct buf text = BUF_INIT;
		int e;

		if (!from || !write_entry(l, from, w, &text))
			continue;
		e = loader_write(l, file_for(l, from, w), from->file, &text, err);
		if (e < 0)
			return e;
		is_made[i] = true;
	}
	return remove_others(l, is_made, err);
}
