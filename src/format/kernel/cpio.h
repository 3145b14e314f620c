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
	CPIO_NAME_MAX = 4096,	/* with its NUL; the kernel silently skips longer names */
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

/* Zero bytes that pad OFFSET to a multiple of 4. */
static inline size_t cpio_pad(uint64_t offset)
{
	return (size_t)(-offset & 3);
}

/* Whether DATA starts with the magic of an entry. It holds at least 6 bytes. */
bool cpio_is_magic(const void *data);

/* DATA holds CPIO_HEADER_SIZE bytes. 0, or -EBADMSG for a wrong magic or a field that is not eight
 * hexadecimal digits. The values themselves are not checked. */
int cpio_decode_header(const void *data, struct cpio_header *out, struct err *err);

/* Appends header and name (padded to 4, counted from the start of OUT, which must itself start
 * at a multiple of 4 in the archive). namesize is taken from NAME. */
void cpio_add_header(struct buf *out, const struct cpio_header *h, const char *name);

/* The same, but the data will start at a multiple of ALIGN (a power of two, at least 4), counted as
 * above: NULs after the name, counted as part of it, fill the gap. */
void cpio_add_header_aligned(struct buf *out, const struct cpio_header *h, const char *name,
			     size_t align);

/* Appends the end-of-archive entry and its padding. */
void cpio_add_trailer(struct buf *out);

/* Copies NAME without the parts that do not change where it leads: slashes at its start and end,
 * empty and "." components. If nothing is left, the result is ".". TO has room for NAME, and for 2
 * bytes at least. */
void cpio_plain_path(const char *name, char *to);
