/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/judge.h"

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/profile.h"

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
