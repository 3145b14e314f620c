/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is remembered of the image of a kernel.
 */

#include "base/text.h"
#include "deploy/state.h"
#include "fuzz.h"

static void check_sum(const char *sum)
{
	HOLDS(!*sum || manifest_id_is(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = {0};
	struct err err = {0};

	if (state_decode((const char *)data, size, &s, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	HOLDS(!*s.image || path_is_clean(s.image));
	check_sum(s.sha256);
	check_sum(s.id);
	check_sum(s.good);
	check_sum(s.failed);
	check_sum(s.trial);
	return 0;
}
