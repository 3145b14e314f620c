/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lzop file format, as far as the kernel reads it (lib/decompress_unlzo.c). Numbers are
 * big-endian.
 *
 *   header  magic (9), version (2), library version (2), version needed (2), method, level,
 *           flags (4), mode (4), time (4), time's upper half (4), length of a name, the name,
 *           checksum of everything but the magic (4)
 *   block   plain length (4), packed length (4), checksum of the plain bytes (4), the bytes;
 *           not packed when both lengths are equal
 *   end     a plain length of 0
 *
 * The kernel does not undo filters, skip an extra field after the header, skip any number of
 * checksums other than one, or read blocks of more than 256 KiB or headers older than 0x0940.
 */

enum {
	LZOP_MAGIC_SIZE = 9,
	LZOP_BLOCK_MAX = 256 * 1024,
	LZOP_VERSION_MIN = 0x0940,
};

#define LZOP_MAGIC "\x89LZO\0\r\n\x1a\n"

enum lzop_flag {
	LZOP_ADLER32_PLAIN = 0x1,
	LZOP_ADLER32_PACKED = 0x2,
	LZOP_EXTRA_FIELD = 0x40,
	LZOP_CRC32_PLAIN = 0x100,
	LZOP_CRC32_PACKED = 0x200,
	LZOP_FILTER = 0x800,
	LZOP_HEADER_CRC32 = 0x1000,
};
