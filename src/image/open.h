/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads an initramfs image, with any number and mix of segments, entry by entry. The image is a
 * whole file, or in the sections of a unified kernel image (image/container.h). Memory use does not
 * grow with the image; no data is kept. Follows the rules of the kernel's unpacker and says where
 * an image breaks them. The bytes are hostile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"
#include "format/codec/codec.h"
#include "format/kernel/cpio.h"
#include "image/container.h"

enum { IMAGE_ENTRIES_MAX = 4 * 1024 * 1024 };

struct image;

struct image_segment {
	enum codec codec;
	uint64_t offset;  /* in the file */
	uint64_t size;	  /* bytes in the file, without the padding after it */
	uint64_t plain;   /* bytes of its cpio archive */
	uint64_t entries; /* without the trailer */
	bool early;       /* the kernel finds something in it before it unpacks */
	unsigned filters; /* bits of enum xz_filter, once the segment was read to its end */
};

struct image_entry {
	struct cpio_header header;
	const char *name;   /* as in the archive; valid until the next call */
	const char *path;   /* NAME as a plain path: without slashes at its start and end, without
			     * empty and "." parts; ".." stays; "." for the root itself */
	bool has_slash;	    /* NAME ends with a slash or with "/.": the kernel can only make a
			       folder of it */
	unsigned segment;   /* counted from 0 */
	unsigned archive;   /* trailers before it: hard links do not cross one */
};

/* Whether two entries are names of one file, as the kernel sees it: their numbers and types are the
 * same, both say that there are several names, and there is no trailer between them. */
bool image_entry_is_linked(const struct image_entry *a, const struct image_entry *b);

/* PATH must be a regular file; the string is copied. */
int image_open(const char *path, struct image **out, struct err *err);

/* The same for a descriptor, which remains the caller's. NAME is for messages, and copied. */
int image_open_fd(int fd, const char *name, struct image **out, struct err *err);
void image_close(struct image *i);
void image_cleanup(struct image **i);
#define _cleanup_image_ __attribute__((cleanup(image_cleanup)))

/* To be called before image_next(): no byte is skipped, and all are digested as they are read. */
void image_begin_digest(struct image *i);

/* Reads what is left. SHA256 becomes that of all of image_size(). 0 or -errno. */
int image_end_digest(struct image *i, uint8_t sha256[DIGEST_SIZE], struct err *err);

/* How many bytes may be read and decompressed of an image of SIZE bytes: 1 GiB and 32 times SIZE, so that a small
 * file cannot ask for any amount of work. */
uint64_t image_work_max(uint64_t size);

/* To be called before image_next(): BYTES instead. Beyond them reading ends with -E2BIG. */
void image_limit_work(struct image *i, uint64_t bytes);

/* Counts BYTES that the caller decompressed from an entry's data. 0; -E2BIG: that was too much. */
int image_add_work(struct image *i, uint64_t bytes, struct err *err);

/* 1: an entry; 0: the end; -errno, with segment and offset in the message. An error is final: every later call
 * that reads returns the same one. */
int image_next(struct image *i, struct image_entry *out, struct err *err);

/* Up to LEN bytes of the current entry's data; 0 at their end. -errno. */
ssize_t image_read(struct image *i, void *data, size_t len, struct err *err);

/* Where the rest of the current entry's data is in the file. False: it is compressed. */
bool image_data_place(const struct image *i, uint64_t *out);

/* The segments seen so far. The last one's numbers grow until the end is reached. */
const struct image_segment *image_segments(const struct image *i, size_t *n);

/* Bytes of the image, without a boot configuration; of a UKI those of its sections. */
uint64_t image_size(const struct image *i);

/* All sections of a UKI, in the order of the file; none of any other image. */
const struct image_section *image_sections(const struct image *i, size_t *n);

/* Up to LEN bytes of the start of a section. Their number or -errno. */
ssize_t image_read_section(const struct image *i, const struct image_section *s, void *data,
			   size_t len, struct err *err);
