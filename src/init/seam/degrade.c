/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/seam/degrade.h"

#include <stdio.h>
#include <string.h>

#include "format/ours/degraded.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"
#include "init/goal/goal.h"
#include "init/seam/parts.h"

enum {
	FOREVER_MS = 120000, /* if there is no time limit for the root */
	FOLLOW_MS = 10000,   /* for further members of what has appeared after its time */
};

/* ---- the policy ---- */

/* Of too many the first ones are dropped: the last ones count. */
static void add_rule(void *out, const char *value)
{
	struct params_list *list = out;

	if (list->n == PARAMS_LISTS_MAX)
		memmove(list->items, list->items + 1, --list->n * sizeof(*list->items));
	list->items[list->n++] = value ? value : "";
}

static const struct params_rule rules[] = {PARAMS_CALL("rd.degraded", add_rule), {0}};

void degrade_init(struct boot *b)
{
	params_register(&b->params, rules, NULL);
	params_obey(&b->params, rules, &b->parts->rules, sizeof(b->parts->rules));
}

static bool is_for(const struct degraded *d, const struct part *p)
{
	return p->feature->degrade && (!*d->kind || strcmp(d->kind, p->feature->name) == 0);
}

/* The one for P; NULL, OUT the default: there is none. */
static const char *rule_of(const struct part *p, struct degraded *out)
{
	const struct params_list *list = &p->boot->parts->rules;

	for (size_t i = list->n; i-- > 0;)
		if (degraded_parse(list->items[i], out) && is_for(out, p))
			return list->items[i];
	*out = (struct degraded){.wait = -1, .fails = p->feature->degrades_on_request};
	return NULL;
}

void degrade_begin(const struct boot *b)
{
	const struct params_list *list = &b->parts->rules;

	for (size_t i = 0; i < list->n; i++) {
		struct degraded d;
		bool is_right = degraded_parse(list->items[i], &d), is_used = false;

		for (size_t k = 0; k < b->parts->n && is_right; k++)
			is_used = is_used || is_for(&d, &b->parts->list[k]);
		if (!is_right)
			log_show("rd.degraded=%.100s has no effect: it is "
				 "[KIND:][wait:SECONDS,]then:start or then:fail",
				 list->items[i]);
		else if (!is_used)
			log_info("rd.degraded=%.100s has no effect here: this image has nothing of that "
				 "kind", list->items[i]);
	}
}

const char *part_is_strict(const struct part *p)
{
	struct degraded d;
	const char *rule = rule_of(p, &d);

	return d.fails ? rule : NULL;
}

/* ---- the waits ---- */

/* When the present wait for a device began: for the root, for one that a part waits for, or for a filesystem
 * without which the boot fails; -1: there is none. The first waits count from the start of the boot. */
static int64_t wait_began(const struct boot *b)
{
	if (b->flow.failed && !b->flow.is_missing)
		return -1;
	switch (b->flow.stage) {
	case STAGE_RESUME:
		if (!parts_are_limited(b))
			return -1;
		return b->goal->waiting_since ? b->flow.since : b->start;
	case STAGE_WAIT:
		return b->goal->waiting_since;
	case STAGE_OVERLAY_WAIT:
		return parts_are_limited(b) ? b->flow.since : -1;
	case STAGE_MOUNTS_WAIT:
		return b->flow.limited_by ? -1 : b->flow.since;
	default:
		return -1;
	}
}

bool part_is_running_out(const struct part *p)
{
	return p->is_running_out &&
	       (p->boot->flow.failed || p->degraded == wait_began(p->boot));
}

/* After a failure a root that was missing may still come, but only of what was to be waited for even longer. */
static int64_t due_of(const struct part *p)
{
	const struct boot *b = p->boot;
	int64_t since = wait_began(b);
	bool may_end = b->flow.stage == STAGE_WAIT || b->flow.stage == STAGE_MOUNTS_WAIT;
	struct degraded d;

	if (!p->feature->degrade || since < 0 || p->degraded == since)
		return INT64_MAX;
	rule_of(p, &d);
	if (d.fails && (d.wait < 0 || !may_end || b->flow.failed))
		return INT64_MAX;
	if (d.fails && p->looked == since)
		return p->look_at;
	if (d.wait >= 0)
		return since + d.wait;
	if (b->flow.failed)
		return INT64_MAX;
	return since +
	       (b->params.timeout == PARAMS_FOREVER ? FOREVER_MS : b->params.timeout / 3 * 2);
}

int64_t degrade_due(const struct boot *b)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < b->parts->n; i++)
		if (due_of(&b->parts->list[i]) < due)
			due = due_of(&b->parts->list[i]);
	return due;
}

/* The stage's next step finds that its time is over. */
static void end_wait(struct part *p, const char *text, int64_t now)
{
	struct flow *f = &p->boot->flow;

	p->degraded = wait_began(p->boot);
	log_show("%.300s; by rd.degraded=%.100s the wait is over", text, part_is_strict(p));
	if (f->deadline != PARAMS_FOREVER && f->deadline <= now)
		return;
	f->deadline = now + 1;
	f->limited_by = "rd.degraded=";
}

/* Its time has come: does it lack something? If it did not, it may later, and has some time then. */
static void look(struct part *p, int64_t now)
{
	int64_t since = wait_began(p->boot);
	bool is_first = p->looked != since;
	char text[PART_TEXT_MAX] = "";

	if (p->feature->what && (!p->feature->is_incomplete || p->feature->is_incomplete(p)))
		p->feature->what(p, text, sizeof(text));
	if (*text && (is_first || p->has_lacked)) {
		end_wait(p, text, now);
		return;
	}
	p->looked = since;
	p->look_at = now + FOLLOW_MS;
	p->has_lacked = *text;
}

void degrade_tick(struct boot *b, int64_t now)
{
	for (size_t i = 0; i < b->parts->n; i++) {
		struct part *p = &b->parts->list[i];

		if (now < due_of(p))
			continue;
		if (part_is_strict(p)) {
			look(p, now);
			continue;
		}
		p->degraded = wait_began(b);
		p->is_running_out = true;
		p->feature->degrade(p);
	}
}

void degrade_forget(struct boot *b)
{
	for (size_t i = 0; i < b->parts->n; i++)
		b->parts->list[i].is_running_out = false;
}
