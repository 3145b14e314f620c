/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What physical volumes of LVM begin with, and the text that describes their group. With the checksums made right,
 * what comes behind the checks is reached. */

#include <string.h>

#include "format/machine/lvmgroup.h"
#include "fuzz.h"

static void check_volume(const struct lvm_group *g, const struct lvm_lv *lv)
{
	static bool needed[LVM_PVS_MAX];
	char why[256] = "", name[LVM_NAME_MAX], vg[LVM_NAME_MAX], lv_name[LVM_NAME_MAX];
	bool is_plain = lvm_is_plain(g, lv, why, sizeof(why));
	uint64_t extents = 0;

	HOLDS(is_plain || *why);
	lvm_needs(g, lv, needed);
	for (size_t i = 0; i < lv->n_segments; i++) {
		const struct lvm_segment *s = &g->segments[lv->segments + i];

		HOLDS(lv->segments + i < g->n_segments && s->refs + s->n_refs <= g->n_refs);
		if (!is_plain)
			continue;
		HOLDS(s->start == extents);
		extents += s->count;
		for (size_t k = 0; k < s->n_refs; k++)
			HOLDS(needed[lvm_pv_of(g, &g->refs[s->refs + k]) - g->pvs]);
	}
	HOLDS(!is_plain || extents <= INT64_MAX / g->extent);
	if (lvm_map_name(g->name, lv->name, name)) {
		HOLDS(lvm_split_map(name, vg, lv_name));
		HOLDS(strcmp(vg, g->name) == 0 && strcmp(lv_name, lv->name) == 0);
	}
}

static void check_group(const uint8_t *data, size_t size)
{
	struct lvm_group g;
	struct err err = {0};
	char *text = malloc(size + 1);
	int r;

	HOLDS(text);
	memcpy(text, data, size);
	r = lvm_parse_group(text, size, &g, &err);
	HOLDS(r == 0 || err.text[0]);
	for (size_t i = 0; i < g.n_lvs && r == 0 && g.n_lvs < 64; i++)
		check_volume(&g, &g.lvs[i]);
	lvm_clear_group(&g);
	free(text);
}

static void set_sum(uint8_t *to, const uint8_t *data, size_t len)
{
	uint32_t sum = 0xf597a6cf;

	for (size_t i = 0; i < len * 8; i++) {
		if (i % 8 == 0)
			sum ^= data[i / 8];
		sum = sum >> 1 ^ (sum & 1 ? 0xedb88320U : 0);
	}
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(sum >> 8 * i);
}

static void check_front(const uint8_t *data, size_t size)
{
	struct lvm_area area = {4096, 1 << 20};
	struct lvm_label label = {.n_areas = 0};
	struct lvm_place place;
	struct err err = {0};
	int r = lvm_decode_label(data, size, &label, &err);

	HOLDS(r == 0 || err.text[0]);
	HOLDS(label.n_areas <= LVM_AREAS_MAX);
	if (r == 0 && label.n_areas)
		area = label.areas[0];
	if (size < 512 + LVM_HEADER_SIZE || lvm_decode_header(data + 512, size - 512, &area, &place, &err) < 0)
		return;
	HOLDS(place.parts[0].size && place.parts[0].size + place.parts[1].size <= LVM_TEXT_MAX);
	for (int i = 0; i < 2; i++)
		HOLDS(!place.parts[i].size || (place.parts[i].offset >= area.offset + LVM_HEADER_SIZE &&
					       place.parts[i].size <= area.size &&
					       place.parts[i].offset - area.offset <= area.size - place.parts[i].size));
}

/* DATA: the sector with the label, then the header of an area; or a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t front[1024];

	check_group(data, size);
	check_front(data, size);
	if (size < sizeof(front))
		return 0;
	memcpy(front, data, sizeof(front));
	memset(front + 8, 0, 8);
	set_sum(front + 16, front + 20, 492);
	set_sum(front + 512, front + 516, 508);
	check_front(front, sizeof(front));
	return 0;
}
