/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values that arguments can have, by the names that --help gives these arguments. */

#include <stdbool.h>

#include "base/arena.h"

struct complete_candidate {
	const char *word, *help; /* HELP: NULL or a description */
};

struct complete {
	const char *root;	      /* of the command line; "/" without it */
	const char *kernel, *image;   /* of the command line; NULL */
	const char *before;	      /* what comes before a value in its word: "--name=", "a,b," */
	const char *typed;	      /* what was typed behind that */
	struct complete_candidate *list;
	size_t n;
	struct arena arena;
};

/* Adds WORD if it begins with what was typed, and if no shell could take it for more than a word. */
void complete_add(struct complete *c, const char *word, const char *help);

/* The values of the argument ARG of OF, an option without its dashes, or a command. False: there is no
 * row for it. */
bool complete_value(struct complete *c, const char *of, const char *arg);
