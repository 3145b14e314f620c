/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/efi.h"

#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "format/kernel/efivar.h"

enum { VALUE_MAX = 4096 };

int efi_read(const struct root *r, const char *name, struct buf *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), EFIVAR_DIR "/%s", name);
	return root_read(r, path, VALUE_MAX, out);
}

bool efi_text(const struct root *r, const char *name, char *out, size_t size)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	return efi_read(r, name, &value) == 0 &&
	       efivar_text(value.data, value.len, out, size) == 0;
}
