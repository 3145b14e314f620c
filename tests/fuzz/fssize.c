/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The beginning of a filesystem, which may be cut off.
 */

#include "format/machine/fssize.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole = fssize_decode(data, size);

	HOLDS(size >= 16 || whole == 0);
	return 0;
}
