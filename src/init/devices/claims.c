/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/claims.h"

#include <stdio.h>
#include <string.h>

#include "init/core/part.h"
#include "init/devices/leg.h"
#include "init/devices/signatures.h"

/* Do root= and rootfstype= name a filesystem on D? A name that comes from what is on it, or from a boot part, may
 * as well be that of the array. */
static bool is_named(const struct boot *b, const struct block_device *d)
{
	const struct spec *root = &b->params.root;

	return root->kind != SPEC_AUTO && root->kind != SPEC_ALIAS && block_names(b, root, d) &&
	       signatures_are_named(root, b->params.rootfstype, d);
}

/* It looks like a member of something, but whoever wrote the command line knows better. */
static bool is_freed(const struct boot *b, const struct block_device *d)
{
	return block_is_member(d) && (is_named(b, d) || leg_is_named(b, d));
}

static bool is_known(const struct block_device *d)
{
	return d->name[0] && d->state == DEVICE_KNOWN && d->was_read && d->result >= 0;
}

void claims_ask(struct boot *b, struct block_device *d)
{
	d->is_unasked = leg_may_be(b, d);
	if (is_freed(b, d) || leg_of(b, d) || d->is_unasked)
		claims_forget(b, d);
	else
		d->claim = b->devices->known ? b->devices->known(b, d) : PART_IGNORES;
	/* What comes of it may need others, even if root= names this one alone. */
	if (d->claim == PART_HOLDS && !b->devices->probe_all)
		block_want_all(b);
}

void claims_ask_late(struct boot *b)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (d->is_unasked && is_known(d) && !leg_may_be(b, d))
			claims_ask(b, d);
		else if (d->claim != PART_IGNORES && d->is_partition && leg_of(b, d))
			claims_forget(b, d);
	}
}

int64_t claims_due(const struct boot *b)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *d = &b->devices->list[i];

		if (d->is_unasked && is_known(d) && leg_due(b, d) < due)
			due = leg_due(b, d);
	}
	return due;
}

void claims_ask_all(struct boot *b)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (is_known(d))
			claims_ask(b, d);
	}
}

void claims_ask_members(struct boot *b)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (is_known(d) && block_is_member(d) && is_freed(b, d) != (d->claim == PART_IGNORES))
			claims_ask(b, d);
	}
}

void claims_forget(struct boot *b, struct block_device *d)
{
	bool is_claimed = d->claim != PART_IGNORES;

	d->claim = PART_IGNORES;
	memset(d->names, 0, sizeof(d->names));
	d->option = NULL;
	if (is_claimed && b->devices->gone)
		b->devices->gone(b, block_ref(b, (size_t)(d - b->devices->list)));
}

bool claims_hold(const struct boot *b, size_t n)
{
	return b->devices->list[n].claim == PART_HOLDS;
}

bool claims_refuse(const struct block_device *d)
{
	return d->claim == PART_REFUSES;
}

bool claims_add_option(const struct block_device *d, struct job *job)
{
	size_t used = strlen(job->options);

	return !d->option || (size_t)snprintf(job->options + used, sizeof(job->options) - used, "%s%s",
					      used ? "," : "", d->option) < sizeof(job->options) - used;
}

void claims_explain(const struct boot *b, size_t n, char *why, size_t size)
{
	const struct block_device *d = &b->devices->list[n];
	const char *reason = d->claim != PART_IGNORES && b->devices->refusal
				     ? b->devices->refusal(b, block_ref(b, n))
				     : NULL;

	snprintf(why, size, "%s is %s, and %s", d->name, d->probe.type,
		 reason		     ? reason
		 : claims_hold(b, n) ? "nothing has come of it in time"
				     : "this image has no feature for that");
}

bool claims_can_find(const struct boot *b, const struct spec *spec)
{
	return spec->kind != SPEC_OTHER && (spec->kind != SPEC_ALIAS || b->devices->has_names);
}

bool claims_name(struct boot *b, struct device_ref ref, const char *name)
{
	struct block_device *d = block_get(b, ref) ? &b->devices->list[ref.slot] : NULL;
	size_t n = 0;

	if (!d || claims_is_name(d, name))
		return d;
	while (n < DEVICES_NAMES_MAX && d->names[n][0])
		n++;
	if (n == DEVICES_NAMES_MAX || strlen(name) >= sizeof(d->names[n]))
		return false;
	strcpy(d->names[n], name);
	return true;
}

bool claims_is_name(const struct block_device *d, const char *name)
{
	for (size_t i = 0; i < DEVICES_NAMES_MAX; i++)
		if (d->names[i][0] && strcmp(d->names[i], name) == 0)
			return true;
	return false;
}
