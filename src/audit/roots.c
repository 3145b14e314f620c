/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "audit/kit.h"
#include "base/cleanup.h"
#include "base/strset.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/spec.h"

/*
 * A root= that PID 1 cannot reach. `build` does not look at these lines, since its image may be for
 * another machine; those that go into the image are checked with the plan. `rebuild` replaces the
 * image that this machine boots: there the entry that boots it decides.
 */

struct roots {
	enum audit_severity severity;
	const struct audit_kernel *kernel; /* that the line boots; NULL: it is not known */
	struct strset reported;
};

static void clear(struct roots *roots)
{
	strset_clear(&roots->reported);
}

/* The last one counts. */
static const char *root_of(struct audit *a, const char *line)
{
	char *cursor = arena_strdup(a->arena, line), *param, *value;
	const char *root = NULL;

	while (cmdline_next(&cursor, &param, &value))
		if (strcmp(param, "root") == 0 && value)
			root = value;
	return root && !strpbrk(root, "$`") ? root : NULL;
}

static void check_line(struct audit *a, const char *line, const char *where, void *arg)
{
	struct roots *roots = arg;
	const char *text = root_of(a, line);
	struct audit_finding *f;
	struct spec spec;

	if (!text)
		return;
	spec_parse(text, &spec);
	if ((spec_is_reachable(&spec) && !spec_is_set_up(&spec)) ||
	    strset_has(&roots->reported, text))
		return;
	strset_add(&roots->reported, text, NULL);
	f = audit_add(a, spec_is_set_up(&spec) ? AUDIT_WARNING : roots->severity, "root-unsupported",
		  roots->kernel,
		  arena_printf(a->arena,
			       "%s names root=%s, which an image of this version cannot bring up%s",
			       where, text,
			       spec_is_set_up(&spec) ? " without a program of a drop-in feature"
						     : ""),
		  "name the filesystem by its UUID (blkid shows it); if it is on the network, on "
		  "LVM, LUKS or MD RAID, keep using the image builder of your distribution");
	f->bars_rebuild = f->severity == AUDIT_ERROR;
}

/* The entries of the kernels that are looked at; those of other systems may have other images. */
static void check_entries(struct audit *a, struct roots *roots, bool first)
{
	for (size_t i = 0; a->has_menu && i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];
		const struct audit_kernel *k = audit_find(a, e->version);

		if (!e->kernel || !e->options || !e->initrds[0] || !k || !k->is_wanted ||
		    (bootmenu_find(&a->menu, k->version, NULL) == e) != first)
			continue;
		roots->kernel = k;
		check_line(a, e->options, audit_entry_place(a, e), roots);
	}
}

void audit_roots(struct audit *a)
{
	_cleanup_(clear) struct roots roots = {.severity = AUDIT_ERROR, .reported = STRSET_INIT};

	check_entries(a, &roots, true);
	roots.severity = AUDIT_WARNING;
	check_entries(a, &roots, false);
	roots.kernel = NULL;
	audit_next_cmdlines(a, check_line, &roots);
}
