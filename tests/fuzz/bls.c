/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entries of the Boot Loader Specification, and the names of their files.
 */

#include <string.h>

#include "format/menu/bls.h"
#include "fuzz.h"

static void hold_name(const char *text)
{
	struct bls_name name;

	if (!bls_name_decode(text, &name))
		return;
	HOLDS(*name.id && strncmp(text, name.id, strlen(name.id)) == 0);
	HOLDS(name.counts || (name.left == 0 && name.done == 0));
	HOLDS(name.counts == (text[strlen(name.id)] == '+'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char *text = fuzz_text(data, size);
	struct bls_entry e = {0};
	struct err err = {0};
	int r = bls_decode((const char *)data, size, &arena, &e, &err);

	HOLDS(r == 0 || (err.text[0] && !e.initrds));
	if (r == 0) {
		HOLDS(e.kernel || e.efi || e.uki);
		HOLDS(!e.kernel || *e.kernel);
		HOLDS(strlen(e.options) <= size);
		for (const char **path = e.initrds; *path; path++)
			HOLDS(**path && **path != '$' && !strpbrk(*path, " \t\n"));
	}
	hold_name(text);
	free(text);
	return 0;
}
