/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/identity.h"

#include <string.h>
#include <sys/stat.h>

#include "format/ours/manifest.h"
#include "image/open.h"

enum { CHUNK = 16 * 1024 };

/* Reads the last bytes of the entry's data. Their number or -errno. */
static ssize_t read_tail(struct image *image, char tail[MANIFEST_ID_LINE], struct err *err)
{
	char chunk[MANIFEST_ID_LINE + CHUNK];
	size_t have = 0;
	ssize_t n;

	while ((n = image_read(image, chunk + have, CHUNK, err)) > 0) {
		size_t all = have + (size_t)n;

		have = all < MANIFEST_ID_LINE ? all : MANIFEST_ID_LINE;
		memmove(chunk, chunk + all - have, have);
	}
	memcpy(tail, chunk, have);
	return n < 0 ? n : (ssize_t)have;
}

int image_identity(int fd, const char *name, char out[MANIFEST_ID + 1], struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	char tail[MANIFEST_ID_LINE], id[MANIFEST_ID + 1];
	struct image_entry e;
	bool has = false;
	int r = image_open_fd(fd, name, &image, err);

	if (r < 0)
		return r;
	/* If there are several, the kernel unpacks them all, and the last one stays. */
	while ((r = image_next(image, &e, err)) > 0) {
		ssize_t n;

		if (strcmp(e.path, MANIFEST_PATH) != 0 || !S_ISREG(e.header.mode))
			continue;
		n = read_tail(image, tail, err);
		if (n < 0)
			return (int)n;
		has = n == MANIFEST_ID_LINE && manifest_id_take(tail, id);
	}
	if (r < 0)
		return r;
	if (has)
		memcpy(out, id, sizeof(id));
	return has;
}
