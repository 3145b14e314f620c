/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The first line of a script, as the kernel reads it (fs/binfmt_script.c): "#!", blanks, the
 * interpreter up to a blank, and all the rest, without the blanks around it, as one argument. The
 * kernel sees the first 256 bytes only. The argument of "env" is understood, too: with -S it is
 * split at blanks (GNU coreutils, "env invocation"). Pure; the bytes are hostile.
 */

#include <stddef.h>

#include "base/err.h"

enum { SHEBANG_MAX = 256 }; /* BINPRM_BUF_SIZE */

struct shebang {
	char interpreter[SHEBANG_MAX]; /* "" when the line names none */
	char program[SHEBANG_MAX];     /* what env is to start; "" when it is not env */
};

/*
 * 1 decoded; 0 not a script, OUT untouched. -EBADMSG for a line that no kernel would run as
 * intended: an interpreter that the kernel would cut off, a line that ends in CR LF, an argument of
 * env with blanks but without -S, control characters.
 */
int shebang_decode(const void *data, size_t len, struct shebang *out, struct err *err);
