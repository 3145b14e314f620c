/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/pack.h"

#include "base/parallel.h"
#include "transaction/full.h"

struct packing {
	const struct transaction *t;
	const char *kernel;
};

static void report_progress(size_t done, size_t total, void *arg)
{
	const struct packing *p = arg;

	p->t->tell(&(struct step){.kind = STEP_PACKING,
				  .kernel = p->kernel,
				  .done = done,
				  .total = total},
		   p->t->arg);
}

int transaction_pack(const struct transaction *t, struct build *b, const struct pack_target *to,
		     struct pack_result *out, struct err *err)
{
	struct packing packing = {t, b->kernel.version};
	struct pack p = {
		.plan = &b->plan,
		.root = b->root,
		.codec = b->codec,
		.level = b->level,
		.x86_filter = b->x86_filter,
		.threads = parallel_cores(),
		.to_disk = to->to_disk,
		.progress = report_progress,
		.progress_arg = &packing,
	};
	int r = pack_write(&p, to->fd, out, err);

	if (r < 0)
		full_hint(to, b->root->cache, err);
	if (out->packages.code < 0)
		plan_warn(&b->plan, "%s", out->packages.text);
	return r;
}

size_t transaction_notes(const struct plan_note *newest, struct arena *arena,
			 const char *const **out)
{
	const char **texts;
	size_t n = 0, i;

	for (const struct plan_note *note = newest; note; note = note->next)
		n++;
	texts = arena_alloc(arena, (n + 1) * sizeof(*texts));
	i = n;
	for (const struct plan_note *note = newest; note; note = note->next)
		texts[--i] = arena_strdup(arena, note->text);
	*out = texts;
	return n;
}
