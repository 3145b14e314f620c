/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Superblocks of btrfs; a second time with another kind of checksum, so that what comes behind the
 * check is reached.
 */

#include <string.h>

#include "format/machine/btrfssuper.h"
#include "fuzz.h"

static void check(const uint8_t *data, size_t size)
{
	struct btrfssuper s;
	struct err err = {0};
	int r = btrfssuper_decode(data, size, &s, &err);

	HOLDS(r == 0 || (r < 0 && err.text[0]));
	HOLDS(s.n_named <= BTRFSSUPER_NAMED_MAX);
	if (r == 0)
		HOLDS(s.devices > 0 && s.devices <= BTRFSSUPER_DEVICES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { SUM_TYPE = 196 };
	uint8_t copy[BTRFSSUPER_SIZE];

	check(data, size);
	if (size < sizeof(copy))
		return 0;
	memcpy(copy, data, sizeof(copy));
	copy[SUM_TYPE] = 1;
	check(copy, sizeof(copy));
	return 0;
}
