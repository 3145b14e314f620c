/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/manifest_id.h"

#include <string.h>

#define MARK "sha256\t"

static bool is_id(const char *text)
{
	return strspn(text, "0123456789abcdef") >= MANIFEST_ID;
}

bool manifest_id_is(const char *text)
{
	return is_id(text) && !text[MANIFEST_ID];
}

bool manifest_id_take(const char *tail, char out[MANIFEST_ID + 1])
{
	char id[MANIFEST_ID + 1] = "";

	memcpy(id, tail + strlen(MARK), MANIFEST_ID);
	if (memcmp(tail, MARK, strlen(MARK)) != 0 || !is_id(id) ||
	    tail[MANIFEST_ID_LINE - 1] != '\n')
		return false;
	memcpy(out, id, sizeof(id));
	return true;
}
