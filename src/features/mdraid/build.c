/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/*
 * MD arrays, which PID 1 starts by itself. A generic image has the drivers of all levels by the
 * rules of storage, a hostonly one those of the arrays on the way to the filesystems that are
 * mounted early.
 */

bool mdraid_reaches(const struct spec *spec)
{
	if (spec->kind == SPEC_ALIAS)
		return str_starts(spec->value, "md/");
	if (spec->kind == SPEC_LINK)
		return str_starts(spec->value, "by-id/md-uuid-") || str_starts(spec->value, "by-id/md-name-");
	return spec->kind == SPEC_NAME && str_starts(spec->value, "md") &&
	       isdigit((unsigned char)spec->value[2]);
}

/* Metadata of the kernel's own: not "external:imsm" or "none". */
bool mdraid_sets_up(const struct hw_block *k)
{
	return k->md_level && k->md_metadata && isdigit((unsigned char)k->md_metadata[0]);
}

static int add_level(struct build *b, const struct hw_mount *m, const struct hw_block *k,
		     struct err *err)
{
	struct arena *a = &b->plan.arena;
	int r = modules_add_alias(b->modules, arena_printf(a, "md-%s", k->md_level), NULL,
				  m->is_early ? MODULES_REQUIRED : 0,
				  arena_printf(a, "runs %s, which is %s, on the way to %s", k->name,
					       k->md_level, m->target),
				  err);

	if (r != MODULES_ABSENT)
		return r < 0 ? r : 0;
	if (!m->is_early) {
		plan_warn(&b->plan, "kernel %s has no driver for %s, which is on the way to %s (%s)",
			  b->kernel.version, k->md_level, m->target, k->name);
		return 0;
	}
	err_set(err, -ENOENT, "kernel %s has no driver for %s, which is on the way to %s (%s)",
		b->kernel.version, k->md_level, m->target, k->name);
	return err_hint(err, "build for another kernel");
}

/* For arrays that this machine does not have yet: --add mdraid. */
static int add_levels(struct build *b, struct err *err)
{
	static const char *const aliases[] = {"md-linear", "md-raid0", "md-raid1", "md-raid5",
					      "md-raid10"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(aliases) && r >= 0; i++)
		r = modules_add_alias(b->modules, aliases[i], NULL, 0,
				      "drives MD arrays, as mdraid was added", err);
	return r < 0 ? r : 0;
}

static void open_part(struct build *b)
{
	if (!b->has_arrays)
		buf_printf(&b->boot_conf, "feature=mdraid\n");
	b->has_arrays = true;
}

int mdraid_add(struct build *b, const struct hw_mount *m, struct err *err)
{
	bool found = false;
	int r = 0;

	for (size_t i = 0; i < m->n_blocks && r == 0; i++)
		if (mdraid_sets_up(&m->blocks[i])) {
			found = true;
			r = add_level(b, m, &m->blocks[i], err);
		}
	if (!found)
		return r;
	open_part(b);
	if (!b->needs_arrays)
		buf_printf(&b->boot_conf, "mdraid.needed=yes\n");
	b->needs_arrays = true;
	return r;
}

int mdraid_build(struct build *b, struct err *err)
{
	bool is_added = features_wants_name(b->request, "mdraid", false);
	int r = is_added ? add_levels(b, err) : 0;

	if (is_added || !build_is_hostonly(b))
		open_part(b);
	for (size_t i = 0; i < b->hardware.n_mounts && r == 0; i++)
		if (b->hardware.mounts[i].is_early)
			r = mdraid_add(b, &b->hardware.mounts[i], err);
	return r;
}
