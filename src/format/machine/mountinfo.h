/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One line of /proc/PID/mountinfo:
 * ID PARENT MAJ:MIN ROOT TARGET OPTIONS [TAG...] - FSTYPE SOURCE SUPEROPTIONS
 * where blanks, tabs, newlines and backslashes are \ooo. Source: proc(5). Pure, in place.
 */

#include "base/err.h"

struct mountinfo {
	unsigned id;
	unsigned parent;
	unsigned major;
	unsigned minor;
	char *root;
	char *target;
	char *options;
	char *fstype;
	char *source;
	char *super_options;
};

/* LINE is cut up; the result points into it. -EBADMSG when a field is missing. */
int mountinfo_decode(char *line, struct mountinfo *out, struct err *err);
