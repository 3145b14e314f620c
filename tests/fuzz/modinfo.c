/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The .modinfo section of a kernel module.
 */

#include <string.h>

#include "format/kernel/modinfo.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *section = NULL, *value;
	size_t len = 0, offset = 0, before = 0;
	struct err err = {0};

	if (modinfo_find(data, size, &section, &len, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS((const uint8_t *)section >= data && (const uint8_t *)section + len <= data + size);
	while ((value = modinfo_next(section, len, "alias", &offset))) {
		HOLDS(offset > before && offset <= len);
		HOLDS(value > section && value + strlen(value) < section + len);
		before = offset;
	}
	return 0;
}
