/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive.h"

#include <sys/mman.h>

#include "base/file.h"
#include "format/codec/encode.h"
#include "support.h"

void align(struct buf *out)
{
	buf_add_zeros(out, cpio_pad(out->len));
}

void add_entry(struct buf *out, const char *name, uint32_t mode, const void *data, size_t len)
{
	struct cpio_header h = {
		.ino = (uint32_t)out->len + 1, .mode = mode, .nlink = 1, .filesize = (uint32_t)len};

	cpio_add_header(out, &h, name);
	buf_add(out, data, len);
	align(out);
}

void add_file(struct buf *out, const char *name, const char *text)
{
	add_entry(out, name, S_IFREG | 0644, text, strlen(text));
}

void add_dir(struct buf *out, const char *name)
{
	add_entry(out, name, S_IFDIR | 0755, NULL, 0);
}

void add_symlink(struct buf *out, const char *name, const char *target)
{
	add_entry(out, name, S_IFLNK | 0777, target, strlen(target));
}

void add_hard_link(struct buf *out, const char *name, uint32_t ino, const char *text)
{
	struct cpio_header h = {
		.ino = ino, .mode = S_IFREG | 0644, .nlink = 2, .filesize = (uint32_t)strlen(text)};

	cpio_add_header(out, &h, name);
	buf_add_str(out, text);
	align(out);
}

void add_raw_header(struct buf *out, const struct cpio_header *h, const void *name,
		    uint32_t namesize)
{
	buf_printf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", h->ino,
		   h->mode, h->uid, h->gid, h->nlink, h->mtime, h->filesize, h->major, h->minor,
		   h->rmajor, h->rminor, h->namesize, h->check);
	buf_add(out, name, namesize);
}

void add_segment(struct buf *out, enum codec codec, const struct buf *archive)
{
	struct err err = {0};

	assert_ok(encode(codec, NULL, archive->data, archive->len, out, &err), 0,
		  &err);
}

struct image *open_bytes(const void *data, size_t len)
{
	_cleanup_fd_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct image *image = NULL;
	char path[64];
	struct err err = {0};

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, len), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_ok(image_open(path, &image, &err), 0, &err);
	return image;
}

struct image *open_buf(const struct buf *b)
{
	assert_int_equal(buf_status(b), 0);
	return open_bytes(b->data, b->len);
}

int read_all_entries(struct image *image, struct err *err)
{
	struct image_entry e;
	uint8_t chunk[1024];
	int r;

	while ((r = image_next(image, &e, err)) > 0) {
		ssize_t n;

		while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
			;
		if (n < 0)
			return (int)n;
	}
	return r;
}

/* A folder and a file called after TAG, and the trailer. */
void add_archive(struct buf *out, const char *tag)
{
	_cleanup_buf_ struct buf archive = BUF_INIT;
	char path[64];

	add_dir(&archive, tag);
	snprintf(path, sizeof(path), "%s/file", tag);
	add_file(&archive, path, tag);
	cpio_add_trailer(&archive);
	buf_add(out, archive.data, archive.len);
}

void add_packed(struct buf *out, enum codec codec, const char *tag)
{
	_cleanup_buf_ struct buf archive = BUF_INIT;

	add_archive(&archive, tag);
	add_segment(out, codec, &archive);
}

/* The image holds these paths, in this order; the list ends with NULL. */
void assert_paths(const struct buf *b, const char *const *paths)
{
	_cleanup_image_ struct image *image = open_buf(b);
	struct image_entry e;
	struct err err = {0};

	for (; *paths; paths++) {
		assert_ok(image_next(image, &e, &err), 1, &err);
		assert_string_equal(e.path, *paths);
	}
	assert_ok(image_next(image, &e, &err), 0, &err);
	assert_ok(image_next(image, &e, &err), 0, &err);
}

/* Reading the image ends with -EBADMSG and a text that holds WHY. */
void assert_broken(const struct buf *b, const char *why)
{
	_cleanup_image_ struct image *image = open_buf(b);
	struct err err = {0};

	assert_fails(read_all_entries(image, &err), -EBADMSG, &err);
	assert_contains(err.text, why);
}
