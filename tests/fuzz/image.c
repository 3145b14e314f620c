/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A whole image: segments, entries, data; then the verdict on it, which decodes the manifest,
 * the module index and boot.conf that it may hold.
 */

#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fuzz.h"
#include "image/diff.h"
#include "image/open.h"
#include "image/verify.h"

static void read_entry(struct image *image, const struct image_entry *e, struct err *err)
{
	uint8_t chunk[1000];
	uint64_t total = 0;
	ssize_t n;

	HOLDS(strlen(e->name) < CPIO_NAME_MAX);
	HOLDS(*e->path && e->path[0] != '/');
	/* Every other entry is skipped instead of read. */
	if (e->header.ino & 1)
		return;
	while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
		total += (uint64_t)n;
	HOLDS(total <= e->header.filesize);
	HOLDS(n < 0 || total == e->header.filesize);
}

static void walk(int fd, size_t size)
{
	_cleanup_image_ struct image *image = NULL;
	const struct image_segment *segments;
	struct image_entry e;
	struct err err = {0};
	size_t n = 0;
	int r;

	r = image_open_fd(fd, "input", &image, &err);
	if (r < 0) {
		HOLDS(err.text[0]);
		return;
	}
	while ((r = image_next(image, &e, &err)) > 0)
		read_entry(image, &e, &err);
	HOLDS(r == 0 || err.text[0]);
	segments = image_segments(image, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		HOLDS(segments[i].offset + segments[i].size <= size);
}

static void judge(int fd)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct verdict verdict;
	struct err err = {0};

	if (image_open_fd(fd, "input", &image, &err) < 0)
		return;
	if (image_verify(image, NULL, &arena, &verdict, &err) == 0)
		HOLDS(!!verdict.n_problems == !!verdict.problems);
	else
		HOLDS(err.text[0]);
}

/* An image is the same as itself, and differs from one without anything as much as it holds. */
static void compare(int fd)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct diff_side side, none = {0};
	struct err err = {0};
	struct diff diff;

	if (image_open_fd(fd, "input", &image, &err) < 0)
		return;
	if (diff_read(image, &arena, &side, &err) < 0) {
		HOLDS(err.text[0]);
		return;
	}
	diff_compare(&side, &side, &arena, &diff);
	HOLDS(diff_is_empty(&diff) && !diff.repacked);
	diff_compare(&none, &side, &arena, &diff);
	HOLDS(diff.n_files + diff.n_modules == side.n_entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_fd_ int fd = memfd_create("image", MFD_CLOEXEC);

	HOLDS(fd >= 0 && write_full(fd, data, size) == 0);
	walk(fd, size);
	judge(fd);
	compare(fd);
	return 0;
}
