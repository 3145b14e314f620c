/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/seam/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "init/core/log.h"
#include "init/devices/block.h"
#include "init/devices/claims.h"
#include "init/devices/events.h"
#include "init/goal/goal.h"
#include "init/seam/degrade.h"

static struct part *find(const struct boot *b, const char *name, size_t len)
{
	for (size_t i = 0; i < b->parts->n; i++) {
		struct part *p = &b->parts->list[i];

		if (strlen(p->feature->name) == len && strncmp(p->feature->name, name, len) == 0)
			return p;
	}
	return NULL;
}

/* ---- devices ---- */

void parts_describe(const struct boot *b, struct device_ref ref, struct part_device *out)
{
	const struct block_device *d = block_get(b, ref);
	struct job job = {0};

	block_into_job(d, &job);
	*out = (struct part_device){.ref = ref,
				    .name = d->name,
				    .is_partition = d->is_partition,
				    .is_member = block_is_member(d),
				    .is_held = d->claim == PART_HOLDS,
				    .is_wanted = block_is_awaited(b, d),
				    .probe = &d->probe,
				    .identity = job.device};
}

static bool is_ref(struct device_ref a, struct device_ref b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

/* Reuses the slot of the same device or of one that is gone, or has no reason any more. If none is free, the reason of a refusal is
 * logged now, since the account of a failed boot will lack it. */
static void note_reason(struct boot *b, struct device_ref ref, enum part_claim claim, const char *why)
{
	struct parts *s = b->parts;
	size_t at = 0;

	while (at < s->n_refusals && !is_ref(s->refusals[at].ref, ref))
		at++;
	if (!*why) {
		if (at < s->n_refusals)
			s->refusals[at].ref = (struct device_ref){0};
		return;
	}
	for (size_t i = 0; i < s->n_refusals && at == s->n_refusals; i++)
		if (!block_get(b, s->refusals[i].ref))
			at = i;
	if (at == PARTS_REFUSALS_MAX) {
		if (claim == PART_REFUSES)
			log_show("/dev/%s: %s", block_name(b, ref), why);
		return;
	}
	if (at == s->n_refusals)
		s->n_refusals++;
	s->refusals[at].ref = ref;
	snprintf(s->refusals[at].why, sizeof(s->refusals[at].why), "%s", why);
}

static uint8_t device_is_known(struct boot *b, const struct block_device *d)
{
	struct part_device device;
	char why[PART_TEXT_MAX] = "";

	parts_describe(b, block_ref(b, (size_t)(d - b->devices->list)), &device);
	b->devices->list[device.ref.slot].owner = 0;
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++)
		if (b->parts->list[i].feature->name_device)
			b->parts->list[i].feature->name_device(&b->parts->list[i], &device);
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++) {
		struct part *p = &b->parts->list[i];
		enum part_claim claim =
			p->feature->device ? p->feature->device(p, &device, why) : PART_IGNORES;

		if (claim == PART_IGNORES)
			continue;
		note_reason(b, device.ref, claim, why);
		b->devices->list[device.ref.slot].owner = (uint8_t)(i + 1);
		return (uint8_t)claim;
	}
	return PART_IGNORES;
}

bool parts_own(const struct part *p, struct device_ref ref)
{
	const struct block_device *d = block_get(p->boot, ref);

	return d && d->owner == p - p->boot->parts->list + 1;
}

void parts_set_claim(struct boot *b, struct device_ref ref, enum part_claim claim, const char *why)
{
	b->devices->list[ref.slot].claim = (uint8_t)claim;
	note_reason(b, ref, claim, why);
}

static void device_is_gone(struct boot *b, struct device_ref ref)
{
	for (size_t i = 0; i < b->parts->n; i++) {
		struct part *p = &b->parts->list[i];

		if (p->feature->gone)
			p->feature->gone(p, ref);
	}
}

static void wants_have_changed(struct boot *b)
{
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++) {
		struct part *p = &b->parts->list[i];

		if (p->feature->wanted)
			p->feature->wanted(p);
	}
}

static const char *refusal(const struct boot *b, struct device_ref ref)
{
	const struct parts *s = b->parts;

	for (size_t i = 0; i < s->n_refusals; i++)
		if (is_ref(s->refusals[i].ref, ref))
			return s->refusals[i].why;
	return NULL;
}

static void what_is_held(const struct boot *b, char *out, size_t size)
{
	char text[PART_TEXT_MAX];

	*out = '\0';
	for (size_t i = 0; i < b->parts->n; i++) {
		const struct part *p = &b->parts->list[i];
		size_t used = strlen(out);

		*text = '\0';
		if (p->feature->what)
			p->feature->what(p, text, sizeof(text));
		if (*text)
			snprintf(out + used, size - used, "%s%s", used ? ", " : "", text);
	}
}

static bool claim_root(struct boot *b, const char *text)
{
	for (size_t i = 0; i < b->parts->n; i++) {
		struct part *p = &b->parts->list[i];

		if (p->feature->root && p->feature->root(p, text))
			return true;
	}
	return false;
}

static void heard(struct boot *b, const struct uevent *u)
{
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++) {
		struct part *p = &b->parts->list[i];
		const char *const *s = p->feature->subsystems;

		while (s && *s && u && strcmp(*s, u->subsystem) != 0)
			s++;
		if (s && *s)
			p->feature->uevent(p, u);
	}
}

/* ---- which are open ---- */

void parts_init(struct boot *b, const struct feature_boot *const *table)
{
	b->parts->table = table;
	degrade_init(b);
	for (; *table; table++)
		if ((*table)->params)
			params_register(&b->params, (*table)->params, (*table)->lacks);
}

/* Registers only the hooks that the part has, so that the others cost nothing. */
static void register_part(struct boot *b, struct part *p)
{
	const struct feature_boot *f = p->feature;

	if (f->params)
		params_obey(&b->params, f->params, p->state, f->params_size);
	if (f->subsystems && !b->parts->hears) {
		b->parts->hears = events_listen(b, NULL, heard);
		if (!b->parts->hears)
			log_show("feature %s cannot hear of devices: there are too many listeners",
				 f->name);
	}
	if (f->device) {
		b->devices->known = device_is_known;
		b->devices->gone = device_is_gone;
		b->devices->refusal = refusal;
	}
	if (f->wanted)
		b->devices->wanted = wants_have_changed;
	if (f->what)
		b->goal->held = what_is_held;
	if (f->root)
		b->goal->claim = claim_root;
	b->devices->has_names = b->devices->has_names || f->names_devices;
}

void parts_open(struct boot *b, const char *name)
{
	struct parts *s = b->parts;
	const struct feature_boot *const *f = s->table;
	void *state;

	while (*f && strcmp((*f)->name, name) != 0)
		f++;
	if (!*f || find(b, name, strlen(name)))
		return;
	state = s->n < PARTS_MAX ? calloc(1, (*f)->state_size + 1) : NULL;
	if (!state) {
		log_show("feature %s: there is too little memory for it", name);
		return;
	}
	s->list[s->n] = (struct part){.feature = *f, .state = state, .boot = b};
	register_part(b, &s->list[s->n++]);
}

bool parts_setting(struct boot *b, const char *key, char *value)
{
	const char *dot = strchr(key, '.');
	struct part *p = dot ? find(b, key, (size_t)(dot - key)) : NULL;

	if (!dot)
		return false;
	if (!p || !p->feature->setting || !p->feature->setting(p, dot + 1, value))
		log_show("/" BOOTCONF_PATH ": a line \"%s=\" cannot be obeyed", key);
	return true;
}

void parts_begin(struct boot *b)
{
	if (b->parts->begun)
		return;
	b->parts->begun = true;
	for (size_t i = 0; i < b->parts->n; i++)
		if (b->parts->list[i].feature->begin)
			b->parts->list[i].feature->begin(&b->parts->list[i]);
	degrade_begin(b);
	claims_ask_all(b);
}

/* ---- their stages ---- */

static const struct part_stage *stage_of(const struct boot *b, size_t part)
{
	const struct part_stage *s =
		part < b->parts->n ? b->parts->list[part].feature->stages : NULL;

	for (; s && s->step; s++)
		if (s->at == b->flow.stage)
			return s;
	return NULL;
}

/* Runs the parts' stages one after the other. */
enum stage_step parts_step(struct boot *b)
{
	struct parts *s = b->parts;

	if (!b->flow.entered) {
		s->current = 0;
		for (size_t i = 0; i < s->n; i++)
			s->list[i].entered = false;
	}
	for (; s->current < s->n; s->current++) {
		const struct part_stage *stage = stage_of(b, s->current);
		struct part *p = &s->list[s->current];
		enum stage_step step = stage ? stage->step(p) : STAGE_ENDS;

		p->entered = true;
		if (step != STAGE_ENDS)
			return step;
		b->flow.wake = 0;
	}
	return STAGE_ENDS;
}

void parts_what(const struct boot *b, char *out, size_t size)
{
	const struct part_stage *stage = stage_of(b, b->parts->current);

	*out = '\0';
	if (stage && stage->what)
		stage->what(&b->parts->list[b->parts->current], out, size);
}

bool parts_are_limited(const struct boot *b)
{
	const struct part_stage *stage = stage_of(b, b->parts->current);

	return stage && stage->limited;
}

/* ---- time ---- */

void parts_tick(struct boot *b, int64_t now)
{
	degrade_tick(b, now);
	for (size_t i = 0; i < b->parts->n; i++) {
		struct part *p = &b->parts->list[i];

		if (!p->wake || now < p->wake)
			continue;
		p->wake = 0;
		p->feature->tick(p, now);
	}
}

int64_t parts_due(const struct boot *b)
{
	int64_t due = degrade_due(b);

	if (parts_jobs_due(b) < due)
		due = parts_jobs_due(b);
	for (size_t i = 0; i < b->parts->n; i++) {
		const struct part *p = &b->parts->list[i];

		if (p->wake && p->wake < due)
			due = p->wake;
	}
	return due;
}

/* ---- the end ---- */

const char *parts_hopeless(const struct boot *b, const struct spec *spec)
{
	const char *why = NULL;

	for (size_t i = 0; i < b->parts->n && b->parts->begun && !why && spec->kind == SPEC_ALIAS; i++) {
		const struct part *p = &b->parts->list[i];

		why = p->feature->is_hopeless ? p->feature->is_hopeless(p, spec->value) : NULL;
	}
	return why;
}

void parts_hide(struct boot *b)
{
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++)
		if (b->parts->list[i].feature->hide)
			b->parts->list[i].feature->hide(&b->parts->list[i]);
}

bool parts_are_locked(const struct boot *b)
{
	for (size_t i = 0; i < b->parts->n; i++) {
		const struct part *p = &b->parts->list[i];

		if (p->feature->is_locked && p->feature->is_locked(p))
			return true;
	}
	return false;
}

void parts_account(const struct boot *b)
{
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++)
		if (b->parts->list[i].feature->account)
			b->parts->list[i].feature->account(&b->parts->list[i]);
}

void parts_retry(struct boot *b)
{
	parts_forget_waiting_jobs(b);
	degrade_forget(b);
	for (size_t i = 0; i < b->parts->n && b->parts->begun; i++)
		if (b->parts->list[i].feature->retry)
			b->parts->list[i].feature->retry(&b->parts->list[i]);
}

void parts_leave(struct boot *b)
{
	parts_cancel_work(b);
	for (size_t i = 0; i < b->parts->n; i++)
		if (b->parts->list[i].feature->leave)
			b->parts->list[i].feature->leave(&b->parts->list[i]);
}

/* The root's init gets the memory of this program as free memory: what is there is not wiped. */
void parts_left(struct boot *b)
{
	for (size_t i = 0; i < PARTS_WATCHES_MAX; i++) {
		struct parts_watch *w = &b->parts->watches[i];

		if (w->part)
			sources_remove(&b->sources, w->fd);
		*w = (struct parts_watch){0};
	}
	for (size_t i = 0; i < b->parts->n; i++) {
		explicit_bzero(b->parts->list[i].state, b->parts->list[i].feature->state_size);
		b->parts->list[i].wake = 0;
	}
	b->parts->n = 0;
}
