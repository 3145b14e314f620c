/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "features/make.h"
#include "host/elsewhere.h"

struct check {
	void (*run)(struct audit *a);
	bool is_for_rebuild; /* run before a rebuild, which would not find this itself */
};

/* Checks that find that no image can be made come before audit_plan(), which then reports
 * nothing. */
static const struct check checks[] = {
	{audit_kernels, true},	     {audit_headers, false},	  {audit_vermagic, true},
	{audit_indexes, false},	     {audit_images, false},	  {audit_decoders, false},
	{audit_builders, false},
	{audit_menu, false},	     {audit_space, false},	  {audit_boot_access, true},
	{audit_image_access, false}, {audit_config_access, true}, {audit_devices, true},
	{audit_roots, true},	     {audit_arrays, false},
	{audit_plan, false},	     {audit_secure_boot, false},
};

const char *audit_severity_name(enum audit_severity severity)
{
	static const char *const names[] = {
		[AUDIT_ERROR] = "error", [AUDIT_WARNING] = "warning", [AUDIT_NOTE] = "note"};

	return names[severity];
}

/* ---- which kernels there are ---- */

static struct audit_kernel *kernel_of(struct audit *a, const char *version)
{
	struct audit_kernel *k = (struct audit_kernel *)audit_find(a, version);

	if (k)
		return k;
	a->kernels = arena_grow(a->arena, a->kernels, a->n_kernels, sizeof(*a->kernels));
	k = &a->kernels[a->n_kernels++];
	*k = (struct audit_kernel){.version = arena_strdup(a->arena, version),
				   .image = kernel_image_path(a->root, version, a->arena)};
	return k;
}

/* Adds the kernels in /boot that have a version in their name. Backups and Fedora's rescue kernel
 * do not count: their names are not the kernel's version. */
static void add_kernel_files(struct audit *a)
{
	static const char *const starts[] = {"vmlinuz-", "vmlinux-", "kernel-"};
	static const char *const not [] = {".old",    ".bak", ".orig", ".efi",
					   ".signed", ".sig", ".hmac"};
	char **names;
	int n = root_listdir(a->root, "boot", a->arena, &names);

	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
			const char *version = names[i] + strlen(starts[k]);
			bool is_copy = false;

			if (!str_starts(names[i], starts[k]) || !isdigit((unsigned char)*version) ||
			    str_starts(version, "0-rescue"))
				continue;
			for (size_t m = 0; m < ARRAY_SIZE(not ); m++)
				is_copy |= str_ends(version, not [m]);
			if (!is_copy)
				kernel_of(a, version);
		}
}

static int newer_first(const void *x, const void *y)
{
	return version_compare(((const struct audit_kernel *)y)->version,
			       ((const struct audit_kernel *)x)->version);
}

/* The kernel that runs, if it is this root's: in a chroot or a container, and where the host's /proc is
 * mounted below a root, it is another system's. NULL: it is not, or is not known. */
static const char *running_kernel(struct audit *a)
{
	struct utsname u;

	if (a->root->is_host)
		a->not_running = elsewhere_runs_other_kernel(a->root, a->arena);
	else if (elsewhere_has_proc_of_host(a->root))
		a->not_running = "a root where the host's /proc is mounted";
	if (a->not_running)
		return NULL;
	if (a->root->is_host && uname(&u) == 0)
		return arena_strdup(a->arena, u.release);
	return root_read_line(a->root, "proc/sys/kernel/osrelease", a->arena);
}

static void add_kernels(struct audit *a)
{
	struct kernel *trees;
	int n = kernels_list(a->root, a->arena, &trees, NULL);
	const char *running = running_kernel(a);

	for (int i = 0; i < n; i++)
		kernel_of(a, trees[i].version)->modules_dir =
			trees[i].is_monolithic ? NULL : trees[i].modules_dir;
	add_kernel_files(a);
	for (size_t i = 0; i < a->inventory.n; i++)
		kernel_of(a, a->inventory.rows[i].version);
	if (running && *running && !strchr(running, '/'))
		kernel_of(a, running)->is_running = true;
	if (a->n_kernels)
		qsort(a->kernels, a->n_kernels, sizeof(*a->kernels), newer_first);
	for (size_t i = 0; i < a->inventory.n; i++)
		kernel_of(a, a->inventory.rows[i].version)->row = &a->inventory.rows[i];
}

static int no_such_kernel(struct audit *a, const char *version, struct err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < a->n_kernels; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", a->kernels[i].version);
	err_set(err, -ENOENT, "there is no kernel %s below %s/", version, root_prefix(a->root));
	return err_hint(err, "kernels: %s", names.len ? buf_cstr(&names) : "none");
}

/* The requested kernels; by default the running one and those that may boot next. */
static int choose_kernels(struct audit *a, struct err *err)
{
	const struct audit_request *q = a->q;
	bool has_newest = false, has_whole = false;

	for (size_t i = 0; i < q->n_kernels; i++) {
		struct audit_kernel *k = (struct audit_kernel *)audit_find(a, q->kernels[i]);

		if (!k)
			return no_such_kernel(a, q->kernels[i], err);
		k->is_wanted = true;
	}
	for (size_t i = 0; i < a->n_kernels && !q->n_kernels; i++) {
		struct audit_kernel *k = &a->kernels[i];
		bool is_newest = k->image && !has_newest;
		bool is_whole = k->image && k->modules_dir && !has_whole;

		k->is_wanted = q->all || k->is_running || is_newest || is_whole;
		has_newest |= is_newest;
		has_whole |= is_whole;
	}
	return 0;
}

static void read_configs(struct audit *a)
{
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));) {
		struct kernel kernel = {k->version, k->modules_dir, k->image, false};

		if (!kernel.modules_dir)
			kernel.modules_dir = arena_printf(a->arena, "lib/modules/%s", k->version);
		if (kernel_config(a->root, &kernel, a->arena, &k->config, &k->config_origin, NULL) <
		    0)
			buf_clear(&k->config);
	}
}

/* ---- the run ---- */

static int read_machine(struct audit *a, struct err *err)
{
	const struct request *q = a->q->request;
	int e = 0;

	/* The inventory may read whole images, which a rebuild need not wait for. */
	if (!a->q->for_rebuild)
		e = inventory_read(a->root, a->q->cache, a->arena, &a->inventory, err);
	if (e < 0)
		return e;
	a->has_boot = bootdir_read(a->root, a->arena, &a->boot, &a->boot_err) == 0;
	a->has_menu = a->has_boot &&
		      bootmenu_read(a->root, a->boot.boot, a->arena, &a->menu, &a->menu_err) == 0;
	if (a->q->for_rebuild)
		return 0;
	e = build_read_hardware(q, a->root, a->arena, &a->hardware, err);
	a->has_hardware = e == 0;
	/* A hardware file must be valid; the machine's own /sys may be missing. */
	return q->hardware_file ? e : 0;
}

static int worst_first(const void *x, const void *y)
{
	const struct audit_finding *a = x, *b = y;

	if (!a->kernel != !b->kernel)
		return a->kernel ? 1 : -1;
	if (a->kernel && strcmp(a->kernel, b->kernel) != 0)
		return version_compare(b->kernel, a->kernel);
	if (a->severity != b->severity)
		return a->severity < b->severity ? -1 : 1;
	if (strcmp(a->id, b->id) != 0)
		return strcmp(a->id, b->id);
	return strcmp(a->fact, b->fact);
}

static void finish(struct audit *a)
{
	struct audit_report *o = a->out;

	if (o->n)
		qsort(o->findings, o->n, sizeof(*o->findings), worst_first);
	o->kernels = arena_alloc(a->arena, (a->n_kernels + 1) * sizeof(*o->kernels));
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		o->kernels[o->n_kernels++] = k->version;
	for (size_t i = 0; i < a->n_kernels; i++)
		buf_clear(&a->kernels[i].config);
}

int audit_run(const struct audit_request *q, struct arena *arena, struct audit_report *out,
	      struct err *err)
{
	struct audit_report report = {0};
	struct audit a = {.q = q, .root = q->root, .arena = arena, .out = &report};
	int e = read_machine(&a, err);

	if (e < 0)
		return e;
	add_kernels(&a);
	e = choose_kernels(&a, err);
	if (e < 0)
		return e;
	read_configs(&a);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (!q->for_rebuild || checks[i].is_for_rebuild)
			checks[i].run(&a);
	finish(&a);
	*out = report;
	return 0;
}
