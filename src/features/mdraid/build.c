/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "features/mdraid/members.h"
#include "format/machine/mdsuper.h"

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

/* ---- which arrays are this machine's ---- */

/* What follows START in the name of udev's link to the array K; NULL: there is none. */
static const char *linked(const struct root *r, const struct hw_block *k, const char *start, struct arena *a)
{
	char **names;
	int n = root_listdir(r, "dev/disk/by-id", a, &names);

	for (int i = 0; i < n; i++) {
		const char *to = str_starts(names[i], start)
			? root_readlink(r, arena_printf(a, "dev/disk/by-id/%s", names[i]), a) : NULL;

		if (to && strcmp(base_name(to), k->name) == 0)
			return names[i] + strlen(start);
	}
	return NULL;
}

const char *mdraid_own(const struct root *r, const struct hw_block *k, struct arena *a)
{
	const char *uuid = linked(r, k, "md-uuid-", a), *name = linked(r, k, "md-name-", a);
	const char *number = str_starts(k->name, "md") ? k->name + strlen("md") : "", *colon;
	uint8_t bytes[16];
	uint64_t n;

	if (!uuid || !mdsuper_parse_uuid(uuid, bytes))
		return NULL;
	colon = name ? strchr(name, ':') : NULL;
	name = colon ? colon + 1 : name;
	if (!name || strlen(name) >= MDSUPER_TEXT || strpbrk(name, " \n"))
		name = "";
	return arena_printf(a, "%s %s%s%s", uuid, parse_u64(number, UINT32_MAX, &n) ? number : "-",
			    *name ? " " : "", name);
}

/* So that PID 1 takes no array of another machine for one of them. */
static void add_own(struct build *b, const struct hw_block *k)
{
	const char *own = b->request->hardware_file ? NULL : mdraid_own(b->root, k, &b->plan.arena);
	const char *line = own ? arena_printf(&b->plan.arena, "mdraid.array=%s\n", own) : NULL;

	if (line && !strstr(buf_cstr(&b->boot_conf), line))
		buf_add_str(&b->boot_conf, line);
}

/* ---- the part ---- */

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
	for (size_t i = 0; i < m->n_blocks; i++)
		if (mdraid_sets_up(&m->blocks[i])) {
			add_own(b, &m->blocks[i]);
			mdraid_note_members(b, m, &m->blocks[i]);
		}
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
