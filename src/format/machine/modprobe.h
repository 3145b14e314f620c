/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines "KEYWORD NAME REST" of modprobe.d, and of depmod's modules.softdep and modules.weakdep,
 * split as libkmod splits them: blanks and tabs between the words, however many; a backslash at the
 * end of a line continues it, another one is dropped; "#" as the first character is a comment.
 * Source: modprobe.d(5), libkmod. libkmod hands out such lines itself, but is silent about files
 * that it cannot read, knows "weakdep" only since release 33, and some releases lose "pre:" of a
 * softdep behind two blanks. Pure, in place.
 */

#include <stdbool.h>

struct modprobe_line {
	const char *keyword;
	const char *name; /* a pattern of module names, "-" as "_" outside of brackets */
	const char *rest; /* not empty */
};

/* The next whole line; others are skipped. TEXT is cut up and moves on; NULL at the end. False: there
 * are no more. */
bool modprobe_next(char **text, struct modprobe_line *out);
