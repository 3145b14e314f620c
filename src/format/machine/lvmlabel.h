/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a physical volume (PV) of LVM2 begins with, from lib/format_text/layout.h and lib/label/label.h of
 * lvm2. Pure.
 *
 *   label     in one of the first four sectors: the UUID of the PV, and where its metadata areas are
 *   header    512 bytes at the start of each area: where in it the text is that describes the group (VG)
 *   text      in the rest of the area, which is a ring: what does not fit at its end goes on behind the header
 *
 * Units: bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	LVM_LABEL_SIZE = 2048, /* what is to be read of a device */
	LVM_HEADER_SIZE = 512, /* and of each area */
	LVM_AREAS_MAX = 4,
	LVM_ID_MAX = 33,       /* a UUID without dashes, with its end */
	LVM_ID_TEXT_MAX = 39,  /* the same as it is printed */
	LVM_TEXT_MAX = 4 * 1024 * 1024,
};

struct lvm_area {
	uint64_t offset, size;
};

struct lvm_label {
	char id[LVM_ID_MAX];
	struct lvm_area areas[LVM_AREAS_MAX];
	size_t n_areas; /* 0: the group is described on its other PVs only */
};

/* Where the text is; the second part is empty unless it goes around. */
struct lvm_place {
	struct lvm_area parts[2];
	uint32_t sum;
};

/* DATA: the first bytes of a device. -ENOENT: it is no PV. -EBADMSG: its checksum or its numbers are wrong. */
int lvm_decode_label(const void *data, size_t len, struct lvm_label *out, struct err *err);

/* DATA: the first bytes of AREA. -ENOENT: there is no text in it. -EBADMSG, -EPROTONOSUPPORT, -E2BIG. */
int lvm_decode_header(const void *data, size_t len, const struct lvm_area *area, struct lvm_place *out,
		      struct err *err);

/* Is TEXT, which was read from there, what was written? */
bool lvm_is_whole(const void *text, size_t len, uint32_t sum);

/* TEXT is a UUID; dashes may be anywhere. False: it is none. */
bool lvm_parse_id(const char *text, char out[LVM_ID_MAX]);

/* As lvm prints it: groups of 6, 4, 4, 4, 4, 4 and 6. */
void lvm_print_id(const char id[LVM_ID_MAX], char out[LVM_ID_TEXT_MAX]);
