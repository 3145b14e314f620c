/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The header of a kernel image.
 */

#include <string.h>

#include "format/kernel/bzimage.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bzimage image;
	struct err err = {0};

	if (bzimage_decode(data, size, &image, &err) == 0) {
		size_t len = strnlen(image.version, sizeof(image.version));

		HOLDS(len > 0 && len < sizeof(image.version));
	} else {
		HOLDS(err.text[0]);
	}
	return 0;
}
