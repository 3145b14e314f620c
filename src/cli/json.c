/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/messages.h"
#include "cli/options.h"
#include "cli/report/profile_table.h"

/* Global, like the streams. */
static bool is_wanted, is_begun;

void cli_want_json(void)
{
	is_wanted = true;
}

void cli_begin_json(void)
{
	is_begun = true;
}

void cli_print_json(struct json_object *object)
{
	is_begun = true;
	profile_add_json(object);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static struct json_object *escaped(const char *text, void (*escape)(const char *, char *, size_t))
{
	size_t size = 4 * strlen(text) + 8; /* every byte as \xNN */
	_cleanup_free_ char *shown = xrealloc(NULL, size, 1);

	escape(text, shown, size);
	return json_object_new_string(shown);
}

struct json_object *cli_json_text(const char *text)
{
	return escaped(text, escape_text);
}

struct json_object *cli_json_command(const char *text)
{
	return escaped(text, escape_command);
}

struct json_object *cli_json_texts(const char *const *texts, size_t n)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, cli_json_text(texts[i]));
	return list;
}

struct json_object *cli_json_err(const struct err *err)
{
	const char *name = strerrorname_np(-err->code), *hint = cli_hint(err);
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "code", cli_json_text(name ? name : "EIO"));
	json_object_object_add(o, "message", cli_json_text(err->text));
	json_object_object_add(o, "hint", hint ? cli_json_command(hint) : NULL);
	return o;
}

void cli_fail_json(const struct err *err)
{
	struct json_object *o;

	if (!is_wanted || is_begun)
		return;
	o = json_object_new_object();
	json_object_object_add(o, "error", cli_json_err(err));
	cli_print_json(o);
}

void cli_print_json_err(const struct err *err)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "changed", json_object_new_boolean(false));
	json_object_object_add(o, "error", cli_json_err(err));
	cli_print_json(o);
}

int cli_take_json(const struct option_spec *spec, char **args, void *json, struct err *err)
{
	(void)spec;
	(void)args;
	(void)err;
	*(bool *)json = true;
	return 0;
}
