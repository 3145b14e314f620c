/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Prints what a run with --profile has spent its time on. Without --profile, neither does anything. */

#include <json-c/json.h>

/* Adds the member "profile" to OBJECT. */
void profile_add_json(struct json_object *object);

/* A table on standard error, unless it was already printed as JSON. */
void profile_print(void);
