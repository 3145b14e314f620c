/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What may be typed next on a command line, for the completion of shells. It follows from the tables
 * of options and from what there is on the machine; the files in completion/ only pass it on.
 *
 * Output: one candidate a line, as the whole word that it completes, with a tab and a description
 * behind it if there is one; or ":files" or ":dirs", since shells know best how to complete these.
 */

#include "cli/options.h"

/*
 * WORDS: by which name the program is called, the words behind that, and as the last one what was
 * typed of the next, which may be empty. An exit status: EXIT_FAILED if an
 * argument has no row in the table of values.
 */
int complete_main(const struct command *const *commands, size_t n_commands, int n, char **words);
