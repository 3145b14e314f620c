/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of an x86 kernel image (bzImage): its kernel version, and the place of its compressed
 * payload. Source: Documentation/arch/x86/boot.rst. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	BZIMAGE_VERSION_MAX = 128,
	BZIMAGE_HEAD = 0x10200 + BZIMAGE_VERSION_MAX, /* enough to decode the version */
};

struct bzimage {
	char version[BZIMAGE_VERSION_MAX]; /* first word of kernel_version, as uname -r has it */
	uint64_t payload_offset;           /* bytes from the start of the file; 0: none */
	uint32_t payload_size;
};

/* DATA is the start of the file: at least BZIMAGE_HEAD bytes, or all of it. -EBADMSG when it is not
 * a bzImage or its version string is not within DATA. */
int bzimage_decode(const void *data, size_t len, struct bzimage *out, struct err *err);
