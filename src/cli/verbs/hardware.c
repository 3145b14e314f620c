/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "features/make.h"

struct report {
	const struct hardware *hw;
	struct modules *modules;     /* NULL without a target kernel */
	const char *target;          /* its version */
};

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static const char *target_driver(const struct report *r, const struct hw_device *d)
{
	const char *driver = d->module ? d->module : d->driver;

	return r->modules ? modules_describe(r->modules, d->modalias, driver) : NULL;
}

/* ---- a mount's tree of block devices ---- */

enum { NAME_WIDTH = 22, WHAT_WIDTH = 28, DEPTH_MAX = 32 };

struct tree {
	const struct hw_mount *mount;
	bool *shown; /* by the mount's number of the block */
};

static void describe(const struct hw_block *k, char *out, size_t size)
{
	static const char *const words[][2] = {
		{"lvm", "LVM volume"},		{"crypt", "encrypted volume"}, {"multipath", "multipath disk"},
		{"mapped", "device mapper"},	{"dmraid", "firmware RAID"},   {"loop", "loop device"},
		{"zvol", "ZFS volume"},		{"virtual", "software"},
	};
	const char *what = or_dash(k->kind);
	char name[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(what, words[i][0]) == 0)
			what = words[i][1];
	if (k->dm_name)
		escape_text(k->dm_name, name, sizeof(name));
	if (k->md_level)
		snprintf(out, size, "%s array, metadata %s", k->md_level, or_dash(k->md_metadata));
	else
		snprintf(out, size, "%s%s%s", what, *name ? " " : "", name);
}

static const struct hw_block *block_of(const struct hw_mount *m, const char *name)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (strcmp(m->blocks[i].name, name) == 0)
			return &m->blocks[i];
	return NULL;
}

/* What several lie on is shown once with all that is below it. */
static void print_block(struct tree *t, const struct hw_block *k, int depth)
{
	size_t at = (size_t)(k - t->mount->blocks);
	bool again = t->shown[at];
	int indent = 2 * (depth + 1);
	char what[320];

	describe(k, what, sizeof(what));
	printf("%*s%-*s %-*s %s%s\n", indent, "", indent < NAME_WIDTH ? NAME_WIDTH - indent : 0, k->name, WHAT_WIDTH,
	       what, again ? "as above" : "/sys/", again ? "" : or_dash(k->path));
	t->shown[at] = true;
	if (again || depth == DEPTH_MAX)
		return;
	for (size_t i = 0; i < k->n_slaves; i++)
		if (block_of(t->mount, k->slaves[i]))
			print_block(t, block_of(t->mount, k->slaves[i]), depth + 1);
	/* An older description knows only one holder of each. */
	for (size_t i = 0; i < t->mount->n_blocks && !k->n_slaves; i++) {
		const struct hw_block *o = &t->mount->blocks[i];

		if (o->holder && strcmp(o->holder, k->name) == 0)
			print_block(t, o, depth + 1);
	}
}

static void print_mount(const struct hw_mount *m)
{
	struct tree t = {.mount = m, .shown = xrealloc(NULL, m->n_blocks + 1, sizeof(bool))};

	memset(t.shown, 0, (m->n_blocks + 1) * sizeof(bool));
	printf("%s: %s on %s\n", m->target, m->fstype, or_dash(m->source));
	for (size_t i = 0; i < m->n_blocks; i++)
		if (!m->blocks[i].holder)
			print_block(&t, &m->blocks[i], 0);
	/* A description may name holders that are not in it. */
	for (size_t i = 0; i < m->n_blocks; i++)
		if (!t.shown[i])
			print_block(&t, &m->blocks[i], 0);
	free(t.shown);
}

/* ---- all of it ---- */

static void print_text(const struct report *r)
{
	for (size_t i = 0; i < r->hw->n_mounts; i++)
		print_mount(&r->hw->mounts[i]);
	for (size_t i = 0; i < r->hw->n_cpus; i++) {
		const struct hw_cpu *c = &r->hw->cpus[i];
		char vendor[64];

		escape_text(c->vendor, vendor, sizeof(vendor));
		printf("processor: %s family %u model %u stepping %u%s\n", vendor, c->family,
		       c->model, c->stepping, c->is_guest ? " (of a virtual machine)" : "");
	}
	if (r->hw->n_devices)
		printf("\n%-10s %-20s %-24s %s\n", "for", "driver now",
		       r->target ? r->target : "(no target kernel)", "device");
	for (size_t i = 0; i < r->hw->n_devices; i++) {
		const struct hw_device *d = &r->hw->devices[i];

		printf("%-10s %-20s %-24s /sys/%s\n%57s%s\n", d->needed_for, or_dash(d->driver),
		       or_dash(target_driver(r, d)), d->path, "", or_dash(d->modalias));
	}
}

static void add_text(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, cli_json_text(value));
}

static struct json_object *mount_json(const struct hw_mount *m)
{
	struct json_object *o = json_object_new_object(), *blocks = json_object_new_array();

	add_text(o, "target", m->target);
	add_text(o, "source", m->source);
	add_text(o, "fstype", m->fstype);
	add_text(o, "options", m->options);
	add_text(o, "btrfs-seed", m->btrfs_seed);
	/* The root and /usr are always early. */
	if (m->is_early && strcmp(m->target, "/") != 0 && strcmp(m->target, "/usr") != 0)
		json_object_object_add(o, "early", json_object_new_boolean(true));
	for (size_t i = 0; i < m->n_blocks; i++) {
		struct json_object *b = json_object_new_object();

		add_text(b, "name", m->blocks[i].name);
		add_text(b, "path", m->blocks[i].path);
		add_text(b, "kind", m->blocks[i].kind);
		add_text(b, "holder", m->blocks[i].holder);
		if (m->blocks[i].n_slaves)
			json_object_object_add(b, "slaves", cli_json_texts((const char *const *)m->blocks[i].slaves,
									   m->blocks[i].n_slaves));
		add_text(b, "dm-name", m->blocks[i].dm_name);
		add_text(b, "dm-uuid", m->blocks[i].dm_uuid);
		add_text(b, "md-level", m->blocks[i].md_level);
		add_text(b, "md-metadata", m->blocks[i].md_metadata);
		json_object_object_add(b, "virtual",
				       json_object_new_boolean(m->blocks[i].is_virtual));
		json_object_array_add(blocks, b);
	}
	json_object_object_add(o, "blocks", blocks);
	return o;
}

static struct json_object *device_json(const struct report *r, const struct hw_device *d)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "path", d->path);
	add_text(o, "subsystem", d->subsystem);
	add_text(o, "modalias", d->modalias);
	add_text(o, "driver", d->driver);
	add_text(o, "module", d->module);
	if (d->is_builtin)
		json_object_object_add(o, "builtin", json_object_new_boolean(true));
	add_text(o, "for", d->needed_for);
	add_text(o, "target-driver", target_driver(r, d));
	return o;
}

static struct json_object *cpu_json(const struct hw_cpu *c)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "vendor", c->vendor);
	json_object_object_add(o, "family", json_object_new_int64(c->family));
	json_object_object_add(o, "model", json_object_new_int64(c->model));
	json_object_object_add(o, "stepping", json_object_new_int64(c->stepping));
	if (c->platforms != HW_PLATFORMS_UNKNOWN)
		json_object_object_add(o, "platforms", json_object_new_int64(c->platforms));
	json_object_object_add(o, "guest", json_object_new_boolean(c->is_guest));
	return o;
}

static void print_json(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *cpus = json_object_new_array();
	struct json_object *mounts = json_object_new_array(), *devices = json_object_new_array();

	for (size_t i = 0; i < r->hw->n_mounts; i++)
		json_object_array_add(mounts, mount_json(&r->hw->mounts[i]));
	for (size_t i = 0; i < r->hw->n_devices; i++)
		json_object_array_add(devices, device_json(r, &r->hw->devices[i]));
	json_object_object_add(o, "preroot-hardware", json_object_new_int(1));
	add_text(o, "kernel", r->hw->kernel);
	add_text(o, "target-kernel", r->target);
	json_object_object_add(o, "mounts", mounts);
	json_object_object_add(o, "devices", devices);
	for (size_t i = 0; i < r->hw->n_cpus; i++)
		json_object_array_add(cpus, cpu_json(&r->hw->cpus[i]));
	if (r->hw->knows_cpus)
		json_object_object_add(o, "cpus", cpus);
	else
		json_object_put(cpus);
	cli_print_json(o);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_request_ struct cli_request q;
	_cleanup_root_ struct root root = {.fd = -1};
	struct hardware hw = {0};
	struct report report = {.hw = &hw};
	struct kernel kernel;
	struct err err = {0};
	const char *version;
	int r;

	cli_request_init(&q);
	r = options_parse(self, argc, argv, cli_request_apply, &q, &err);
	if (r >= 0 && cli_request_settle(&q, &err) < 0)
		r = err.code;
	if (r < 0)
		return cli_usage(r, &err);
	version = r > 0 ? argv[0] : NULL;
	r = root_open(q.root, &root, &err);
	if (r == 0)
		r = build_read_hardware(&q.request, &root, &q.arena, &hw, &err);
	if (r < 0)
		return cli_fail(&err);
	/* The hardware can be shown even if there is no kernel. */
	r = kernel_find(&root, version, &q.arena, &kernel, &err);
	if (r == 0)
		r = modules_open(&root, &kernel, 0, &q.arena, &report.modules, &err);
	if (r < 0 && version)
		return cli_fail(&err);
	if (r == 0)
		report.target = kernel.version;
	if (q.json)
		print_json(&report);
	else
		print_text(&report);
	modules_close(report.modules);
	return cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT, false},
	{"hardware", 0, "FILE", "take the machine that FILE describes", OPT_HARDWARE, false},
	{"json", 0, NULL, "as JSON; build --hardware reads it", OPT_JSON, false},
	{0},
};

const struct command command_hardware = {
	.name = "hardware",
	.positional = "[KVER]",
	.summary = "Show what this machine needs to reach its filesystems.",
	.options = options,
	.max = 1,
	.run = run,
};
