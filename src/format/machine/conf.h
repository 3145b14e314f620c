/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * dracut's configuration language, without a shell. Its files are bash that is sourced; what
 * they hold in practice is assignments, and nothing else is taken here:
 *
 *   key=value  key+=value  export key=value  key=(word word)  # comment
 *
 * A value is put together of plain text, 'text', "text", \x, $name and ${name}, as in bash; a
 * value in quotes may go over several lines. Names come from a table of the caller; nothing is
 * run, and no file or environment is looked at. Commands, $(...), `...`, unknown names, open quotes
 * and whatever bash would expand further are errors with file, line and column.
 *
 * Lists are lists of words: "+=" adds words, so that a blank forgotten there glues nothing.
 * Every value remembers its file and line. Pure; what is found lives in the caller's arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum { CONF_SIZE_MAX = 1024 * 1024 };

struct conf_variable {
	const char *name, *value;
};

struct conf_assignment {
	const char *key;
	bool append;        /* += */
	const char *text;   /* the value; the elements of an array with blanks between */
	const char **words; /* its words; the elements of an array as they are */
	size_t n_words;
	const char *file;   /* as the caller named it */
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
};

/* Appends what SOURCE assigns to C. -EBADMSG with "FILE:LINE:COLUMN: ..." for anything that is no
 * assignment, -E2BIG over CONF_SIZE_MAX; C is untouched then. */
int conf_parse(struct conf *c, struct arena *arena, const struct conf_source *source,
	       struct err *err);

/* The last assignment to KEY: the one that decides a value that is no list. NULL: none. */
const struct conf_assignment *conf_find(const struct conf *c, const char *key);

/* The assignments that make up KEY: its last "=", then each "+=" behind it. AFTER: the one that was
 * given before; NULL: begin. NULL: no more. */
const struct conf_assignment *conf_next(const struct conf *c, const char *key,
					const struct conf_assignment *after);

struct conf_word {
	const char *text;
	const struct conf_assignment *from;
};

/* The words of the list KEY, from all its assignments. Their number. */
size_t conf_words(const struct conf *c, const char *key, struct arena *arena,
		  struct conf_word **out);

/* "yes" or "no": 0, *OUT is set. -EINVAL names file and line. */
int conf_switch(const struct conf_assignment *a, bool *out, struct err *err);
