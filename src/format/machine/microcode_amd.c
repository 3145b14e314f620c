/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "format/machine/microcode.h"

enum {
	MAGIC = 0x00414d44,
	TYPE_TABLE = 0,
	TYPE_PATCH = 1,
	CONTAINER_HEADER = 12, /* magic, type, length of the table */
	SECTION_HEADER = 8,    /* type, length */
	ROW = 16,
	PATCH_HEADER = 64,
	FAMILY_ZEN = 0x17,
};

static unsigned bcd(uint32_t value, int digits)
{
	unsigned v = 0;

	while (digits-- > 0)
		v = v * 10 + (value >> (4 * digits) & 15);
	return v;
}

/* The table's length counts the row of zeros that ends it. */
static int decode_table(const uint8_t *p, size_t left, struct microcode_amd_container *c,
			size_t *used, struct err *err)
{
	uint32_t len;

	if (left < CONTAINER_HEADER || le32(p) != MAGIC || le32(p + 4) != TYPE_TABLE)
		return err_set(err, -EBADMSG, "no container of AMD microcode here");
	len = le32(p + 8);
	if (len < ROW || len % ROW || len > left - CONTAINER_HEADER)
		return err_set(err, -EBADMSG, "the table of processors has a length of %u bytes", len);
	*c = (struct microcode_amd_container){.table = p + CONTAINER_HEADER};
	while (c->n_table < len / ROW && le32(c->table + c->n_table * ROW))
		c->n_table++;
	if (c->n_table == len / ROW)
		return err_set(err, -EBADMSG, "the table of processors has no end");
	*used = CONTAINER_HEADER + (size_t)len;
	c->patches = p + *used;
	return 0;
}

int microcode_amd_next(const void *data, size_t len, size_t *offset,
		       struct microcode_amd_container *out, struct err *err)
{
	size_t left = len - *offset, at = 0;
	struct microcode_amd_container c;
	const uint8_t *p;

	if (!left)
		return 0;
	p = (const uint8_t *)data + *offset;
	if (decode_table(p, left, &c, &at, err) < 0)
		return err_prefix(err, "byte %zu", *offset);
	while (left - at >= 4 && le32(p + at) != MAGIC) {
		uint32_t size;

		if (left - at < SECTION_HEADER || le32(p + at) != TYPE_PATCH)
			return err_set(err, -EBADMSG, "byte %zu: no microcode patch here",
				       *offset + at);
		size = le32(p + at + 4);
		if (size < PATCH_HEADER || size > left - at - SECTION_HEADER)
			return err_set(err, -EBADMSG, "byte %zu: a patch of %u bytes does not fit",
				       *offset + at, size);
		at += SECTION_HEADER + size;
	}
	if (left - at > 0 && left - at < 4)
		return err_set(err, -EBADMSG, "byte %zu: cut short", *offset + at);
	c.patches_len = at - (size_t)(c.patches - p);
	*out = c;
	*offset += at;
	return 1;
}

int microcode_amd_next_patch(const struct microcode_amd_container *c, size_t *offset,
			     struct microcode_amd_patch *out)
{
	const uint8_t *p = c->patches + *offset + SECTION_HEADER;

	if (*offset == c->patches_len)
		return 0;
	*out = (struct microcode_amd_patch){
		.data = p,
		.len = le32(p - 4),
		.level = le32(p + 4),
		.date = {bcd(le32(p) & 0xffff, 4), bcd(le32(p) >> 24, 2), bcd(le32(p) >> 16 & 255, 2)},
		.equivalence = le16(p + 24),
	};
	*offset += SECTION_HEADER + out->len;
	return 1;
}

void microcode_amd_row(const struct microcode_amd_container *c, size_t index, uint32_t *signature,
		       uint16_t *equivalence)
{
	*signature = le32(c->table + index * ROW);
	*equivalence = le16(c->table + index * ROW + 12);
}

/* Since Zen a revision identifies its processor: extended family, extended model, model,
 * stepping. */
static uint32_t signature_of_level(uint32_t level)
{
	return (level >> 24) << 20 | (level >> 20 & 15) << 16 | 15u << 8 | (level >> 8 & 255);
}

bool microcode_amd_target(const struct microcode_amd_container *c,
			  const struct microcode_amd_patch *p, size_t *cursor, uint32_t *signature)
{
	uint32_t family, model, stepping;
	uint16_t equivalence;

	while (*cursor < c->n_table) {
		microcode_amd_row(c, (*cursor)++, signature, &equivalence);
		if (equivalence == p->equivalence)
			return true;
	}
	if ((*cursor)++ > c->n_table)
		return false;
	*signature = signature_of_level(p->level);
	microcode_split_signature(*signature, &family, &model, &stepping);
	return family >= FAMILY_ZEN;
}

bool microcode_amd_fits(const struct microcode_amd_container *c,
			const struct microcode_amd_patch *p, uint32_t signature)
{
	size_t cursor = 0;
	uint32_t target;

	while (microcode_amd_target(c, p, &cursor, &target))
		if (target == signature)
			return true;
	return false;
}

static void add_u32(struct buf *out, uint32_t a, uint32_t b)
{
	buf_add_u32le(out, a);
	buf_add_u32le(out, b);
}

size_t microcode_amd_filter(const struct microcode_amd_container *c,
			    bool (*wanted)(const struct microcode_amd_container *c,
					   const struct microcode_amd_patch *p, void *arg),
			    void *arg, struct buf *out)
{
	_cleanup_buf_ struct buf rows = BUF_INIT, patches = BUF_INIT;
	struct microcode_amd_patch p;
	uint8_t numbers[8192] = {0}; /* one bit for each equivalence number */
	size_t at = 0, n = 0;
	uint32_t signature;
	uint16_t equivalence;

	while (microcode_amd_next_patch(c, &at, &p)) {
		if (!wanted(c, &p, arg))
			continue;
		add_u32(&patches, TYPE_PATCH, (uint32_t)p.len);
		buf_add(&patches, p.data, p.len);
		numbers[p.equivalence / 8] |= (uint8_t)(1u << p.equivalence % 8);
		n++;
	}
	if (!n)
		return 0;
	for (size_t i = 0; i < c->n_table; i++) {
		microcode_amd_row(c, i, &signature, &equivalence);
		if (numbers[equivalence / 8] >> equivalence % 8 & 1)
			buf_add(&rows, c->table + i * ROW, ROW);
	}
	buf_add_zeros(&rows, ROW);
	buf_add_u32le(out, MAGIC);
	add_u32(out, TYPE_TABLE, (uint32_t)rows.len);
	buf_add(out, rows.data, rows.len);
	buf_add(out, patches.data, patches.len);
	out->failed = out->failed || rows.failed || patches.failed;
	return n;
}
