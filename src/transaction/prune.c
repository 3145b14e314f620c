/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/prune.h"

#include <errno.h>

#include "base/cleanup.h"
#include "deploy/inventory.h"
#include "deploy/lock.h"

static int choose(const struct prune_request *q, struct arena *arena, struct inventory *inventory,
		  struct prune *out, struct err *err)
{
	const struct reuse_options *reuse = &q->t.reuse;
	_cleanup_cache_ struct cache *cache =
		reuse->folder ? cache_new(reuse->folder, reuse->size) : NULL;
	int e;

	if (cache)
		cache_freeze(cache);
	e = inventory_read(q->t.root, cache, arena, inventory, err);
	if (e < 0)
		return e;
	return q->version ? prune_choose_kernel(q->t.root, inventory, q->version, arena, out, err)
			  : prune_choose(q->t.root, inventory, q->rule, arena, out, err);
}

static void log_removed(struct runlog *log, const struct prune *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].goes)
			runlog_line(log, p->items[i].version, "prune", RUNLOG_INFO,
				    "/%s is removed: %s", p->items[i].path, p->items[i].why);
}

static int remove_chosen(const struct prune_request *q, const struct bootdir *b,
			 const struct prune *chosen, struct err *err)
{
	struct transaction t = q->t;
	struct loader_request loader = transaction_loader(&t, b, NULL);
	int e = prune_remove(t.root, b, chosen, q->no_loader ? NULL : &loader, err);

	if (t.log && e < 0)
		runlog_line(t.log, NULL, "prune", RUNLOG_ERROR, "%s", err->text);
	else if (t.log)
		log_removed(t.log, chosen);
	return e;
}

int transaction_prune(const struct prune_request *q, struct arena *arena, struct prune *out,
		      struct err *err)
{
	struct transaction t = q->t;
	_cleanup_lock_ struct lock lock = {0};
	struct inventory inventory;
	int e;

	if (!q->dry_run) {
		e = lock_take(t.root, q->lock_seconds, transaction_say_waiting, &t, &lock, err);
		if (e < 0)
			return e;
	}
	e = choose(q, arena, &inventory, out, err);
	if (e < 0)
		return e;
	if (!q->confirm(out, t.arg) && !q->dry_run)
		return err_set(err, -ECANCELED, "nothing was removed");
	return q->dry_run ? 0 : remove_chosen(q, &inventory.boot, out, err);
}
