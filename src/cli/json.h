/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Results for machines. */

#include <json-c/json.h>
#include <stddef.h>

#include "base/err.h"

struct option_spec;

/* Prints OBJECT and gives it back to json-c. */
void cli_print_json(struct json_object *object);

/* A string as JSON can hold it: what is no UTF-8 or a control character is \xNN. */
struct json_object *cli_json_text(const char *text);

/* The same for a command: backslashes stay. */
struct json_object *cli_json_command(const char *text);

struct json_object *cli_json_texts(const char *const *texts, size_t n);

/* {"code": "ENOSPC", "message": ..., "hint": ... or null} */
struct json_object *cli_json_err(const struct err *err);

/* --json was given, so failures are reported as JSON as well. */
void cli_want_json(void);

/* JSON is being printed in other ways than by cli_print_json(). */
void cli_begin_json(void);

/* {"error": ...}, where JSON is wanted and none was printed yet. */
void cli_fail_json(const struct err *err);

/* The result of a command that has changed nothing: {"changed": false, "error": ...} */
void cli_print_json_err(const struct err *err);

/* For options_parse() of a verb whose only option is --json. JSON: a bool. */
int cli_take_json(const struct option_spec *spec, char **args, void *json, struct err *err);
