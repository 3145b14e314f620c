/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Text variables of EFI.
 */

#include <string.h>

#include "format/kernel/efivar.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[40] = "untouched";

	if (efivar_text(data, size, out, sizeof(out)) < 0)
		HOLDS(strcmp(out, "untouched") == 0);
	else
		HOLDS(strlen(out) < sizeof(out) && strlen(out) <= size / 2);
	return 0;
}
