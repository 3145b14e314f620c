/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads little-endian integers from bytes, at any alignment. The caller has checked that the bytes
 * are there. They are written with buf_add_u32le() and buf_add_u64le().
 */

#include <stdint.h>

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}
