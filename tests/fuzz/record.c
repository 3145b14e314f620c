/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The record of a build. What was understood, written again, has the same bytes.
 */

#include <string.h>

#include "format/ours/record.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf again = BUF_INIT;
	struct record r, facts;
	struct record_fact f;
	struct err err = {0};
	int more;

	if (record_decode(data, size, &r, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	record_begin(&again, &r);
	facts = r;
	while ((more = record_next(&facts, &f, &err)) > 0) {
		HOLDS(strlen(f.path) <= RECORD_PATH_MAX);
		record_add(&again, &f);
	}
	HOLDS(more < 0 || (again.len == size && memcmp(again.data, data, size) == 0));
	HOLDS(more == 0 || err.text[0]);
	return 0;
}
