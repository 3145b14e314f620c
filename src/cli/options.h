/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Command lines as tables: a verb lists its options, the parser and --help follow from that.
 * "--name value" and "--name=value"; "-x value"; "--" ends the options; positional arguments
 * may stand anywhere.
 */

#include "base/err.h"

enum { OPTION_ARGS_MAX = 2 };

struct option_spec {
	const char *name;  /* without the dashes */
	char letter;       /* 0: none */
	const char *args;  /* names of its arguments, blank between; NULL: a switch */
	const char *help;
	int id;
};

struct command {
	const char *name;
	const char *positional;  /* for the usage line */
	const char *summary;
	const struct option_spec *options; /* ends with a row without a name */
	int min, max;                      /* positional arguments; max -1: any number */
	int (*run)(const struct command *self, int argc, char **argv);
};

/*
 * Calls APPLY for each option, then moves the positional arguments to ARGV[0...]. Returns
 * their number; -EINVAL for wrong usage; -ECANCELED when help was asked for and printed.
 */
int options_parse(const struct command *c, int argc, char **argv,
		  int (*apply)(int id, char **args, void *arg, struct err *err), void *arg,
		  struct err *err);

void options_help(const struct command *c);
