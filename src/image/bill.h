/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bill of materials of an image: its regular files with their digests, and the packages that
 * they come from, according to its manifest. The manifest is checked against the bytes: a bill that
 * does not fit its image is an error.
 */

#include "base/arena.h"
#include "base/digest.h"
#include "format/ours/manifest.h"
#include "image/open.h"

struct bill_package {
	const char *name, *version;
	const char *arch; /* NULL: not known */
	const char *purl; /* NULL: the kind of the package database is not known */
};

struct bill_file {
	const char *path;
	const char *source, *reason; /* SOURCE may be NULL */
	uint8_t sha256[DIGEST_SIZE], sha1[DIGEST_SHA1_SIZE];
	const struct bill_package *package; /* NULL: none */
};

struct bill {
	const char *kernel; /* NULL: the manifest does not say */
	struct bill_file *files; /* by path */
	size_t n_files;
	struct bill_package *packages; /* by name, version, architecture */
	size_t n_packages;
	uint8_t id[DIGEST_SIZE];   /* digest of the manifest: the same for the same content */
	uint8_t code[DIGEST_SHA1_SIZE]; /* SHA-1 of the sorted SHA-1 sums: SPDX's verification code */
};

/* Reads the whole image, which messages call NAME. -ENOENT when it has no manifest, -EBADMSG when
 * the manifest is damaged or does not fit. What OUT points to lives in ARENA. */
int bill_read(struct image *image, const char *name, struct arena *arena, struct bill *out,
	      struct err *err);
