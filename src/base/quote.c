/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/quote.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

/* For what no terminal shows: as bash, ksh and zsh read it. */
static const char *quote_bytes(const char *word, struct arena *arena)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_add_str(&out, "$'");
	for (; *word; word++)
		if (isprint((unsigned char)*word) && *word != '\'' && *word != '\\')
			buf_add(&out, word, 1);
		else
			buf_printf(&out, "\\x%02x", (unsigned char)*word);
	buf_add_str(&out, "'");
	return arena_strdup(arena, buf_cstr(&out));
}

const char *quote_word(const char *word, struct arena *arena)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *p = word;

	while (isalnum((unsigned char)*p) || (*p && strchr("._+:/=@%,-", *p)))
		p++;
	if (!*p && *word)
		return word;
	if (!text_is_shown(word))
		return quote_bytes(word, arena);
	buf_add_str(&out, "'");
	for (p = word; *p; p++)
		if (*p == '\'')
			buf_add_str(&out, "'\\''");
		else
			buf_add(&out, p, 1);
	buf_add_str(&out, "'");
	return arena_strdup(arena, buf_cstr(&out));
}
