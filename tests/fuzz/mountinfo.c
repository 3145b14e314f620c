/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of mountinfo.
 */

#include <string.h>

#include "format/machine/mountinfo.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *line;

	while ((line = strsep(&cursor, "\n"))) {
		struct mountinfo m = {0};
		struct err err = {0};

		if (mountinfo_decode(line, &m, &err) < 0) {
			HOLDS(err.text[0]);
			continue;
		}
		HOLDS(strlen(m.root) && strlen(m.options) && strlen(m.fstype));
		HOLDS(strlen(m.target) <= size && strlen(m.source) <= size);
		HOLDS(m.super_options);
	}
	free(text);
	return 0;
}
