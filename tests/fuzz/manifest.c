/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The manifest. What was understood, written again and read again, says the same.
 */

#include <string.h>

#include "format/ours/manifest.h"
#include "fuzz.h"

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_again(const struct manifest_entry *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct manifest_entry again = {0};
	struct err err = {0};
	unsigned line = 0;
	char *cursor;

	manifest_begin(&text);
	manifest_add(&text, e);
	buf_cstr(&text);
	cursor = (char *)text.data;
	HOLDS(manifest_next(&cursor, &line, &again, &err) == 1);
	HOLDS(again.type == e->type && again.mode == e->mode && again.size == e->size);
	HOLDS(again.has_digest == e->has_digest);
	HOLDS(!e->has_digest || memcmp(again.sha256, e->sha256, sizeof(e->sha256)) == 0);
	HOLDS(strcmp(again.path, e->path) == 0 && strcmp(again.reason, e->reason) == 0);
	HOLDS(!again.source == !e->source);
	HOLDS(!e->source || strcmp(again.source, e->source) == 0);
	HOLDS(same(again.package.name, e->package.name));
	HOLDS(same(again.package.version, e->package.version));
	HOLDS(same(again.package.arch, e->package.arch));
	HOLDS(manifest_next(&cursor, &line, &again, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *cursor = text;
	struct manifest_entry e = {0};
	struct err err = {0};
	unsigned line = 0;
	int r = manifest_open(text, size, &err);

	HOLDS(r == 0 || err.text[0]);
	/* What has no sum is read, too: the fuzzer would find none. */
	while ((r = manifest_next(&cursor, &line, &e, &err)) > 0)
		check_again(&e);
	HOLDS(r == 0 || err.text[0]);
	free(text);
	return 0;
}
