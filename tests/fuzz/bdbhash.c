/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hash database of Berkeley DB. Keys lie within the input; all keys and values together are no
 * longer than it, so that no file takes more time or memory than its size.
 */

#include <string.h>

#include "base/cleanup.h"
#include "format/package/bdbhash.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct bdbhash_item item;
	struct bdbhash db;
	size_t calls = 0, total = 0;
	int r;

	if (bdbhash_open(data, size, &db) < 0)
		return 0;
	while ((r = bdbhash_next(&db, &item)) != 0) {
		HOLDS(++calls <= size);
		if (r < 0)
			continue;
		HOLDS(item.key.s >= (const char *)data && item.key.len <= size &&
		      item.key.s + item.key.len <= (const char *)data + size);
		total += item.key.len;
		if (bdbhash_value(&db, &item, &value) == 0)
			total += value.len;
		HOLDS(total <= size);
	}
	return 0;
}
