/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/program/dlopen.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

enum { JSON_DEPTH_MAX = 8 };

/* The text of O; NULL when it is not a text, or holds control characters or NULs. */
static const char *text_of(struct json_object *o, struct arena *arena)
{
	const char *s = json_object_get_string(o);
	char shown[512];

	if (!json_object_is_type(o, json_type_string) ||
	    strlen(s) != (size_t)json_object_get_string_len(o))
		return NULL;
	escape_text(s, shown, sizeof(shown));
	return strcmp(s, shown) == 0 ? arena_strdup(arena, s) : NULL;
}

static int decode_names(struct json_object *o, struct arena *arena, struct dlopen_entry *e,
			struct err *err)
{
	struct json_object *list;
	size_t n;

	if (!json_object_object_get_ex(o, "soname", &list) ||
	    !json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return err_set(err, -EBADMSG, "note on libraries: \"soname\" is no list of names");
	n = json_object_array_length(list);
	if (n > DLOPEN_NAMES_MAX)
		return err_set(err, -E2BIG, "note on libraries: more than %d names for one feature",
			       DLOPEN_NAMES_MAX);
	e->sonames = arena_alloc(arena, (n + 1) * sizeof(*e->sonames));
	for (size_t i = 0; i < n; i++) {
		e->sonames[i] = text_of(json_object_array_get_idx(list, i), arena);
		if (!e->sonames[i] || !*e->sonames[i])
			return err_set(err, -EBADMSG, "note on libraries: name %zu is none", i + 1);
	}
	return 0;
}

static const char *optional_text(struct json_object *o, const char *key, struct arena *arena)
{
	struct json_object *value;
	const char *s = json_object_object_get_ex(o, key, &value) ? text_of(value, arena) : NULL;

	return s ? s : "";
}

static int decode_entry(struct json_object *o, struct arena *arena, struct dlopen_entry *e,
			struct err *err)
{
	const char *priority;

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, -EBADMSG, "note on libraries: an entry is no object");
	priority = optional_text(o, "priority", arena);
	e->priority = strcmp(priority, "required") == 0	   ? DLOPEN_REQUIRED
		      : strcmp(priority, "suggested") == 0 ? DLOPEN_SUGGESTED
							   : DLOPEN_RECOMMENDED;
	e->feature = optional_text(o, "feature", arena);
	e->description = optional_text(o, "description", arena);
	return decode_names(o, arena, e, err);
}

static int decode_list(struct json_object *list, struct arena *arena, struct dlopen_entry **out,
		       struct err *err)
{
	struct dlopen_entry *entries;
	size_t n;
	int r = 0;

	if (!json_object_is_type(list, json_type_array))
		return err_set(err, -EBADMSG, "note on libraries: it is no JSON list");
	n = json_object_array_length(list);
	if (n > DLOPEN_ENTRIES_MAX)
		return err_set(err, -E2BIG, "note on libraries: more than %d entries",
			       DLOPEN_ENTRIES_MAX);
	entries = arena_alloc(arena, (n + 1) * sizeof(*entries));
	for (size_t i = 0; i < n && r == 0; i++)
		r = decode_entry(json_object_array_get_idx(list, i), arena, &entries[i], err);
	if (r < 0)
		return r;
	*out = entries;
	return (int)n;
}

int dlopen_decode(const char *text, size_t len, struct arena *arena, struct dlopen_entry **out,
		  struct err *err)
{
	struct json_tokener *tokener;
	struct json_object *list = NULL;
	size_t end;
	int r;

	if (len > DLOPEN_TEXT_MAX)
		return err_set(err, -E2BIG, "note on libraries: more than %d bytes",
			       DLOPEN_TEXT_MAX);
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tokener)
		return err_set(err, -ENOMEM, "no memory left");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* A list ends with its bracket: no further bytes are needed to know that it is complete. */
	list = json_tokener_parse_ex(tokener, text, (int)len);
	end = json_tokener_get_parse_end(tokener);
	while (end < len && strchr(" \t\r\n", text[end]))
		end++;
	if (json_tokener_get_error(tokener) != json_tokener_success || end < len)
		r = err_set(err, -EBADMSG, "note on libraries: it is no valid JSON");
	else
		r = decode_list(list, arena, out, err);
	json_object_put(list);
	json_tokener_free(tokener);
	return r;
}
