/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/menu/extlinux.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

bool extlinux_line_is(const struct keyline *line, const char *key, const char **rest,
		      size_t *rest_len)
{
	const char *second = strchr(key, ' '), *p = line->value, *end = p + line->value_len;
	size_t len = second ? (size_t)(second - key) : strlen(key);

	if (line->key_len != len || strncasecmp(line->key, key, len) != 0)
		return false;
	if (second) {
		len = strlen(++second);
		if (line->value_len < len || strncasecmp(p, second, len) != 0 ||
		    (line->value_len > len && !keyline_is_blank(p[len])))
			return false;
		for (p += len; p < end && keyline_is_blank(*p); p++)
			;
	}
	if (rest) {
		*rest = p;
		*rest_len = (size_t)(end - p);
	}
	return true;
}

/* ---- the labels ---- */

struct reader {
	struct arena *arena;
	struct extlinux out;
	size_t n_includes, n_initrds;
	const char *options;	      /* for labels without their own */
	struct extlinux_label *label; /* NULL: none yet */
	unsigned number;	      /* of the line */
	bool too_many;		      /* a label has too many initrds */
};

static void add_initrds(struct reader *r, const char *list, size_t len)
{
	struct extlinux_label *label = r->label;
	const char *end = list + len;

	while (list < end) {
		const char *stop = memchr(list, ',', (size_t)(end - list));

		if (!stop)
			stop = end;
		if (r->n_initrds == EXTLINUX_INITRDS_MAX) {
			r->too_many = true;
			return;
		}
		if (stop > list) {
			label->initrds = arena_grow(r->arena, label->initrds, r->n_initrds,
						    sizeof(*label->initrds));
			label->initrds[r->n_initrds++] =
				arena_strndup(r->arena, list, (size_t)(stop - list));
		}
		list = stop < end ? stop + 1 : end;
	}
}

/* Adds the list after "initrd=" in the options. */
static void add_from_options(struct reader *r, const char *options)
{
	static const char name[] = "initrd=";

	for (const char *p = options; !r->too_many && (p = strstr(p, name)); p += strlen(name))
		if (p == options || keyline_is_blank(p[-1]))
			add_initrds(r, p + strlen(name), strcspn(p + strlen(name), " \t\r"));
}

/* KERNEL also starts other things: modules of Syslinux, other loaders, boot sectors. */
static bool is_kernel(const char *path)
{
	static const char *const others[] = {".c32", ".cbt", ".com", ".0",
					     ".bin", ".bs",  ".bss", ".img"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (str_ends(path, others[i]))
			return false;
	return true;
}

static void end_label(struct reader *r, size_t at)
{
	struct extlinux_label *label = r->label;

	if (!label)
		return;
	label->end = at;
	if (!label->options)
		label->options = r->options;
	if (label->kernel)
		add_from_options(r, label->options);
	label->initrds =
		arena_grow(r->arena, label->initrds, r->n_initrds, sizeof(*label->initrds));
	label->initrds[r->n_initrds] = NULL;
	r->n_initrds = 0;
	r->label = NULL;
}

static int begin_label(struct reader *r, const struct keyline *line, size_t at,
		       struct err *err)
{
	if (!line->value_len)
		return err_set(err, -EBADMSG, "line %u: a LABEL without a name", r->number);
	if (r->out.n == EXTLINUX_LABELS_MAX)
		return err_set(err, -E2BIG, "more than %d labels", EXTLINUX_LABELS_MAX);
	r->out.labels = arena_grow(r->arena, r->out.labels, r->out.n, sizeof(*r->out.labels));
	r->label = &r->out.labels[r->out.n++];
	*r->label = (struct extlinux_label){
		.name = arena_strndup(r->arena, line->value, line->value_len),
		.begin = at,
		.line = r->number,
	};
	r->label->title = r->label->name;
	return 0;
}

static const char *title(struct arena *arena, const char *s, size_t len)
{
	char *out = arena_alloc(arena, len + 1), *p = out;

	for (size_t i = 0; i < len; i++)
		if (s[i] != '^')
			*p++ = s[i];
	return out;
}

/* Applies a line to the label that it belongs to. */
static void take_for_label(struct reader *r, const struct keyline *line)
{
	const char *value = arena_strndup(r->arena, line->value, line->value_len), *rest;
	size_t len;

	if (extlinux_line_is(line, "menu label", &rest, &len) && len)
		r->label->title = title(r->arena, rest, len);
	else if (extlinux_line_is(line, "linux", NULL, NULL) && *value)
		r->label->kernel = value;
	else if (extlinux_line_is(line, "kernel", NULL, NULL) && *value)
		r->label->kernel = is_kernel(value) ? value : NULL;
	else if (extlinux_line_is(line, "initrd", NULL, NULL))
		add_initrds(r, line->value, line->value_len);
	else if (extlinux_line_is(line, "append", NULL, NULL))
		r->label->options = strcmp(value, "-") == 0 ? "" : value;
	else if (extlinux_line_is(line, "fdt", NULL, NULL) && *value)
		r->label->fdt = value;
}

static void take_for_all(struct reader *r, const struct keyline *line)
{
	const char *value = arena_strndup(r->arena, line->value, line->value_len);

	if (extlinux_line_is(line, "default", NULL, NULL) && *value) {
		r->out.preferred = value;
	} else if (extlinux_line_is(line, "include", NULL, NULL) && *value) {
		r->out.includes = arena_grow(r->arena, r->out.includes, r->n_includes,
					     sizeof(*r->out.includes));
		r->out.includes[r->n_includes++] = value;
	} else if (extlinux_line_is(line, "append", NULL, NULL) && !r->label) {
		r->options = value;
	}
}

static int take(struct reader *r, const char *text, const struct keyline *line,
		struct err *err)
{
	size_t at = (size_t)(line->begin - text);

	if (extlinux_line_is(line, "label", NULL, NULL)) {
		end_label(r, at);
		return begin_label(r, line, at, err);
	}
	take_for_all(r, line);
	if (r->label)
		take_for_label(r, line);
	return 0;
}

static unsigned count_lines(const char *from, const char *to)
{
	unsigned n = 0;

	while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) {
		from++;
		n++;
	}
	return n;
}

int extlinux_decode(const char *text, size_t len, struct arena *arena, struct extlinux *out,
		    struct err *err)
{
	struct reader r = {.arena = arena, .options = "", .number = 1};
	const char *cursor = text, *end = text + len, *counted = text;
	struct keyline line;
	bool is_help = false;
	int e;

	if (len > EXTLINUX_SIZE_MAX)
		return err_set(err, -E2BIG, "more than %d bytes", EXTLINUX_SIZE_MAX);
	if (memchr(text, '\0', len))
		return err_set(err, -EBADMSG, "a byte 0, which is no text");
	while (keyline_next(&cursor, end, &line)) {
		r.number += count_lines(counted, line.begin);
		counted = line.begin;
		if (extlinux_line_is(&line, "text help", NULL, NULL))
			is_help = true;
		else if (extlinux_line_is(&line, "endtext", NULL, NULL))
			is_help = false;
		else if (!is_help && (e = take(&r, text, &line, err)) < 0)
			return e;
	}
	end_label(&r, len);
	if (r.too_many)
		return err_set(err, -E2BIG, "a label with more than %d initrds",
			       EXTLINUX_INITRDS_MAX);
	r.out.includes = arena_grow(arena, r.out.includes, r.n_includes, sizeof(*r.out.includes));
	r.out.includes[r.n_includes] = NULL;
	*out = r.out;
	return 0;
}
