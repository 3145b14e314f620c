/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/quote.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

const char *quote_word(const char *word, struct arena *arena)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *p = word;

	while (isalnum((unsigned char)*p) || (*p && strchr("._+:/=@%,-", *p)))
		p++;
	if (!*p && *word)
		return word;
	buf_add_str(&out, "'");
	for (p = word; *p; p++)
		if (*p == '\'')
			buf_add_str(&out, "'\\''");
		else
			buf_add(&out, p, 1);
	buf_add_str(&out, "'");
	return arena_strdup(arena, buf_cstr(&out));
}
