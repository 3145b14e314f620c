/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manifest: what is in an image, where it comes from, and why. Text: first a line
 * "preroot-manifest 3", then facts about the whole, three fields each, then one line per entry,
 * eight fields each, sorted by path, and last the sum. Fields are separated by a tab:
 *
 *   =  key  value
 *   type  mode  size  sha256  path  source  package  reason
 *   sha256  DIGITS
 *
 * type: f(ile), d(irectory), l(ink). mode: octal permissions. size and sha256 are those of the
 * bytes in the image ("-" for directories; a link's are its target's). source: the file on the
 * machine, "-" for what the builder wrote itself. package: "NAME VERSION ARCH" of the package
 * that owns the source, "-" for none; ARCH "-" when the database names none. Tabs, newlines and
 * backslashes are \xNN, and so are blanks within the words of a package.
 * The last line holds the SHA-256 of all bytes before it.
 * Keys: kernel, os and os-version (ID and VERSION_ID of os-release), packages (kind of the
 * database: deb, rpm, alpm). Unknown keys are ignored. Pure.
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

struct manifest_package {
	const char *name; /* NULL: no package */
	const char *version;
	const char *arch; /* NULL: not known */
};

struct manifest_entry {
	char type;
	unsigned mode;
	uint64_t size;
	bool has_digest;
	uint8_t sha256[MANIFEST_SHA256];
	const char *path;
	const char *source; /* NULL: none */
	struct manifest_package package;
	const char *reason;
};

void manifest_begin(struct buf *out);

/* Facts precede all entries. A fact whose VALUE is NULL is left out. */
void manifest_add_fact(struct buf *out, const char *key, const char *value);
void manifest_add(struct buf *out, const struct manifest_entry *entry);

/* Adds the sum, after all entries. */
void manifest_end(struct buf *out);

/*
 * Checks version and sum of TEXT, which has LEN bytes and a NUL after them, and cuts the sum off:
 * the readers below get what is left. 0, -EBADMSG, -EPROTONOSUPPORT for an older or newer version.
 */
int manifest_open(char *text, size_t len, struct err *err);

/*
 * Takes the next fact. Works only at the start of the manifest; the arguments and results are those
 * of manifest_next(). 0: entries follow.
 */
int manifest_next_fact(char **cursor, unsigned *line, const char **key, const char **value,
		       struct err *err);

/*
 * Takes the next entry from *CURSOR, skipping facts. Before the first call, *CURSOR is the start of
 * a text that manifest_open() accepted. 1: an entry (pointing into the text); 0: the end; -EBADMSG
 * with the line number; -EPROTONOSUPPORT for another version.
 */
int manifest_next(char **cursor, unsigned *line, struct manifest_entry *out, struct err *err);
