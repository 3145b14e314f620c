/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Words of commands that a person is to type. Nothing here runs a shell.
 */

#include "base/arena.h"

/* WORD so that a shell reads it as one word: in quotes if it needs them. The result has no control
 * characters: escape_command() leaves it as it is. */
const char *quote_word(const char *word, struct arena *arena);
