/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Settings of the commands that change images: previous images to keep, messages, logs, and the
 * content of images. The command line overrides dracut's configuration, which overrides defaults.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "deploy/runlog.h"
#include "host/config/config.h"

#define CONF_OPTIONS                                                                            \
	{"conf", 'c', "FILE", "read FILE instead of /etc/dracut.conf", OPT_CONF, true},         \
	{"confdir", 0, "DIR", "read DIR instead of /etc/dracut.conf.d", OPT_CONFDIR, true},  \
	{"add-confdir", 0, "DIR", "read DIR, too", OPT_ADD_CONFDIR, true},                      \
	{"set", 0, "KEY=VALUE", "a setting, after all files; KEY+=VALUE adds", OPT_SET, true},    \
	{"initramfs-tools", 0, "DIR", "read the settings of initramfs-tools in DIR; none: do not", \
	 OPT_INITRAMFS_TOOLS, true}
#define TELLING_OPTIONS                                                                         \
	CONF_OPTIONS,                                                                           \
	{"stdlog", 'L', "LEVEL", "which messages to print: 0 (none) to 6 (4)",                  \
	 OPT_STDLOG, false},                                                                    \
	{"verbose", 'v', NULL, "print more; twice: still more", OPT_VERBOSE, false},            \
	{"quiet", 'q', NULL, "print less; twice: no warnings", OPT_QUIET, false}
#define SETTINGS_OPTIONS                                                                        \
	TELLING_OPTIONS,                                                                        \
	{"logfile", 0, "FILE", "log to FILE instead of /var/log/preroot.log",                   \
	 OPT_LOGFILE, false}

struct settings {
	struct cli_request *q; /* of the images that are made; NULL: none are */
	bool is_lenient; /* a wrong configuration is only a warning, and the defaults apply */

	/* From the command line. */
	struct config_places places;
	struct conf_assignment *given; /* by --set */
	struct arena arena;
	bool has_keep, has_standard;
	int louder;
	const char *logfile_given;

	/* What holds, after settings_read(). */
	struct config config;
	bool is_wrong;		    /* that is why it failed: exit status 2 */
	uint64_t keep;		    /* previous images, at most KEEP_MAX */
	enum runlog_level standard; /* printed to standard error */
	enum runlog_level file, system;
	const char *logfile; /* below the root */
};

void settings_clear(struct settings *s);

/* To be called with every option. 1: it was one of the above, or --keep; 0: it is the caller's;
 * -EINVAL. */
int settings_apply(struct settings *s, const struct option_spec *spec, char **args,
		   struct err *err);

/* Reads the configuration below ROOT, where $kernel is KERNEL. From now on, messages are printed at
 * the level that it sets. S borrows from ARENA. */
int settings_read(struct settings *s, const struct root *root, const char *kernel,
		  struct arena *arena, struct err *err);

/* Does an error with that code mean that the configuration is wrong? */
bool settings_is_wrong(int code);

/* Sets the levels of LOG, which was just opened. */
void settings_use_log(const struct settings *s, struct runlog *log);

/* Warns of unknown keys and, where images are made, of what would change them and does not. */
void settings_report(const struct settings *s);
