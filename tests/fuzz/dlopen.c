/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The text of a note on libraries that are opened later.
 */

#include <string.h>

#include "format/program/dlopen.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct dlopen_entry *entries;
	struct err err = {0};
	int n = dlopen_decode((const char *)data, size, &arena, &entries, &err);

	HOLDS(n <= DLOPEN_ENTRIES_MAX);
	if (n < 0)
		HOLDS(err.text[0]);
	for (int i = 0; i < n; i++) {
		HOLDS(entries[i].feature && entries[i].description && entries[i].sonames[0]);
		for (size_t k = 0; entries[i].sonames[k]; k++)
			HOLDS(k < DLOPEN_NAMES_MAX && *entries[i].sonames[k] &&
			      !strpbrk(entries[i].sonames[k], "\n\x1b"));
	}
	return 0;
}
