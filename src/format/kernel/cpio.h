/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The "newc" cpio format as the kernel unpacks it: 6 bytes of magic ("070701", or "070702" with
 * a sum over the data), 13 fields of 8 hexadecimal digits, the name with its NUL, padding to 4,
 * the data, padding to 4. An archive ends with an entry named TRAILER!!!.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c.
 * Pure; never touches a file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	CPIO_HEADER_SIZE = 110,
	CPIO_NAME_MAX = 4096,   /* with its NUL; the kernel skips longer names in silence */
	CPIO_TARGET_MAX = 4096, /* of a symbolic link */
	CPIO_HEX = 8,
};

#define CPIO_TRAILER "TRAILER!!!"

struct cpio_header {
	uint32_t ino;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint32_t mtime;
	uint32_t filesize;
	uint32_t major;
	uint32_t minor;
	uint32_t rmajor;
	uint32_t rminor;
	uint32_t namesize; /* with the NUL */
	uint32_t check;
	bool has_check;    /* magic 070702 */
};

/* Zero bytes that bring OFFSET to a multiple of 4. */
static inline size_t cpio_pad(uint64_t offset)
{
	return (size_t)(-offset & 3);
}

/* DATA holds 6 bytes or more. Whether they are the magic of an entry. */
bool cpio_is_magic(const void *data);

/* DATA holds CPIO_HEADER_SIZE bytes. 0, or -EBADMSG for a wrong magic or a field that is not
 * eight hexadecimal digits. The values themselves are not judged. */
int cpio_decode_header(const void *data, struct cpio_header *out, struct err *err);

/* Appends header and name (padded to 4, counted from the start of OUT, which must itself start
 * at a multiple of 4 in the archive). namesize is taken from NAME. */
void cpio_add_header(struct buf *out, const struct cpio_header *h, const char *name);

/* The same, but the data will start at a multiple of ALIGN (a power of two, at least 4), counted
 * as above: NULs behind the name make up for it, which count as part of it. */
void cpio_add_header_aligned(struct buf *out, const struct cpio_header *h, const char *name,
			     size_t align);

/* Appends the end-of-archive entry and its padding. */
void cpio_add_trailer(struct buf *out);

/* Copies NAME without what makes no difference to where it leads: slashes at its start and end,
 * empty and "." parts. What is left of nothing is ".". TO has room for NAME, and 2 bytes at
 * least. */
void cpio_plain_path(const char *name, char *to);
