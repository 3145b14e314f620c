/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The section table of a PE file.
 */

#include <string.h>

#include "format/program/pe.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = size < PE_HEAD_MAX ? size : PE_HEAD_MAX;
	struct err err = {0};
	struct pe_section s;
	struct pe pe;

	if (pe_decode(data, head, size, &pe, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS(pe_is(data, head) && pe.n_sections && pe.table_end <= head);
	for (unsigned i = 0; i < pe.n_sections; i++) {
		if (pe_section(&pe, i, &s, &err) < 0)
			continue;
		HOLDS(strlen(s.name) <= PE_NAME_MAX);
		HOLDS(!s.size || (s.offset >= pe.table_end && s.offset + s.size <= size));
		HOLDS(!pe_overlap(&s, &s) == !s.size);
	}
	return 0;
}
