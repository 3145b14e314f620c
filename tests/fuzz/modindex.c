/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The module index: decoding it, walking all of it, finding modules by name and by alias.
 */

#include <string.h>

#include "format/ours/modindex.h"
#include "fuzz.h"

enum { DEPS_SEEN_MAX = 10000 };

static void seen(uint32_t module, void *arg)
{
	const struct modindex *x = arg;

	HOLDS(module < x->n_modules);
}

static void walk(const struct modindex *x)
{
	size_t deps = 0;

	for (uint32_t m = 0; m < x->n_modules; m++) {
		HOLDS(strlen(modindex_name(x, m)) < x->strings_len);
		HOLDS(strlen(modindex_path(x, m)) < x->strings_len);
		HOLDS(strlen(modindex_options(x, m)) < x->strings_len);
		modindex_flags(x, m);
		for (enum modindex_deps k = MODINDEX_HARD; k <= MODINDEX_POST; k++)
			for (uint32_t i = 0; i < modindex_count(x, m, k); i++)
				if (deps++ < DEPS_SEEN_MAX)
					HOLDS(modindex_dep(x, m, k, i) < x->n_modules);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modindex x;
	struct err err = {0};
	uint32_t found;
	char *tail;

	if (modindex_decode(data, size, &x, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	walk(&x);
	found = modindex_find(&x, "virtio-blk");
	HOLDS(found == MODINDEX_NONE || found < x.n_modules);
	modindex_match(&x, "virtio:d00000002v00001AF4", seen, &x);
	modindex_match(&x, "", seen, &x);
	/* The last words of the input are the most likely to match its patterns. */
	tail = fuzz_text(data + size - (size < 40 ? size : 40), size < 40 ? size : 40);
	modindex_match(&x, tail + strlen(tail) / 2, seen, &x);
	modindex_find(&x, tail);
	free(tail);
	return 0;
}
