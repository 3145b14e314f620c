/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How two images differ, whoever built them: in files, kernel modules, configuration and size.
 * Content is compared by SHA-256, so that memory holds names and digests, one module at a time, and
 * the small text files of the configuration. How files are packed (segments, order, times, inode
 * numbers, compression of a module) does not count as a difference. Files below bin, sbin, lib and
 * lib64 are compared as if below usr; files in a kernel's folder are compared with those in the
 * folder of the other image's kernel, and modules by their name. The bytes are hostile.
 */

#include "base/arena.h"
#include "base/digest.h"
#include "image/open.h"

enum {
	DIFF_TEXT_MAX = 64 * 1024,	    /* of a configuration file that is shown */
	DIFF_TEXTS_MAX = 8 * 1024 * 1024,   /* of all together */
	DIFF_MODULE_MAX = 64 * 1024 * 1024, /* of a module, as it is and decompressed; a larger one
					       is compared as a file */
	DIFF_KERNELS_MAX = 256,
};

struct diff_module {
	const char *name;    /* "-" as "_" */
	const char *vermagic, *srcversion, *version; /* NULL: the module has none */
	uint8_t plain[DIGEST_SIZE]; /* of the module without its compression */
};

struct diff_entry {
	const char *path;
	unsigned mode; /* with the type */
	uint32_t uid, gid, major, minor;
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	const char *text;   /* of a configuration file, NUL-terminated; NULL: not kept */
	const char *kernel; /* the kernel in whose folder it is, or NULL */
	const char *below;  /* the part of PATH below that folder */
	struct diff_module *module; /* NULL: it is not a module */
};

struct diff_side {
	struct diff_entry **entries;
	size_t n_entries;
	const char *kernels[DIFF_KERNELS_MAX]; /* sorted */
	size_t n_kernels;
	struct image_segment *segments;
	size_t n_segments;
	uint64_t bytes;
	const void *index; /* our index of modules; NULL: none */
	size_t index_len;
};

/* Reads IMAGE to its end. What OUT points to lives in ARENA. */
int diff_read(struct image *image, struct arena *arena, struct diff_side *out, struct err *err);

enum diff_what {
	DIFF_TYPE = 1 << 0,
	DIFF_MODE = 1 << 1,
	DIFF_OWNER = 1 << 2,
	DIFF_SIZE = 1 << 3,
	DIFF_CONTENT = 1 << 4,
	DIFF_DEVICE = 1 << 5,
};

struct diff_change {
	const struct diff_entry *a, *b; /* NULL: added or removed */
	unsigned what;                  /* of one that is in both */
};

struct diff_option {
	const char *module, *a, *b; /* "" where there is none */
};

struct diff {
	struct diff_change *files, *modules; /* by path of B, else A; by name */
	size_t n_files, n_modules;
	struct diff_option *options;
	size_t n_options;
	size_t repacked; /* modules that differ in their compression alone */
	bool other_kernels;
};

/* Compares the two. What OUT points to lives in ARENA and in the sides. */
void diff_compare(const struct diff_side *a, const struct diff_side *b, struct arena *arena,
		  struct diff *out);
bool diff_is_empty(const struct diff *d);

/*
 * The changed lines of two texts, in order, each with '-' or '+' before LINE. Texts that are too
 * large to compare line by line are reported as removed and added as a whole, except for their
 * common start and end.
 */
void diff_lines(const char *a, const char *b,
		void (*fn)(char kind, const char *line, size_t len, void *arg), void *arg);
