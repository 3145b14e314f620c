/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What GRUB remembers: a value is whole and terminated, or nothing is written.
 */

#include <string.h>

#include "format/menu/grubenv.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"saved_entry", "next_entry", "x"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char out[64], small[2] = "?";
		int r = grubenv_get((const char *)data, size, names[i], out, sizeof(out));
		int again = grubenv_get((const char *)data, size, names[i], small, sizeof(small));

		HOLDS(r <= 1 && (r != 1 || strlen(out) < sizeof(out)));
		HOLDS(r != 1 || (again == 1) == (strlen(out) < sizeof(small)));
		HOLDS(again == 1 || strcmp(small, "?") == 0);
	}
	return 0;
}
