/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parser of dracut's configuration language is made of, for conf.c alone: how the list of
 * assignments grows, and which form of a value would be read where a shell would run something.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "format/machine/conf.h"

/* Appends WORD to the words of A. WORD must live as long as ARENA. */
void conf_add_word(struct arena *arena, struct conf_assignment *a, const char *word);

/* Makes the words of A from its text. */
void conf_split(struct arena *arena, struct conf_assignment *a);

/* Appends a copy of A to C. */
void conf_append(struct conf *c, struct arena *arena, const struct conf_assignment *a);

/* Appends to OUT the value that begins at TEXT and lies before END, as it is written, but with a
 * placeholder for each command and each sum: x$(cmd)y becomes x"<what this prints: cmd>"y. Stops
 * where the value ends. False: OUT would not fit into a hint, or the value never ends. */
bool conf_rewrite(const char *text, const char *end, struct buf *out);
