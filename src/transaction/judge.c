/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/judge.h"

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/profile.h"
#include "features/make.h"

int judge_mode(const struct plan *plan, unsigned mode, struct err *err)
{
	const char *secret = mode & 077 ? plan_secret(plan) : NULL;

	if (!secret)
		return 0;
	err_set(err, -EACCES, "/%s goes into the image, and not everybody may read it: --mode %04o "
			      "would let others read it",
		secret, mode);
	return err_hint(err, "leave --mode out: the image is for root alone then");
}

/* Findings that are LEAST or worse become warnings of PLAN. */
static int judge_report(const struct audit_report *report, enum audit_severity least,
			struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct audit_finding *f = &report->findings[i];

		if (f->bars_rebuild) {
			err_set(err, -ENOEXEC, "%s", f->fact);
			return err_hint(err, "%s", f->remedy);
		}
		if (f->severity <= least)
			plan_warn(plan, "%s (%s%s)", f->fact, f->is_command ? "run: " : "",
				  f->remedy ? f->remedy : "see: preroot audit");
	}
	return 0;
}

int judge_machine(const struct request *request, struct root *root, struct plan *plan,
		  struct err *err)
{
	const char *const kernels[] = {request->kernel};
	struct audit_request q = {.root = root,
				  .request = request,
				  .kernels = kernels,
				  .n_kernels = 1,
				  .for_rebuild = true};
	struct audit_report report = {0};
	struct trace *trace = root->trace;
	int r;

	profile_stage("audit");
	root->trace = NULL;
	r = audit_run(&q, &plan->arena, &report, err);
	root->trace = trace;
	return r < 0 ? r : judge_report(&report, AUDIT_ERROR, plan, err);
}

static bool is_narrowed(const struct request *q)
{
	bool narrowed = q->no_rules || q->remove.n;

	for (size_t i = 0; i < q->n_wishes; i++)
		narrowed |= q->wishes[i].kind == WISH_OMIT_MODULE ||
			    q->wishes[i].kind == WISH_FILESYSTEM;
	return narrowed;
}

/* OWN: an image for this machine. */
static void warn_of_missing(const struct build *b, const struct build *own, struct plan *plan)
{
	const char *name, *reason;

	for (size_t i = 0; i < modules_count(own->modules); i++) {
		name = modules_required(own->modules, i, &reason);
		if (name && !modules_has(b->modules, name))
			plan_warn(plan, "this machine does not boot with this image, which has no module "
					"%s: %s", name, reason);
	}
}

int judge_reach(const struct build *b, struct root *root, struct plan *plan, struct err *err)
{
	struct request q = *b->request;
	struct trace *trace = root->trace;
	struct build own;
	struct err failure = {0};
	int r;

	if (q.mode != MODE_GENERIC || !is_narrowed(&q))
		return 0;
	profile_stage("audit");
	q.mode = MODE_STRICT;
	root->trace = NULL;
	r = build_make(&q, root, &own, &failure);
	root->trace = trace;
	if (r == 0)
		warn_of_missing(b, &own, plan);
	else if (r == -EBUSY)
		*err = failure;
	build_clear(&own);
	return r == -EBUSY ? r : 0; /* any other failure: nothing is known of this machine */
}

int judge_modules(const struct build *b, struct plan *plan, struct err *err)
{
	size_t n = modules_count(b->modules);
	struct audit_made_for *list = arena_alloc(&plan->arena, (n + 1) * sizeof(*list));
	struct audit_report report = {0};

	profile_stage("audit");
	for (size_t i = 0; i < n; i++)
		list[i].vermagic = modules_vermagic(b->modules, i, &list[i].file);
	audit_modules(&b->kernel, list, n, &plan->arena, &report);
	return judge_report(&report, AUDIT_WARNING, plan, err);
}
