/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/contents.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "format/ours/manifest.h"

enum { CHUNK = 64 * 1024 };

int image_contents(struct image *image, const char *name, struct buf *out, struct err *err)
{
	struct image_entry e;
	bool found = false;
	int r;

	while ((r = image_next(image, &e, err)) > 0) {
		char chunk[CHUNK];
		ssize_t n = 0;

		if (strcmp(e.path, MANIFEST_PATH) != 0 || e.header.filesize > MANIFEST_SIZE_MAX)
			continue;
		found = true;
		out->len = 0;
		while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
			buf_add(out, chunk, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	if (r == 0 && !found)
		return err_set(err, -ENOENT, "%s has no manifest: preroot did not make it", name);
	return r;
}
