/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/lvmlabel.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum {
	SECTOR = 512,

	/* ---- struct label_header, and struct pv_header behind it ---- */
	LABEL_SECTOR = 8, LABEL_SUM = 16, LABEL_REST = 20, LABEL_TYPE = 24,
	PV_ID = 0, PV_LISTS = 40, ROW = 16,

	/* ---- struct mda_header ---- */
	HEADER_MAGIC = 4, HEADER_VERSION = 20, HEADER_START = 24, HEADER_SIZE = 32, HEADER_PLACES = 40,
	PLACE_SIZE = 8, PLACE_SUM = 16, PLACE_FLAGS = 20, PLACE_IGNORED = 1,
};

#define SUM_BEGIN 0xf597a6cfU

/* CRC-32 as in zlib, but without the inversions. */
static uint32_t sum_of(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320U : 0);
	}
	return sum;
}

bool lvm_is_whole(const void *text, size_t len, uint32_t sum)
{
	return sum_of(SUM_BEGIN, text, len) == sum;
}

/* ---- UUIDs ---- */

bool lvm_parse_id(const char *text, char out[LVM_ID_MAX])
{
	static const char letters[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#";
	char id[LVM_ID_MAX];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		if (n == LVM_ID_MAX - 1 || !strchr(letters, *text))
			return false;
		id[n++] = *text;
	}
	id[n] = '\0';
	if (n == LVM_ID_MAX - 1)
		memcpy(out, id, sizeof(id));
	return n == LVM_ID_MAX - 1;
}

void lvm_print_id(const char id[LVM_ID_MAX], char out[LVM_ID_TEXT_MAX])
{
	static const char dashes[] = "00000100010001000100010001000000";
	size_t n = 0;

	for (size_t i = 0; id[i] && i < LVM_ID_MAX - 1; i++) {
		out[n++] = id[i];
		if (dashes[i] == '1')
			out[n++] = '-';
	}
	out[n] = '\0';
}

/* ---- the label ---- */

/* Two lists of places, each of which ends with a row of zeros: of the data, and of the metadata. */
static int decode_lists(const uint8_t *p, size_t len, struct lvm_label *out, struct err *err)
{
	size_t at = PV_LISTS;
	int lists = 0;

	for (; at + ROW <= len && lists < 2; at += ROW) {
		struct lvm_area a = {le64(p + at), le64(p + at + 8)};

		lists += !a.offset;
		if (lists != 1 || !a.offset)
			continue;
		if (out->n_areas == LVM_AREAS_MAX)
			return err_set(err, -E2BIG, "its label has more than %d metadata areas", LVM_AREAS_MAX);
		if (a.size < LVM_HEADER_SIZE || a.size > INT64_MAX || a.offset > INT64_MAX - a.size)
			return err_set(err, -EBADMSG, "a metadata area of its label has an impossible place");
		out->areas[out->n_areas++] = a;
	}
	return lists == 2 ? 0 : err_set(err, -EBADMSG, "the lists in its label have no end");
}

static int decode_sector(const uint8_t *p, uint64_t number, struct lvm_label *out, struct err *err)
{
	uint32_t at = le32(p + LABEL_REST);
	char id[LVM_ID_MAX] = "";

	if (le64(p + LABEL_SECTOR) != number ||
	    sum_of(SUM_BEGIN, p + LABEL_REST, SECTOR - LABEL_REST) != le32(p + LABEL_SUM))
		return err_set(err, -EBADMSG, "its LVM label has a wrong checksum or place");
	if (memcmp(p + LABEL_TYPE, "LVM2 001", 8) != 0)
		return err_set(err, -EPROTONOSUPPORT, "its LVM label is not of the type \"LVM2 001\"");
	if (at < LABEL_TYPE + 8 || at > SECTOR - PV_LISTS)
		return err_set(err, -EBADMSG, "its LVM label has no room for what it names");
	memcpy(id, p + at + PV_ID, sizeof(id) - 1);
	if (!lvm_parse_id(id, out->id))
		return err_set(err, -EBADMSG, "its LVM label has no UUID");
	return decode_lists(p + at, SECTOR - at, out, err);
}

int lvm_decode_label(const void *data, size_t len, struct lvm_label *out, struct err *err)
{
	const uint8_t *p = data;

	for (size_t at = 0; at + SECTOR <= len && at < LVM_LABEL_SIZE; at += SECTOR) {
		struct lvm_label l = {.n_areas = 0};
		int r;

		if (memcmp(p + at, "LABELONE", 8) != 0)
			continue;
		r = decode_sector(p + at, at / SECTOR, &l, err);
		if (r == 0)
			*out = l;
		return r;
	}
	return err_set(err, -ENOENT, "it has no LVM label");
}

/* ---- an area ---- */

static int decode_place(const uint8_t *p, const struct lvm_area *area, struct lvm_place *out, struct err *err)
{
	uint64_t at = le64(p), size = le64(p + PLACE_SIZE), room = area->size - LVM_HEADER_SIZE, first;

	if (!at || le32(p + PLACE_FLAGS) & PLACE_IGNORED)
		return err_set(err, -ENOENT, "there is no volume group in its metadata area");
	if (size > LVM_TEXT_MAX)
		return err_set(err, -E2BIG, "its metadata has more than %d bytes", LVM_TEXT_MAX);
	if (at < LVM_HEADER_SIZE || at >= area->size || !size || size > room)
		return err_set(err, -EBADMSG, "its metadata has an impossible place");
	first = size < area->size - at ? size : area->size - at;
	*out = (struct lvm_place){.parts = {{area->offset + at, first},
					    {area->offset + LVM_HEADER_SIZE, size - first}},
				  .sum = le32(p + PLACE_SUM)};
	return 0;
}

int lvm_decode_header(const void *data, size_t len, const struct lvm_area *area, struct lvm_place *out,
		      struct err *err)
{
	static const uint8_t magic[] = " LVM2 x[5A%r0N*>";
	const uint8_t *p = data;

	if (len < LVM_HEADER_SIZE || memcmp(p + HEADER_MAGIC, magic, sizeof(magic) - 1) != 0 ||
	    sum_of(SUM_BEGIN, p + HEADER_MAGIC, LVM_HEADER_SIZE - HEADER_MAGIC) != le32(p))
		return err_set(err, -EBADMSG, "the header of its metadata area has a wrong checksum");
	if (le32(p + HEADER_VERSION) != 1)
		return err_set(err, -EPROTONOSUPPORT, "a metadata area of version %u", le32(p + HEADER_VERSION));
	if (le64(p + HEADER_START) != area->offset || le64(p + HEADER_SIZE) != area->size)
		return err_set(err, -EBADMSG, "the header of its metadata area belongs elsewhere");
	return decode_place(p + HEADER_PLACES, area, out, err);
}
