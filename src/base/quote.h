/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Words of commands that a person is to type. Nothing here runs a shell.
 */

#include "base/arena.h"

/* WORD as a shell takes it for one word: in quotes where it needs some. */
const char *quote_word(const char *word, struct arena *arena);
