/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* crypttab, and each of its lines' options. */

#include <string.h>

#include "format/machine/crypttab.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct crypttab table = {.cursor = text};
	struct crypttab_options o;
	struct crypttab_entry e;
	unsigned last = 0;
	const char *why;
	int r;

	crypttab_options_init(&o);
	while ((r = crypttab_next(&table, &e, &why))) {
		char *option, *cursor;

		HOLDS(table.line > last);
		last = table.line;
		HOLDS(r > 0 ? e.line == last : why[0]);
		if (r < 0)
			continue;
		HOLDS(crypttab_is_name(e.name) && *e.device && e.key > e.name);
		cursor = e.options;
		while ((option = strsep(&cursor, ",")))
			crypttab_option(option, &o);
		HOLDS(o.slot <= CRYPTTAB_SLOT_MAX && o.tries <= CRYPTTAB_TRIES_MAX);
	}
	free(text);
	return 0;
}
