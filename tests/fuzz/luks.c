/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers of LUKS volumes. With the checksum made right, what comes behind the check is reached. */

#include <string.h>

#include "base/digest.h"
#include "format/machine/luks.h"
#include "fuzz.h"

static void check(const uint8_t *data, size_t size)
{
	struct luks l;
	struct err err = {0};
	size_t whole;
	int r = luks_decode(data, size, &l, &err);

	HOLDS(r == 0 || (r < 0 && err.text[0]));
	if (r < 0)
		return;
	HOLDS(luks_size(data, size, &whole, &err) == 0 && whole <= size);
	HOLDS(l.version == 1 || l.version == 2);
	HOLDS(l.n_ciphers > 0 && l.n_ciphers <= LUKS_CIPHERS_MAX && l.n_slots <= LUKS_SLOTS_MAX);
	for (size_t i = 0; i < l.n_ciphers; i++)
		HOLDS(l.ciphers[i][0] && memchr(l.ciphers[i], '\0', LUKS_TEXT_MAX));
	HOLDS(memchr(l.pin, '\0', sizeof(l.pin)) && !strpbrk(l.pin, " \n"));
	r = luks_check_pin(data, size, l.pin, &err);
	HOLDS(r == 0 || l.version == 2);
	HOLDS(luks_check_pin(data, size, "x", &err) < 0);
	HOLDS(l.uuid[0] && memchr(l.uuid, '\0', sizeof(l.uuid)));
}

/* DATA: what is not zero of a header, its JSON right behind the 512 bytes that are used in front. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { HEADER = 16 * 1024, FRONT = 512, BINARY = 4096, SUM = 448 };
	static uint8_t whole[HEADER];

	check(data, size);
	if (size < FRONT)
		return 0;
	memset(whole, 0, sizeof(whole));
	memcpy(whole, data, FRONT);
	memset(whole + 8, 0, 8);
	whole[14] = HEADER >> 8;
	memset(whole + 256, 0, 8);
	memset(whole + SUM, 0, 64);
	size = size - FRONT < HEADER - BINARY ? size - FRONT : HEADER - BINARY;
	memcpy(whole + BINARY, data + FRONT, size);
	digest_of(whole, sizeof(whole), whole + SUM);
	check(whole, sizeof(whole));
	return 0;
}
