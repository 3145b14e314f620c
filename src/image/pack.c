/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parallel.h"
#include "format/cpio.h"
#include "format/decode_all.h"
#include "format/encode.h"
#include "format/manifest.h"
#include "format/unpack.h"
#include "image/digest.h"
#include "image/origin.h"

enum {
	BATCH = 64,           /* store files in memory at a time */
	STORE_LEVEL = 9,      /* zstd, of each file in the store */
	FILE_SIZE_MAX = 1024 * 1024 * 1024,
	LZ4_TAIL = 4,         /* zeros that the kernel's lz4 reader wants to stop at */
};

/* What is known of an entry once it is written. */
struct packed {
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
};

struct writer {
	const struct pack *p;
	int fd;
	uint64_t bytes;
	uint32_t ino;
	struct packed *packed; /* one per plan entry */
	size_t files_done, files;
	struct origin *origin;
	struct err packages; /* what is wrong with the package database */
};

static int emit(struct writer *w, const void *data, size_t len, struct err *err)
{
	int r = write_full(w->fd, data, len);

	if (r < 0)
		return err_sys(err, r, "writing the image");
	w->bytes += len;
	return 0;
}

static void note_progress(struct writer *w)
{
	w->files_done++;
	if (w->p->progress)
		w->p->progress(w->files_done, w->files, w->p->progress_arg);
}

/* ---- content ---- */

static int read_source(const struct pack *p, const struct plan_entry *e, struct buf *out,
		       struct err *err)
{
	_cleanup_fd_ int fd = e->outside ? open(e->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
					 : root_openat(p->root, e->source, O_RDONLY | O_NONBLOCK);
	const char *slash = e->outside || e->source[0] == '/' ? "" : "/";
	struct stat st;
	int r;

	if (fd < 0)
		return err_sys(err, e->outside ? -errno : fd, "%s%s", slash, e->source);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s%s is no regular file any more", slash, e->source);
	if (buf_reserve(out, (size_t)st.st_size + 1) < 0)
		return err_set(err, -ENOMEM, "%s%s: no memory left", slash, e->source);
	r = read_all(fd, FILE_SIZE_MAX, out);
	return r < 0 ? err_sys(err, r, "%s%s", slash, e->source) : 0;
}

static int content(const struct pack *p, const struct plan_entry *e, struct buf *out,
		   struct err *err)
{
	if (e->type == PLAN_LINK) {
		buf_add_str(out, e->target);
	} else if (e->type == PLAN_FILE) {
		if (e->source)
			return read_source(p, e, out, err);
		buf_add(out, e->data, e->len);
	}
	return buf_status(out) < 0 ? err_set(err, -ENOMEM, "no memory left") : 0;
}

static void add_entry_header(struct writer *w, struct buf *out, const struct plan_entry *e,
			     size_t size)
{
	static const uint32_t types[] = {
		[PLAN_FILE] = S_IFREG, [PLAN_DIR] = S_IFDIR, [PLAN_LINK] = S_IFLNK};
	struct cpio_header h = {
		.ino = ++w->ino,
		.mode = types[e->type] | e->mode,
		.nlink = e->type == PLAN_DIR ? 2 : 1,
		.filesize = (uint32_t)size,
	};

	cpio_add_header(out, &h, e->path);
}

/* ---- the store: many files, each on its own, compressed on all cores ---- */

struct batch {
	struct writer *w;
	const struct plan_entry **entries;
	struct packed **packed;
	struct buf out[BATCH];
	struct err errs[BATCH];
	struct zstd_encoder **encoders; /* one per worker */
};

static int pack_file(struct batch *b, const struct plan_entry *e, unsigned worker,
		     struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT, plain = BUF_INIT;
	struct buf *from = &raw;
	int r = content(b->w->p, e, &raw, err);

	if (r == 0 && e->unpack != CODEC_NONE) {
		r = unpack(decoder_find(e->unpack), raw.data, raw.len, FILE_SIZE_MAX, &plain, NULL,
			   err);
		if (r < 0)
			return err_prefix(err, "/%s", e->source);
		from = &plain;
	}
	if (r < 0)
		return r;
	if (!e->compress) {
		*out = *from;
		*from = (struct buf)BUF_INIT;
		return 0;
	}
	if (!b->encoders[worker])
		b->encoders[worker] = zstd_encoder_new();
	if (!b->encoders[worker])
		return err_set(err, -ENOMEM, "no memory left to compress");
	r = zstd_encode(b->encoders[worker], STORE_LEVEL, from->data, from->len, out, err);
	return r < 0 ? err_prefix(err, "/%s", e->path) : 0;
}

static int pack_item(size_t item, unsigned worker, void *arg)
{
	struct batch *b = arg;
	struct buf *out = &b->out[item];
	int r = pack_file(b, b->entries[item], worker, out, &b->errs[item]);

	if (r < 0)
		return r;
	b->packed[item]->size = out->len;
	digest_of(out->data, out->len, b->packed[item]->sha256);
	return 0;
}

static int write_batch(struct batch *b, size_t count, struct err *err)
{
	struct writer *w = b->w;
	int r = parallel_run(count, w->p->threads, pack_item, b);

	for (size_t i = 0; i < count && r < 0; i++)
		if (b->errs[i].code < 0) {
			*err = b->errs[i];
			break;
		}
	for (size_t i = 0; i < count && r == 0; i++) {
		_cleanup_buf_ struct buf head = BUF_INIT;

		add_entry_header(w, &head, b->entries[i], b->out[i].len);
		r = emit(w, head.data, head.len, err);
		if (r == 0)
			r = emit(w, b->out[i].data, b->out[i].len, err);
		if (r == 0)
			r = emit(w, "\0\0\0", cpio_pad(b->out[i].len), err);
		note_progress(w);
	}
	for (size_t i = 0; i < count; i++)
		buf_clear(&b->out[i]);
	return r;
}

/* A file whose folder was not unpacked before it is lost without a word: the store brings the
 * folders that its files lie in. */
static int write_store_dirs(struct writer *w, struct err *err)
{
	const struct plan *plan = w->p->plan;
	_cleanup_free_ bool *wanted = xrealloc(NULL, plan->n_entries + 1, sizeof(*wanted));
	_cleanup_buf_ struct buf out = BUF_INIT;

	memset(wanted, 0, plan->n_entries);
	for (size_t i = 0; i < plan->n_entries; i++) {
		const char *path = plan->entries[i].path;

		if (plan->entries[i].storage != PLAN_STORE)
			continue;
		for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
			_cleanup_free_ char *dir = strndup(path, (size_t)(s - path));
			const struct plan_entry *e = dir ? plan_find(plan, dir) : NULL;

			if (e)
				wanted[e - plan->entries] = true;
		}
	}
	for (size_t i = 0; i < plan->n_entries; i++)
		if (wanted[i])
			add_entry_header(w, &out, &plan->entries[i], 0);
	return emit(w, out.data, out.len, err);
}

static int write_store_files(struct writer *w, struct batch *b, struct err *err)
{
	const struct plan *plan = w->p->plan;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < plan->n_entries && r == 0; i++) {
		if (plan->entries[i].storage != PLAN_STORE || plan->entries[i].type == PLAN_LINK)
			continue;
		b->entries[n] = &plan->entries[i];
		b->packed[n++] = &w->packed[i];
		if (n == BATCH) {
			r = write_batch(b, n, err);
			n = 0;
		}
	}
	return r == 0 && n ? write_batch(b, n, err) : r;
}

static int write_store(struct writer *w, struct err *err)
{
	const struct plan_entry *entries[BATCH];
	struct packed *packed[BATCH];
	unsigned threads = w->p->threads ? w->p->threads : 1;
	struct batch *b = xrealloc(NULL, 1, sizeof(*b));
	_cleanup_buf_ struct buf trailer = BUF_INIT;
	int r;

	*b = (struct batch){.w = w, .entries = entries, .packed = packed};
	b->encoders = calloc(threads, sizeof(struct zstd_encoder *));
	r = b->encoders ? write_store_dirs(w, err) : err_set(err, -ENOMEM, "no memory left");
	if (r == 0)
		r = write_store_files(w, b, err);
	cpio_add_trailer(&trailer);
	if (r == 0)
		r = emit(w, trailer.data, trailer.len, err);
	for (unsigned i = 0; b->encoders && i < threads; i++)
		zstd_encoder_free(b->encoders[i]);
	free(b->encoders);
	free(b);
	return r;
}

/* ---- the base: everything else, in one compressed archive ---- */

static bool in_base(const struct plan_entry *e)
{
	return e->storage == PLAN_BASE || e->type == PLAN_LINK;
}

static int add_base_entry(struct writer *w, size_t i, struct buf *out, struct err *err)
{
	const struct plan_entry *e = &w->p->plan->entries[i];
	_cleanup_buf_ struct buf data = BUF_INIT;
	int r = content(w->p, e, &data, err);

	if (r < 0)
		return r;
	w->packed[i].size = data.len;
	digest_of(data.data, data.len, w->packed[i].sha256);
	add_entry_header(w, out, e, data.len);
	buf_add(out, data.data, data.len);
	buf_add_zeros(out, cpio_pad(data.len));
	if (e->type == PLAN_FILE)
		note_progress(w);
	return 0;
}

static void make_manifest(struct writer *w, struct buf *out)
{
	static const char types[] = {[PLAN_FILE] = 'f', [PLAN_DIR] = 'd', [PLAN_LINK] = 'l'};
	const struct plan *plan = w->p->plan;

	origin_wait(w->origin, &w->packages);
	manifest_begin(out);
	origin_add_facts(w->origin, out);
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];
		struct manifest_entry m = {
			.type = types[e->type],
			.mode = e->mode,
			.size = w->packed[i].size,
			.has_digest = e->type != PLAN_DIR,
			.path = e->path,
			.source = e->source,
			.package = origin_package(w->origin, e),
			.reason = e->reason,
		};

		memcpy(m.sha256, w->packed[i].sha256, sizeof(m.sha256));
		manifest_add(out, &m);
	}
}

static void add_manifest(struct writer *w, struct buf *archive, struct buf *manifest)
{
	struct plan_entry e = {.path = MANIFEST_PATH, .type = PLAN_FILE, .mode = 0644};

	make_manifest(w, manifest);
	add_entry_header(w, archive, &e, manifest->len);
	buf_add(archive, manifest->data, manifest->len);
	buf_add_zeros(archive, cpio_pad(manifest->len));
}

static int write_base(struct writer *w, struct buf *manifest, struct err *err)
{
	const struct plan *plan = w->p->plan;
	_cleanup_buf_ struct buf archive = BUF_INIT, packed = BUF_INIT;
	int r = 0;

	for (size_t i = 0; i < plan->n_entries && r == 0; i++)
		if (in_base(&plan->entries[i]))
			r = add_base_entry(w, i, &archive, err);
	if (r < 0)
		return r;
	add_manifest(w, &archive, manifest);
	cpio_add_trailer(&archive);
	if (buf_status(&archive) < 0 || buf_status(manifest) < 0)
		return err_set(err, -ENOMEM, "no memory left for the image");
	r = encode(w->p->codec, ENCODE_LEVEL_DEFAULT, w->p->threads, archive.data, archive.len,
		   &packed, err);
	if (r == 0)
		r = emit(w, packed.data, packed.len, err);
	if (r == 0 && w->p->codec == CODEC_LZ4)
		r = emit(w, "\0\0\0\0", LZ4_TAIL, err);
	/* Whoever appends a segment finds it aligned. */
	return r < 0 ? r : emit(w, "\0\0\0", cpio_pad(w->bytes), err);
}

int pack_write(const struct pack *p, int fd, struct pack_result *out, struct err *err)
{
	struct writer w = {.p = p, .fd = fd};
	bool has_store = false;
	int r = 0;

	w.packed = xrealloc(NULL, p->plan->n_entries + 1, sizeof(*w.packed));
	memset(w.packed, 0, (p->plan->n_entries + 1) * sizeof(*w.packed));
	for (size_t i = 0; i < p->plan->n_entries; i++) {
		const struct plan_entry *e = &p->plan->entries[i];

		w.files += e->type == PLAN_FILE;
		has_store = has_store || !in_base(e);
	}
	*out = (struct pack_result){0};
	w.origin = origin_begin(p->plan, p->root, p->threads ? p->threads : 1);
	if (has_store)
		r = write_store(&w, err);
	if (r == 0)
		r = write_base(&w, &out->manifest, err);
	origin_free(w.origin);
	free(w.packed);
	out->packages = w.packages;
	out->bytes = w.bytes;
	out->files = w.files + 1; /* the manifest */
	return r;
}
