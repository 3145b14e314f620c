/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/goal/goal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/machine/fstab.h"
#include "init/devices/block.h"
#include "init/devices/claims.h"
#include "init/devices/discover.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/devices/signatures.h"
#include "init/core/mount.h"

enum {
	OTHERS_MS = 1000, /* to read present devices that may fit as well */
	DISKS_MS = 10000, /* for further disks to appear, if the root has no name */
	FALLBACK_MS = 30000, /* for a device of rootfallback=, which may not have been read before */
};

/* ---- the root device ---- */

static const char *type_of(const struct boot *b, const struct block_device *d)
{
	return b->params.rootfstype ? b->params.rootfstype : d->probe.type;
}

/* The device that was named cannot be the root: WHY. */
static bool is_unusable(struct boot *b, size_t n, char *why, size_t size)
{
	const struct block_device *d = &b->devices->list[n];
	char all[128];

	if (block_is_member(d)
		    ? !signatures_are_named(&b->params.root, b->params.rootfstype, d)
		    : claims_refuse(d)) {
		claims_explain(b, n, why, size);
		return true;
	}
	if (*type_of(b, d))
		return block_is_doubtful(b, &b->params.root, n, why, size);
	signatures_list(&d->probe, all, sizeof(all));
	snprintf(why, size,
		 *all ? "%s has the signatures of %s: rootfstype= has to say which it is"
		      : "%s holds no filesystem that is known here", d->name, all);
	return true;
}

static enum stage_step set_root(struct boot *b, size_t n)
{
	const struct block_device *d = &b->devices->list[n];

	if (b->params.root.kind == SPEC_AUTO && discover_has_flag(d, DISCOVER_READ_ONLY))
		b->params.writable = false;
	if (b->params.root.kind == SPEC_AUTO && discover_has_flag(d, DISCOVER_GROW))
		log_info("%s wants to grow with its partition: that is left to the root's init",
			 d->name);
	snprintf(b->goal->fstypes, sizeof(b->goal->fstypes), "%s", type_of(b, d));
	b->goal->fstype = b->goal->fstypes;
	return STAGE_ENDS;
}

int64_t goal_deadline(const struct boot *b)
{
	return b->params.timeout == PARAMS_FOREVER ? PARAMS_FOREVER : log_now() + b->params.timeout;
}

/* An empty root in memory; its programs are in /usr. */
static enum stage_step set_tmpfs(struct boot *b)
{
	if (b->params.usr.kind == SPEC_NONE)
		return flow_fail(b, "root=tmpfs is empty: mount.usr= must name the filesystem "
				    "with the programs");
	snprintf(b->goal->fstypes, sizeof(b->goal->fstypes), "tmpfs");
	b->goal->fstype = b->goal->fstypes;
	return STAGE_ENDS;
}

static enum stage_step refuse(struct boot *b)
{
	const char *text = b->params.root.text;

	if (!text)
		return flow_fail(b, "the kernel command line does not name a root filesystem");
	if (strlen(text) >= SPEC_VALUE_MAX)
		return flow_fail(b, "this root= is too long, name the filesystem by its UUID");
	return flow_fail(b, *text && text[strlen(text) - 1] == '='
				    ? "this root= names nothing: its value is missing"
				    : "this root= is of a kind that the image cannot reach");
}

/* Whoever gives a hash relies on it: nothing is mounted unverified, not even a root that has a name. */
static enum stage_step refuse_unverified(struct boot *b)
{
	char why[FLOW_TEXT_MAX];

	snprintf(why, sizeof(why),
		 "%.20s= asks for verification with dm-verity, which this version cannot do, and "
		 "nothing is mounted unverified; to boot without it, name the root with root= and add "
		 "rd.systemd.verity=0", cmdline_hash(&b->params.verity));
	return flow_fail(b, why);
}

/* The device is there, but others may fit as well, and the choice must not depend on which one was
 * read first. The kernel's names and numbers are unique. */
static bool others_are_read(struct boot *b, int64_t now)
{
	bool is_auto = b->params.root.kind == SPEC_AUTO && !*b->discovery->loader;

	if (b->params.root.kind == SPEC_NAME || b->params.root.kind == SPEC_NUMBER ||
	    (!block_unsettled(b) && !(is_auto && modules_busy(b))))
		return true;
	if (!b->goal->settle_until)
		b->goal->settle_until = now + (is_auto ? DISKS_MS : OTHERS_MS);
	b->flow.wake = b->goal->settle_until;
	return now >= b->goal->settle_until;
}

static void set_wanted(struct boot *b, const struct spec *root)
{
	b->params.root = *root;
	if (b->params.usr_is_root)
		b->params.usr = *root;
	block_want(b, &b->params.root);
}

/* The root is again what root= names. */
static void forget_fallback(struct boot *b)
{
	if (!b->goal->n_tried)
		return;
	set_wanted(b, &b->goal->named);
	claims_ask_members(b);
	b->goal->n_tried = 0;
}

/* The root has not appeared in time, and earlier ones of rootfallback= have not or are unusable: the
 * next of them is the root. False if there is none. */
static bool fall_back(struct boot *b, int64_t now)
{
	const struct params_list *all = &b->params.fallbacks;
	struct goal *g = b->goal;

	while (g->n_tried < all->n) {
		const char *text = all->items[g->n_tried];

		if (!g->n_tried++)
			g->named = b->params.root;
		goal_is(b, text);
		claims_ask_members(b);
		if (!claims_can_find(b, &b->params.root)) {
			log_show("rootfallback=%.300s is of a kind that the image cannot reach", text);
			continue;
		}
		log_show("the root has not appeared in time: trying rootfallback=%.300s", text);
		b->flow.deadline = now + FALLBACK_MS;
		b->flow.limited_by = "rootfallback=";
		g->settle_until = 0;
		return true;
	}
	forget_fallback(b);
	return false;
}

/* May be a repeated wait: resets what an earlier one decided. */
static void start_wait(struct boot *b, int64_t now)
{
	forget_fallback(b);
	b->flow.deadline = goal_deadline(b);
	b->flow.limited_by = NULL;
	b->goal->settle_until = 0;
	discover_again(b);
	/* The first wait counts from the start of the boot. */
	b->goal->waiting_since = b->goal->waiting_since ? now : b->start;
}

/* A device that a feature holds is not the root itself, but the feature may provide the root. */
static int find_root(const struct boot *b)
{
	int n = block_find(b, &b->params.root);

	return n >= 0 && claims_hold(b, (size_t)n) ? -1 : n;
}

bool goal_is_there(const struct boot *b)
{
	return b->goal->is_given || find_root(b) >= 0;
}

void goal_is(struct boot *b, const char *text)
{
	struct spec root;

	spec_parse(text, &root);
	set_wanted(b, &root);
}

bool goal_set_source(struct boot *b, const char *source, const char *type, const char *options)
{
	struct goal *g = b->goal;

	if (strlen(source) >= sizeof(g->source) || strlen(type) >= sizeof(g->fstypes) ||
	    strlen(options) >= sizeof(g->options))
		return false;
	strcpy(g->source, source);
	strcpy(g->options, options);
	strcpy(g->fstypes, type);
	g->is_given = true;
	return true;
}

/* Can the root appear at all? */
static bool can_come(struct boot *b)
{
	const struct spec *root = &b->params.root;

	if (root->kind == SPEC_NONE || claims_can_find(b, root))
		return root->kind != SPEC_NONE;
	if (!b->goal->is_claimed && b->goal->claim)
		b->goal->is_claimed = b->goal->claim(b, root->text);
	return b->goal->is_claimed;
}

static enum stage_step give_up(struct boot *b)
{
	int n = block_find(b, &b->params.root);
	char why[FLOW_TEXT_MAX] = "";

	if (b->params.root.kind == SPEC_AUTO)
		discover_is_doubtful(b, why, sizeof(why));
	if (n >= 0)
		claims_explain(b, (size_t)n, why, sizeof(why));
	flow_fail(b, why);
	b->flow.is_missing = true;
	return STAGE_MOVED;
}

static enum stage_step try_root(struct boot *b, size_t n, int64_t now)
{
	char why[FLOW_TEXT_MAX];

	b->goal->device = block_ref(b, n);
	if (!is_unusable(b, n, why, sizeof(why)))
		return set_root(b, n);
	if (!b->goal->n_tried)
		return flow_fail(b, why);
	log_show("rootfallback=%.300s is not usable: %s", b->params.root.text, why);
	if (!fall_back(b, now))
		return give_up(b);
	b->flow.wake = now;
	return STAGE_STAYS;
}

static enum stage_step set_given(struct boot *b)
{
	b->goal->fstype = b->goal->fstypes;
	return STAGE_ENDS;
}

enum stage_step goal_wait(struct boot *b)
{
	const struct spec *root = &b->params.root;
	int64_t now = log_now(), delayed = b->start + b->params.delay;
	int n;

	if (cmdline_hash(&b->params.verity))
		return refuse_unverified(b);
	if (!can_come(b))
		return refuse(b);
	if (!b->flow.entered)
		start_wait(b, now);
	b->flow.wake = delayed;
	/* If the firmware does not answer in time, the loader's disk is treated as unknown. */
	if (root->kind == SPEC_AUTO && !flow_is_late(b, now) && discover_loader(b) == STAGE_STAYS) {
		b->flow.wake = b->discovery->until;
		return STAGE_STAYS;
	}
	if (root->kind == SPEC_TMPFS && now >= delayed)
		return set_tmpfs(b);
	if (b->goal->is_given && now >= delayed)
		return set_given(b);
	n = now < delayed ? -1 : find_root(b);
	if (n < 0 && flow_is_late(b, now) && fall_back(b, now))
		n = find_root(b);
	if (n >= 0)
		return others_are_read(b, now) ? try_root(b, (size_t)n, now) : STAGE_STAYS;
	return flow_is_late(b, now) ? give_up(b) : STAGE_STAYS;
}

void goal_wait_what(const struct boot *b, char *out, size_t size)
{
	char held[FLOW_TEXT_MAX] = "";

	if (b->goal->held)
		b->goal->held(b, held, sizeof(held));
	if (b->params.root.text)
		snprintf(out, size, "%s=%.300s%s%s", b->goal->n_tried ? "rootfallback" : "root",
			 b->params.root.text, *held ? ", " : "", held);
	else
		snprintf(out, size, "a partition of the type of a root (there is no root=)%s%s",
			 *held ? ", " : "", held);
}

/* The root is not on a block device. */
static bool is_without(const struct boot *b)
{
	return b->params.root.kind == SPEC_TMPFS || b->goal->is_given;
}

const char *goal_name(const struct boot *b)
{
	if (b->goal->is_given)
		return b->goal->source;
	return is_without(b) ? "tmpfs" : block_name(b, b->goal->device);
}

bool goal_describe(const struct boot *b, struct part_mount *out)
{
	snprintf(out->device, sizeof(out->device), "%s", goal_name(b));
	if (b->goal->fstype)
		snprintf(out->type, sizeof(out->type), "%.*s", (int)strcspn(b->goal->fstype, ","),
			 b->goal->fstype);
	out->is_device = !is_without(b);
	out->ref = b->goal->device;
	return out->is_device && block_get(b, b->goal->device);
}

bool goal_has_option(const struct boot *b, const struct block_device *d, const char *option)
{
	return block_fits(b, &b->params.root, d) && fstab_has(b->params.rootflags, option);
}

struct timeline_end goal_timeline_end(const struct boot *b)
{
	struct timeline_end end = {.index = &b->modules->index, .init = b->goal->init};

	if (b->flow.failed)
		end.failure =
			b->flow.failure[0] ? b->flow.failure : "the root device did not appear";
	if (b->goal->fstype && block_get(b, b->goal->device))
		end.root = block_name(b, b->goal->device);
	return end;
}

/* It may have been pulled out since it was found. */
static bool is_gone(const struct boot *b)
{
	return !is_without(b) && !block_get(b, b->goal->device);
}

/* ---- its filesystem ---- */

static int first_type(const struct boot *b)
{
	return (int)strcspn(b->goal->fstype, ",");
}

/* The kernel would request the driver during the mount; requesting it first loads it in
 * parallel. */
enum stage_step goal_driver(struct boot *b)
{
	char alias[JOBS_NAME_MAX + 8];

	if (is_gone(b))
		return flow_go(b, STAGE_WAIT);
	if (!b->flow.entered)
		log_info("root is %s (%s)", goal_name(b), b->goal->fstype);
	snprintf(alias, sizeof(alias), "fs-%.*s", first_type(b), b->goal->fstype);
	modules_request_alias(b, alias);
	if (!modules_pending(b, alias))
		return STAGE_ENDS;
	return flow_is_late(b, log_now())
		       ? flow_fail(b, "the driver of the filesystem does not finish loading")
		       : STAGE_STAYS;
}

void goal_driver_what(const struct boot *b, char *out, size_t size)
{
	snprintf(out, size, "the driver of %.64s", b->goal->fstype);
}

bool goal_mount_job(const struct boot *b, struct job *out)
{
	const struct block_device *d = block_get(b, b->goal->device);
	bool is_tmpfs = b->params.root.kind == SPEC_TMPFS;
	/* The default mode of a tmpfs is 1777. */
	const char *first = is_tmpfs ? "mode=0755" : b->goal->is_given ? b->goal->options : "";
	const char *comma = *first && (is_tmpfs || *b->params.rootflags) ? "," : "";

	if (strlen(first) + strlen(comma) + strlen(b->params.rootflags) >= sizeof(out->options))
		return false;
	*out = (struct job){.kind = JOB_MOUNT, .target = SYSROOT};
	/* With an overlay the root itself stays read-only. */
	out->writable = is_tmpfs || (b->params.writable && !b->goal->is_covered);
	if (b->goal->is_given)
		snprintf(out->source, sizeof(out->source), "%s", b->goal->source);
	else if (d && !is_tmpfs)
		block_into_job(d, out);
	snprintf(out->fstype, sizeof(out->fstype), "%.*s", first_type(b), b->goal->fstype);
	strcpy(out->options, first);
	strcat(out->options, comma);
	strcat(out->options, b->params.rootflags);
	return !d || claims_add_option(d, out);
}

static enum stage_step start_mount(struct boot *b)
{
	struct job job;

	if (is_gone(b))
		return flow_go(b, STAGE_WAIT);
	return goal_mount_job(b, &job) ? flow_task(b, &job)
				       : flow_fail(b, "rootflags= is too long");
}

enum stage_step goal_mount(struct boot *b)
{
	const char *next;

	if (b->flow.task.state == TASK_NONE)
		return start_mount(b);
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->flow.task.result.result == 0)
		return STAGE_ENDS;
	if (b->flow.task.result.result == -ESTALE)
		return block_mistaken(b, b->goal->device) ? flow_go(b, STAGE_WAIT)
							  : flow_fail(b, b->flow.task.result.text);
	next = strchr(b->goal->fstype, ',');
	if (!next)
		return flow_fail(b, b->flow.task.result.text);
	b->goal->fstype = next + 1; /* rootfstype=ext4,xfs: try the next */
	return flow_go(b, STAGE_DRIVER);
}

void goal_mount_what(const struct boot *b, char *out, size_t size)
{
	snprintf(out, size, "%s to be mounted", goal_name(b));
}

/* ---- the mounted root ---- */

void goal_check_what(const struct boot *b, char *out, size_t size)
{
	(void)b;
	snprintf(out, size, "the init of the mounted root to be checked");
}

enum stage_step goal_check(struct boot *b)
{
	const struct job job = {.kind = JOB_CHECK};

	if (b->flow.task.state == TASK_NONE)
		return flow_task(b, &job);
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	if (b->flow.task.result.result < 0)
		return flow_fail(b, b->flow.task.result.text);
	memcpy(b->goal->init, b->flow.task.result.text, sizeof(b->goal->init));
	b->goal->is_systemd = b->flow.task.result.is_systemd;
	if (b->flow.task.result.note[0])
		log_show("%s", b->flow.task.result.note);
	return STAGE_ENDS;
}
