/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/codec/decode_all.h"

#include "base/cleanup.h"

static const struct decoder_ops *const decoders[] = {
	&decode_bzip2, &decode_gzip, &decode_lz4, &decode_lzma, &decode_xz, &decode_zstd,
#ifdef HAVE_LZO
	&decode_lzo,
#endif
};

const struct decoder_ops *decoder_find(enum codec codec)
{
	for (size_t i = 0; i < ARRAY_SIZE(decoders); i++)
		if (decoders[i]->codec == codec)
			return decoders[i];
	return NULL;
}
