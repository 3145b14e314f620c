/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * extlinux.conf: our labels are in a block at its end, between two comments. Each is a copy of the
 * machine's label for that kernel with another initrd and title. The rest of the file stays as it
 * is.
 */

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "deploy/loader/kit.h"
#include "format/menu/extlinux.h"

#define BEGIN_MARK "# preroot begin: made for each previous image and each trial\n"
#define END_MARK   "# preroot end\n"

/* Writes a list with commas, with the image replaced. Returns how many of its items were the
 * image. */
static size_t write_list(const struct loader *l, const struct bootmenu_entry *from,
			 const struct loader_wanted *w, const char *list, size_t len,
			 struct buf *out)
{
	char *rest = arena_strndup(l->arena, list, len), *path;
	const char *comma = "";
	size_t n = 0;

	while ((path = strsep(&rest, ","))) {
		const char *other = *path ? loader_rename(l, from, w, path) : NULL;

		buf_printf(out, "%s%s", comma, other ? other : path);
		comma = ",";
		n += other != NULL;
	}
	return n;
}

/* OPTIONS may name images as well, in initrd=. */
static size_t write_append(const struct loader *l, const struct bootmenu_entry *from,
			   const struct loader_wanted *w, const char *options, struct buf *out)
{
	char *rest = arena_strdup(l->arena, options), *word;
	size_t n = 0;

	buf_add_str(out, "\tappend");
	while ((word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		buf_add_str(out, " ");
		if (str_starts(word, "initrd=")) {
			buf_add_str(out, "initrd=");
			word += strlen("initrd=");
			n += write_list(l, from, w, word, strlen(word), out);
		} else {
			buf_add_str(out, word);
		}
	}
	buf_printf(out, "%s\n", w->is_trial ? " " LOADER_TRIAL_WORD : "");
	return n;
}

static bool is_replaced(const struct keyline *line)
{
	static const char *const keys[] = {"label", "menu label", "menu default", "append",
					   "default"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (extlinux_line_is(line, keys[i], NULL, NULL))
			return true;
	return false;
}

static bool write_label(const struct loader *l, const struct bootmenu_entry *from,
			const struct loader_wanted *w, const char *cursor, const char *end,
			struct buf *out)
{
	struct keyline line;
	size_t n = 0;

	buf_printf(out, "label %s\n\tmenu label %s\n", w->id, loader_title(l, from, w));
	while (keyline_next(&cursor, end, &line)) {
		if (extlinux_line_is(&line, "initrd", NULL, NULL)) {
			buf_add_str(out, "\tinitrd ");
			n += write_list(l, from, w, line.value, line.value_len, out);
			buf_add_str(out, "\n");
		} else if (!is_replaced(&line)) {
			buf_printf(out, "\t%.*s %.*s\n", (int)line.key_len, line.key,
				   (int)line.value_len, line.value);
		}
	}
	n += write_append(l, from, w, from->options, out);
	return n > 0;
}

/* 1: written; 0: there is no label to copy. */
static int write_wanted(const struct loader *l, const struct loader_wanted *w, struct buf *out)
{
	const struct bootmenu_entry *from = loader_template(l, BOOTMENU_EXTLINUX, w);
	_cleanup_buf_ struct buf text = BUF_INIT, label = BUF_INIT;
	struct extlinux menu;

	if (!from || root_read(l->q->root, from->file, EXTLINUX_SIZE_MAX, &text) < 0 ||
	    extlinux_decode(buf_cstr(&text), text.len, l->arena, &menu, NULL) < 0)
		return 0;
	for (size_t i = 0; i < menu.n; i++) {
		const struct extlinux_label *e = &menu.labels[i];
		const char *begin = buf_cstr(&text) + e->begin;

		if (e->line != from->line ||
		    !write_label(l, from, w, begin, buf_cstr(&text) + e->end, &label))
			continue;
		buf_add(out, label.data, label.len);
		return 1;
	}
	return 0;
}

/* The end of our block that starts at BEGIN: after its end mark, or, if somebody has removed that,
 * before the first label that is not ours. */
static const char *block_end(const struct loader *l, const char *text, const char *begin)
{
	const char *mark = strstr(begin, END_MARK), *end = begin + strlen(begin);
	struct extlinux menu;

	if (mark)
		end = mark + strlen(END_MARK);
	if (extlinux_decode(text, strlen(text), l->arena, &menu, NULL) < 0)
		return end;
	for (size_t i = 0; i < menu.n; i++) {
		const char *label = text + menu.labels[i].begin;

		if (label > begin && label < end && !bootmenu_is_own_id(menu.labels[i].name))
			end = label;
	}
	return end;
}

/* Writes the file without our block. */
static void write_rest(const struct loader *l, const char *text, struct buf *out)
{
	const char *begin = strstr(text, BEGIN_MARK);

	buf_add(out, text, begin ? (size_t)(begin - text) : strlen(text));
	if (begin)
		buf_add_str(out, block_end(l, text, begin));
}

int loader_extlinux_update(struct loader *l, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT, all = BUF_INIT, block = BUF_INIT;
	const char *file = l->menu.file[BOOTMENU_EXTLINUX];
	size_t n = 0;
	int e;

	if (!l->menu.has[BOOTMENU_EXTLINUX])
		return 0;
	e = root_read(l->q->root, file, EXTLINUX_SIZE_MAX, &text);
	if (e < 0)
		return err_sys(err, e, "%s/%s", root_prefix(l->q->root), file);
	for (size_t i = 0; i < l->n_wanted; i++)
		n += (size_t)write_wanted(l, &l->wanted[i], &block);
	if (n == 0 && !strstr(buf_cstr(&text), BEGIN_MARK))
		return 0;
	write_rest(l, buf_cstr(&text), &all);
	if (n) {
		if (all.len && all.data[all.len - 1] != '\n')
			buf_add_str(&all, "\n");
		buf_printf(&all, BEGIN_MARK "%s" END_MARK, buf_cstr(&block));
	}
	e = loader_write(l, file, file, &all, err);
	return e < 0 ? e : 0;
}
