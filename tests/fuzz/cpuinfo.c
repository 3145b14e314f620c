/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /proc/cpuinfo.
 */

#include <string.h>

#include "format/machine/cpuinfo.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text;
	struct cpuinfo c;
	size_t n = 0;

	while (cursor && cpuinfo_next(&cursor, &c)) {
		HOLDS(!c.vendor || !strchr(c.vendor, '\n'));
		HOLDS(++n <= size);
	}
	free(text);
	return 0;
}
