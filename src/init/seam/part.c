/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/part_calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "init/core/boot.h"
#include "init/core/log.h"
#include "init/devices/claims.h"
#include "init/devices/match.h"
#include "init/devices/modules.h"
#include "init/goal/goal.h"
#include "init/goal/mounts.h"
#include "init/goal/mounts_stages.h"
#include "init/seam/parts.h"

/* ---- devices and modules ---- */

void part_want(struct part *p, const struct spec *spec)
{
	block_want(p->boot, spec);
}

const char *part_next_name(const struct part *p, size_t *n)
{
	const struct devices *all = p->boot->devices;

	while (*n < all->n_wants) {
		const struct spec *s = all->wants[(*n)++];

		if (s->kind == SPEC_ALIAS)
			return s->value;
	}
	return NULL;
}

bool part_lacks_any(const struct part *p)
{
	const struct devices *all = p->boot->devices;

	for (size_t i = 0; i < all->n_wants; i++) {
		const struct spec *s = all->wants[i];

		if ((s->kind == SPEC_UUID || s->kind == SPEC_LABEL || s->kind == SPEC_LINK) &&
		    block_find(p->boot, s) < 0)
			return true;
	}
	return false;
}

bool part_lacks(const struct part *p)
{
	const struct boot *b = p->boot;
	const struct spec *awaited = NULL;

	if (b->flow.stage <= STAGE_WAIT)
		awaited = &b->params.root;
	else if (b->flow.stage == STAGE_MOUNTS_WAIT && b->mounts->next < b->mounts->n)
		awaited = &b->mounts->list[b->mounts->next].spec;
	else if (b->flow.stage != STAGE_OVERLAY_WAIT)
		return false;
	return (!awaited || block_find(b, awaited) < 0) && part_lacks_any(p);
}

bool part_can_find(const struct part *p, const struct spec *spec)
{
	return claims_can_find(p->boot, spec);
}

bool part_find(const struct part *p, const struct spec *spec, struct part_device *out)
{
	int n = block_find(p->boot, spec);

	if (n >= 0)
		parts_describe(p->boot, block_ref(p->boot, (size_t)n), out);
	return n >= 0;
}

bool part_names(const struct part *p, const struct spec *spec, struct device_ref ref)
{
	const struct block_device *d = block_get(p->boot, ref) ? &p->boot->devices->list[ref.slot] : NULL;

	return d && block_names(p->boot, spec, d);
}

bool part_wants_name(const struct part *p, const char *name)
{
	const struct devices *all = p->boot->devices;

	for (size_t i = 0; i < all->n_wants; i++) {
		const struct spec *spec = all->wants[i];

		if ((spec->kind == SPEC_NAME || spec->kind == SPEC_ALIAS) &&
		    (strcmp(spec->value, name) == 0 || match_partition(name, spec->value)))
			return true;
	}
	return false;
}

static bool is_needed(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n_wants; i++)
		if (block_names(b, b->devices->wants[i], d))
			return true;
	return false;
}

static bool has_partition(const struct boot *b, struct device_ref ref, bool needs_it)
{
	const struct block_device *disk = block_get(b, ref);

	for (size_t i = 0; i < b->devices->n && disk; i++) {
		const struct block_device *d = &b->devices->list[i];

		if (d->is_partition && match_partition(disk->name, d->name) && (!needs_it || is_needed(b, d)))
			return true;
	}
	return false;
}

bool part_has_partitions(const struct part *p, struct device_ref ref)
{
	return has_partition(p->boot, ref, false);
}

bool part_needs_partition(const struct part *p, struct device_ref ref)
{
	return has_partition(p->boot, ref, true);
}

bool part_is_root(const struct part *p, struct device_ref ref)
{
	return part_names(p, &p->boot->params.root, ref);
}

void part_hold(struct part *p, struct device_ref ref)
{
	struct block_device *d = &p->boot->devices->list[ref.slot];

	if (!block_get(p->boot, ref))
		return;
	d->claim = PART_HOLDS;
	d->owner = (uint8_t)(p - p->boot->parts->list + 1);
}

bool part_get(const struct part *p, struct device_ref ref, struct part_device *out)
{
	bool is_there = block_get(p->boot, ref);

	if (is_there)
		parts_describe(p->boot, ref, out);
	return is_there;
}

void part_want_all(struct part *p)
{
	block_want_all(p->boot);
}

void part_set_claim(struct part *p, struct device_ref ref, enum part_claim claim, const char *why)
{
	if (parts_own(p, ref))
		parts_set_claim(p->boot, ref, claim, why);
}

void part_set_mount_option(struct part *p, struct device_ref ref, const char *option)
{
	if (parts_own(p, ref))
		p->boot->devices->list[ref.slot].option = option;
}

bool part_has_mount_option(const struct part *p, struct device_ref ref, const char *option)
{
	const struct block_device *d = block_get(p->boot, ref);

	return d && (goal_has_option(p->boot, d, option) || mounts_have_option(p->boot, d, option));
}

bool part_is_path(const struct part *p, struct device_ref a, struct device_ref b)
{
	const struct block_device *first = block_get(p->boot, a), *second = block_get(p->boot, b);

	return p->boot->params.no_multipath && first && second && block_share_disk(first, second);
}

bool part_mistaken(struct part *p, struct device_ref ref)
{
	return block_mistaken(p->boot, ref);
}

bool part_is_settled(const struct part *p)
{
	return !block_unsettled(p->boot);
}

bool part_is_doubtful(struct part *p, const struct spec *spec, struct device_ref ref, char *why,
		      size_t size)
{
	return block_is_doubtful(p->boot, spec, ref.slot, why, size);
}

bool part_name(struct part *p, struct device_ref ref, const char *name)
{
	return claims_name(p->boot, ref, name);
}

void part_module(struct part *p, const char *modalias)
{
	modules_request_alias(p->boot, modalias);
}

bool part_is_loading(const struct part *p, const char *modalias)
{
	return modules_pending(p->boot, modalias);
}

bool part_is_busy(const struct part *p)
{
	return modules_busy(p->boot);
}

/* ---- the boot ---- */

bool part_has_param(const struct part *p, const char *name)
{
	return params_have(&p->boot->params, name);
}

bool part_has_root(const struct part *p)
{
	return goal_is_there(p->boot);
}

bool part_may_resume(const struct part *p)
{
	return p->boot->flow.stage <= STAGE_RESUME;
}

int64_t part_started(const struct part *p)
{
	return p->boot->start;
}

bool part_mount(const struct part *p, struct part_mount *out)
{
	const struct boot *b = p->boot;

	*out = (struct part_mount){.is_root = b->flow.stage != STAGE_MOUNTS_FSCK};
	if (!out->is_root)
		return mounts_describe(b, out);
	out->is_checked = true;
	return goal_describe(b, out);
}

void part_cover_root(struct part *p)
{
	p->boot->goal->is_covered = true;
}

void part_root_is(struct part *p, const char *text)
{
	goal_is(p->boot, text);
}

bool part_root_mount(struct part *p, const char *source, const char *type, const char *options)
{
	return goal_set_source(p->boot, source, type, options);
}

void part_limit(struct part *p, int64_t deadline)
{
	p->boot->flow.deadline = deadline;
	p->boot->flow.limited_by = NULL;
}

int64_t part_root_deadline(const struct part *p)
{
	return goal_deadline(p->boot);
}

bool part_is_late(const struct part *p)
{
	return flow_is_late(p->boot, log_now());
}

void part_step_at(struct part *p, int64_t at)
{
	p->boot->flow.wake = at;
}

void part_wake(struct part *p, int64_t at)
{
	p->wake = at;
}

void part_will_ask(struct part *p)
{
	p->boot->modules->late = true;
}

enum stage_step part_go(struct part *p, enum boot_stage stage)
{
	return flow_go(p->boot, stage);
}

enum stage_step part_fail(struct part *p, const char *why, const char *hint)
{
	enum stage_step step = flow_fail(p->boot, why);

	p->boot->flow.hint = hint;
	return step;
}

enum stage_step part_refuse_mount(struct part *p, const char *why)
{
	return p->boot->flow.stage == STAGE_MOUNTS_FSCK ? mounts_cannot(p->boot, why)
							: flow_fail(p->boot, why);
}

/* ---- descriptors ---- */

static void ready(struct boot *b, void *context)
{
	const struct parts_watch *w = context;

	(void)b;
	w->part->feature->ready(w->part, w->fd);
}

int part_watch(struct part *p, int fd)
{
	struct parts_watch *w = p->boot->parts->watches;
	int r;

	while (w < p->boot->parts->watches + PARTS_WATCHES_MAX && w->part)
		w++;
	if (w == p->boot->parts->watches + PARTS_WATCHES_MAX)
		return -ENOSPC;
	r = sources_add(&p->boot->sources, fd, ready, w);
	if (r == 0)
		*w = (struct parts_watch){.part = p, .fd = fd};
	return r;
}

void part_unwatch(struct part *p, int fd)
{
	for (size_t i = 0; i < PARTS_WATCHES_MAX; i++) {
		struct parts_watch *w = &p->boot->parts->watches[i];

		if (w->part != p || w->fd != fd)
			continue;
		sources_remove(&p->boot->sources, fd);
		w->part = NULL;
	}
}
