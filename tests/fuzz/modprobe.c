/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of modprobe.d.
 */

#include <stdlib.h>
#include <string.h>

#include "format/machine/modprobe.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text;
	struct modprobe_line line;
	size_t sum = 0;

	while (modprobe_next(&cursor, &line)) {
		HOLDS(*line.keyword && *line.name && *line.rest);
		HOLDS(!strpbrk(line.keyword, " \t\n") && !strpbrk(line.name, " \t\n"));
		sum += strlen(line.keyword) + strlen(line.name) + strlen(line.rest);
		HOLDS(sum <= size);
	}
	HOLDS(!cursor);
	free(text);
	return 0;
}
