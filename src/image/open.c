/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/codec/decode_all.h"
#include "format/codec/magic.h"
#include "image/verify_early.h"

enum {
	IN_SIZE = 256 * 1024,
	IN_SIZE_SKIPPED = 4096, /* after data that is skipped: a header, and perhaps no more */
	OUT_SIZE = 256 * 1024,
	SEGMENTS_MAX = 1024,
	BOOTCONFIG_MAX = 32 * 1024 + 32, /* XBC_DATA_MAX and its footer */
	WORK_RATIO_MAX = 32, /* to a byte of the file; modules compress to a fifth of their size */
};

/* Beside that, for a small image with a large file that compresses well. */
#define WORK_FREE (1ull << 30)

struct image {
	int own_fd;
	char *label;
	struct container container;
	uint64_t start;     /* of the current segment, in the image */
	uint64_t in_offset; /* in the image, as container_read() counts */
	size_t in_at, in_len;
	size_t in_next; /* bytes to read next: few after a jump, more while there is none */
	uint64_t work, work_max; /* bytes that were read or decompressed */
	struct err failed;	 /* the first error, which ends reading; code 0: none yet */
	struct digest *digest; /* of what was read; NULL: nobody asks for it */

	const struct decoder_ops *ops; /* NULL: not inside a compressed segment */
	struct decoder *decoder;
	bool decoder_done;
	size_t out_at, out_len;

	bool in_segment;   /* the last segment may still grow */
	bool started;	   /* a header was read: from here on the kernel skips zeros */
	unsigned archive;
	uint64_t left;     /* data of the current entry */
	size_t pad;	   /* after that data */
	uint32_t sum, want_sum;
	bool check_sum;
	uint64_t entries;
	struct image_segment segments[SEGMENTS_MAX];
	size_t n_segments;
	char name[CPIO_NAME_MAX];
	char path[CPIO_NAME_MAX + 1];
	uint8_t in[IN_SIZE];
	uint8_t out[OUT_SIZE];
};

static uint64_t file_pos(const struct image *i)
{
	return i->in_offset + i->in_at;
}

static struct image_segment *current(struct image *i)
{
	return &i->segments[i->n_segments - 1];
}

/* The position in the file, for messages. */
static unsigned long long place(const struct image *i)
{
	return container_place(&i->container, file_pos(i));
}

uint64_t image_work_max(uint64_t size)
{
	return WORK_FREE + WORK_RATIO_MAX * size;
}

int image_open_fd(int fd, const char *name, struct image **out, struct err *err)
{
	_cleanup_image_ struct image *i = NULL;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s is not a regular file", name);
	if (st.st_size == 0)
		return err_set(err, -EBADMSG, "%s is empty", name);
	i = calloc(1, sizeof(*i));
	if (!i)
		return err_set(err, -ENOMEM, "no memory left");
	i->own_fd = -1;
	i->in_next = IN_SIZE;
	i->label = strdup(name);
	if (!i->label)
		return err_set(err, -ENOMEM, "no memory left");
	r = container_init(&i->container, fd, (uint64_t)st.st_size, err);
	if (r < 0)
		return err_prefix(err, "%s", name);
	i->work_max = image_work_max(i->container.size);
	*out = TAKE_PTR(i);
	return 0;
}

int image_open(const char *path, struct image **out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	if (fd < 0)
		return err_sys(err, -errno, "%s", path);
	r = image_open_fd(fd, path, out, err);
	if (r < 0)
		close_fd(fd);
	else
		(*out)->own_fd = fd;
	return r;
}

void image_close(struct image *i)
{
	if (!i)
		return;
	if (i->decoder)
		i->ops->close(i->decoder);
	if (i->digest)
		digest_free(i->digest);
	close_fd(i->own_fd);
	free(i->label);
	free(i);
}

void image_cleanup(struct image **i)
{
	image_close(*i);
}

const struct image_segment *image_segments(const struct image *i, size_t *n)
{
	*n = i->n_segments;
	return i->segments;
}

bool image_entry_is_linked(const struct image_entry *a, const struct image_entry *b)
{
	const struct cpio_header *x = &a->header, *y = &b->header;

	return x->nlink >= 2 && y->nlink >= 2 && a->archive == b->archive && x->ino == y->ino &&
	       x->major == y->major && x->minor == y->minor &&
	       ((x->mode ^ y->mode) & S_IFMT) == 0;
}

bool image_data_place(const struct image *i, uint64_t *out)
{
	*out = place(i);
	return !i->ops;
}

uint64_t image_size(const struct image *i)
{
	return i->container.size;
}

const struct image_section *image_sections(const struct image *i, size_t *n)
{
	*n = i->container.n_sections;
	return i->container.sections;
}

ssize_t image_read_section(const struct image *i, const struct image_section *s, void *data,
			   size_t len, struct err *err)
{
	ssize_t n = pread_full(i->container.fd, data, len < s->pe.size ? len : (size_t)s->pe.size,
			       s->pe.offset);

	return n < 0 ? err_sys(err, (int)n, "%s", i->label) : n;
}

static bool is_over_limit(const struct image *i)
{
	return i->work > i->work_max;
}

/* What a call of ours gives its caller. Errors are kept in the image: whoever reads on after one gets it again, and
 * nothing that is made of bytes at the wrong place. */
static ssize_t conclude(const struct image *i, ssize_t r, struct err *err)
{
	if (r < 0 && err)
		*err = i->failed;
	return r;
}

/* Puts the position in the image in front of the message. */
static int located(struct image *i, struct err *err)
{
	if (is_over_limit(i)) /* it is there already */
		return -E2BIG;
	return err_prefix(err, "%s: segment %zu at byte %llu", i->label, i->n_segments,
			  place(i));
}

void image_limit_work(struct image *i, uint64_t bytes)
{
	i->work_max = bytes;
}

static int add_work(struct image *i, uint64_t bytes, struct err *err)
{
	i->work += bytes;
	if (!is_over_limit(i))
		return 0;
	err_set(err, -E2BIG,
		"%s: segment %zu at byte %llu: there are more than %llu MiB to read and decompress, which no "
		"image of its size needs: reading ends here", i->label, i->n_segments, place(i),
		(unsigned long long)(i->work_max >> 20));
	return err_hint(err, "it is damaged or made to keep its readers busy; if it is meant to be like "
			     "this, unpack it with its decompressor and cpio");
}

int image_add_work(struct image *i, uint64_t bytes, struct err *err)
{
	int r = i->failed.code;

	return (int)conclude(i, r < 0 ? r : add_work(i, bytes, &i->failed), err);
}

/* ---- bytes of the file ---- */

/* 0 at the end of the file. */
static ssize_t fill(struct image *i, struct err *err)
{
	uint64_t pos = file_pos(i);
	size_t want = i->in_next;
	ssize_t n;

	if (i->in_at < i->in_len)
		return (ssize_t)(i->in_len - i->in_at);
	if (pos >= i->container.size)
		return 0;
	if (want > i->container.size - pos)
		want = (size_t)(i->container.size - pos);
	n = container_read(&i->container, i->in, want, pos);
	if (n < 0)
		return err_sys(err, (int)n, "%s", i->label);
	if (i->digest)
		digest_add(i->digest, i->in, (size_t)n);
	i->in_offset = pos;
	i->in_at = 0;
	i->in_len = (size_t)n;
	i->in_next = i->in_next < IN_SIZE ? i->in_next * 2 : IN_SIZE;
	if (n == 0)
		i->container.size = pos; /* the file was truncated while we read it */
	if (add_work(i, (size_t)n, err) < 0)
		return -E2BIG;
	return n;
}

static void skip_raw(struct image *i, uint64_t count)
{
	uint64_t to = file_pos(i) + count;

	if (count <= i->in_len - i->in_at) {
		i->in_at += (size_t)count;
		return;
	}
	i->in_offset = to;
	i->in_at = i->in_len = 0;
	i->in_next = IN_SIZE_SKIPPED;
}

/* DATA may be NULL. */
static ssize_t get_raw(struct image *i, uint8_t *data, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = fill(i, err);
		size_t take;

		if (n <= 0)
			return n < 0 ? n : (ssize_t)done;
		take = (size_t)n < len - done ? (size_t)n : len - done;
		if (data)
			memcpy(data + done, i->in + i->in_at, take);
		i->in_at += take;
		done += take;
	}
	return (ssize_t)done;
}

void image_begin_digest(struct image *i)
{
	i->digest = digest_new();
}

int image_end_digest(struct image *i, uint8_t sha256[DIGEST_SIZE], struct err *err)
{
	ssize_t n = i->failed.code;

	while (n >= 0 && (n = fill(i, &i->failed)) > 0)
		i->in_at = i->in_len;
	if (n == 0)
		digest_take(i->digest, sha256);
	return (int)conclude(i, n, err);
}

/* ---- bytes of a compressed segment ---- */

static int decode_more(struct image *i, struct err *err)
{
	while (i->out_at == i->out_len && !i->decoder_done) {
		ssize_t n = fill(i, err);
		size_t taken, given;
		int r;

		if (n < 0)
			return (int)n;
		r = i->ops->step(i->decoder, i->in + i->in_at, (size_t)n,
				 i->in_offset + i->in_len >= i->container.size, &taken, i->out,
				 sizeof(i->out), &given, err);
		if (r < 0)
			return r;
		i->in_at += taken;
		i->out_at = 0;
		i->out_len = given;
		i->decoder_done = r == 1;
		if (add_work(i, given, err) < 0)
			return -E2BIG;
	}
	return 0;
}

static ssize_t get_packed(struct image *i, uint8_t *data, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		int r = decode_more(i, err);
		size_t take = i->out_len - i->out_at;

		if (r < 0)
			return r;
		if (take == 0)
			break;
		if (take > len - done)
			take = len - done;
		if (data)
			memcpy(data + done, i->out + i->out_at, take);
		i->out_at += take;
		done += take;
	}
	return (ssize_t)done;
}

/* Reads LEN bytes of the current segment's archive, fewer at its end. DATA may be NULL. */
static ssize_t get(struct image *i, uint8_t *data, size_t len, struct err *err)
{
	ssize_t n;

	if (i->ops)
		n = get_packed(i, data, len, err);
	else if (data || i->digest)
		n = get_raw(i, data, len, err);
	else {
		uint64_t there = i->container.size - file_pos(i);

		n = (ssize_t)(len < there ? len : there);
		skip_raw(i, (uint64_t)n);
	}
	if (n > 0)
		current(i)->plain += (uint64_t)n;
	return n;
}

/* Reads exactly LEN bytes; if there are fewer, the image is damaged. */
static int need(struct image *i, uint8_t *data, size_t len, const char *what, struct err *err)
{
	ssize_t n = get(i, data, len, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return err_set(err, -EBADMSG, "the archive is cut short within %s", what);
	return 0;
}

/* ---- segments ---- */

static void close_segment(struct image *i)
{
	if (i->ops)
		current(i)->size = file_pos(i) - i->start;
	if (i->decoder && i->ops->filters)
		current(i)->filters = i->ops->filters(i->decoder);
	if (i->decoder)
		i->ops->close(i->decoder);
	i->decoder = NULL;
	i->ops = NULL;
	i->decoder_done = false;
	i->out_at = i->out_len = 0;
	i->in_segment = false;
}

static int open_segment(struct image *i, enum codec codec, struct err *err)
{
	if (i->n_segments == SEGMENTS_MAX)
		return err_set(err, -E2BIG, "%s: more than %d segments", i->label, SEGMENTS_MAX);
	if (codec != CODEC_NONE) {
		i->ops = decoder_find(codec);
		if (!i->ops)
			return err_set(err, -ENOTSUP, "%s: reading %s is not built in", i->label,
				       codec_info(codec)->name);
		i->decoder = i->ops->open();
		if (!i->decoder)
			return err_set(err, -ENOMEM, "no memory left to decompress");
	}
	i->segments[i->n_segments++] =
		(struct image_segment){.codec = codec, .offset = place(i)};
	i->start = file_pos(i);
	i->in_segment = true;
	return 0;
}

/* Skips zeros between segments. 1: there is more; 0: the end. */
static int skip_zeros(struct image *i, struct err *err)
{
	for (;;) {
		ssize_t n = fill(i, err);

		if (n <= 0)
			return (int)n;
		for (; i->in_at < i->in_len; i->in_at++)
			if (i->in[i->in_at])
				return 1;
	}
}

/* HEAD: N bytes that are neither an archive nor a stream that the kernel knows. */
static int refuse(struct image *i, const uint8_t *head, size_t n, struct err *err)
{
	const char *format = magic_foreign(head, n);

	if (format)
		return err_set(err, -EBADMSG, "%s: %s at byte %llu, which no kernel unpacks",
			       i->label, format, place(i));
	if (i->container.bad_footer && i->container.size - file_pos(i) <= BOOTCONFIG_MAX)
		return err_set(err, -EBADMSG,
			       "%s: what follows at byte %llu ends as a boot configuration, but its "
			       "size or sum is wrong: the kernel does not cut it off", i->label,
			       place(i));
	return err_set(err, -EBADMSG, "%s: neither a cpio archive nor compressed data at byte %llu",
		       i->label, place(i));
}

/* At the level of the file: what comes next? 1: an archive to read from; 0: the end. */
static int next_segment(struct image *i, struct err *err)
{
	bool after_plain = i->n_segments && current(i)->codec == CODEC_NONE;
	uint8_t head[MAGIC_SIZE];
	enum codec codec;
	int r = skip_zeros(i, err);
	ssize_t n;

	if (r <= 0)
		return r;
	if (i->in[i->in_at] == '0') {
		if (file_pos(i) % 4)
			return err_set(err, -EBADMSG,
				       "%s: an uncompressed segment starts at byte %llu, which is "
				       "no multiple of 4: the kernel does not find it",
				       i->label, place(i));
		return i->in_segment ? 1 : (r = open_segment(i, CODEC_NONE, err)) < 0 ? r : 1;
	}
	if (i->in_segment)
		close_segment(i);
	n = container_read(&i->container, head, sizeof(head), file_pos(i));
	if (n < 0)
		return err_sys(err, (int)n, "%s", i->label);
	codec = codec_detect(head, (size_t)n);
	if (codec == CODEC_NONE)
		return refuse(i, head, (size_t)n, err);
	if (after_plain && file_pos(i) % 4)
		return err_set(err, -EBADMSG,
			       "%s: the segment at byte %llu follows an uncompressed one and is "
			       "not at a multiple of 4: the kernel calls that broken padding",
			       i->label, place(i));
	r = open_segment(i, codec, err);
	return r < 0 ? r : 1;
}

/* ---- entries ---- */

/* Reads the first four bytes of a header; zeros may precede it in a compressed segment. 1: found;
 * 0: the segment is at its end. */
static int find_header(struct image *i, uint8_t head[4], struct err *err)
{
	for (;;) {
		ssize_t n = get(i, head, 4, err);

		if (n < 0)
			return located(i, err);
		if (n == 0 && i->ops && !i->started) {
			err_set(err, -EBADMSG, "an empty compressed segment comes first: the kernel "
					       "calls that junk");
			return located(i, err);
		}
		if (n == 0)
			return 0;
		if (n == 4 && memcmp(head, "\0\0\0\0", 4) != 0)
			return 1;
		/* The kernel skips zeros only after it has seen an archive. */
		if (i->ops && !i->started) {
			err_set(err, -EBADMSG, "zeros before the first archive of a compressed "
					       "segment: the kernel wants a cpio header there");
			return located(i, err);
		}
		for (ssize_t k = 0; k < n; k++)
			if (head[k]) {
				err_set(err, -EBADMSG, "junk at the end of the archive");
				return located(i, err);
			}
	}
}

static int read_name(struct image *i, const struct cpio_header *h, struct err *err)
{
	int r;

	if (h->namesize == 0 || h->namesize > sizeof(i->name))
		return err_set(err, -EBADMSG,
			       "a name of %u bytes, which the kernel skips in silence (1 to %d)",
			       h->namesize, CPIO_NAME_MAX);
	r = need(i, (uint8_t *)i->name, h->namesize, "a name", err);
	if (r == 0 && i->name[h->namesize - 1] != '\0')
		r = err_set(err, -EBADMSG, "a name without its end");
	if (r == 0)
		r = need(i, NULL, cpio_pad(CPIO_HEADER_SIZE + h->namesize), "a name", err);
	return r;
}

/* RAW holds four bytes. Another kind of archive is named in the error. */
static int read_header(struct image *i, uint8_t raw[CPIO_HEADER_SIZE], struct err *err)
{
	uint8_t head[MAGIC_SIZE];
	const char *format;
	ssize_t n = get(i, raw + 4, CPIO_HEADER_SIZE - 4, err);

	if (n < 0)
		return (int)n;
	n += 4;
	if (n >= 6 && cpio_is_magic(raw)) {
		if (n == CPIO_HEADER_SIZE)
			return 0;
		return err_set(err, -EBADMSG, "the archive is cut short within a header");
	}
	memcpy(head, raw, (size_t)n);
	if (n == CPIO_HEADER_SIZE) {
		ssize_t more = get(i, head + n, sizeof(head) - CPIO_HEADER_SIZE, err);

		if (more < 0)
			return (int)more;
		n += more;
	}
	format = magic_foreign(head, (size_t)n);
	if (format)
		return err_set(err, -EBADMSG, "%s, which no kernel unpacks", format);
	return err_set(err, -EBADMSG, "no cpio header (magic 070701 or 070702) here");
}

static int read_entry(struct image *i, const uint8_t first[4], struct image_entry *out,
		      struct err *err)
{
	uint8_t raw[CPIO_HEADER_SIZE];
	int r;

	i->started = true;
	memcpy(raw, first, 4);
	r = read_header(i, raw, err);
	if (r == 0)
		r = cpio_decode_header(raw, &out->header, err);
	if (r == 0)
		r = read_name(i, &out->header, err);
	if (r < 0)
		return located(i, err);
	i->left = out->header.filesize;
	i->pad = cpio_pad(i->left);
	i->check_sum = out->header.has_check && (out->header.mode & S_IFMT) == S_IFREG;
	i->want_sum = out->header.check;
	i->sum = 0;
	out->name = i->name;
	cpio_plain_path(i->name, i->path);
	out->path = i->path;
	out->has_slash = str_ends(i->name, "/") || str_ends(i->name, "/.");
	out->segment = (unsigned)i->n_segments - 1;
	out->archive = i->archive;
	if (early_is_found(out, i->segments))
		current(i)->early = true;
	return 0;
}

static ssize_t read_some(struct image *i, void *data, size_t len, struct err *err)
{
	int r;

	if (len > i->left)
		len = (size_t)i->left;
	if (len == 0)
		return 0;
	r = need(i, data, len, "a file's data", err);
	if (r < 0)
		return located(i, err);
	i->left -= len;
	if (i->check_sum)
		for (size_t k = 0; k < len; k++)
			i->sum += ((uint8_t *)data)[k];
	return (ssize_t)len;
}

static int finish_data(struct image *i, struct err *err)
{
	uint8_t chunk[4096];
	ssize_t n;
	int r = 0;

	/* A checksum needs all bytes; otherwise they need not even be read. */
	while (i->check_sum && i->left && r >= 0)
		r = (int)read_some(i, chunk, sizeof(chunk), err);
	while (i->left && r >= 0) {
		size_t step = i->left < (1u << 30) ? (size_t)i->left : 1u << 30;

		r = need(i, NULL, step, "a file's data", err);
		i->left -= step;
	}
	if (r < 0)
		return i->check_sum ? r : located(i, err);
	/* In an uncompressed archive the last entry may lack its padding; if a compressed one does,
	 * the kernel does not finish it. */
	n = get(i, NULL, i->pad, err);
	if (n < 0)
		return located(i, err);
	if (i->ops && (size_t)n < i->pad) {
		err_set(err, -EBADMSG, "the last entry is not padded to 4 bytes: the kernel calls "
				       "that junk at the end of a compressed archive");
		return located(i, err);
	}
	i->pad = 0;
	if (i->check_sum && i->sum != i->want_sum) {
		err_set(err, -EBADMSG, "%s: the data's sum is %08x, not %08x", i->name, i->sum,
			i->want_sum);
		return located(i, err);
	}
	i->check_sum = false;
	return 0;
}

static int next_entry(struct image *i, struct image_entry *out, struct err *err)
{
	uint8_t head[4];
	int r;

	if (i->n_segments) {
		r = finish_data(i, err);
		if (r < 0)
			return r;
	}
	for (;;) {
		if (!i->ops) {
			r = next_segment(i, err);
			if (r <= 0)
				return r;
		}
		r = find_header(i, head, err);
		if (r < 0)
			return r;
		if (r == 0) {
			close_segment(i);
			continue;
		}
		r = read_entry(i, head, out, err);
		if (r < 0)
			return r;
		if (strcmp(i->name, CPIO_TRAILER) != 0)
			break;
		i->archive++;
		r = finish_data(i, err);
		if (r < 0)
			return r;
		if (!i->ops) {
			current(i)->size = file_pos(i) - i->start;
			i->in_segment = false;
		}
	}
	if (++i->entries > IMAGE_ENTRIES_MAX)
		return err_set(err, -E2BIG, "%s: more than %d entries", i->label,
			       IMAGE_ENTRIES_MAX);
	current(i)->entries++;
	/* The file may end within the last padding, or within data that is missing. */
	if (!i->ops) {
		uint64_t end = file_pos(i) + i->left + i->pad;

		current(i)->size = (end < i->container.size ? end : i->container.size) - i->start;
	}
	return 1;
}

int image_next(struct image *i, struct image_entry *out, struct err *err)
{
	int r = i->failed.code;

	return (int)conclude(i, r < 0 ? r : next_entry(i, out, &i->failed), err);
}

ssize_t image_read(struct image *i, void *data, size_t len, struct err *err)
{
	int r = i->failed.code;

	return conclude(i, r < 0 ? r : read_some(i, data, len, &i->failed), err);
}
