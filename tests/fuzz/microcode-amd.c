/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * AMD's microcode containers. What a filter leaves, read again, has the same patches, for the
 * same processors.
 */

#include <string.h>

#include "format/machine/microcode.h"
#include "fuzz.h"

/* Every second patch. */
static bool wanted(const struct microcode_amd_container *c, const struct microcode_amd_patch *p,
		   void *arg)
{
	(void)c;
	(void)p;
	return ++*(size_t *)arg % 2;
}

static void check_patch(const struct microcode_amd_container *c,
			const struct microcode_amd_container *again,
			const struct microcode_amd_patch *p, const struct microcode_amd_patch *q)
{
	uint32_t signature;
	uint16_t equivalence;

	HOLDS(p->len == q->len && memcmp(p->data, q->data, p->len) == 0);
	for (size_t i = 0; i < c->n_table; i++) {
		microcode_amd_row(c, i, &signature, &equivalence);
		HOLDS(microcode_amd_fits(c, p, signature) ==
		      microcode_amd_fits(again, q, signature));
	}
}

static void check_filter(const struct microcode_amd_container *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct microcode_amd_container again;
	struct microcode_amd_patch p, q;
	size_t asked = 0, offset = 0, at = 0, at_again = 0;
	size_t n = microcode_amd_filter(c, wanted, &asked, &out);

	HOLDS(n == (asked + 1) / 2 && !n == !out.len);
	if (!n)
		return;
	HOLDS(microcode_amd_next(out.data, out.len, &offset, &again, NULL) == 1);
	HOLDS(offset == out.len);
	while (n-- > 0) {
		HOLDS(microcode_amd_next_patch(c, &at, &p) == 1);
		HOLDS(microcode_amd_next_patch(&again, &at_again, &q) == 1);
		check_patch(c, &again, &p, &q);
		microcode_amd_next_patch(c, &at, &p);
	}
	HOLDS(microcode_amd_next_patch(&again, &at_again, &q) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct microcode_amd_container c;
	struct err err = {0};
	size_t offset = 0;
	int r;

	while ((r = microcode_amd_next(data, size, &offset, &c, &err)) > 0)
		check_filter(&c);
	HOLDS(r == 0 ? offset == size : err.text[0] != '\0');
	return 0;
}
