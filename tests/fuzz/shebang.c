/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The first line of a script.
 */

#include <string.h>

#include "format/program/shebang.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shebang s;
	struct err err = {0};
	int r = shebang_decode(data, size, &s, &err);

	HOLDS(r == 1 || r == 0 || (r < 0 && err.text[0]));
	if (r != 1)
		return 0;
	HOLDS(memchr(s.interpreter, '\0', sizeof(s.interpreter)));
	HOLDS(memchr(s.program, '\0', sizeof(s.program)));
	HOLDS(!strpbrk(s.interpreter, " \t\r\n") && !strpbrk(s.program, " \t\r\n"));
	return 0;
}
