/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text that describes a volume group (VG) of LVM2: its physical volumes (PVs), its logical ones (LVs), and
 * the segments that these consist of. Pure. The grammar is that of lvm.conf (libdm/libdm-config.c):
 *
 *   NAME { ... }   NAME = VALUE   VALUE: "text" | number | [VALUE, ...]   # comment
 *
 * What else there may be in it is passed over, but for flags: one that is not known may mean that a volume is not
 * what its segments say.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "format/machine/lvmlabel.h"

enum { LVM_NAME_MAX = 128, LVM_STRIPES_MAX = 128, LVM_PVS_MAX = 1024, LVM_LVS_MAX = 16384 };

struct lvm_pv {
	const char *key; /* by which segments refer to it: pv0 */
	char id[LVM_ID_MAX];
	const char *device; /* where it was when that was written; "" */
	uint64_t start, count; /* of its extents: sector of the first one, how many */
	bool is_missing;    /* the others were changed without it */
};

/* What a segment refers to: a PV or an LV of the group. */
struct lvm_ref {
	const char *name;
	uint64_t extent; /* of a PV: the first one */
	bool has_extent;
};

struct lvm_segment {
	uint64_t start, count; /* extents */
	const char *type;
	uint64_t stripes, stripe_size; /* STRIPE_SIZE: sectors */
	size_t refs, n_refs;	       /* of the group's */
	const char *origin;	       /* of a snapshot; NULL */
};

struct lvm_lv {
	const char *name;
	char id[LVM_ID_MAX];
	bool is_visible, is_writable, is_skipped; /* SKIPPED: not to be activated unless it is named */
	const char *odd_flag;			  /* one that is not known; NULL */
	size_t segments, n_segments;		  /* of the group's */
};

struct lvm_group {
	const char *name;
	char id[LVM_ID_MAX];
	uint64_t seqno; /* grows with each change */
	uint64_t extent; /* its size in sectors */
	bool is_writable, is_exported, is_skipped; /* as of an LV: all of them */
	const char *lock_type, *odd_flag; /* NULL or "": none */
	const char *system_id; /* of the only machine that uses it without being told to; NULL or "": any may */
	struct lvm_pv *pvs;
	struct lvm_lv *lvs;
	struct lvm_segment *segments;
	struct lvm_ref *refs;
	size_t n_pvs, n_lvs, n_segments, n_refs;
};

/* TEXT, of LEN bytes and one more, is changed, and must outlive OUT, which is to be cleared in any case. */
int lvm_parse_group(char *text, size_t len, struct lvm_group *out, struct err *err);
void lvm_clear_group(struct lvm_group *g);

/* The LV with that name, or that UUID without dashes; NULL. */
const struct lvm_lv *lvm_find(const struct lvm_group *g, const char *name_or_id);

/* The PV or the LV that a segment refers to; NULL. */
const struct lvm_pv *lvm_pv_of(const struct lvm_group *g, const struct lvm_ref *ref);

/* Why nobody can activate volumes of G, or, with LV, only the program lvm can do so; NULL: it is a table of linear
 * and striped targets. Ends the sentence "the volume vg/lv cannot be set up: ". */
const char *lvm_group_flaw(const struct lvm_group *g);
bool lvm_is_plain(const struct lvm_group *g, const struct lvm_lv *lv, char *why, size_t size);

/* Sets NEEDED[i] for each PV that LV lies on, also by way of other LVs; all, if that takes too long to find out. */
void lvm_needs(const struct lvm_group *g, const struct lvm_lv *lv, bool *needed);

/* ---- names ---- */

/* May a VG or an LV be called that? */
bool lvm_is_name(const char *name);

/* The name of device mapper: "my--vg-root". False: it does not fit, or a name is none. */
bool lvm_map_name(const char *vg, const char *lv, char out[LVM_NAME_MAX]);

/* "mapper/my--vg-root" or "my-vg/root", behind /dev/. False: it is no name of a volume. */
bool lvm_split_name(const char *name, char vg[LVM_NAME_MAX], char lv[LVM_NAME_MAX]);

/* "my--vg-root": the other way. False: it is no such name. */
bool lvm_split_map(const char *name, char vg[LVM_NAME_MAX], char lv[LVM_NAME_MAX]);
