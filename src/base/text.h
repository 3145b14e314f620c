/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Small questions about strings. Pure, allocation-free.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool str_ends(const char *s, const char *suffix)
{
	size_t ls = strlen(s), lx = strlen(suffix);

	return ls >= lx && memcmp(s + ls - lx, suffix, lx) == 0;
}

/* The last part of a path: all of it when there is no slash. */
static inline const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Decimal number of the whole string, at most MAX. False, *OUT untouched, for anything else. */
bool parse_u64(const char *s, uint64_t max, uint64_t *out);

/* Value of a hexadecimal digit, -1 for any other character. */
int hex_digit(char c);

/* Whether S is a relative path with no component that is "", "." or "..", and no control bytes. */
bool path_is_clean(const char *path);

/* Whether PATTERN matches all of S, as fnmatch() does without flags in the C locale: *, ?, [a-z],
 * [!a-z], and a backslash that escapes the next character. There are no [:classes:], and
 * a bracket that is never closed is an ordinary character. Takes at most the product of both
 * lengths. glibc's own function would add 12 KB to each image. */
bool text_matches(const char *pattern, const char *s);

/* Compares version strings as people read them: runs of digits by value, the rest by byte. */
int version_compare(const char *a, const char *b);

/* Copies SRC to DST as UTF-8 that is safe on a terminal: control characters, bytes that are not
 * UTF-8 and the backslash become \xNN. Always terminated; cut off at SIZE. */
void escape_text(const char *src, char *dst, size_t size);

/* The same, but the backslash stays: for text with commands, whose words quote_word() has quoted. */
void escape_command(const char *src, char *dst, size_t size);

/* Is S UTF-8 without control characters? */
bool text_is_shown(const char *s);

/* "s", or "" after a number of one. */
const char *text_plural(long long n);

/* Replaces \NNN, three octal digits, as fstab and the kernel's lists of mounts have blanks in a
 * field. As in libmount, only the lowest eight bits count, and a NUL ends S. */
void unescape_octal(char *s);

/* The one of KNOWN (ending with NULL) that WORD was most likely meant to be. NULL: none is close
 * enough. */
const char *nearest_word(const char *word, const char *const *known);
