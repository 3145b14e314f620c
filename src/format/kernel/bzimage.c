/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/bzimage.h"

#include <errno.h>
#include <string.h>

enum {
	OFF_SETUP_SECTS = 0x1f1,
	OFF_MAGIC = 0x202,
	OFF_PROTOCOL = 0x206,
	OFF_KERNEL_VERSION = 0x20e,
	OFF_PAYLOAD_OFFSET = 0x248,
	OFF_PAYLOAD_LENGTH = 0x24c,
	SECTOR = 512,
	PROTOCOL_PAYLOAD = 0x0208,
};

static uint32_t le(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint32_t)p[i] << 8 * i;
	return v;
}

int bzimage_decode(const void *data, size_t len, struct bzimage *out, struct err *err)
{
	const uint8_t *p = data;
	struct bzimage b = {0};
	size_t at, n;

	if (len < OFF_PAYLOAD_LENGTH + 4 || memcmp(p + OFF_MAGIC, "HdrS", 4) != 0)
		return err_set(err, -EBADMSG, "not a bzImage (no HdrS at offset 0x202)");
	at = le(p + OFF_KERNEL_VERSION, 2) + (size_t)SECTOR;
	if (at == SECTOR || at >= len)
		return err_set(err, -EBADMSG, "bzImage without a version string");
	for (n = 0; at + n < len && p[at + n] > ' ' && p[at + n] < 127; n++) {
		if (n + 1 >= sizeof(b.version))
			return err_set(err, -EBADMSG, "bzImage version string is over %zu bytes",
				       sizeof(b.version) - 1);
		b.version[n] = (char)p[at + n];
	}
	if (n == 0)
		return err_set(err, -EBADMSG, "bzImage version string is empty");
	if (le(p + OFF_PROTOCOL, 2) >= PROTOCOL_PAYLOAD) {
		uint32_t sects = p[OFF_SETUP_SECTS] ? p[OFF_SETUP_SECTS] : 4;

		b.payload_offset = (uint64_t)(sects + 1) * SECTOR + le(p + OFF_PAYLOAD_OFFSET, 4);
		b.payload_size = le(p + OFF_PAYLOAD_LENGTH, 4);
	}
	*out = b;
	return 0;
}
