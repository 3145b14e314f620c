/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rpm's ndb file. Every blob is within the input, and no two overlap.
 */

#include "format/package/rpmndb.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpmndb db;
	struct span blob;
	uint32_t number;
	size_t calls = 0, total = 0;
	int r;

	if (rpmndb_open(data, size, &db) < 0)
		return 0;
	while ((r = rpmndb_next(&db, &number, &blob)) != 0) {
		HOLDS(++calls <= size);
		if (r < 0)
			continue;
		HOLDS(blob.s >= (const char *)data && blob.len <= size &&
		      blob.s + blob.len <= (const char *)data + size);
		total += blob.len;
		HOLDS(number && total <= size);
	}
	return 0;
}
