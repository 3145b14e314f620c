/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/fssize.h"

#include <string.h>

#include "base/bytes.h"

enum {
	EXT = 1024, /* where its superblock begins */
	EXT_BLOCKS = EXT + 0x4,
	EXT_LOG_SIZE = EXT + 0x18,
	EXT_MAGIC = EXT + 0x38,
	EXT_INCOMPAT = EXT + 0x60,
	EXT_BLOCKS_HIGH = EXT + 0x150,
	EXT_END = EXT + 0x154,
	EXT_LOG_SIZE_MAX = 6,
	EXT_IS_64BIT = 0x80,
	XFS_BLOCK_SIZE = 4,
	XFS_BLOCKS = 8,
	XFS_BLOCK_SIZE_MAX = 65536,
	SWAP_LAST_PAGE = 1024 + 4,
	SWAP_MAGIC = 4086,
	SWAP_PAGE = 4096,
};

static uint64_t be64_at(const uint8_t *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

/* No filesystem has as many bytes as do not fit. */
static uint64_t times(uint64_t blocks, uint64_t size)
{
	uint64_t bytes;

	return __builtin_mul_overflow(blocks, size, &bytes) ? 0 : bytes;
}

static uint64_t size_of_ext(const uint8_t *p)
{
	uint64_t blocks = le32(p + EXT_BLOCKS);
	uint32_t log = le32(p + EXT_LOG_SIZE);

	if (le32(p + EXT_INCOMPAT) & EXT_IS_64BIT)
		blocks |= (uint64_t)le32(p + EXT_BLOCKS_HIGH) << 32;
	return log > EXT_LOG_SIZE_MAX ? 0 : times(blocks, UINT64_C(1024) << log);
}

uint64_t fssize_decode(const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len >= EXT_END && p[EXT_MAGIC] == 0x53 && p[EXT_MAGIC + 1] == 0xef)
		return size_of_ext(p);
	if (len >= XFS_BLOCKS + 8 && memcmp(p, "XFSB", 4) == 0) {
		uint64_t size = be64_at(p) & UINT32_MAX;

		return size > XFS_BLOCK_SIZE_MAX ? 0 : times(be64_at(p + XFS_BLOCKS), size);
	}
	if (len >= FSSIZE_HEAD && memcmp(p + SWAP_MAGIC, "SWAPSPACE2", 10) == 0)
		return times((uint64_t)le32(p + SWAP_LAST_PAGE) + 1, SWAP_PAGE);
	return 0;
}
