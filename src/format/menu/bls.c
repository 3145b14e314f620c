/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/menu/bls.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ENDING ".conf"

bool bls_line_is(const struct keyline *line, const char *key)
{
	return line->key_len == strlen(key) && memcmp(line->key, key, line->key_len) == 0;
}

/* Adds the words of an initrd line; GRUB's variables are not paths. */
static size_t add_initrds(struct arena *arena, const struct keyline *line, const char ***list,
			  size_t n)
{
	const char *p = line->value, *end = p + line->value_len;

	while (p < end) {
		const char *begin = p;

		while (p < end && !keyline_is_blank(*p))
			p++;
		if (p > begin && *begin != '$') {
			*list = arena_grow(arena, *list, n, sizeof(**list));
			(*list)[n++] = arena_strndup(arena, begin, (size_t)(p - begin));
		}
		while (p < end && keyline_is_blank(*p))
			p++;
	}
	return n;
}

int bls_decode(const char *text, size_t len, struct arena *arena, struct bls_entry *out,
	       struct err *err)
{
	_cleanup_buf_ struct buf options = BUF_INIT;
	struct bls_entry e = {0};
	const struct {
		const char *key, **to;
	} keys[] = {
		{"title", &e.title},  {"version", &e.version},	 {"machine-id", &e.machine_id},
		{"linux", &e.kernel}, {"sort-key", &e.sort_key}, {"architecture", &e.architecture},
		{"efi", &e.efi},      {"uki", &e.uki},		 {"devicetree", &e.devicetree},
	};
	const char *cursor = text, *end = text + len;
	struct keyline line;
	size_t n = 0;

	if (len > BLS_SIZE_MAX)
		return err_set(err, -E2BIG, "an entry of more than %d bytes", BLS_SIZE_MAX);
	if (memchr(text, '\0', len))
		return err_set(err, -EBADMSG, "an entry with a byte 0, which is no text");
	while (keyline_next(&cursor, end, &line)) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (line.value_len && bls_line_is(&line, keys[i].key))
				*keys[i].to = arena_strndup(arena, line.value, line.value_len);
		if (bls_line_is(&line, "initrd"))
			n = add_initrds(arena, &line, &e.initrds, n);
		if (line.value_len && bls_line_is(&line, "options"))
			buf_printf(&options, "%s%.*s", options.len ? " " : "", (int)line.value_len,
				   line.value);
	}
	if (!e.kernel && !e.efi && !e.uki)
		return err_set(err, -EBADMSG,
			       "an entry that names nothing to boot: it has no line "
			       "\"linux\", \"efi\" or \"uki\"");
	if (buf_status(&options) < 0)
		return err_set(err, -ENOMEM, "no memory left");
	e.options = arena_strdup(arena, buf_cstr(&options));
	e.initrds = arena_grow(arena, e.initrds, n, sizeof(*e.initrds));
	e.initrds[n] = NULL;
	*out = e;
	return 0;
}

/* Removes "+LEFT" or "+LEFT-DONE" from the ID. */
static void take_counter(struct bls_name *name)
{
	char *plus = strrchr(name->id, '+'), *dash = plus ? strchr(plus, '-') : NULL;
	uint64_t left, done = 0;

	if (!plus || plus == name->id)
		return;
	if (dash) {
		if (!parse_u64(dash + 1, UINT64_MAX, &done))
			return;
		*dash = '\0';
	}
	if (parse_u64(plus + 1, UINT64_MAX, &left)) {
		name->counts = true;
		name->left = left;
		name->done = done;
		*plus = '\0';
	} else if (dash) {
		*dash = '-';
	}
}

bool bls_name_decode(const char *file, struct bls_name *out)
{
	struct bls_name name = {.counts = false};
	size_t len = strlen(file);

	if (len > NAME_MAX || len <= strlen(ENDING) || !str_ends(file, ENDING) || *file == '.' ||
	    strchr(file, '/'))
		return false;
	len -= strlen(ENDING);
	memcpy(name.id, file, len);
	name.id[len] = '\0';
	take_counter(&name);
	*out = name;
	return true;
}
