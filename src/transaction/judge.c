/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/judge.h"

#include <errno.h>

#include "audit/audit.h"

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

	root->trace = NULL;
	r = audit_run(&q, &plan->arena, &report, err);
	root->trace = trace;
	for (size_t i = 0; i < report.n && r == 0; i++) {
		const struct audit_finding *f = &report.findings[i];

		if (f->bars_rebuild) {
			r = err_set(err, -ENOEXEC, "%s", f->fact);
			err_hint(err, "%s", f->remedy);
		} else if (f->severity == AUDIT_ERROR) {
			plan_warn(plan, "%s (%s%s)", f->fact, f->is_command ? "run: " : "",
				  f->remedy ? f->remedy : "see: preroot audit");
		}
	}
	return r;
}
