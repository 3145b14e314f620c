/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/kernel/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { CPIO_FIELDS = 13, CPIO_MAGIC_LEN = 6 };

static bool decode_field(const uint8_t *p, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < CPIO_HEX; i++) {
		int digit = hex_digit((char)p[i]);

		if (digit < 0)
			return false;
		v = v << 4 | (uint32_t)digit;
	}
	*out = v;
	return true;
}

bool cpio_is_magic(const void *data)
{
	return memcmp(data, "070701", CPIO_MAGIC_LEN) == 0 ||
	       memcmp(data, "070702", CPIO_MAGIC_LEN) == 0;
}

int cpio_decode_header(const void *data, struct cpio_header *out, struct err *err)
{
	const uint8_t *p = data;
	struct cpio_header h = {0};
	uint32_t *fields[CPIO_FIELDS] = {&h.ino,      &h.mode,     &h.uid,    &h.gid,   &h.nlink,
					 &h.mtime,    &h.filesize, &h.major,  &h.minor, &h.rmajor,
					 &h.rminor,   &h.namesize, &h.check};

	if (!cpio_is_magic(p))
		return err_set(err, -EBADMSG, "no cpio header (magic 070701 or 070702) here");
	h.has_check = p[5] == '2';
	for (int i = 0; i < CPIO_FIELDS; i++)
		if (!decode_field(p + CPIO_MAGIC_LEN + i * CPIO_HEX, fields[i]))
			return err_set(err, -EBADMSG,
				       "damaged cpio header: field %d is not eight hexadecimal digits",
				       i + 1);
	*out = h;
	return 0;
}

void cpio_add_header_aligned(struct buf *out, const struct cpio_header *h, const char *name,
			     size_t align)
{
	size_t len = strlen(name) + 1, end = out->len + CPIO_HEADER_SIZE + len;
	size_t namesize = len + (-(end + cpio_pad(end)) & (align - 1));
	char raw[CPIO_HEADER_SIZE + 1];

	snprintf(raw, sizeof(raw), "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 h->has_check ? "070702" : "070701", h->ino, h->mode, h->uid, h->gid, h->nlink,
		 h->mtime, h->filesize, h->major, h->minor, h->rmajor, h->rminor,
		 (uint32_t)namesize, h->check);
	buf_add(out, raw, CPIO_HEADER_SIZE);
	buf_add(out, name, len);
	buf_add_zeros(out, namesize - len + cpio_pad(end));
}

void cpio_add_header(struct buf *out, const struct cpio_header *h, const char *name)
{
	cpio_add_header_aligned(out, h, name, 4);
}

void cpio_add_trailer(struct buf *out)
{
	struct cpio_header h = {.nlink = 1};

	cpio_add_header(out, &h, CPIO_TRAILER);
}

void cpio_plain_path(const char *name, char *to)
{
	char *start = to;

	while (*name) {
		size_t len = strcspn(name, "/");

		if (len && !(len == 1 && *name == '.')) {
			if (to > start)
				*to++ = '/';
			memcpy(to, name, len);
			to += len;
		}
		name += len;
		name += *name == '/';
	}
	if (to == start)
		*to++ = '.';
	*to = '\0';
}
