/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/unclear.h"

#include <stdio.h>
#include <string.h>

#include "init/core/log.h"
#include "init/devices/block.h"
#include "init/devices/leg.h"
#include "init/devices/match.h"
#include "init/devices/signatures.h"

/* Says what to do if signature N is the real one. */
static void show_choice(const struct block_device *d, unsigned n)
{
	const struct probe *p = &d->probe;
	char others[PROBE_SIGNATURES_MAX * sizeof(p->signatures[0].type)] = "";
	size_t used = 0;

	for (unsigned i = 0; i < p->n_signatures; i++)
		if (i != n && strcmp(p->signatures[i].type, p->signatures[n].type) != 0)
			used += (size_t)snprintf(others + used, sizeof(others) - used, "%s%s",
						 used ? "," : "", p->signatures[i].type);
	log_show("  try: if %s is %s: root=/dev/%s rootfstype=%s on the kernel command line%s%s%s%s",
		 d->name, p->signatures[n].type, d->name, p->signatures[n].type,
		 used ? "; from another system, for good: wipefs --all --types " : "", others,
		 used ? " /dev/" : "", used ? d->name : "");
}

static void show_device(const struct block_device *d)
{
	const struct probe *p = &d->probe;
	char all[128];

	signatures_list(p, all, sizeof(all));
	log_show("  %s has the signatures of %s%s:", d->name, all,
		 p->ambivalent ? "" : "; it may be a member of an array, and only if it is none");
	for (unsigned i = 0; i < p->n_signatures; i++)
		log_show("    %s%s%s%s%s", p->signatures[i].type,
			 p->signatures[i].uuid[0] ? " UUID=" : "", p->signatures[i].uuid,
			 p->signatures[i].label[0] ? " LABEL=" : "", p->signatures[i].label);
	for (unsigned i = 0; i < p->n_signatures; i++)
		if (signatures_is_filesystem(&p->signatures[i]))
			show_choice(d, i);
}

/* A member of an array is clear, unless the filesystem on it is what is wanted. */
static bool is_unclear(const struct boot *b, const struct block_device *d)
{
	const struct probe *p = &d->probe;

	if (!d->name[0] || p->n_signatures < 2)
		return false;
	if (p->ambivalent)
		return !p->type[0];
	for (unsigned i = 0; i < p->n_signatures; i++)
		if (signatures_is_meant(&b->params.root, &p->signatures[i]))
			return true;
	return block_fits(b, &b->params.root, d);
}

/* What is wanted is on a partition of what looks like a member of an array. */
static bool show_leg(const struct boot *b, const struct block_device *d)
{
	const struct block_device *leg = d->name[0] ? leg_of(b, d) : NULL;

	if (!leg || !match_device(&b->params.root, d) || strcmp(d->probe.usage, "filesystem") != 0)
		return false;
	log_show("  try: if %s is no member of an MD array any more: root=/dev/%s rootfstype=%s on the kernel command "
		 "line; from another system, for good: wipefs --all --types %s /dev/%s",
		 leg->name, d->name, d->probe.type, leg->probe.type, leg->name);
	return true;
}

bool unclear_show(const struct boot *b)
{
	bool shown = false;

	for (size_t i = 0; i < b->devices->n; i++)
		if (is_unclear(b, &b->devices->list[i])) {
			show_device(&b->devices->list[i]);
			shown = true;
		}
	for (size_t i = 0; i < b->devices->n; i++)
		shown = show_leg(b, &b->devices->list[i]) || shown;
	return shown;
}
