/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity of an image: the sum in the last line of its manifest (format/ours/manifest.h), as 64
 * lower-case hexadecimal digits. Two images with the same files for the same reasons have the
 * same one, however they were compressed. Apart from the manifest, since PID 1 tells it, too.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	MANIFEST_ID = 64,
	MANIFEST_ID_LINE = 72, /* bytes of the last line, its newline included */
};

/* Whether TEXT is one. */
bool manifest_id_is(const char *text);

/* TAIL: the last MANIFEST_ID_LINE bytes of a manifest. False, OUT untouched, when they are no
 * such line: the sum itself is not checked. */
bool manifest_id_take(const char *tail, char out[MANIFEST_ID + 1]);
