/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel command line, split as lib/cmdline.c next_arg() splits it: words are separated by
 * blanks, double quotes protect blanks, there is no escape character; quotes around a whole word or
 * a whole value are removed. "--" ends the kernel's own parameters. Pure, in place.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes the next parameter from *CURSOR, a writable, NUL-terminated string that it cuts up.
 * *VALUE is NULL for a word without "=". False at the end. An unterminated quote reaches to
 * the end of the string.
 */
bool cmdline_next(char **cursor, char **param, char **value);

/* Whether the names are the same; "-" and "_" are alike, as for the kernel. */
bool cmdline_name_is(const char *param, const char *name);

/* True unless the value is "0", "no" or "off": dracut's rule for rd.* switches. */
bool cmdline_switch(const char *value);

/* What parameters ask of dm-verity. Zeroed: nothing yet. */
struct cmdline_verity {
	const char *hash; /* the name of the last parameter with a hash; NULL: none */
	bool is_off;	  /* systemd.verity= or rd.systemd.verity= is false */
};

/* Is PARAM one whose value is a hash for the root or /usr? */
bool cmdline_is_hash(const char *param);

/* Takes in PARAM=VALUE, whose name it keeps. A switch is a boolean of systemd; anything else is ignored. */
void cmdline_take_verity(struct cmdline_verity *v, const char *param, const char *value);

/* Takes in all parameters of LINE, which it cuts up, up to "--". */
void cmdline_scan_verity(struct cmdline_verity *v, char *line);

/* The parameter because of which nothing must be mounted unverified; NULL: none. */
const char *cmdline_hash(const struct cmdline_verity *v);
