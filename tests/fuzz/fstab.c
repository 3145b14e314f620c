/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of fstab.
 */

#include <stdlib.h>
#include <string.h>

#include "format/machine/fstab.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct fstab f = {.cursor = text};
	struct fstab_entry e;
	unsigned line = 0;

	while (fstab_next(&f, &e)) {
		HOLDS(e.line > line);
		line = e.line;
		HOLDS(e.flaw || *e.target);
		HOLDS(strlen(e.source) <= size && strlen(e.target) <= size);
		HOLDS(*e.fstype && *e.options);
		HOLDS(!fstab_is_early(&e) || e.target[0] == '/');
	}
	free(text);
	return 0;
}
