/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A kernel's configuration: as text, and the one that is hidden inside a kernel.
 */

#include "base/buf.h"
#include "format/codec/decode.h"
#include "format/kernel/kconfig.h"
#include "format/codec/unpack.h"
#include "fuzz.h"

enum { CONFIG_MAX = 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"CONFIG_RD_ZSTD", "CONFIG_X", "CONFIG_MODULES"};
	_cleanup_buf_ struct buf plain = BUF_INIT;
	struct err err = {0};
	size_t len = 0;
	const void *gz;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		kconfig_get((const char *)data, size, names[i]);
	gz = kconfig_find_embedded(data, size, &len);
	if (!gz)
		return 0;
	HOLDS((const uint8_t *)gz >= data && (const uint8_t *)gz + len <= data + size);
	if (unpack(&decode_gzip, gz, len, CONFIG_MAX, &plain, NULL, &err) == 0)
		kconfig_get((const char *)plain.data, plain.len, names[0]);
	return 0;
}
