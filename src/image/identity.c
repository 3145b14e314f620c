/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/identity.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "format/ours/bootconf.h"
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

/* Reads the current entry, a manifest. 1: ID is the identity in it; 0: it has none; -errno. */
static int read_id(struct image *image, char id[MANIFEST_ID + 1], struct err *err)
{
	char tail[MANIFEST_ID_LINE];
	ssize_t n = read_tail(image, tail, err);

	return n < 0 ? (int)n : n == MANIFEST_ID_LINE && manifest_id_take(tail, id);
}

int image_identity(int fd, const char *name, char out[MANIFEST_ID + 1], struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	char id[MANIFEST_ID + 1];
	struct image_entry e;
	bool has = false;
	int r = image_open_fd(fd, name, &image, err);

	if (r < 0)
		return r;
	/* If there are several, the kernel unpacks them all, and the last one stays. */
	while ((r = image_next(image, &e, err)) > 0) {
		if (strcmp(e.path, MANIFEST_PATH) != 0 || !S_ISREG(e.header.mode))
			continue;
		r = read_id(image, id, err);
		if (r < 0)
			return r;
		has = r;
	}
	if (r < 0)
		return r;
	if (has)
		memcpy(out, id, sizeof(id));
	return has;
}

/* Is INIT the number of a segment with nothing but /init, and one behind it? Only we put PID 1 there. */
static bool is_pid1(const struct image *image, unsigned init)
{
	size_t n;
	const struct image_segment *segments = image_segments(image, &n);

	return n && init < n - 1 && segments[init].entries == 1;
}

/* Is R the fault of the image's bytes, and not of reading them? */
static bool is_damage(int r)
{
	return r == -EBADMSG || r == -E2BIG || r == -ENOTSUP || r == -EPROTONOSUPPORT || r == -EINVAL;
}

int image_is_ours(int fd, const char *name, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	char id[MANIFEST_ID + 1];
	struct image_entry e;
	struct err why = {0};
	bool looks_ours = false;
	unsigned init = UINT_MAX;
	int r = image_open_fd(fd, name, &image, &why);

	for (bool is_manifest; r == 0 && (r = image_next(image, &e, &why)) > 0;) {
		is_manifest = strcmp(e.path, MANIFEST_PATH) == 0 && S_ISREG(e.header.mode);
		looks_ours = looks_ours || strcmp(e.path, BOOTCONF_PATH) == 0 ||
			     strcmp(e.path, MODINDEX_PATH) == 0;
		if (strcmp(e.path, "init") == 0)
			init = e.segment;
		r = is_manifest ? read_id(image, id, &why) : 0;
		if (r > 0)
			return 1;
	}
	if (r < 0 && is_damage(r))
		return looks_ours || (image && is_pid1(image, init));
	if (r < 0 && err)
		*err = why;
	return r;
}
