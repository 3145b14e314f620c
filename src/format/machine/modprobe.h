/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines "KEYWORD NAME REST" of modprobe.d, and of depmod's modules.softdep and modules.weakdep,
 * split as libkmod splits them: any number of blanks and tabs between the words; a backslash at the
 * end of a line continues it, any other is dropped, the last character of a file included (libkmod 30
 * keeps that one); "#" as the first character is a comment.
 * Source: modprobe.d(5), libkmod. libkmod could return such lines itself, but it does not report
 * files that it cannot read, knows "weakdep" only since release 33, and some releases lose the
 * "pre:" of a softdep after two blanks. Pure, in place.
 */

#include <stdbool.h>

struct modprobe_line {
	const char *keyword;
	const char *name; /* a pattern of module names, "-" as "_" outside of brackets */
	const char *rest; /* not empty */
};

/* The next complete line; others are skipped. TEXT is cut up and moves on; NULL at the end. False:
 * there are no more lines. */
bool modprobe_next(char **text, struct modprobe_line *out);
