/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/kit.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "format/kernel/kconfig.h"

enum { FINDINGS_MAX = 1000 };

struct audit_finding *audit_add(struct audit *a, enum audit_severity severity, const char *id,
				const struct audit_kernel *kernel, const char *fact,
				const char *remedy)
{
	struct audit_report *o = a->out;

	if (o->n == FINDINGS_MAX)
		return arena_alloc(a->arena, sizeof(*o->findings));
	o->findings = arena_grow(a->arena, o->findings, o->n, sizeof(*o->findings));
	o->findings[o->n] = (struct audit_finding){.id = id,
						   .severity = severity,
						   .kernel = kernel ? kernel->version : NULL,
						   .fact = arena_strdup(a->arena, fact)};
	if (remedy && *remedy)
		o->findings[o->n].remedy = arena_strdup(a->arena, remedy);
	o->counts[severity]++;
	return &o->findings[o->n++];
}

void audit_add_command(struct audit *a, enum audit_severity severity, const char *id,
		       const struct audit_kernel *kernel, const char *fact, const char *command)
{
	audit_add(a, severity, id, kernel, fact, command)->is_command = true;
}

const char *audit_path(struct audit *a, const char *path)
{
	return root_quoted(a->root, path, a->arena);
}

char *audit_read(struct audit *a, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (root_read(a->root, path, AUDIT_TEXT_MAX, &text) < 0)
		return NULL;
	return arena_strdup(a->arena, buf_cstr(&text));
}

struct audit_kernel *audit_next(struct audit *a, struct audit_kernel *k)
{
	for (size_t i = k ? (size_t)(k - a->kernels) + 1 : 0; i < a->n_kernels; i++)
		if (a->kernels[i].is_wanted)
			return &a->kernels[i];
	return NULL;
}

const struct audit_kernel *audit_find(const struct audit *a, const char *version)
{
	for (size_t i = 0; version && i < a->n_kernels; i++)
		if (strcmp(a->kernels[i].version, version) == 0)
			return &a->kernels[i];
	return NULL;
}

const char *audit_preroot(struct audit *a, const char *verb, const struct audit_kernel *k)
{
	const char *given = a->q->given;

	if (!given || strcmp(verb, "rebuild") != 0)
		given = a->root->is_host ? ""
					 : arena_printf(a->arena, " --root %s",
							quote_word(a->root->path, a->arena));
	return arena_printf(a->arena, "preroot %s%s%s%s", verb, given, k ? " " : "",
			    k ? quote_word(k->version, a->arena) : "");
}

bool audit_has(const struct audit_kernel *k, const char *option)
{
	return kconfig_get((const char *)k->config.data, k->config.len, option) == KCONFIG_YES;
}
