/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of an installed package as the rpm database holds it (rpm's documentation, "RPM V4
 * header"): two big-endian 32-bit words, the number of index entries and the length of the data;
 * then the entries, four words each (tag, type, offset, count); then the data. Pure; the bytes are
 * hostile: every offset and every string's end is checked before it is used.
 */

#include <stdint.h>

#include "format/package/pkgdb.h"

enum { RPM_HEADER_MAX = 256 * 1024 * 1024 };

struct rpmheader {
	const uint8_t *index, *data;
	uint32_t entries, len;
};

/* -EBADMSG when its parts do not fit into LEN bytes. */
int rpmheader_decode(const void *data, size_t len, struct rpmheader *out);

struct rpmheader_package {
	struct span name, version, release, arch; /* ARCH may be empty */
	bool has_epoch;
	uint32_t epoch;
};

/* -EBADMSG when name, version or release is missing or damaged. */
int rpmheader_package(const struct rpmheader *h, struct rpmheader_package *out);

/* Calls FN with the path of each file. 0, even for a package without files; -EBADMSG or -ENOMEM, in
 * which case FN may have been called for some of them. */
int rpmheader_files(const struct rpmheader *h, void (*fn)(struct span path, void *arg), void *arg);
