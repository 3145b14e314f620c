/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Intel's microcode updates. Each lies in the input, one behind the other, and fits the
 * processors that it names.
 */

#include "format/machine/microcode.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct microcode_intel u;
	struct err err = {0};
	size_t offset = 0, before = 0;
	uint32_t signature, platforms;
	int r;

	while ((r = microcode_intel_next(data, size, &offset, &u, &err)) > 0) {
		HOLDS(u.data == data + before && u.len == offset - before && offset <= size);
		before = offset;
		for (size_t i = 0; microcode_intel_target(&u, i, &signature, &platforms); i++)
			HOLDS(microcode_intel_fits(&u, signature, platforms) &&
			      microcode_intel_fits(&u, signature, MICROCODE_ANY_PLATFORM));
	}
	HOLDS(r == 0 ? offset == size : err.text[0] != '\0');
	return 0;
}
