/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Superblocks of MD members; the first byte chooses the version, and checksums are made right.
 */

#include <string.h>

#include "format/machine/mdsuper.h"
#include "fuzz.h"

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* So that what comes behind the check is reached. */
static void mend_sum(uint8_t *p, size_t len, size_t place)
{
	uint64_t total = 0;

	memset(p + place, 0, 4);
	for (size_t i = 0; i + 4 <= len; i += 4)
		total += word_at(p + i);
	if (len % 4)
		total += (uint64_t)p[len - 2] | (uint64_t)p[len - 1] << 8;
	total = (uint32_t)total + (uint32_t)(total >> 32);
	for (int i = 0; i < 4; i++)
		p[place + (size_t)i] = (uint8_t)(total >> 8 * i);
}

static void check(enum mdsuper_version version, const uint8_t *data, size_t size)
{
	char text[MDSUPER_TEXT];
	struct mdsuper s;
	struct err err = {0};
	uint32_t n = 0;
	int r = mdsuper_decode(version, data, size, &s, &err);

	HOLDS(r == 0 || (r < 0 && err.text[0]));
	if (r < 0)
		return;
	HOLDS(s.disks > 0 && s.disks <= MDSUPER_DISKS_MAX);
	HOLDS(s.role < (int32_t)s.disks && s.role >= MDSUPER_JOURNAL);
	HOLDS(memchr(s.name, '\0', sizeof(s.name)));
	for (uint32_t i = 0; i < s.disks; i++)
		n += mdsuper_has(&s, i);
	HOLDS(n == s.n_present && n <= s.n_active && !mdsuper_has(&s, s.disks));
	mdsuper_print_uuid(s.uuid, text);
	HOLDS(strlen(text) == MDSUPER_TEXT - 1);
	HOLDS(mdsuper_level_name(s.level)[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t copy[MDSUPER_SIZE];
	enum mdsuper_version version = size ? data[0] % MDSUPER_VERSIONS : 0;
	size_t len = size ? size - 1 : 0;
	size_t roles;

	if (!size)
		return 0;
	check(version, data + 1, len);
	len = len > sizeof(copy) ? sizeof(copy) : len;
	memcpy(copy, data + 1, len);
	if (version == MDSUPER_0_90 && len == sizeof(copy))
		mend_sum(copy, len, (size_t)4 * 38);
	else if (version != MDSUPER_0_90 && len >= 256) {
		roles = 256 + 2 * (size_t)(word_at(copy + 220) % MDSUPER_DISKS_MAX);
		if (roles <= len)
			mend_sum(copy, roles, 216);
	}
	check(version, copy, len);
	return 0;
}
