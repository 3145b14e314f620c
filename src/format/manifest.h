/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manifest: what is in an image, and why. Text, first line "preroot-manifest 1", then a
 * line an entry, sorted by path, seven fields with tabs between:
 *
 *   type  mode  size  sha256  path  source  reason
 *
 * type: f(ile), d(irectory), l(ink). mode: octal permissions. size and sha256 are those of the
 * bytes in the image ("-" for directories; a link's are its target's). source: the file on the
 * machine, "-" for what the builder wrote itself. Tabs, newlines and backslashes are \xNN.
 * Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define MANIFEST_PATH "usr/lib/preroot/manifest"

enum {
	MANIFEST_SHA256 = 32,
	MANIFEST_SIZE_MAX = 64 * 1024 * 1024,
};

struct manifest_entry {
	char type;
	unsigned mode;
	uint64_t size;
	bool has_digest;
	uint8_t sha256[MANIFEST_SHA256];
	const char *path;
	const char *source; /* NULL: none */
	const char *reason;
};

void manifest_begin(struct buf *out);
void manifest_add(struct buf *out, const struct manifest_entry *entry);

/*
 * Takes the next entry from *CURSOR, which the first call must find at the start of a writable,
 * NUL-terminated manifest. 1 an entry (pointing into the text), 0 the end, -EBADMSG with the
 * line number, -EPROTONOSUPPORT for a newer version.
 */
int manifest_next(char **cursor, unsigned *line, struct manifest_entry *out, struct err *err);
