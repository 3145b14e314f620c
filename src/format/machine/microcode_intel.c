/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "format/machine/microcode.h"

enum {
	HEADER = 48,
	OLD_DATA = 2000, /* what a data size of 0 means */
	TABLE_HEADER = 20,
	TABLE_ROW = 12,
	TYPE_BITS = 3 << 12, /* of a signature: the kind of socket, in Pentium days */
};

static unsigned bcd(uint32_t value, int digits)
{
	unsigned v = 0;

	while (digits-- > 0)
		v = v * 10 + (value >> (4 * digits) & 15);
	return v;
}

static uint32_t sum_of(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 4 <= len; i += 4)
		sum += le32(p + i);
	return sum;
}

uint32_t microcode_signature(uint32_t family, uint32_t model, uint32_t stepping)
{
	uint32_t base = family < 15 ? family : 15;

	return (stepping & 15) | (model & 15) << 4 | base << 8 | (model >> 4 & 15) << 16 |
	       ((family - base) & 255) << 20;
}

void microcode_split_signature(uint32_t signature, uint32_t *family, uint32_t *model,
			       uint32_t *stepping)
{
	uint32_t base = signature >> 8 & 15;

	*family = base == 15 ? base + (signature >> 20 & 255) : base;
	*model = (signature >> 4 & 15) | (signature >> 16 & 15) << 4;
	*stepping = signature & 15;
}

/* DATA_LEN + HEADER bytes are followed by the table of further signatures. */
static int decode_table(struct microcode_intel *u, size_t start, struct err *err)
{
	const uint8_t *t = u->data + start, *first;
	size_t len = u->len - start;
	uint32_t count, own = u->signature + u->platforms + le32(u->data + 16);

	if (len < TABLE_HEADER)
		return err_set(err, -EBADMSG, "the table of signatures is cut short");
	count = le32(t);
	if (count > (len - TABLE_HEADER) / TABLE_ROW)
		return err_set(err, -EBADMSG, "%u signatures do not fit into the update", count);
	len = TABLE_HEADER + (size_t)count * TABLE_ROW;
	if (sum_of(t, len) != 0)
		return err_set(err, -EBADMSG, "the checksum of the table of signatures is wrong");
	first = t + TABLE_HEADER;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *row = first + i * TABLE_ROW;

		if (le32(row) + le32(row + 4) + le32(row + 8) != own)
			return err_set(err, -EBADMSG, "the checksum of signature %u is wrong", i + 1);
	}
	u->table = first;
	u->n_table = count;
	return 0;
}

static int decode(const uint8_t *p, size_t left, struct microcode_intel *u, struct err *err)
{
	uint32_t data_len, total;

	if (left < HEADER)
		return err_set(err, -EBADMSG, "cut short within the header of a microcode update");
	if (le32(p) != 1 || le32(p + 20) != 1)
		return err_set(err, le32(p) > 1 && le32(p) < 256 ? -EPROTONOSUPPORT : -EBADMSG,
			       "no Intel microcode update of version 1 here");
	data_len = le32(p + 28);
	total = data_len ? le32(p + 32) : OLD_DATA + HEADER;
	data_len = data_len ? data_len : OLD_DATA;
	if (data_len % 4 || total % 4 || total < HEADER || data_len > total - HEADER)
		return err_set(err, -EBADMSG, "%u bytes of data in an update of %u bytes", data_len,
			       total);
	if (total > left)
		return err_set(err, -EBADMSG, "an update of %u bytes is cut short", total);
	*u = (struct microcode_intel){
		.data = p,
		.len = total,
		.revision = (int32_t)le32(p + 4),
		.date = {bcd(le32(p + 8) & 0xffff, 4), bcd(le32(p + 8) >> 24, 2),
			 bcd(le32(p + 8) >> 16 & 255, 2)},
		.signature = le32(p + 12),
		.platforms = le32(p + 24),
	};
	if (sum_of(p, HEADER + (size_t)data_len) != 0)
		return err_set(err, -EBADMSG, "the checksum of an update is wrong");
	return total > HEADER + data_len ? decode_table(u, HEADER + data_len, err) : 0;
}

int microcode_intel_next(const void *data, size_t len, size_t *offset,
			 struct microcode_intel *out, struct err *err)
{
	struct microcode_intel u;
	int r;

	if (*offset == len)
		return 0;
	r = decode((const uint8_t *)data + *offset, len - *offset, &u, err);
	if (r < 0)
		return err_prefix(err, "byte %zu", *offset);
	*out = u;
	*offset += u.len;
	return 1;
}

bool microcode_intel_target(const struct microcode_intel *u, size_t index, uint32_t *signature,
			    uint32_t *platforms)
{
	if (index > u->n_table)
		return false;
	*signature = index ? le32(u->table + (index - 1) * TABLE_ROW) : u->signature;
	*platforms = index ? le32(u->table + (index - 1) * TABLE_ROW + 4) : u->platforms;
	return true;
}

bool microcode_intel_fits(const struct microcode_intel *u, uint32_t signature, uint32_t platform)
{
	uint32_t s, p;

	for (size_t i = 0; microcode_intel_target(u, i, &s, &p); i++)
		if (((s ^ signature) & ~(uint32_t)TYPE_BITS) == 0 &&
		    (platform == MICROCODE_ANY_PLATFORM || (p & platform) || (!p && !platform)))
			return true;
	return false;
}
