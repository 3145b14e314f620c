/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The trace of a boot, and the longest chain in it.
 */

#include "base/arena.h"
#include "format/ours/bootlog.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const struct bootlog_item **chain;
	struct bootlog log = {0};
	struct err err = {0};
	size_t n;

	if (bootlog_decode((const char *)data, size, &arena, &log, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS(log.start >= 0 && log.start <= log.end && log.end <= BOOTLOG_TIME_MAX);
	for (size_t i = 0; i < log.n_items; i++) {
		const struct bootlog_item *item = &log.items[i];

		HOLDS(item->name && item->asked >= 0);
		HOLDS(item->begin < 0 || item->begin >= item->asked);
		HOLDS(item->end < 0 || (item->begin >= 0 && item->end >= item->begin));
		for (const char *p = item->name; *p; p++)
			HOLDS((unsigned char)*p >= 32 && *p != 127);
	}
	n = bootlog_chain(&log, &arena, &chain);
	HOLDS(n <= log.n_items);
	for (size_t i = 0; i < n; i++)
		HOLDS(chain[i] >= log.items && chain[i] < log.items + log.n_items);
	return 0;
}
