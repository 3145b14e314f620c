/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/lvmgroup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* ---- the grammar ---- */

struct scan {
	char *p, *end; /* *END is 0 */
	unsigned line;
};

enum item { ITEM_END, ITEM_OPENS, ITEM_CLOSES, ITEM_VALUE, ITEM_BAD };

/* A value, or one of a list. */
struct value {
	enum { VALUE_TEXT, VALUE_NUMBER, VALUE_LIST } kind;
	char *text;	 /* TEXT */
	uint64_t number; /* NUMBER */
	struct scan list; /* LIST: behind the bracket */
};

static void skip_blanks(struct scan *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '#')
			s->p += strcspn(s->p, "\n");
		if (*s->p == '\n')
			s->line++;
		if (!*s->p || !isspace((unsigned char)*s->p))
			return;
	}
}

/* Behind the first quote; the text ends in its place. */
static bool take_text(struct scan *s, char **out)
{
	char *to = ++s->p;

	*out = to;
	for (; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		s->line += *s->p == '\n';
		*to++ = *s->p;
	}
	if (s->p >= s->end)
		return false;
	s->p++;
	*to = '\0';
	return true;
}

static bool take_number(struct scan *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s->p, &end, 10);
	if (end == s->p || errno)
		return false;
	if (*end == '.') /* of a fraction nothing here has a use */
		end += 1 + strspn(end + 1, "0123456789");
	s->p = end;
	return true;
}

static bool skip_list(struct scan *s);

static bool take_value(struct scan *s, struct value *v)
{
	skip_blanks(s);
	if (*s->p == '"') {
		v->kind = VALUE_TEXT;
		return take_text(s, &v->text);
	}
	if (*s->p != '[') {
		v->kind = VALUE_NUMBER;
		return take_number(s, &v->number);
	}
	s->p++;
	v->kind = VALUE_LIST;
	v->list = *s;
	return skip_list(s);
}

/* Lists within lists are none of LVM's. */
static bool skip_list(struct scan *s)
{
	for (;;) {
		skip_blanks(s);
		if (*s->p == '"') {
			s->p++;
			while (s->p < s->end && *s->p != '"')
				s->p += *s->p == '\\' && s->p + 1 < s->end ? 2 : 1;
		} else if (*s->p == ']') {
			s->p++;
			return true;
		} else if (!strchr(",.-+0123456789", *s->p)) {
			return false;
		}
		if (s->p >= s->end)
			return false;
		s->p++;
	}
}

/* The next one of a list. False: there is none. */
static bool next_of(struct value *list, struct value *v)
{
	skip_blanks(&list->list);
	if (*list->list.p == ',')
		list->list.p++;
	skip_blanks(&list->list);
	return *list->list.p != ']' && *list->list.p != '[' && take_value(&list->list, v);
}

static enum item next(struct scan *s, char **name, struct value *v)
{
	size_t len;
	char *end, sign;

	skip_blanks(s);
	if (s->p >= s->end || !*s->p)
		return s->p >= s->end || s->end - s->p == 1 ? ITEM_END : ITEM_BAD;
	if (*s->p == '}') {
		s->p++;
		return ITEM_CLOSES;
	}
	len = strcspn(s->p, " \t\r\n#={}[],\"");
	*name = s->p;
	s->p = end = s->p + len;
	skip_blanks(s);
	sign = *s->p;
	if (!len || (sign != '=' && sign != '{'))
		return ITEM_BAD;
	s->p++;
	*end = '\0';
	if (sign == '{')
		return ITEM_OPENS;
	return take_value(s, v) ? ITEM_VALUE : ITEM_BAD;
}

/* A section that was opened. */
static bool skip_section(struct scan *s)
{
	struct value v;
	char *name;
	size_t depth = 1;

	while (depth)
		switch (next(s, &name, &v)) {
		case ITEM_OPENS:
			depth++;
			break;
		case ITEM_CLOSES:
			depth--;
			break;
		case ITEM_VALUE:
			break;
		default:
			return false;
		}
	return true;
}

/* ---- what it means ---- */

enum { ROOM_FIRST = 16 };

/* Makes room in the list *LIST of N items of SIZE bytes: the place of a new one, zeroed; NULL. The text bounds
 * how many there are. */
static void *add(void **list, size_t *n, size_t size)
{
	char *p = *list;

	if (*n == 0 || (*n >= ROOM_FIRST && (*n & (*n - 1)) == 0)) {
		p = reallocarray(p, *n ? *n * 2 : ROOM_FIRST, size);
		if (!p)
			return NULL;
		*list = p;
	}
	p += (*n)++ * size;
	return memset(p, 0, size);
}

#define ADD(list, n) add((void **)&(list), &(n), sizeof(*(list)))

static bool is_text(const struct value *v, const char *name, const char *wanted)
{
	return v->kind == VALUE_TEXT && strcmp(name, wanted) == 0;
}

static void take_count(const char *name, const char *wanted, const struct value *v, uint64_t *out)
{
	if (v->kind == VALUE_NUMBER && strcmp(name, wanted) == 0)
		*out = v->number;
}

/* Calls TAKE for each word of a list of flags. */
static void take_flags(struct value *v, void *context, void (*take)(void *context, const char *word))
{
	struct value word;

	while (v->kind == VALUE_LIST && next_of(v, &word))
		if (word.kind == VALUE_TEXT)
			take(context, word.text);
}

static bool is_flags(const char *name)
{
	return strcmp(name, "status") == 0 || strcmp(name, "flags") == 0;
}

/* WRITE_LOCKED is what lvm writes for a group with a lock type or a system ID, so that programs that know neither
 * take it for one that cannot be written to (format_text/export.c). */
static bool is_write(const char *flag)
{
	return strcmp(flag, "WRITE") == 0 || strcmp(flag, "WRITE_LOCKED") == 0;
}

static void take_pv_flag(void *context, const char *word)
{
	struct lvm_pv *pv = context;

	pv->is_missing = pv->is_missing || strcmp(word, "MISSING") == 0;
}

static bool parse_pv(struct scan *s, const char *key, struct lvm_group *g)
{
	struct lvm_pv *pv = g->n_pvs < LVM_PVS_MAX ? ADD(g->pvs, g->n_pvs) : NULL;
	struct value v;
	char *name;
	enum item item;

	if (!pv)
		return false;
	pv->key = key;
	pv->device = "";
	while ((item = next(s, &name, &v)) == ITEM_VALUE || item == ITEM_OPENS) {
		if (item == ITEM_OPENS && !skip_section(s))
			return false;
		if (item == ITEM_OPENS)
			continue;
		if (is_text(&v, name, "id") && !lvm_parse_id(v.text, pv->id))
			return false;
		if (is_text(&v, name, "device"))
			pv->device = v.text;
		if (is_flags(name))
			take_flags(&v, pv, take_pv_flag);
		take_count(name, "pe_start", &v, &pv->start);
		take_count(name, "pe_count", &v, &pv->count);
	}
	return item == ITEM_CLOSES && *pv->id;
}

/* "pv0", 0, "pv1", 0; in "raids" there are names alone. */
static bool take_refs(struct value *list, struct lvm_group *g, struct lvm_segment *seg)
{
	struct value v;
	struct lvm_ref *ref = NULL;

	while (next_of(list, &v)) {
		if (v.kind == VALUE_NUMBER && ref && !ref->has_extent) {
			ref->extent = v.number;
			ref->has_extent = true;
			continue;
		}
		ref = v.kind == VALUE_TEXT ? ADD(g->refs, g->n_refs) : NULL;
		if (!ref)
			return v.kind == VALUE_NUMBER;
		ref->name = v.text;
		seg->n_refs++;
	}
	return true;
}

/* Does a text of a segment say how a volume works, not which one? */
static bool is_setting(const char *name)
{
	static const char *const names[] = {"type", "discards", "cache_mode", "policy", "mode", "internal_hash",
					    "write_policy", "tags"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Any other text may name an LV, too: "origin", "thin_pool", "metadata". */
static bool take_segment_value(const char *name, struct value *v, struct lvm_group *g, struct lvm_segment *seg)
{
	struct lvm_ref *ref;

	take_count(name, "start_extent", v, &seg->start);
	take_count(name, "extent_count", v, &seg->count);
	take_count(name, "stripe_count", v, &seg->stripes);
	take_count(name, "stripe_size", v, &seg->stripe_size);
	if (is_text(v, name, "type"))
		seg->type = v->text;
	if (is_setting(name))
		return true;
	if (v->kind == VALUE_LIST)
		return take_refs(v, g, seg);
	if (v->kind != VALUE_TEXT)
		return true;
	if (strcmp(name, "origin") == 0)
		seg->origin = v->text;
	ref = ADD(g->refs, g->n_refs);
	if (!ref)
		return false;
	ref->name = v->text;
	seg->n_refs++;
	return true;
}

static bool parse_segment(struct scan *s, struct lvm_group *g)
{
	struct lvm_segment *seg = ADD(g->segments, g->n_segments);
	struct value v;
	char *name;
	enum item item;

	if (!seg)
		return false;
	seg->refs = g->n_refs;
	while ((item = next(s, &name, &v)) == ITEM_VALUE || item == ITEM_OPENS)
		if (item == ITEM_OPENS ? !skip_section(s) : !take_segment_value(name, &v, g, seg))
			return false;
	return item == ITEM_CLOSES && seg->type;
}

static void take_lv_flag(void *context, const char *word)
{
	struct lvm_lv *lv = context;

	if (strcmp(word, "VISIBLE") == 0)
		lv->is_visible = true;
	else if (is_write(word))
		lv->is_writable = true;
	else if (strcmp(word, "ACTIVATION_SKIP") == 0 || strcmp(word, "NOAUTOACTIVATE") == 0)
		lv->is_skipped = true;
	else if (strcmp(word, "READ") != 0 && strcmp(word, "FIXED_MINOR") != 0)
		lv->odd_flag = word;
}

static bool parse_lv(struct scan *s, const char *key, struct lvm_group *g)
{
	struct lvm_lv *lv = g->n_lvs < LVM_LVS_MAX ? ADD(g->lvs, g->n_lvs) : NULL;
	struct value v;
	char *name;
	enum item item;

	if (!lv || !lvm_is_name(key))
		return false;
	lv->name = key;
	lv->segments = g->n_segments;
	while ((item = next(s, &name, &v)) == ITEM_VALUE || item == ITEM_OPENS) {
		bool is_segment = item == ITEM_OPENS && str_starts(name, "segment");

		if (item == ITEM_OPENS && !(is_segment ? parse_segment(s, g) : skip_section(s)))
			return false;
		lv->n_segments += is_segment;
		if (item == ITEM_OPENS)
			continue;
		if (is_text(&v, name, "id") && !lvm_parse_id(v.text, lv->id))
			return false;
		if (is_flags(name))
			take_flags(&v, lv, take_lv_flag);
	}
	return item == ITEM_CLOSES && *lv->id;
}

/* A section of sections. */
static bool parse_all(struct scan *s, struct lvm_group *g,
		      bool (*parse)(struct scan *s, const char *key, struct lvm_group *g))
{
	struct value v;
	char *name;
	enum item item;

	while ((item = next(s, &name, &v)) == ITEM_OPENS || item == ITEM_VALUE)
		if (item == ITEM_OPENS && !parse(s, name, g))
			return false;
	return item == ITEM_CLOSES;
}

static void take_group_flag(void *context, const char *word)
{
	struct lvm_group *g = context;

	if (is_write(word))
		g->is_writable = true;
	else if (strcmp(word, "EXPORTED") == 0)
		g->is_exported = true;
	else if (strcmp(word, "NOAUTOACTIVATE") == 0)
		g->is_skipped = true;
	else if (strcmp(word, "READ") != 0 && strcmp(word, "RESIZEABLE") != 0 && strcmp(word, "PVMOVE") != 0)
		g->odd_flag = word;
}

static bool take_group_value(const char *name, struct value *v, struct lvm_group *g)
{
	if (is_text(v, name, "id"))
		return lvm_parse_id(v->text, g->id);
	if (is_text(v, name, "lock_type"))
		g->lock_type = v->text;
	if (is_text(v, name, "system_id"))
		g->system_id = v->text;
	if (is_flags(name))
		take_flags(v, g, take_group_flag);
	take_count(name, "seqno", v, &g->seqno);
	take_count(name, "extent_size", v, &g->extent);
	return true;
}

static bool parse_sections(struct scan *s, struct lvm_group *g)
{
	struct value v;
	char *name;
	enum item item;

	while ((item = next(s, &name, &v)) == ITEM_VALUE || item == ITEM_OPENS) {
		bool is_fine;

		if (item == ITEM_VALUE)
			is_fine = take_group_value(name, &v, g);
		else if (strcmp(name, "physical_volumes") == 0)
			is_fine = parse_all(s, g, parse_pv);
		else if (strcmp(name, "logical_volumes") == 0)
			is_fine = parse_all(s, g, parse_lv);
		else
			is_fine = skip_section(s);
		if (!is_fine)
			return false;
	}
	return item == ITEM_CLOSES;
}

int lvm_parse_group(char *text, size_t len, struct lvm_group *out, struct err *err)
{
	struct scan s = {.p = text, .end = text + len, .line = 1};
	struct value v;
	char *name;
	enum item item;

	*out = (struct lvm_group){0};
	text[len] = '\0';
	while ((item = next(&s, &name, &v)) == ITEM_VALUE || (item == ITEM_OPENS && !out->name)) {
		if (item == ITEM_VALUE)
			continue;
		out->name = name;
		if (!parse_sections(&s, out))
			return err_set(err, -EBADMSG, "its metadata cannot be understood at line %u", s.line);
	}
	if (item != ITEM_END)
		return err_set(err, -EBADMSG, "its metadata cannot be understood at line %u", s.line);
	if (!out->name || !*out->id || !out->extent || out->extent > UINT32_MAX || !lvm_is_name(out->name))
		return err_set(err, -EBADMSG, "its metadata describes no volume group");
	return 0;
}

void lvm_clear_group(struct lvm_group *g)
{
	free(g->pvs);
	free(g->lvs);
	free(g->segments);
	free(g->refs);
	*g = (struct lvm_group){0};
}

/* ---- questions ---- */

const struct lvm_lv *lvm_find(const struct lvm_group *g, const char *name_or_id)
{
	for (size_t i = 0; i < g->n_lvs; i++)
		if (strcmp(g->lvs[i].name, name_or_id) == 0)
			return &g->lvs[i];
	for (size_t i = 0; i < g->n_lvs; i++)
		if (strcmp(g->lvs[i].id, name_or_id) == 0)
			return &g->lvs[i];
	return NULL;
}

const struct lvm_pv *lvm_pv_of(const struct lvm_group *g, const struct lvm_ref *ref)
{
	for (size_t i = 0; i < g->n_pvs; i++)
		if (strcmp(g->pvs[i].key, ref->name) == 0)
			return &g->pvs[i];
	return NULL;
}

const char *lvm_group_flaw(const struct lvm_group *g)
{
	if (g->is_exported)
		return "its volume group is exported: vgimport takes it back";
	if (g->lock_type && *g->lock_type && strcmp(g->lock_type, "none") != 0)
		return "its volume group is shared by several machines, which needs a lock manager";
	return g->odd_flag ? "its volume group is of a kind that is not known" : NULL;
}

static bool is_snapshot_of(const struct lvm_group *g, const char *name)
{
	for (size_t i = 0; i < g->n_segments; i++)
		if (g->segments[i].origin && strcmp(g->segments[i].origin, name) == 0)
			return true;
	return false;
}

/* The store of a snapshot is visible, and to look at a volume like any other: what is in it is not what the snapshot
 * shows. */
static bool is_below_another(const struct lvm_group *g, const char *name)
{
	for (size_t i = 0; i < g->n_refs; i++)
		if (strcmp(g->refs[i].name, name) == 0 && !(g->refs[i].has_extent && lvm_pv_of(g, &g->refs[i])))
			return true;
	return false;
}

/* It is one piece of the volume that begins where the one before has ended, at START, and lies on PVs. */
static bool is_plain_segment(const struct lvm_group *g, const struct lvm_segment *seg, uint64_t start)
{
	uint64_t each = seg->stripes ? seg->count / seg->stripes : 0;

	if (seg->start != start || !seg->count || seg->stripes != seg->n_refs || !seg->stripes ||
	    seg->stripes > LVM_STRIPES_MAX || seg->count % seg->stripes ||
	    seg->count > INT64_MAX / g->extent - start ||
	    (seg->stripes > 1 && (!seg->stripe_size || seg->stripe_size > UINT32_MAX)))
		return false;
	for (size_t i = 0; i < seg->n_refs; i++) {
		const struct lvm_ref *ref = &g->refs[seg->refs + i];
		const struct lvm_pv *pv = lvm_pv_of(g, ref);

		if (!pv || !ref->has_extent || ref->extent > pv->count || each > pv->count - ref->extent ||
		    pv->start > INT64_MAX || pv->count > (INT64_MAX - pv->start) / g->extent)
			return false;
	}
	return true;
}

static bool is_plain_type(const struct lvm_segment *seg)
{
	return strcmp(seg->type, "striped") == 0 || strcmp(seg->type, "linear") == 0;
}

/* What there is besides its segments; NULL. */
static const char *lv_flaw(const struct lvm_group *g, const struct lvm_lv *lv)
{
	if (is_snapshot_of(g, lv->name))
		return "there are snapshots of it";
	if (is_below_another(g, lv->name))
		return "it is a snapshot, or a part of another volume";
	if (!lv->is_visible)
		return "it is hidden, as parts of other volumes are";
	return lv->n_segments ? NULL : "it is empty";
}

bool lvm_is_plain(const struct lvm_group *g, const struct lvm_lv *lv, char *why, size_t size)
{
	const char *flaw = lv->odd_flag ? NULL : lv_flaw(g, lv);
	uint64_t start = 0;

	if (lv->odd_flag || flaw) {
		snprintf(why, size, "%s%s", flaw ? "" : "it is ", flaw ? flaw : lv->odd_flag);
		return false;
	}
	for (size_t i = 0; i < lv->n_segments; i++) {
		const struct lvm_segment *seg = &g->segments[lv->segments + i];

		if (!is_plain_type(seg)) {
			snprintf(why, size, "it is of the type %s", seg->type);
			return false;
		}
		if (!is_plain_segment(g, seg, start)) {
			snprintf(why, size, "its segment %zu is not on physical volumes alone, or is damaged", i + 1);
			return false;
		}
		start += seg->count;
	}
	return true;
}

/* ---- what a volume lies on ---- */

enum { SEARCHES_MAX = 4096 /* for volumes below others: a damaged disk may name any number */ };

/* Those of its segments; true: an LV was added. */
static bool mark(const struct lvm_group *g, const struct lvm_lv *lv, bool *needed, bool *lvs, unsigned *searches)
{
	bool more = false;

	for (size_t i = 0; i < lv->n_segments; i++)
		for (size_t k = 0; k < g->segments[lv->segments + i].n_refs; k++) {
			const struct lvm_ref *ref = &g->refs[g->segments[lv->segments + i].refs + k];
			const struct lvm_pv *pv = ref->has_extent ? lvm_pv_of(g, ref) : NULL;
			const struct lvm_lv *below;

			if (pv)
				needed[pv - g->pvs] = true;
			if (pv || ++*searches > SEARCHES_MAX)
				continue;
			below = lvm_find(g, ref->name);
			if (!below || lvs[below - g->lvs])
				continue;
			lvs[below - g->lvs] = true;
			more = true;
		}
	return more;
}

void lvm_needs(const struct lvm_group *g, const struct lvm_lv *lv, bool *needed)
{
	bool *lvs = calloc(g->n_lvs, sizeof(*lvs)), *done = calloc(g->n_lvs, sizeof(*done));
	bool more = lvs && done, is_known = more;
	unsigned searches = 0;

	memset(needed, 0, g->n_pvs * sizeof(*needed));
	if (more)
		lvs[lv - g->lvs] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < g->n_lvs; i++) {
			if (!lvs[i] || done[i])
				continue;
			done[i] = true;
			more = mark(g, &g->lvs[i], needed, lvs, &searches) || more;
		}
	}
	if (!is_known || searches > SEARCHES_MAX)
		memset(needed, true, g->n_pvs * sizeof(*needed));
	free(lvs);
	free(done);
}

/* ---- names ---- */

bool lvm_is_name(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-";
	size_t len = strlen(name);

	return len && len < LVM_NAME_MAX && *name != '-' && strspn(name, letters) == len &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool add_name(char out[LVM_NAME_MAX], size_t *n, const char *name)
{
	for (; *name; name++) {
		if (*n + (*name == '-' ? 3 : 2) > LVM_NAME_MAX)
			return false;
		out[(*n)++] = *name;
		if (*name == '-')
			out[(*n)++] = '-';
	}
	return true;
}

bool lvm_map_name(const char *vg, const char *lv, char out[LVM_NAME_MAX])
{
	size_t n = 0;
	bool fits = lvm_is_name(vg) && lvm_is_name(lv) && add_name(out, &n, vg) && n + 2 <= LVM_NAME_MAX;

	if (fits)
		out[n++] = '-';
	fits = fits && add_name(out, &n, lv);
	out[fits ? n : 0] = '\0';
	return fits;
}

bool lvm_split_map(const char *name, char vg[LVM_NAME_MAX], char lv[LVM_NAME_MAX])
{
	size_t n = 0;
	char *out = vg;

	if (strlen(name) >= LVM_NAME_MAX)
		return false;
	for (; *name; name++) {
		if (*name == '-' && name[1] != '-') { /* the one between the two */
			if (out == lv)
				return false;
			out[n] = '\0';
			out = lv;
			n = 0;
			continue;
		}
		name += *name == '-';
		out[n++] = *name;
	}
	out[n] = '\0';
	return out == lv && lvm_is_name(vg) && lvm_is_name(lv);
}

bool lvm_split_name(const char *name, char vg[LVM_NAME_MAX], char lv[LVM_NAME_MAX])
{
	size_t len = strcspn(name, "/");

	if (str_starts(name, "mapper/"))
		return lvm_split_map(name + strlen("mapper/"), vg, lv);
	if (str_starts(name, "md/") || name[len] != '/' || len >= LVM_NAME_MAX || strlen(name + len + 1) >= LVM_NAME_MAX)
		return false;
	memcpy(vg, name, len);
	vg[len] = '\0';
	strcpy(lv, name + len + 1);
	return lvm_is_name(vg) && lvm_is_name(lv);
}
