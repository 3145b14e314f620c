/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/efivar.h"

#include <errno.h>
#include <stdint.h>

enum { ATTRIBUTES_SIZE = 4, FIRST_PRINTABLE = 0x20, LAST_PRINTABLE = 0x7e };

int efivar_text(const void *data, size_t len, char *out, size_t size)
{
	const uint8_t *p = data;
	size_t n = 0;

	if (len < ATTRIBUTES_SIZE || len % 2)
		return -EBADMSG;
	p += ATTRIBUTES_SIZE;
	len = (len - ATTRIBUTES_SIZE) / 2;
	while (n < len && (p[2 * n] || p[2 * n + 1])) {
		if (p[2 * n + 1] || p[2 * n] < FIRST_PRINTABLE || p[2 * n] > LAST_PRINTABLE)
			return -EBADMSG;
		n++;
	}
	if (n >= size)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)p[2 * i];
	out[n] = '\0';
	return 0;
}
