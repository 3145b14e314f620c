/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity of an image: the sum in the last line of its manifest (format/ours/manifest.h), as
 * 64 lower-case hexadecimal digits. Two images with the same files for the same reasons have the
 * same one, however they were compressed. Separate from manifest.h, since PID 1 needs it, too.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	MANIFEST_ID = 64,
	MANIFEST_ID_LINE = 72, /* bytes of the last line, its newline included */
};

/* Whether TEXT is such a sum. */
bool manifest_id_is(const char *text);

/* TAIL: the last MANIFEST_ID_LINE bytes of a manifest. False, OUT unchanged, when they are not such
 * a line. The sum itself is not checked. */
bool manifest_id_take(const char *tail, char out[MANIFEST_ID + 1]);
