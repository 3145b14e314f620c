/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "format/codec/encode.h"
#include "host/remembered/trace.h"

enum { SOURCE_SIZE_MAX = 1024 * 1024 * 1024 };

/* With the NUL, so that "a", "b" differs from "ab", "". */
static void add_text(struct buf *out, const char *s)
{
	buf_add_u32le(out, s ? 1 : 0);
	if (s)
		buf_add(out, s, strlen(s) + 1);
}

static void add_digest_of(struct buf *out, const void *data, size_t len)
{
	uint8_t sum[DIGEST_SIZE];

	digest_of(data, len, sum);
	buf_add(out, sum, sizeof(sum));
}

static int stat_source(const struct plan_entry *e, const struct root *root, struct stat *st)
{
	if (!e->outside)
		return root_stat(root, e->source, st);
	root_note_outside(root, e->source);
	return stat(e->source, st) < 0 ? -errno : 0;
}

static int add_content(struct buf *out, const struct plan_entry *e, const struct root *root)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	int r = e->outside ? read_file_at(AT_FDCWD, e->source, SOURCE_SIZE_MAX, &data)
			   : root_read(root, e->source, SOURCE_SIZE_MAX, &data);

	if (r == 0)
		add_digest_of(out, data.data, data.len);
	return r;
}

static int add_source(struct buf *out, const struct plan_entry *e, const struct root *root,
		      struct err *err)
{
	const char *slash = e->outside || e->source[0] == '/' ? "" : "/";
	struct file_identity id;
	struct stat st;
	int r = e->id ? 0 : stat_source(e, root, &st);

	add_text(out, e->source);
	if (r < 0)
		return err_sys(err, r, "%s%s", slash, e->source);
	id = e->id ? *e->id : file_identity(&st);
	file_identity_encode(out, &id);
	/* It may change again without its times doing so. */
	if (file_identity_is_racy(&id))
		r = add_content(out, e, root);
	return r < 0 ? err_sys(err, r, "%s%s", slash, e->source) : 0;
}

static int add_entry(struct buf *out, const struct plan_entry *e, const struct root *root,
		     struct err *err)
{
	add_text(out, e->path);
	buf_add_u32le(out, e->type);
	buf_add_u32le(out, e->mode);
	buf_add_u32le(out, e->storage);
	buf_add_u32le(out, e->compress);
	buf_add_u32le(out, e->unpack);
	add_text(out, e->target);
	add_text(out, e->reason);
	if (e->source)
		return add_source(out, e, root, err);
	add_digest_of(out, e->data, e->len);
	add_digest_of(out, e->ready, e->ready_len);
	return 0;
}

/* The builder itself is an input: two builds of one version may differ. */
static void add_program(struct buf *out)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return;
	buf_add_u64le(out, st.st_dev);
	buf_add_u64le(out, st.st_ino);
	buf_add_u64le(out, (uint64_t)st.st_size);
	buf_add_u64le(out, (uint64_t)st.st_mtim.tv_sec);
	buf_add_u64le(out, (uint64_t)st.st_mtim.tv_nsec);
}

int plan_fingerprint(const struct plan *plan, const struct root *root, enum codec codec,
		     const struct encode_options *base, uint8_t out[DIGEST_SIZE], struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = 0;

	add_text(&text, "plan 2, preroot " PREROOT_VERSION);
	add_text(&text, codec_info(codec)->name);
	buf_add_u32le(&text, (uint32_t)base->level);
	buf_add_u32le(&text, base->x86);
	add_text(&text, encode_library(codec));
	add_text(&text, encode_library(CODEC_ZSTD)); /* of the store */
	buf_add_u32le(&text, (uint32_t)plan->store_level);
	add_program(&text);
	for (size_t i = 0; i < plan->n_entries && r == 0; i++)
		r = add_entry(&text, &plan->entries[i], root, err);
	if (r < 0)
		return r;
	if (buf_status(&text) < 0)
		return err_set(err, -ENOMEM, "no memory left");
	digest_of(text.data, text.len, out);
	return 0;
}
