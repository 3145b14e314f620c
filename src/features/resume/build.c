/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/kconfig.h"
#include "host/boot/swap.h"
#include "host/config/import/import.h"

/*
 * For a hostonly image: the drivers of the swap areas in use, and a default resume= for PID 1,
 * which the kernel command line overrides. As with Debian's tools, RESUME in /etc/initramfs-tools,
 * or in the folder that is to be read instead, decides; without it, or with "auto", it is the largest swap area in use, or else the first of fstab.
 */

/* These files may be another builder's, and more than settings: the image does not depend on them. */
static const char *read_configured(struct build *b)
{
	const char *folder = b->request->initramfs_tools;
	const struct conf_assignment *a;
	struct err err = {0};

	if (!folder)
		folder = "/" IMPORT_INITRAMFS_TOOLS;
	if (strcmp(folder, "none") == 0)
		return "";
	if (import_resume(b->root, folder, &b->plan.arena, &a, &err) < 0)
		plan_warn(&b->plan, "%s; RESUME of initramfs-tools is not read", err.text);
	return a ? a->text : "";
}

static bool can_hibernate(const struct build *b)
{
	return !b->config.len || kconfig_get((const char *)b->config.data, b->config.len,
					     "CONFIG_HIBERNATION") == KCONFIG_YES;
}

/* The swap area may be on another controller than the root. It may also be gone by the time the
 * image is used, so a missing driver is only a warning. */
static int add_drivers(struct build *b, struct err *err)
{
	struct arena *a = &b->plan.arena;

	for (size_t i = 0; i < b->hardware.n_devices; i++) {
		const struct hw_device *d = &b->hardware.devices[i];
		const char *prefer = d->module ? d->module : d->driver;
		int r = MODULES_ABSENT;

		if (strcmp(d->needed_for, HW_SWAP) != 0)
			continue;
		if (d->modalias)
			r = modules_add_alias(b->modules, d->modalias, prefer, MODULES_LOAD,
					      arena_printf(a, "drives /sys/%s, the way to a swap area",
							   d->path),
					      err);
		if (r == MODULES_ABSENT && d->module && !d->is_builtin)
			plan_warn(&b->plan,
				  "kernel %s has no driver for /sys/%s, the way to a swap area: a "
				  "hibernation image there would not be found",
				  b->kernel.version, d->path);
		if (r < 0 && r != MODULES_ABSENT)
			return r;
	}
	return 0;
}

/* The swap area may be on an array or a volume of LVM, although nothing that is mounted early is. */
static int add_stacks(struct build *b, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->hardware.n_mounts && r == 0; i++) {
		const struct hw_mount *m = &b->hardware.mounts[i];
		const char *left_out = NULL;

		if (strcmp(m->target, HW_SWAP) != 0)
			continue;
		for (size_t k = 0; k < m->n_blocks && !left_out; k++)
			left_out = features_left_out(b->request, NULL, &m->blocks[k]);
		if (left_out)
			plan_warn(&b->plan,
				  "the swap area %s needs the feature %s, which is left out: a hibernation image "
				  "there would not be found",
				  m->source ? m->source : "", left_out);
		else
			r = mdraid_add(b, m, err);
		if (!left_out && r == 0)
			r = lvm_add(b, m, err);
	}
	return r;
}

/* The device that LINE names last, or else FOUND. */
static const char *find_resume(struct arena *a, const char *line, const char *found)
{
	char *cursor = arena_strdup(a, line), *param, *value;

	while (cmdline_next(&cursor, &param, &value))
		if (strcmp(param, "resume") == 0 && value)
			found = value;
	return found;
}

/* The parameters of settings and options. */
static const char *own_line(struct build *b)
{
	const struct request_words *given = &b->request->kernel_cmdline;
	const char *line = "";

	for (size_t i = 0; i < b->request->n_wishes; i++)
		if (b->request->wishes[i].kind == WISH_CMDLINE)
			line = arena_printf(&b->plan.arena, "%s %s", line, b->request->wishes[i].word);
	for (size_t i = 0; i < given->n; i++)
		line = arena_printf(&b->plan.arena, "%s %s", line, given->list[i]);
	return line;
}

/* The device that they name, which overrides the default; NULL. */
static const char *find_requested(struct build *b)
{
	return find_resume(&b->plan.arena, own_line(b), NULL);
}

/* Will the image not look for a hibernation image at all? */
static bool is_off(struct build *b)
{
	char *cursor = arena_strdup(&b->plan.arena, own_line(b)), *param, *value;
	bool off = !features_wants_name(b->request, "resume", true);

	while (cmdline_next(&cursor, &param, &value))
		off = off || (strcmp(param, "noresume") == 0 && !value) ||
		      (strcmp(param, "hibernate") == 0 && value && strcmp(value, "noresume") == 0);
	return off;
}

const char *resume_named(struct build *b)
{
	const char *line = root_read_line(b->root, "/proc/cmdline", &b->plan.arena), *found = find_requested(b);

	if (line)
		found = find_resume(&b->plan.arena, line, found);
	if (!can_hibernate(b) || is_off(b))
		return NULL;
	return found ? found : read_configured(b);
}

/* What is described in a file is another machine, whose swap areas in use are not these. */
static int find_swap(struct build *b, const char **name, struct err *err)
{
	struct swap_area swap;
	int r = b->request->hardware_file ? swap_in_fstab(b->root, &b->plan.arena, &swap, err)
					  : swap_to_resume(b->root, &b->plan.arena, &swap, err);

	*name = r == 0 ? swap.name : NULL;
	return r;
}

int resume_build(struct build *b, struct err *err)
{
	const char *resume;
	bool is_named;
	int r = 0;

	if (!can_hibernate(b))
		return 0;
	buf_printf(&b->boot_conf, "feature=resume\n");
	if (!build_is_hostonly(b))
		return 0;
	resume = read_configured(b);
	if (!*resume || strcmp(resume, "auto") == 0)
		r = find_swap(b, &resume, err);
	is_named = resume && *resume && strcmp(resume, "none") != 0;
	if (r < 0 || (!is_named && !find_requested(b)))
		return r;
	if (!find_requested(b))
		buf_printf(&b->boot_conf, "cmdline=resume=%s\n", resume);
	r = add_drivers(b, err);
	return r < 0 ? r : add_stacks(b, err);
}
