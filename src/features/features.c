/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

#include <string.h>

#include "base/cleanup.h"

/* The last wish counts. */
bool features_wants_name(const struct request *q, const char *name, bool by_default)
{
	bool wanted = by_default;

	for (size_t i = 0; i < q->n_wishes; i++) {
		const struct request_wish *w = &q->wishes[i];

		if ((w->kind == WISH_ADD_FEATURE || w->kind == WISH_OMIT_FEATURE) &&
		    strcmp(w->word, name) == 0)
			wanted = w->kind == WISH_ADD_FEATURE;
	}
	return wanted;
}

bool features_wants(const struct request *q, const struct feature *f)
{
	return features_wants_name(q, f->name, !(f->flags & FEATURE_OPTIONAL));
}

const struct feature *features_find(const char *name)
{
	for (const struct feature *f = features; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static const struct {
	const char *name;
	bool (*reaches)(const struct spec *spec);
	bool (*sets_up)(const struct hw_block *k);
	/* A name that it reaches may be another feature's, or one that nothing brings up: does the image? NULL: it
	 * does. */
	bool (*knows)(const struct root *root, const struct request *q, const char *line,
		      const struct spec *spec);
	bool (*joins)(const struct hw_mount *m);
} stacks[] = {
	{"crypt", crypt_reaches, crypt_sets_up, crypt_knows, NULL},
	{"lvm", lvm_reaches, lvm_sets_up, lvm_knows, NULL},
	{"mdraid", mdraid_reaches, mdraid_sets_up, NULL, NULL},
	{"btrfs", NULL, NULL, NULL, btrfs_joins},
};

bool features_reach(const struct root *root, const struct request *q, const char *line, const struct spec *spec)
{
	return (spec_is_reachable(spec) && !spec_is_set_up(spec)) || features_reach_without(NULL, root, q, line, spec);
}

bool features_reach_without(const char *name, const struct root *root, const struct request *q, const char *line,
			    const struct spec *spec)
{
	bool reaches = false;

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		reaches = reaches || ((!name || strcmp(stacks[i].name, name) != 0) &&
				      stacks[i].reaches && stacks[i].reaches(spec) &&
				      (!stacks[i].knows || stacks[i].knows(root, q, line, spec)));
	return reaches;
}

bool features_set_up(const struct hw_block *k)
{
	bool sets_up = false;

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		sets_up = sets_up || (stacks[i].sets_up && stacks[i].sets_up(k));
	return sets_up;
}

const char *features_left_out(const struct request *q, const struct spec *spec, const struct hw_block *k)
{
	const char *left_out = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (!(spec && stacks[i].reaches && stacks[i].reaches(spec)) &&
		    !(k && stacks[i].sets_up && stacks[i].sets_up(k)))
			continue;
		if (features_wants_name(q, stacks[i].name, true))
			return NULL; /* a name may be of either kind */
		left_out = left_out ? left_out : stacks[i].name;
	}
	return left_out;
}

const char *features_joining(const struct hw_mount *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		if (stacks[i].joins && stacks[i].joins(m))
			return stacks[i].name;
	return NULL;
}

bool build_is_hostonly(const struct build *b)
{
	return b->request->mode != MODE_GENERIC;
}

void build_add_cmdline(struct build *b, const char *line, const char *origin)
{
	const char *before = b->verity.hash;

	buf_printf(&b->boot_conf, "cmdline=%s\n", line);
	cmdline_scan_verity(&b->verity, arena_strdup(&b->plan.arena, line));
	if (b->verity.hash != before)
		b->hash_origin = origin;
}

unsigned build_reach(const struct build *b)
{
	if (b->request->no_rules)
		return 0;
	switch (b->request->mode) {
	case MODE_STRICT:
		return 0;
	case MODE_SLOPPY:
		return REACH_SLOPPY | REACH_KIND;
	default:
		return REACH_GENERIC;
	}
}

int build_open_binaries(const struct build *b, struct plan *plan, struct binaries **out,
			struct err *err)
{
	const struct request *q = b->request;
	int r = 0;

	*out = binaries_new(b->root, plan);
	binaries_set_variants(*out, build_is_hostonly(b));
	for (size_t i = 0; i < q->dlopen_add.n && r == 0; i++)
		r = binaries_add_feature(*out, q->dlopen_add.list[i], err);
	for (size_t i = 0; i < q->dlopen_omit.n && r == 0; i++)
		r = binaries_omit_feature(*out, q->dlopen_omit.list[i], err);
	return r;
}
