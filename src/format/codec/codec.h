/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The compression formats of initramfs images, recognised by their first two bytes as in
 * lib/decompress.c, and their names in the kernel's configuration.
 */

#include <stddef.h>
#include <stdint.h>

enum codec {
	CODEC_NONE,
	CODEC_GZIP,
	CODEC_BZIP2,
	CODEC_LZMA,
	CODEC_XZ,
	CODEC_LZO,
	CODEC_LZ4, /* the legacy frame only: the kernel knows no other */
	CODEC_ZSTD,
	CODEC_COUNT,
};

/*
 * Filters that xz has for the machine code of a processor, by their numbers in the file format. A
 * kernel may have any of them; every kernel has LZMA2 (0x21), none has delta (3).
 */
enum xz_filter {
	XZ_FILTER_FIRST = 4,
	XZ_FILTER_X86 = 4,
	XZ_FILTER_LAST = 11,
};

struct codec_info {
	const char *name;   /* as on the command line */
	const char *suffix; /* of a compressed module or firmware file; NULL: such files are not
			       loaded */
	const char *rd;	    /* kernel option that lets an initramfs be compressed this way */
	const char *module; /* kernel option that lets finit_module() decompress it */
	const char *fw;     /* kernel option that lets the firmware loader decompress it */
	uint8_t magic[2];
};

const struct codec_info *codec_info(enum codec codec);

/* The kernel option for a filter between XZ_FILTER_FIRST and XZ_FILTER_LAST. */
const char *codec_xz_filter_option(unsigned filter);

/* CODEC_COUNT for an unknown name. */
enum codec codec_by_name(const char *name);

/* The codec whose file name suffix PATH carries; CODEC_NONE when it carries none. */
enum codec codec_by_suffix(const char *path);

/* Looks at the first two bytes. CODEC_NONE when no codec starts with them (or LEN < 2). */
enum codec codec_detect(const void *data, size_t len);
