/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines of a keyword, blanks and what belongs to it, as the menus of boot loaders have them; "#"
 * begins a comment. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

/* What is found points into the text and ends with no NUL. */
struct keyline {
	const char *begin, *end; /* the whole, with what stands before the keyword, and its newline */
	const char *key, *value;
	size_t key_len, value_len;
};

/* The next line before END that is neither empty nor a comment, from *CURSOR on, which moves behind
 * it. */
bool keyline_next(const char **cursor, const char *end, struct keyline *out);

/* Blanks within a line. */
bool keyline_is_blank(char c);
