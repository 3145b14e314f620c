/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/codec/codec.h"

#include <string.h>

#include "base/text.h"

static const struct codec_info codecs[CODEC_COUNT] = {
	[CODEC_NONE] = {"none", NULL, NULL, NULL, NULL, {0, 0}},
	[CODEC_GZIP] = {"gzip", ".gz", "CONFIG_RD_GZIP", "CONFIG_MODULE_COMPRESS_GZIP", NULL,
			{0x1f, 0x8b}},
	[CODEC_BZIP2] = {"bzip2", NULL, "CONFIG_RD_BZIP2", NULL, NULL, {'B', 'Z'}},
	[CODEC_LZMA] = {"lzma", NULL, "CONFIG_RD_LZMA", NULL, NULL, {0x5d, 0x00}},
	[CODEC_XZ] = {"xz", ".xz", "CONFIG_RD_XZ", "CONFIG_MODULE_COMPRESS_XZ",
		      "CONFIG_FW_LOADER_COMPRESS_XZ", {0xfd, '7'}},
	[CODEC_LZO] = {"lzo", NULL, "CONFIG_RD_LZO", NULL, NULL, {0x89, 'L'}},
	[CODEC_LZ4] = {"lz4", NULL, "CONFIG_RD_LZ4", NULL, NULL, {0x02, 0x21}},
	[CODEC_ZSTD] = {"zstd", ".zst", "CONFIG_RD_ZSTD", "CONFIG_MODULE_COMPRESS_ZSTD",
			"CONFIG_FW_LOADER_COMPRESS_ZSTD", {0x28, 0xb5}},
};

const struct codec_info *codec_info(enum codec codec)
{
	return &codecs[codec];
}

const char *codec_xz_filter_option(unsigned filter)
{
	static const char *const options[] = {
		"CONFIG_XZ_DEC_X86",   "CONFIG_XZ_DEC_POWERPC",	 "CONFIG_XZ_DEC_IA64",
		"CONFIG_XZ_DEC_ARM",   "CONFIG_XZ_DEC_ARMTHUMB", "CONFIG_XZ_DEC_SPARC",
		"CONFIG_XZ_DEC_ARM64", "CONFIG_XZ_DEC_RISCV",
	};

	return options[filter - XZ_FILTER_FIRST];
}

enum codec codec_by_name(const char *name)
{
	for (int c = 0; c < CODEC_COUNT; c++)
		if (strcmp(codecs[c].name, name) == 0)
			return (enum codec)c;
	return CODEC_COUNT;
}

enum codec codec_by_suffix(const char *path)
{
	for (int c = 0; c < CODEC_COUNT; c++)
		if (codecs[c].suffix && str_ends(path, codecs[c].suffix))
			return (enum codec)c;
	return CODEC_NONE;
}

enum codec codec_detect(const void *data, size_t len)
{
	for (int c = CODEC_NONE + 1; c < CODEC_COUNT; c++)
		if (len >= 2 && memcmp(codecs[c].magic, data, 2) == 0)
			return (enum codec)c;
	return CODEC_NONE;
}
