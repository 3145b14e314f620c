/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines of a keyword, blanks and its argument, as in the menus of boot loaders; "#" begins a
 * comment. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

/* The parts point into the text; no NUL ends them. */
struct keyline {
	const char *begin, *end; /* the whole line, including its newline */
	const char *key, *value;
	size_t key_len, value_len;
};

/* The next line before END that is neither empty nor a comment. *CURSOR is where to start, and
 * moves past that line. */
bool keyline_next(const char **cursor, const char *end, struct keyline *out);

/* Blanks within a line. */
bool keyline_is_blank(char c);
