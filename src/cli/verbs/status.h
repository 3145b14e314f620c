/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The parts of preroot status.
 */

#include <json-c/json.h>
#include <stdio.h>

#include "base/buf.h"
#include "deploy/inventory.h"

/* What a machine has, and the accounts of boots that failed: of this one, which went on after all,
 * and of an earlier one. */
struct status_report {
	const struct root *root;
	struct arena *arena;
	struct inventory inventory;
	struct buf now, earlier;
};

/* Does anything in it need attention? */
bool status_is_bad(const struct status_report *s);

void status_print_table(const struct status_report *s);
struct json_object *status_json(const struct status_report *s);

/* As the text format of Prometheus. */
void status_prometheus(const struct status_report *s, struct buf *out);
