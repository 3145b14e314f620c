/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Command lines as tables: a verb lists its options, the parser and --help follow from that.
 * "--name value" and "--name=value"; "-x value"; "--" ends the options; positional arguments
 * may stand anywhere.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

enum { OPTION_ARGS_MAX = 2 };

struct option_spec {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	const char *args; /* names of its arguments, blank between; NULL: a switch */
	const char *help;
	int id;
	bool weighs; /* what an image holds depends on it */
};

struct command {
	const char *name;
	const char *positional; /* for the usage line */
	const char *summary;
	const struct option_spec *options; /* ends with a row without a name */
	int min, max;			   /* positional arguments; max -1: any number */
	int (*run)(const struct command *self, int argc, char **argv);
};

/* Takes one option; OPTIONS are the verb's own. 0 or -EINVAL. */
typedef int options_apply(const struct option_spec *spec, char **args, void *options,
			  struct err *err);

/*
 * Calls APPLY for each option, then moves the positional arguments to ARGV[0...]. Returns
 * their number; -EINVAL for wrong usage; -ECANCELED if help was requested and printed.
 */
int options_parse(const struct command *c, int argc, char **argv, options_apply *apply,
		  void *options, struct err *err);

/* Notes an option that weighs, with its arguments, in KEY: by its name, so that the key of a
 * request stays the same when options are added, or change their places in a table. */
void options_weigh(struct buf *key, const struct option_spec *spec, char **args);

void options_help(const struct command *c);

/* A row of help: LEFT, and from column WIDTH on TEXT, wrapped at 80 columns. */
void options_print_row(FILE *to, const char *left, int width, const char *text);

/* How many words the option WORD and its arguments are in a command line of C; 0: C has no such. */
int options_words(const struct command *c, const char *word);

/* The value of --OPTION, from 0 to MAX: 0 or -EINVAL. */
int cli_take_number(const char *option, const char *text, uint64_t max, uint64_t *out,
		    struct err *err);

/* The value of --mode: 0 or -EINVAL. */
int cli_take_mode(const char *text, uint64_t *out, struct err *err);

/* What the rows of all commands are known by; the order means nothing. */
enum option_id {
	OPT_ROOT,
	OPT_HOSTONLY,
	OPT_GENERIC,
	OPT_GENERIC_ELSEWHERE,
	OPT_HOSTONLY_MODE,
	OPT_HARDWARE,
	OPT_INCLUDE,
	OPT_DRIVERS,
	OPT_FORCE_DRIVERS,
	OPT_INSTALL,
	OPT_INSTALL_OPTIONAL,
	OPT_REMOVE,
	OPT_DLOPEN_ADD,
	OPT_DLOPEN_OMIT,
	OPT_COMPRESS,
	OPT_COMPRESS_STORE,
	OPT_MICROCODE,
	OPT_NO_MICROCODE,
	OPT_ACPI,
	OPT_ADD,
	OPT_FORCE_ADD,
	OPT_OMIT,
	OPT_MODULES,
	OPT_OMIT_DRIVERS,
	OPT_ONLY_DRIVERS,
	OPT_FILESYSTEMS,
	OPT_HOSTONLY_CMDLINE,
	OPT_NO_HOSTONLY_CMDLINE,
	OPT_RESCUE_SHELL,
	OPT_CMDLINE,
	OPT_JSON,
	OPT_ALL,
	OPT_CHECK,
	OPT_PRINT_CMDLINE,
	OPT_FORCE,
	OPT_TRY_NEXT,
	OPT_NO_LOADER,
	OPT_KEEP,
	OPT_LOCK_TIMEOUT,
	OPT_MODE,
	OPT_FORGET,
	OPT_PROMETHEUS,
	OPT_KERNEL,
	OPT_DRY_RUN,
	OPT_YES,
	OPT_OWN,
	OPT_SPDX,
	OPT_CYCLONEDX,
	OPT_SVG,
	OPT_IF_CHANGED,
	OPT_CACHE_DIR,
	OPT_CACHE_SIZE,
	OPT_NO_CACHE,
	OPT_CONF,
	OPT_CONFDIR,
	OPT_LIST_MODULES,
	OPT_ADD_CONFDIR,
	OPT_SET,
	OPT_INITRAMFS_TOOLS,
	OPT_STDLOG,
	OPT_VERBOSE,
	OPT_QUIET,
	OPT_LOGFILE,
	OPT_PROFILE,
};

/* Rows that several commands have. */
#define JSON_OPTION                                                                             \
	{"json", 0, NULL, "print the result as JSON", OPT_JSON, false}
#define PROFILE_OPTION                                                                          \
	{"profile", 0, NULL, "print what the time was spent on", OPT_PROFILE, false}
#define NO_LOADER_OPTION                                                                        \
	{"no-boot-loader", 0, NULL, "leave the boot loader's menu as it is",                    \
	 OPT_NO_LOADER, false}
#define LOCK_OPTION                                                                             \
	{"lock-timeout", 0, "SECONDS", "how long to wait for another run (120)",                \
	 OPT_LOCK_TIMEOUT, false}
#define RECORDS_OPTION                                                                          \
	{"cache-dir", 0, "DIR", "where the records of builds are", OPT_CACHE_DIR, false}
