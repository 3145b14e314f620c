/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The head of an ELF file.
 */

#include <string.h>

#include "format/program/elfhead.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elfhead head;
	struct err err = {0};
	int r = elfhead_decode(data, size, &head, &err);

	HOLDS(r == 0 || (r < 0 && err.text[0]));
	if (r < 0)
		return 0;
	HOLDS(head.bits == 32 || head.bits == 64);
	HOLDS(memchr(head.interpreter, '\0', sizeof(head.interpreter)));
	return 0;
}
