/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * dracut's configuration language, without a shell. Its files are bash that is sourced; in practice
 * they hold assignments, and nothing else is accepted here:
 *
 *   key=value  key+=value  export key=value  key=(word word)  # comment
 *
 * Several may be on one line, separated by blanks or ";". A value is made of plain text, 'text',
 * "text", \x, $name and ${name}, as in bash; a value in quotes may span several lines. Names come
 * from the caller's table or were assigned before; nothing is run, and no other file and no
 * environment is read. Commands, $(...), `...`, unset, elements of arrays, unknown names, open quotes
 * and whatever bash would expand further (but for "?", which is taken as it is) are errors with file, line and column, and where it is clear
 * what was meant, with the form that is read.
 *
 * Lists are lists of words: "+=" adds words, so that a forgotten blank does not glue two words
 * together. Every value remembers its file and line. Pure; what is found lives in the caller's
 * arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/err_list.h"

enum {
	CONF_SIZE_MAX = 1024 * 1024,
	CONF_VALUE_MAX = 64 * 1024, /* of one value that refers to others */
};

/* What to do with carriage returns in the file %s, a path in quotes. */
#define CONF_RETURN_HINT "to convert the file: sed -i 's/\\r$//' %s"

struct conf_variable {
	const char *name, *value;
};

struct conf_assignment {
	const char *key;
	bool append;        /* += */
	bool is_array;
	bool is_used;       /* a later value refers to it as $key */
	const char *text;   /* the value; the elements of an array with blanks between */
	const char **words; /* its words; the elements of an array as they are */
	size_t n_words;
	const char *file;   /* as the caller named it; or the option, if LINE is 0 */
	const char *as;     /* what FILE calls KEY, if that is another name; NULL */
	unsigned line;      /* of the key, from 1 */
};

/* Assignments in the order in which they were read; several files may go into one. */
struct conf {
	struct conf_assignment *list;
	size_t n;
};

struct conf_source {
	const char *file; /* for messages and assignments; borrowed */
	const char *text;
	size_t len;
	const struct conf_variable *variables; /* ends with a row without a name; NULL: none */
	struct err_list *errors; /* to collect errors, and go on behind each; NULL: the first one ends it */
	const char *path; /* of the file, for a command in a hint; NULL: it is FILE */
};

/* Appends what SOURCE assigns to C; where errors are collected, a key whose value is wrong is empty.
 * -EBADMSG with "FILE:LINE:COLUMN: ..." for anything that is not
 * an assignment, -E2BIG over CONF_SIZE_MAX; C is unchanged on failure. */
int conf_parse(struct conf *c, struct arena *arena, const struct conf_source *source,
	       struct err *err);

/* Appends an assignment that was not parsed: A, but its words are found here. The text of an array is
 * its only element. */
void conf_add(struct conf *c, struct arena *arena, const struct conf_assignment *a);

/* Where A is, for messages: "FILE:LINE", or the option. */
const char *conf_place(const struct conf_assignment *a, struct arena *arena);

/* The last assignment to KEY, which decides the value of a KEY that is not a list. NULL: none. */
const struct conf_assignment *conf_find(const struct conf *c, const char *key);

/* Iterates over the assignments that make up KEY: its last "=", then each "+=" after it. AFTER: the
 * previous one; NULL: start. Returns NULL after the last one. */
const struct conf_assignment *conf_next(const struct conf *c, const char *key,
					const struct conf_assignment *after);

struct conf_word {
	const char *text;
	const struct conf_assignment *from;
};

/* The words of the list KEY, from all its assignments. Their number. */
size_t conf_words(const struct conf *c, const char *key, struct arena *arena,
		  struct conf_word **out);

/* Is the value "yes", but for blanks around it? To dracut, all else is no. */
bool conf_is_yes(const struct conf_assignment *a);

/* Parses "yes" or "no". 0: *OUT is set. -EINVAL: the message has file and line. */
int conf_switch(const struct conf_assignment *a, bool *out, struct err *err);
