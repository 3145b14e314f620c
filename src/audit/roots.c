/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "audit/kit.h"
#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "features/features.h"
#include "features/make.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/spec.h"
#include "format/machine/fstab.h"

/*
 * A root= that PID 1 cannot reach. `build` does not look at these lines, since its image may be for
 * another machine; those that go into the image are checked with the plan. `rebuild` replaces the
 * image that this machine boots: there the entry that boots it decides. Where no line says where the root
 * is, as for a kernel that has no entry yet, fstab does.
 */

#define REMEDY                                                                                    \
	"name the filesystem by its UUID (blkid shows it); if it is on the network, "            \
	"keep using the image builder of your distribution; a LUKS volume needs cryptsetup, and a line in "  \
	"/etc/crypttab or rd.luks.name=UUID=NAME beside the root="

struct roots {
	enum audit_severity severity;
	const struct audit_kernel *kernel; /* that the line boots; NULL: it is not known */
	struct strset reported;
	bool is_known; /* a line names a root that can be reached */
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

/* Is WHAT to be reported? Once for each kernel, and where that is not known, only if it was for none. */
static bool is_new(struct audit *a, struct roots *roots, const char *what)
{
	bool is_first = strset_add(&roots->reported, what, NULL);

	if (!roots->kernel)
		return is_first;
	return strset_add(&roots->reported, arena_printf(a->arena, "%s %s", roots->kernel->version, what),
			  NULL);
}

/* Can PID 1 bring up the device TEXT, booted with LINE? If not, it is reported; PLACE begins that sentence. */
static bool check_device(struct audit *a, struct roots *roots, const char *line, const char *text,
			 const char *place)
{
	struct audit_finding *f;
	struct spec spec;

	spec_parse(text, &spec);
	if (features_reach(a->root, a->q->request, line, &spec))
		return true;
	if (!is_new(a, roots, text))
		return false;
	f = audit_add(a, spec_is_set_up(&spec) ? AUDIT_WARNING : roots->severity, "root-unsupported",
		      roots->kernel,
		      arena_printf(a->arena, "%s%s, which an image of this version cannot bring up%s",
				   place, text,
				   spec_is_set_up(&spec) ? " without a program of a drop-in feature"
							 : ""),
		      REMEDY);
	f->bars_rebuild = f->severity == AUDIT_ERROR;
	return false;
}

/* Do the image's own parameters turn verification off? */
static bool image_has_it_off(struct audit *a, const struct roots *roots)
{
	const struct audit_kernel *k = roots->kernel ? roots->kernel : audit_next(a, NULL);
	struct request request = *a->q->request;
	_cleanup_build_ struct build b = {0};
	struct err err = {0};

	if (k && a->q->configure && a->q->configure(k->version, &request, a->q->arg, &err) < 0)
		return false;
	request.kernel = k ? k->version : NULL;
	request.only_cmdline = true;
	/* Whatever else is wrong with the plan is reported with it. */
	build_make(&request, a->root, &b, &err);
	return b.verity.is_off;
}

/* The parameter in LINE with a hash for dm-verity, because of which PID 1 mounts nothing; NULL: none. */
static const char *hash_of(struct audit *a, const struct roots *roots, const char *line)
{
	struct cmdline_verity alone = {0}, verity;

	cmdline_scan_verity(&alone, arena_strdup(a->arena, line));
	if (!cmdline_hash(&alone))
		return NULL;
	verity = (struct cmdline_verity){.is_off = image_has_it_off(a, roots)};
	cmdline_scan_verity(&verity, arena_strdup(a->arena, line));
	return cmdline_hash(&verity);
}

static void check_hash(struct audit *a, struct roots *roots, const char *hash, const char *where)
{
	struct audit_finding *f;

	if (!is_new(a, roots, hash))
		return;
	f = audit_add(a, roots->severity, "root-unsupported", roots->kernel,
		      arena_printf(a->arena,
				   "%s has %s=, and no image of this version verifies with dm-verity: "
				   "the boot would fail", where, hash),
		      "keep using the image builder of your distribution, or boot without verification: "
		      "root= of the filesystem and rd.systemd.verity=0");
	f->bars_rebuild = f->severity == AUDIT_ERROR;
}

static void check_line(struct audit *a, const char *line, const char *where, void *arg)
{
	struct roots *roots = arg;
	const char *text = root_of(a, line), *hash = hash_of(a, roots, line);

	if (hash)
		check_hash(a, roots, hash, where);
	if (text)
		roots->is_known |= check_device(a, roots, line, text,
						arena_printf(a->arena, "%s names root=", where));
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

/* ---- fstab ---- */

/* Looks at a line that is not to be reported. */
static void look_at_line(struct audit *a, const char *line, struct roots *roots)
{
	const char *text = line ? root_of(a, line) : NULL;
	struct spec spec;

	if (!text)
		return;
	spec_parse(text, &spec);
	roots->is_known |= features_reach(a->root, a->q->request, line, &spec);
}

/* The parameters in the image itself. */
static void look_into_image(struct audit *a, struct roots *roots)
{
	const struct request *q = a->q->request;
	char **names;
	int n = root_listdir(a->root, "etc/cmdline.d", a->arena, &names);

	for (size_t i = 0; i < q->n_wishes; i++)
		if (q->wishes[i].kind == WISH_CMDLINE)
			look_at_line(a, q->wishes[i].word, roots);
	for (size_t i = 0; i < q->kernel_cmdline.n; i++)
		look_at_line(a, q->kernel_cmdline.list[i], roots);
	if (q->mode == MODE_GENERIC)
		return;
	look_at_line(a, audit_read(a, "etc/cmdline"), roots);
	for (int i = 0; i < n; i++)
		if (str_ends(names[i], ".conf"))
			look_at_line(a, audit_read(a, arena_printf(a->arena, "etc/cmdline.d/%s", names[i])),
				     roots);
}

/* Does anything else name a root that can be reached: an entry of one of this system's kernels, the
 * parameters that the machine runs with, or those in the image? */
static bool is_named_elsewhere(struct audit *a, struct roots *roots)
{
	for (size_t i = 0; a->has_menu && i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (e->kernel && audit_find(a, e->version))
			look_at_line(a, e->options, roots);
	}
	if (!a->not_running)
		look_at_line(a, audit_read(a, "proc/cmdline"), roots);
	look_into_image(a, roots);
	return roots->is_known;
}

/* Without a device below it, such as the root of a live system: it says nothing. */
static bool is_pseudo(const char *fstype)
{
	static const char *const types[] = {"overlay", "aufs", "rootfs", "tmpfs", "ramfs"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(fstype, types[i]) == 0)
			return true;
	return false;
}

/* / and /usr: without them, no boot is completed. Where something else decides about /, the plan warns. */
static void check_fstab(struct audit *a, struct roots *roots)
{
	struct fstab f = {.cursor = audit_read(a, "etc/fstab")};
	struct fstab_entry e;

	roots->severity = AUDIT_ERROR;
	while (fstab_next(&f, &e)) {
		bool is_root = fstab_is_at(&e, "/");

		if (e.flaw || (!is_root && !fstab_is_at(&e, "/usr")) || is_pseudo(e.fstype))
			continue;
		if (!is_root || !is_named_elsewhere(a, roots))
			check_device(a, roots, NULL, e.source,
				     arena_printf(a->arena, "%s/etc/fstab, line %u, has %s on ",
						  root_prefix(a->root), e.line, is_root ? "/" : "/usr"));
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
	check_fstab(a, &roots);
}
