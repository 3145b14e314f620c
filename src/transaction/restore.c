/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/restore.h"

#include "base/cleanup.h"
#include "deploy/loader/scripts.h"
#include "deploy/lock.h"
#include "deploy/place/restore.h"
#include "host/boot/images.h"

/* The image is in its place: now the boot loader, or the names are exchanged back. */
static int finish(struct transaction *t, const struct loader_request *q, const char *image,
		  struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct err undo = {0};
	int e = loader_update(q, err);

	if (e == 0)
		return 0;
	if (restore_undo(t->root, image, &arena, &undo) < 0)
		transaction_tell(t, STEP_ALARM, NULL, "%s", undo.text);
	return err_prefix(err, "the boot loader could not be brought in line");
}

static int restore(struct transaction *t, const struct restore_request *q, struct bootdir *bootdir,
		   struct arena *arena, const char **image, struct err *err)
{
	/* No version: the names in /boot stay what they were, so no tool has to write a menu again. */
	struct loader_request loader = transaction_loader(t, bootdir, NULL);
	_cleanup_lock_ struct lock lock = {0};
	const char *path;
	int e = lock_take(t->root, q->lock_seconds, transaction_say_waiting, t, &lock, err);

	/* Another run may have changed the menu while the lock was waited for. */
	if (e == 0)
		e = bootdir_read(t->root, arena, bootdir, err);
	if (e < 0)
		return e;
	path = boot_image_own(t->root, bootdir, q->version, arena, err);
	if (!path)
		return err->code;
	e = restore_image(t->root, path, arena, err);
	if (e == 0 && !q->no_loader)
		e = finish(t, &loader, path, err);
	if (e == 0)
		*image = path;
	return e;
}

int transaction_restore(const struct restore_request *q, struct arena *arena, const char **image,
			struct err *err)
{
	struct transaction t = q->t;
	struct bootdir bootdir = {0};
	struct loader_request loader = transaction_loader(&t, &bootdir, q->version);
	int e = restore(&t, q, &bootdir, arena, image, err);

	runlog_line(t.log, q->version, "restore", e < 0 ? RUNLOG_ERROR : RUNLOG_INFO, "%s",
		    e < 0 ? err->text : "the previous image is in place");
	if (e < 0 || q->no_loader)
		return e;
	e = loader_run_scripts(&loader, *image, err);
	if (e < 0)
		runlog_line(t.log, q->version, "boot-loader", RUNLOG_ERROR, "%s", err->text);
	return e;
}
