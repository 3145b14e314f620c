/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text files of two package databases.
 *
 * dpkg: status is stanzas separated by empty lines, made of lines "Field: value" and of lines that
 * start with a blank and continue a field (deb-control(5)); diversions is three lines per
 * diversion: the path, where it is diverted to, and the package that diverts, ":" for the
 * administrator (dpkg-divert(1)). pacman: desc and files are sections, a line "%NAME%" and the
 * lines after it up to an empty one.
 *
 * Pure, in place, no copies. The bytes are hostile.
 */

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *s; /* NULL: none */
	size_t len;
};

/* The next line of TEXT after *AT (start with 0), without its newline; false at the end. */
bool span_line(struct span text, size_t *at, struct span *out);
bool span_is(struct span a, const char *b);

/* Whether A can be the name, version or architecture of a package: letters, digits and . + - _ ~ :
 * ^ */
bool span_is_word(struct span a);

struct dpkg_stanza {
	struct span name, version, arch;
};

/* The next stanza after *AT; false at the end. Fields that it lacks are empty. */
bool dpkg_status_next(struct span text, size_t *at, struct dpkg_stanza *out);

struct dpkg_diversion {
	struct span from, to, package;
};

/* 1; 0 at the end; -EBADMSG when the last one is cut short or a path does not start with "/". */
int dpkg_diversion_next(struct span text, size_t *at, struct dpkg_diversion *out);

/* Where the lines of a section ("FILES") start; SIZE_MAX when there is none. Read them with
 * span_line() up to an empty one. */
size_t pacman_section(struct span text, const char *name);

/* The first line of a section; empty when there is none. */
struct span pacman_value(struct span text, const char *name);
