/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/profile.h"
#include "format/kernel/cpio.h"
#include "format/codec/decode_all.h"
#include "format/codec/encode.h"
#include "format/ours/manifest.h"
#include "format/ours/ready.h"
#include "format/codec/unpack.h"
#include "host/remembered/stored.h"
#include "image/links.h"
#include "image/origin.h"
#include "image/pack_early.h"
#include "image/pack_work.h"
#include "image/source.h"

enum {
	WINDOW = 64,	 /* files of the store that are in memory at a time */
	FILE_SIZE_MAX = 1024 * 1024 * 1024,
	BEGIN_STEP = 4 * 1024 * 1024, /* bytes that are handed to the disk at a time */
	LZ4_TAIL = 4, /* zeros after which the kernel's lz4 reader stops */
};

/* Which segments hold something below a folder. */
enum {
	HAS_STORE = 1,
	HAS_BASE = 2,
};

/* What is known about an entry once it is written. */
struct packed {
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
};

struct writer {
	const struct pack *p;
	int fd;
	uint64_t bytes, begun; /* written; of these, handed to the disk */
	uint32_t ino;
	struct packed *packed; /* one per plan entry */
	struct hardlink *links; /* likewise */
	uint8_t *folders;       /* likewise: HAS_STORE, HAS_BASE */
	size_t files_done, files;
	struct digest *digest; /* of everything that was written */
	struct pack_work work;
	struct pack_result *out;
	struct origin *origin;
	struct err packages; /* what is wrong with the package database */
};

static int emit_parts(struct writer *w, struct iovec *parts, int n, struct err *err)
{
	int r;

	for (int i = 0; i < n; i++) {
		w->bytes += parts[i].iov_len;
		digest_add(w->digest, parts[i].iov_base, parts[i].iov_len);
	}
	r = writev_full(w->fd, parts, n);
	if (r < 0)
		return err_sys(err, r, "writing the image");
	/* Only so that the sync at the end has less to wait for: it does not matter if this fails. */
	if (w->p->to_disk && w->bytes - w->begun >= BEGIN_STEP) {
		sync_file_range(w->fd, (off_t)w->begun, (off_t)(w->bytes - w->begun),
				SYNC_FILE_RANGE_WRITE);
		w->begun = w->bytes;
	}
	return 0;
}

static int emit(struct writer *w, const void *data, size_t len, struct err *err)
{
	struct iovec part = {(void *)data, len};

	return emit_parts(w, &part, 1, err);
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
	_cleanup_source_ struct source src = {.fd = -1};
	int r = source_open(p->root, e, &src, err);

	return r < 0 ? r : source_read(&src, out, err);
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

/* NULL: E is one that we made, and not in the plan. */
static struct hardlink *link_of(const struct writer *w, const struct plan_entry *e)
{
	const struct plan_entry *first = w->p->plan->entries;

	return e >= first && e < first + w->p->plan->n_entries ? &w->links[e - first] : NULL;
}

/* Whether this is another name of a file that was written before: it has no data of its own. */
static bool is_repeated(const struct writer *w, size_t i)
{
	return w->links[i].leader != i;
}

static void take_leader(struct writer *w, size_t i)
{
	w->packed[i] = w->packed[w->links[i].leader];
}

static void add_entry_header(struct writer *w, struct buf *out, const struct plan_entry *e,
			     size_t size)
{
	static const uint32_t types[] = {
		[PLAN_FILE] = S_IFREG, [PLAN_DIR] = S_IFDIR, [PLAN_LINK] = S_IFLNK};
	struct hardlink *link = e->type == PLAN_FILE ? link_of(w, e) : NULL;
	struct cpio_header h = {
		.ino = ++w->ino,
		.mode = types[e->type] | e->mode,
		.nlink = e->type == PLAN_DIR ? 2 : link ? link->names : 1,
		.filesize = (uint32_t)size,
	};

	if (link && link->names > 1) {
		struct hardlink *leader = &w->links[link->leader];

		leader->ino = leader == link ? h.ino : leader->ino;
		h.ino = leader->ino;
	}

	cpio_add_header(out, &h, e->path);
}

/* The content as it goes into the image, before compression. */
static int plain_content(const struct pack *p, const struct plan_entry *e, struct buf *out,
			 struct err *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;
	int r;

	if (e->unpack == CODEC_NONE)
		return content(p, e, out, err);
	r = content(p, e, &raw, err);
	if (r < 0)
		return r;
	r = unpack(decoder_find(e->unpack), raw.data, raw.len, FILE_SIZE_MAX, out, NULL, err);
	return r < 0 ? err_prefix(err, "/%s", e->source) : 0;
}

/* ---- the store: many files, each on its own, compressed on all cores ---- */

struct store {
	struct writer *w;
	const struct plan_entry **entries;
	struct stored_form form; /* of the files that are compressed */
	struct err *err;
	struct slot {
		struct buf out;
		struct err err;
	} slots[WINDOW];		/* of the files that were made but not written yet */
	struct zstd_encoder **encoders; /* one per worker */
};

static int compress(struct store *b, const struct plan_entry *e, unsigned worker,
		    const struct buf *from, struct buf *out, struct err *err)
{
	int r;

	if (!b->encoders[worker])
		b->encoders[worker] = zstd_encoder_new();
	if (!b->encoders[worker])
		return err_set(err, -ENOMEM, "no memory left to compress");
	r = zstd_encode(b->encoders[worker], b->form.level, from->data, from->len, out, err);
	return r < 0 ? err_prefix(err, "/%s", e->path) : 0;
}

static int pack_file(struct store *b, const struct plan_entry *e, unsigned worker,
		     struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;
	int r = plain_content(b->w->p, e, &raw, err);

	if (r < 0)
		return r;
	if (!e->compress) {
		*out = raw;
		raw = (struct buf)BUF_INIT;
		return 0;
	}
	return compress(b, e, worker, &raw, out, err);
}

/* A file of the root that is to be compressed, or was compressed for an earlier image. */
static int pack_stored(struct store *b, const struct plan_entry *e, unsigned worker,
		       struct buf *out, uint8_t sha256[DIGEST_SIZE], struct err *err)
{
	const struct root *root = b->w->p->root;
	_cleanup_source_ struct source src = {.fd = -1};
	_cleanup_buf_ struct buf raw = BUF_INIT;
	struct stored *s = root->stored;
	uint8_t sum[DIGEST_SIZE];
	const struct file_identity *known = e->id;
	struct file_identity id;
	struct stat st;
	int r;

	if (!known && !e->outside && root_stat(root, e->source, &st) == 0) {
		id = file_identity(&st);
		known = &id;
	}
	if (known && stored_know(s, known, sum) && stored_get(s, sum, &b->form, out, sha256))
		return 0;
	r = source_open(root, e, &src, err);
	if (r == 0)
		r = source_read(&src, &raw, err);
	if (r < 0)
		return r;
	digest_of(raw.data, raw.len, sum);
	id = file_identity(&src.st);
	stored_learn(s, &id, sum);
	if (stored_get(s, sum, &b->form, out, sha256))
		return 0;
	r = compress(b, e, worker, &raw, out, err);
	if (r < 0)
		return r;
	digest_of(out->data, out->len, sha256);
	if (stored_keeps(s))
		stored_put(s, sum, &b->form, out, sha256);
	return 0;
}

static int pack_item(size_t item, unsigned worker, void *arg)
{
	struct store *b = arg;
	const struct plan_entry *e = b->entries[item];
	struct slot *slot = &b->slots[item % WINDOW];
	size_t index = (size_t)(e - b->w->p->plan->entries);
	struct packed *packed = &b->w->packed[index];
	int r;

	if (is_repeated(b->w, index))
		return 0;
	if (b->w->p->root->stored && e->source && e->compress && e->unpack == CODEC_NONE) {
		r = pack_stored(b, e, worker, &slot->out, packed->sha256, &slot->err);
	} else {
		r = pack_file(b, e, worker, &slot->out, &slot->err);
		if (r == 0)
			digest_of(slot->out.data, slot->out.len, packed->sha256);
	}
	if (r == 0)
		packed->size = slot->out.len;
	return r;
}

/* The data of entry INDEX is written to OFFSET. */
static void note_extent(struct writer *w, uint64_t offset, size_t index)
{
	struct pack_result *out = w->out;
	struct verify_extent *x;

	if ((out->n_extents & (out->n_extents - 1)) == 0)
		out->extents = xrealloc(out->extents, out->n_extents ? out->n_extents * 2 : 1,
					sizeof(*out->extents));
	x = &out->extents[out->n_extents++];
	*x = (struct verify_extent){.offset = offset, .size = w->packed[index].size};
	memcpy(x->sha256, w->packed[index].sha256, DIGEST_SIZE);
}

static int write_item(size_t item, int result, void *arg)
{
	struct store *b = arg;
	struct writer *w = b->w;
	const struct plan_entry *e = b->entries[item];
	struct slot *slot = &b->slots[item % WINDOW];
	size_t index = (size_t)(e - w->p->plan->entries), len = slot->out.len;
	_cleanup_buf_ struct buf head = BUF_INIT;
	int r;

	if (result < 0) {
		*b->err = slot->err;
		return result;
	}
	if (is_repeated(w, index))
		take_leader(w, index);
	add_entry_header(w, &head, e, len);
	if (len)
		note_extent(w, w->bytes + head.len, index);
	r = buf_status(&head) < 0 ? err_set(b->err, -ENOMEM, "no memory left")
				  : emit_parts(w,
					       (struct iovec[]){{head.data, head.len},
								{slot->out.data, len},
								{(char[4]){0}, cpio_pad(len)}},
					       3, b->err);
	note_progress(w);
	buf_clear(&slot->out);
	return r;
}

/* Links lie in the base. */
static bool in_store(const struct plan_entry *e)
{
	return e->storage == PLAN_STORE && e->type != PLAN_LINK;
}

/* The kernel silently drops a file whose folder it has not unpacked before: the store includes the
 * folders of its files. */
static int write_store_dirs(struct writer *w, struct err *err)
{
	const struct plan *plan = w->p->plan;
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < plan->n_entries; i++)
		if (w->folders[i] & HAS_STORE)
			add_entry_header(w, &out, &plan->entries[i], 0);
	return emit(w, out.data, out.len, err);
}

/* Writes all files, each made on one of the threads and written here. */
static int write_store_files(struct writer *w, struct store *b, struct err *err)
{
	const struct plan *plan = w->p->plan;
	struct parallel_line line = {
		.window = WINDOW,
		.threads = w->p->threads,
		.make = pack_item,
		.take = write_item,
		.arg = b,
	};
	int r;

	for (size_t i = 0; i < plan->n_entries; i++)
		if (in_store(&plan->entries[i]))
			b->entries[line.count++] = &plan->entries[i];
	b->err = err;
	r = parallel_line(&line);
	for (size_t i = 0; i < WINDOW; i++)
		buf_clear(&b->slots[i].out);
	return r;
}

static int write_store(struct writer *w, struct err *err)
{
	unsigned threads = w->p->threads ? w->p->threads : 1;
	struct store *b = xrealloc(NULL, 1, sizeof(*b));
	_cleanup_buf_ struct buf trailer = BUF_INIT;
	int r;

	*b = (struct store){
		.w = w, .form = {.codec = CODEC_ZSTD, .level = w->p->plan->store_level}};
	b->entries = xrealloc(NULL, w->p->plan->n_entries + 1, sizeof(*b->entries));
	b->encoders = calloc(threads, sizeof(struct zstd_encoder *));
	r = b->encoders ? write_store_dirs(w, err) : err_set(err, -ENOMEM, "no memory left");
	if (r == 0)
		r = write_store_files(w, b, err);
	cpio_add_trailer(&trailer);
	buf_add_zeros(&trailer, PACK_GAP);
	if (r == 0)
		r = emit(w, trailer.data, trailer.len, err);
	for (unsigned i = 0; b->encoders && i < threads; i++)
		zstd_encoder_free(b->encoders[i]);
	free(b->encoders);
	free(b->entries);
	free(b);
	return r;
}

/* ---- the base: everything else, in one compressed archive ---- */

static bool in_base(const struct plan_entry *e)
{
	return (e->storage == PLAN_BASE || e->type == PLAN_LINK) && !e->ready;
}

/* The part that was compressed in advance, and precedes the rest of the base. */
static int write_ready(struct writer *w, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < w->p->plan->n_entries && r == 0; i++) {
		const struct plan_entry *e = &w->p->plan->entries[i];

		if (!e->ready)
			continue;
		w->packed[i].size = e->len;
		digest_of(e->data, e->len, w->packed[i].sha256);
		w->work.unpacked += ready_archive_size(e->len);
		r = emit(w, e->ready, e->ready_len, err);
		note_progress(w);
	}
	return r;
}

static int add_base_entry(struct writer *w, size_t i, struct buf *out, struct err *err)
{
	const struct plan_entry *e = &w->p->plan->entries[i];
	_cleanup_buf_ struct buf data = BUF_INIT;
	int r;

	if (is_repeated(w, i)) {
		take_leader(w, i);
		add_entry_header(w, out, e, 0);
		note_progress(w);
		return 0;
	}
	r = plain_content(w->p, e, &data, err);
	if (r < 0)
		return r;
	w->packed[i].size = data.len;
	digest_of(data.data, data.len, w->packed[i].sha256);
	pack_work_add_file(&w->work, e->path, data.len);
	add_entry_header(w, out, e, data.len);
	buf_add(out, data.data, data.len);
	buf_add_zeros(out, cpio_pad(data.len));
	if (e->type == PLAN_FILE)
		note_progress(w);
	return 0;
}

/* ---- the early segment ---- */

static int write_early(struct writer *w, struct err *err)
{
	const struct plan *plan = w->p->plan;
	_cleanup_buf_ struct buf archive = BUF_INIT;

	pack_early(plan, &w->ino, &archive);
	if (buf_status(&archive) < 0)
		return err_set(err, -ENOMEM, "no memory left for the early segment");
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->storage != PLAN_EARLY)
			continue;
		w->packed[i].size = e->len;
		digest_of(e->data, e->len, w->packed[i].sha256);
		note_progress(w);
	}
	return emit(w, archive.data, archive.len, err);
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
	manifest_end(out);
}

static void add_manifest(struct writer *w, struct buf *archive, struct buf *manifest)
{
	struct plan_entry e = {.path = MANIFEST_PATH, .type = PLAN_FILE, .mode = 0644};

	make_manifest(w, manifest);
	add_entry_header(w, archive, &e, manifest->len);
	buf_add(archive, manifest->data, manifest->len);
	buf_add_zeros(archive, cpio_pad(manifest->len));
}

/* The same files give the same archive, which may have been compressed before. */
static int encode_base(struct writer *w, const struct buf *archive, struct buf *out,
		       struct err *err)
{
	const struct pack *p = w->p;
	const struct encode_options options = {p->level, p->threads, p->x86_filter};
	const struct stored_form form = {p->codec, p->level, p->x86_filter};
	uint8_t sum[DIGEST_SIZE], sha256[DIGEST_SIZE];
	struct stored *s = p->codec == CODEC_NONE ? NULL : p->root->stored;
	int r;

	if (s) {
		digest_of(archive->data, archive->len, sum);
		if (stored_get(s, sum, &form, out, sha256))
			return 0;
	}
	r = encode(p->codec, &options, archive->data, archive->len, out, err);
	if (r == 0 && stored_keeps(s)) {
		digest_of(out->data, out->len, sha256);
		stored_put(s, sum, &form, out, sha256);
	}
	return r;
}

static int write_base(struct writer *w, struct buf *manifest, struct err *err)
{
	const struct plan *plan = w->p->plan;
	_cleanup_buf_ struct buf archive = BUF_INIT, packed = BUF_INIT;
	int r = 0;

	profile_stage("base");
	for (size_t i = 0; i < plan->n_entries && r == 0; i++)
		if (in_base(&plan->entries[i]) && w->folders[i] != HAS_STORE)
			r = add_base_entry(w, i, &archive, err);
	if (r < 0)
		return r;
	profile_stage("manifest");
	add_manifest(w, &archive, manifest);
	cpio_add_trailer(&archive);
	if (buf_status(&archive) < 0 || buf_status(manifest) < 0)
		return err_set(err, -ENOMEM, "no memory left for the image");
	profile_stage("compress base");
	w->work.unpacked += w->p->codec == CODEC_NONE ? 0 : archive.len;
	r = encode_base(w, &archive, &packed, err);
	if (r == 0)
		r = emit(w, packed.data, packed.len, err);
	if (r == 0 && w->p->codec == CODEC_LZ4)
		r = emit(w, "\0\0\0\0", LZ4_TAIL, err);
	/* So that a segment which is appended is aligned; see image-format.md for the other two
	 * codecs. */
	if (r == 0 && w->p->codec != CODEC_BZIP2 && w->p->codec != CODEC_LZMA)
		r = emit(w, "\0\0\0", cpio_pad(w->bytes), err);
	return r;
}

static void mark_parents(struct writer *w, const char *path, uint8_t mark)
{
	const struct plan *plan = w->p->plan;

	for (const char *s = strrchr(path, '/'); s; s = memrchr(path, '/', (size_t)(s - path))) {
		_cleanup_free_ char *dir = strndup(path, (size_t)(s - path));
		const struct plan_entry *e = dir ? plan_find(plan, dir) : NULL;

		if (!e)
			continue;
		if (w->folders[e - plan->entries] & mark)
			return;
		w->folders[e - plan->entries] |= mark;
	}
}

/* The base leaves out folders with nothing but files of the store, which has them: the kernel takes
 * as long to make a folder a second time. */
static void mark_folders(struct writer *w)
{
	const struct plan *plan = w->p->plan;

	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->type == PLAN_DIR || e->storage == PLAN_EARLY)
			continue;
		mark_parents(w, e->path, in_store(e) ? HAS_STORE : HAS_BASE);
	}
	for (size_t i = 0; i < plan->n_entries; i++)
		if (plan->entries[i].type == PLAN_DIR && w->folders[i] != HAS_STORE)
			mark_parents(w, plan->entries[i].path, HAS_BASE);
}

int pack_write(const struct pack *p, int fd, struct pack_result *out, struct err *err)
{
	struct writer w = {.p = p, .fd = fd, .digest = digest_new(), .out = out};
	struct root untraced = *p->root;
	bool has_store = false;
	int r;

	w.packed = xrealloc(NULL, p->plan->n_entries + 1, sizeof(*w.packed));
	memset(w.packed, 0, (p->plan->n_entries + 1) * sizeof(*w.packed));
	for (size_t i = 0; i < p->plan->n_entries; i++) {
		const struct plan_entry *e = &p->plan->entries[i];

		w.files += e->type == PLAN_FILE;
		has_store = has_store || in_store(e);
	}
	*out = (struct pack_result){0};
	profile_stage("store");
	w.folders = xrealloc(NULL, p->plan->n_entries + 1, sizeof(*w.folders));
	memset(w.folders, 0, p->plan->n_entries);
	mark_folders(&w);
	w.links = hardlinks_find(p->plan, p->root);
	/* The owner of a file does not affect the image: --if-changed need not ask for it again. */
	untraced.trace = NULL;
	w.origin = origin_begin(p->plan, &untraced, p->threads ? p->threads : 1);
	r = write_early(&w, err);
	if (r == 0 && has_store)
		r = write_store(&w, err);
	if (r == 0)
		r = write_ready(&w, err);
	if (r == 0)
		r = write_base(&w, &out->manifest, err);
	if (r == 0)
		r = pack_work_check(&w.work, w.bytes, p->work_max, err);
	origin_free(w.origin);
	out->packages = w.packages;
	free(w.packed);
	free(w.links);
	free(w.folders);
	digest_take(w.digest, out->sha256);
	digest_free(w.digest);
	out->bytes = w.bytes;
	out->files = w.files + 1; /* plus the manifest */
	return r;
}

void pack_result_clear(struct pack_result *r)
{
	buf_clear(&r->manifest);
	free(r->extents);
	*r = (struct pack_result){0};
}
