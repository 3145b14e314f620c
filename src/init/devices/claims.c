/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/claims.h"

#include <stdio.h>
#include <string.h>

#include "init/core/part.h"

void claims_ask(struct boot *b, struct block_device *d)
{
	d->claim = b->devices->known ? b->devices->known(b, d) : PART_IGNORES;
}

void claims_ask_all(struct boot *b)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (d->name[0] && d->state == DEVICE_KNOWN && d->was_read && d->result >= 0)
			claims_ask(b, d);
	}
}

void claims_forget(struct boot *b, struct block_device *d)
{
	bool is_claimed = d->claim != PART_IGNORES;

	d->claim = PART_IGNORES;
	if (is_claimed && b->devices->gone)
		b->devices->gone(b, block_ref(b, (size_t)(d - b->devices->list)));
}

bool claims_hold(const struct boot *b, size_t n)
{
	return b->devices->list[n].claim == PART_HOLDS;
}

void claims_explain(const struct boot *b, size_t n, char *why, size_t size)
{
	const struct block_device *d = &b->devices->list[n];
	const char *reason = d->claim == PART_REFUSES && b->devices->refusal
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
	struct device_name *n = b->devices->names;
	const struct block_device *d = block_get(b, ref);

	if (d && claims_is_name(b, d, name))
		return true;
	/* The slot of a device that is gone can be reused. */
	while (n < b->devices->names + DEVICES_NAMES_MAX && block_get(b, n->ref))
		n++;
	if (n == b->devices->names + DEVICES_NAMES_MAX || strlen(name) >= sizeof(n->name))
		return false;
	n->ref = ref;
	strcpy(n->name, name);
	return true;
}

bool claims_is_name(const struct boot *b, const struct block_device *d, const char *name)
{
	size_t slot = (size_t)(d - b->devices->list);

	for (size_t i = 0; i < DEVICES_NAMES_MAX; i++) {
		const struct device_name *n = &b->devices->names[i];

		if (n->ref.slot == slot && n->ref.generation == d->generation &&
		    strcmp(n->name, name) == 0)
			return true;
	}
	return false;
}
