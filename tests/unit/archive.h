/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Images made by hand, for the tests of reading, unpacking and judging them.
 */

#include <sys/stat.h>

#include "base/buf.h"
#include "format/codec/codec.h"
#include "format/kernel/cpio.h"
#include "image/open.h"

/* Entries of an archive. OUT must start where the archive starts. */
void add_file(struct buf *out, const char *name, const char *text);
void add_dir(struct buf *out, const char *name);
void add_symlink(struct buf *out, const char *name, const char *target);

/* One of several names of a file, which share INO. */
void add_hard_link(struct buf *out, const char *name, uint32_t ino, const char *text);

/* Any entry: MODE with its type. */
void add_entry(struct buf *out, const char *name, uint32_t mode, const void *data, size_t len);

/* A header with fields of one's own choice, then NAMESIZE bytes of NAME, unpadded. */
void add_raw_header(struct buf *out, const struct cpio_header *h, const void *name,
		    uint32_t namesize);

/* Appends ARCHIVE, compressed with CODEC, to OUT. */
void add_segment(struct buf *out, enum codec codec, const struct buf *archive);

/* Zeros up to a multiple of 4. */
void align(struct buf *out);

/* An open image of those bytes; they are copied. */
struct image *open_bytes(const void *data, size_t len);
struct image *open_buf(const struct buf *b);

/* Reads all entries and all data: 0, or the error. */
int read_all_entries(struct image *image, struct err *err);

/* A folder called TAG with a file that holds TAG, and the trailer; plain, or packed. */
void add_archive(struct buf *out, const char *tag);
void add_packed(struct buf *out, enum codec codec, const char *tag);

/* The image holds these paths, in this order; the list ends with NULL. */
void assert_paths(const struct buf *b, const char *const *paths);

/* Reading the image ends with -EBADMSG and a text that holds WHY. */
void assert_broken(const struct buf *b, const char *why);
