/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of fstab.
 */

#include <string.h>

#include "format/machine/fstab.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text, *line;

	while ((line = strsep(&cursor, "\n"))) {
		struct fstab_entry e = {0};
		struct err err = {0};
		int r = fstab_decode(line, &e, &err);

		HOLDS(r >= 0 || err.text[0]);
		HOLDS(r > 0 || !e.source);
		if (r <= 0)
			continue;
		HOLDS(*e.source && *e.target && *e.fstype && *e.options);
		HOLDS(strlen(e.source) <= size && strlen(e.target) <= size);
		HOLDS(!fstab_has(e.options, "noauto") || !fstab_is_early(&e));
		HOLDS(!fstab_is_early(&e) || e.target[0] == '/');
	}
	free(text);
	return 0;
}
