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
