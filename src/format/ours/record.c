/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/record.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define MAGIC "PRRC"

enum { HEAD = 4 + 4 + 3 * RECORD_SUM + 5 * 8 + 4, FACT_HEAD = 12 };

void record_begin(struct buf *out, const struct record *r)
{
	buf_add_str(out, MAGIC);
	buf_add_u32le(out, RECORD_VERSION);
	buf_add(out, r->request, RECORD_SUM);
	buf_add(out, r->plan, RECORD_SUM);
	buf_add(out, r->image, RECORD_SUM);
	for (int i = 0; i < 5; i++)
		buf_add_u64le(out, r->image_file[i]);
	buf_add_u32le(out, r->n_facts);
}

void record_add(struct buf *out, const struct record_fact *f)
{
	buf_add_u32le(out, f->question);
	buf_add_u32le(out, (uint32_t)strlen(f->path));
	buf_add_u32le(out, (uint32_t)f->len);
	buf_add(out, f->path, strlen(f->path) + 1);
	buf_add(out, f->answer, f->len);
}

int record_decode(const void *data, size_t len, struct record *out, struct err *err)
{
	const uint8_t *p = data;
	struct record r = {0};

	if (len < HEAD || memcmp(p, MAGIC, 4) != 0)
		return err_set(err, -EBADMSG, "this is no record of a build");
	if (le32(p + 4) != RECORD_VERSION)
		return err_set(err, -EPROTONOSUPPORT, "the record of the build has version %u",
			       le32(p + 4));
	p += 8;
	memcpy(r.request, p, RECORD_SUM);
	memcpy(r.plan, p + RECORD_SUM, RECORD_SUM);
	memcpy(r.image, p + 2 * RECORD_SUM, RECORD_SUM);
	p += 3 * RECORD_SUM;
	for (int i = 0; i < 5; i++, p += 8)
		r.image_file[i] = le64(p);
	r.n_facts = le32(p);
	r.at = p + 4;
	r.end = (const uint8_t *)data + len;
	*out = r;
	return 0;
}

int record_next(struct record *r, struct record_fact *out, struct err *err)
{
	size_t left = (size_t)(r->end - r->at), path_len, len;

	if (!r->n_facts && !left)
		return 0;
	if (!r->n_facts || left < FACT_HEAD)
		return err_set(err, -EBADMSG, "the record of the build has a wrong length");
	path_len = le32(r->at + 4);
	len = le32(r->at + 8);
	left -= FACT_HEAD;
	if (path_len > RECORD_PATH_MAX || left < path_len + 1 || left - path_len - 1 < len)
		return err_set(err, -EBADMSG, "a fact in the record of the build is cut off");
	out->question = le32(r->at);
	out->path = (const char *)r->at + FACT_HEAD;
	out->answer = out->path + path_len + 1;
	out->len = len;
	if (strnlen(out->path, path_len + 1) != path_len)
		return err_set(err, -EBADMSG, "a path in the record of the build is malformed");
	r->at += FACT_HEAD + path_len + 1 + len;
	r->n_facts--;
	return 1;
}
