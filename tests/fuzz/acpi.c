/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An ACPI table.
 */

#include <string.h>

#include "format/machine/acpi.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_table t;
	struct err err = {0};

	if (acpi_table_decode(data, size, &t, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS(size >= 36 && strlen(t.signature) == 4);
	for (const char *p = t.oem_table_id; *p; p++)
		HOLDS(*p >= 32 && *p < 127);
	return 0;
}
