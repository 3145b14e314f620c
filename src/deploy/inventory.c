/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/text.h"
#include "host/boot/kernels.h"
#include "host/remembered/trace.h"
#include "image/history.h"

struct reader {
	const struct root *root;
	struct cache *cache;
	struct trace *trace;
	struct arena *arena;
	struct inventory *out;
	struct boot_images images;
};

const char *inventory_word(enum inventory_verdict verdict)
{
	static const char *const words[] = {
		[INVENTORY_CURRENT] = "current",       [INVENTORY_STALE] = "stale",
		[INVENTORY_MISSING] = "missing",       [INVENTORY_ORPHANED] = "orphaned",
		[INVENTORY_UNVERIFIED] = "unverified", [INVENTORY_FAILED] = "failed",
		[INVENTORY_UNKNOWN] = "unknown",
	};

	return words[verdict];
}

static void note(struct reader *r, const char *text)
{
	struct inventory *o = r->out;
	const char **longer = arena_alloc(r->arena, (o->n_notes + 1) * sizeof(*longer));

	if (o->n_notes)
		memcpy(longer, o->notes, o->n_notes * sizeof(*longer));
	longer[o->n_notes++] = arena_strdup(r->arena, text);
	o->notes = longer;
}

/* ---- which kernels there are ---- */

static struct inventory_row *row_of(struct reader *r, const char *version)
{
	for (size_t i = 0; i < r->out->n; i++)
		if (strcmp(r->out->rows[i].version, version) == 0)
			return &r->out->rows[i];
	r->out->rows[r->out->n] = (struct inventory_row){.version = version};
	return &r->out->rows[r->out->n++];
}

static void add_image(struct inventory_row *row, struct boot_image *image, const char *wanted)
{
	if (!row->n_images)
		row->images = image;
	row->n_images++;
	if (image->kind == BOOT_IMAGE_PREVIOUS)
		row->n_previous++;
	else if (image->kind == BOOT_IMAGE_TRIAL)
		row->trial = image;
	else if (!row->image || strcmp(image->path, wanted) == 0)
		row->image = image;
}

static void add_images(struct reader *r)
{
	for (size_t i = 0; i < r->images.n; i++) {
		struct boot_image *image = &r->images.list[i];
		struct inventory_row *row = row_of(r, image->version);

		add_image(row, image,
			  boot_image_path(r->root, &r->out->boot, image->version, r->arena));
	}
}

static int newer_first(const void *a, const void *b)
{
	return version_compare(((const struct inventory_row *)b)->version,
			       ((const struct inventory_row *)a)->version);
}

/* HALVES: those without modules. */
static void add_kernels(struct reader *r, const struct kernel *kernels, size_t n,
			const struct kernel *halves, size_t n_halves)
{
	const char *running = root_read_line(r->root, "proc/sys/kernel/osrelease", r->arena);

	for (size_t i = 0; i < n; i++)
		row_of(r, kernels[i].version)->has_modules = true;
	for (size_t i = 0; i < n_halves; i++)
		row_of(r, halves[i].version);
	qsort(r->out->rows, r->out->n, sizeof(*r->out->rows), newer_first);
	for (size_t i = 0; i < r->out->n; i++) {
		struct inventory_row *row = &r->out->rows[i];

		row->has_kernel = kernel_image_path(r->root, row->version, r->arena);
		row->is_running = running && strcmp(running, row->version) == 0;
	}
	for (size_t i = 0; i < r->out->n; i++)
		if (r->out->rows[i].has_kernel && r->out->rows[i].has_modules) {
			r->out->rows[i].is_newest = true;
			return;
		}
}

/* ---- the state of each ---- */

static void set_verdict(struct inventory_row *row, enum inventory_verdict verdict, const char *why)
{
	row->verdict = verdict;
	row->why = why;
}

/* Is the file, by its content, the one that preroot wrote last? */
static bool is_written_by_us(struct reader *r, const struct inventory_row *row, const char *path)
{
	_cleanup_fd_ int fd = root_openat(r->root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	char text[2 * DIGEST_SIZE + 1];
	uint8_t sum[DIGEST_SIZE];

	if (!*row->state.sha256 || fd < 0 || digest_of_file(fd, sum) < 0)
		return false;
	digest_text(sum, text);
	return strcmp(text, row->state.sha256) == 0;
}

/* Is the image that preroot wrote last now a previous one? Then an older one was restored. */
static bool is_restored(struct reader *r, const struct inventory_row *row)
{
	for (size_t i = 0; i < row->n_images; i++)
		if (row->images[i].kind == BOOT_IMAGE_PREVIOUS &&
		    row->images[i].size == row->state.bytes &&
		    is_written_by_us(r, row, row->images[i].path))
			return true;
	return false;
}

static bool may_read(struct reader *r, const char *path)
{
	_cleanup_fd_ int fd = root_openat(r->root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);

	return fd != -EACCES && fd != -EPERM;
}

/* For a kernel with an image: is the image current? */
static void judge_image(struct reader *r, struct inventory_row *row)
{
	const char *changed = NULL, *path;

	path = arena_printf(r->arena, "%s/%s", root_prefix(r->root), row->image->path);
	switch (history_judge(r->cache, r->trace, path, r->arena, &changed)) {
	case HISTORY_SAME:
		return set_verdict(row, INVENTORY_CURRENT, NULL);
	case HISTORY_CHANGED:
		return set_verdict(row, INVENTORY_STALE,
				   arena_printf(r->arena, "%s has changed since", changed));
	case HISTORY_OTHER:
	case HISTORY_NONE:
		break;
	}
	if (!may_read(r, row->image->path) || cache_problem(r->cache))
		return set_verdict(row, INVENTORY_UNKNOWN,
				   "only root may read what is known of it");
	if (is_written_by_us(r, row, row->image->path))
		return set_verdict(row, INVENTORY_STALE,
				   "the cache has no record of what it was made of");
	if (is_restored(r, row))
		return set_verdict(row, INVENTORY_STALE, "the image before it was put back");
	set_verdict(row, INVENTORY_UNVERIFIED,
		    *row->state.sha256 ? "it is not the image that preroot wrote last"
				       : "preroot did not write it");
}

/* A dangling link at the image's path is worth its own reason. */
static const char *why_missing(struct reader *r, const struct inventory_row *row)
{
	const char *path = boot_image_path(r->root, &r->out->boot, row->version, r->arena);
	const char *target = root_readlink(r->root, path, r->arena);

	return target ? arena_printf(r->arena, "/%s is a link to %s, which is not there", path,
				     target)
		      : "it has no image";
}

static void judge(struct reader *r, struct inventory_row *row)
{
	const struct state *s = &row->state;

	if (row->n_images && !row->has_modules)
		return set_verdict(row, INVENTORY_ORPHANED,
				   row->has_kernel ? "the modules of its kernel are gone"
						   : "its kernel is gone");
	if (row->has_kernel && !row->has_modules)
		return set_verdict(row, INVENTORY_ORPHANED,
				   "the modules of this kernel are missing: no image can be made "
				   "for it");
	if (!row->has_kernel)
		return set_verdict(row, INVENTORY_ORPHANED,
				   row->n_images ? "its kernel is gone, only the modules are left"
						 : "only the modules of this kernel are left");
	if (!row->image)
		return set_verdict(row, INVENTORY_MISSING, why_missing(r, row));
	if (*s->failed)
		return set_verdict(row, INVENTORY_FAILED,
				   strcmp(s->failed, s->id) == 0
					   ? "it did not boot to the end"
					   : "the image that was tried did not boot to the end");
	judge_image(r, row);
}

static void read_state(struct reader *r, struct inventory_row *row)
{
	struct err err = {0};
	int e = state_read(r->root, row->version, &row->state, &err);

	if (e >= 0) {
		judge(r, row);
		return;
	}
	note(r, err.text);
	judge(r, row);
	if (row->verdict != INVENTORY_MISSING && row->verdict != INVENTORY_ORPHANED)
		set_verdict(row, INVENTORY_UNKNOWN, "what is known of it cannot be read");
}

/* ---- all of it ---- */

static void read_boot(struct reader *r, bool has_kernels)
{
	struct err err = {0};
	int e = bootdir_read(r->root, r->arena, &r->out->boot, &err);

	bool is_there = e == 0;

	if (is_there)
		e = boot_images_list(r->root, &r->out->boot, r->arena, &r->images, &err);
	r->out->has_boot = e == 0;
	r->out->others = r->images.others;
	r->out->n_others = r->images.n_others;
	if (e < 0 && (has_kernels || is_there || e != -ENOENT))
		note(r, err.text);
}

static void read_menu(struct reader *r)
{
	struct bootmenu *menu = &r->out->menu;
	struct err err = {0};

	if (!r->out->has_boot)
		return;
	if (bootmenu_read(r->root, r->out->boot.boot, r->arena, menu, &err) < 0) {
		*menu = (struct bootmenu){0};
		note(r,
		     arena_printf(r->arena, "%s: what the boot menu has is not known%s", err.text,
				  err.code == -EACCES || err.code == -EPERM
					  ? ", only root may read it"
					  : ""));
	} else if (menu->problem) {
		note(r, menu->problem);
	}
	for (size_t i = 0; i < r->out->n; i++) {
		struct inventory_row *row = &r->out->rows[i];

		if (row->image)
			row->entry = bootmenu_find(menu, row->version, row->image->path);
	}
}

int inventory_read(const struct root *root, struct cache *cache, struct arena *arena,
		   struct inventory *out, struct err *err)
{
	_cleanup_trace_ struct trace *trace = trace_new(root, err);
	struct inventory o = {0};
	struct reader r = {.root = root, .cache = cache, .trace = trace, .arena = arena, .out = &o};
	struct kernel *kernels = NULL, *halves = NULL;
	struct err unread = {0};
	int n = kernels_list(root, arena, &kernels, &unread);
	size_t n_halves = kernels_without_modules(root, arena, &halves);
	bool is_ours = false; /* preroot has written an image for this machine */

	if (!trace)
		return err ? err->code : -EIO;
	if (n < 0 && n != -ENOENT)
		note(&r, unread.text);
	n = n < 0 ? 0 : n;
	read_boot(&r, n > 0);
	o.rows = arena_alloc(arena, ((size_t)n + n_halves + r.images.n + 1) * sizeof(*o.rows));
	add_images(&r);
	add_kernels(&r, kernels, (size_t)n, halves, n_halves);
	read_menu(&r);
	for (size_t i = 0; i < o.n; i++) {
		if (!o.has_boot && o.rows[i].has_modules)
			set_verdict(&o.rows[i], INVENTORY_UNKNOWN, "/boot cannot be looked at");
		else
			read_state(&r, &o.rows[i]);
		is_ours |= *o.rows[i].state.sha256 != '\0';
	}
	if (is_ours)
		o.n_builders = builders_list(root, arena, &o.builders);
	*out = o;
	return 0;
}
