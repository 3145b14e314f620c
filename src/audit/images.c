/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "image/open.h"

/* The existing images: their state, whether their kernel can unpack them, and secrets. */

/* ---- the state ---- */

/* Does an entry of the menu boot K with an initramfs? */
static bool is_named(const struct audit *a, const struct audit_kernel *k)
{
	for (size_t i = 0; a->has_menu && i < a->menu.n; i++) {
		const struct bootmenu_entry *e = &a->menu.entries[i];

		if (e->kernel && e->version && strcmp(e->version, k->version) == 0 && e->initrds[0])
			return true;
	}
	return false;
}

/* For an image without a record: are the modules newer? */
static bool is_older(struct audit *a, const struct audit_kernel *k)
{
	struct stat image, index;
	const char *dep = arena_printf(a->arena, "%s/modules.dep", k->modules_dir);

	return root_stat(a->root, k->row->image->path, &image) == 0 &&
	       root_stat(a->root, dep, &index) == 0 && image.st_mtim.tv_sec < index.st_mtim.tv_sec;
}

/* The image in use, or only its trial, did not boot. */
static void report_failed(struct audit *a, const struct audit_kernel *k)
{
	const struct state *s = &k->row->state;
	bool in_use = strcmp(s->failed, s->id) == 0;
	const char *fact = arena_printf(a->arena, "/%s: %s",
					k->row->image ? k->row->image->path : "", k->row->why);

	if (!in_use)
		audit_add_command(a, AUDIT_WARNING, "image-failed", k, fact,
				  audit_preroot(a, "status --forget", NULL));
	else
		audit_add_command(
			a, AUDIT_ERROR, "image-failed", k, fact,
			audit_preroot(a, k->row->n_previous ? "restore" : "rebuild", k));
}

static void check_state(struct audit *a, const struct audit_kernel *k)
{
	const char *path = k->row->image ? k->row->image->path : "";
	const char *why = k->row->why ? k->row->why : "";

	switch (k->row->verdict) {
	case INVENTORY_MISSING:
		/* A monolithic kernel may mount its root without an image. */
		if (!k->modules_dir && !is_named(a, k))
			break;
		audit_add_command(
			a, is_named(a, k) ? AUDIT_ERROR : AUDIT_WARNING, "image-missing", k,
			arena_printf(a->arena, "kernel %s has no image%s", k->version,
				     is_named(a, k) ? ", but the boot menu boots it with one" : ""),
			audit_preroot(a, "rebuild", k));
		break;
	case INVENTORY_STALE:
		audit_add_command(a, AUDIT_WARNING, "image-stale", k,
				  arena_printf(a->arena, "/%s is not up to date: %s", path, why),
				  audit_preroot(a, "rebuild", k));
		break;
	case INVENTORY_FAILED:
		report_failed(a, k);
		break;
	case INVENTORY_ORPHANED:
		/* Kernels and modules are reported by audit_kernels(). */
		if (k->row->n_images && !k->image && !k->modules_dir)
			audit_add_command(a, AUDIT_NOTE, "image-orphaned", k,
					  arena_printf(a->arena, "/%s belongs to no kernel",
						       k->row->images[0].path),
					  audit_preroot(a, "prune", NULL));
		break;
	case INVENTORY_UNVERIFIED:
		if (*k->row->state.sha256)
			audit_add_command(a, AUDIT_WARNING, "image-replaced", k,
					  arena_printf(a->arena,
						       "/%s is not the image that preroot wrote "
						       "last: another tool may have replaced it",
						       path),
					  audit_preroot(a, "rebuild", k));
		else if (is_older(a, k))
			audit_add_command(a, AUDIT_WARNING, "image-stale", k,
					  arena_printf(a->arena,
						       "/%s is older than the modules of its "
						       "kernel",
						       path),
					  audit_preroot(a, "rebuild", k));
		break;
	case INVENTORY_CURRENT:
	case INVENTORY_UNKNOWN:
	case INVENTORY_VERDICTS:
		break;
	}
}

/* Reports what the inventory could not read, except the menu, which audit_menu() reports. */
static void report_notes(struct audit *a)
{
	for (size_t i = 0; i < a->inventory.n_notes && a->has_boot; i++) {
		const char *note = a->inventory.notes[i];

		if (!(*a->menu_err.text && str_starts(note, a->menu_err.text)) &&
		    !(a->menu.problem && strcmp(note, a->menu.problem) == 0))
			audit_add(a, AUDIT_WARNING, "not-looked-at", NULL, note,
				  geteuid() == 0 ? NULL : "run the audit as root");
	}
}

void audit_images(struct audit *a)
{
	report_notes(a);
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->row && a->has_boot)
			check_state(a, k);
}

void audit_builders(struct audit *a)
{
	for (size_t i = 0; i < a->inventory.n_builders; i++) {
		const struct builder *b = &a->inventory.builders[i];

		audit_add_command(a, AUDIT_WARNING, "other-builder", NULL,
				  arena_printf(a->arena,
					       "/%s runs %s %s: that replaces the image that "
					       "preroot wrote",
					       b->path, b->name, b->when),
				  b->command);
	}
}

/* ---- what the bytes say ---- */

static void report_damaged(struct audit *a, const struct audit_kernel *k, const char *path,
			   const struct err *err)
{
	if (err->code == -EACCES || err->code == -EPERM)
		audit_add(a, AUDIT_NOTE, "image-not-readable", k,
			  arena_printf(a->arena, "/%s cannot be read", path),
			  "run the audit as root");
	else
		audit_add_command(a, AUDIT_ERROR, "image-damaged", k, err->text,
				  k->modules_dir && k->image ? audit_preroot(a, "rebuild", k)
							     : audit_preroot(a, "status", NULL));
}

static int open_image(struct audit *a, const char *path, int *fd, struct image **out,
		      struct err *err)
{
	*fd = root_openat(a->root, path, O_RDONLY | O_NONBLOCK);
	if (*fd < 0)
		return err_sys(err, *fd, "/%s", path);
	return image_open_fd(*fd, arena_printf(a->arena, "/%s", path), out, err);
}

/* Reads up to the first compressed segment, which is where the kernel may stop. */
static int first_codec(struct image *image, enum codec *out, struct err *err)
{
	struct image_entry entry;
	int r;

	*out = CODEC_NONE;
	do {
		size_t n;
		const struct image_segment *segments;

		r = image_next(image, &entry, err);
		segments = image_segments(image, &n);
		if (n)
			*out = segments[n - 1].codec;
	} while (r > 0 && *out == CODEC_NONE);
	return r < 0 ? r : 0;
}

static void check_codec(struct audit *a, const struct audit_kernel *k)
{
	const char *path = k->row->image->path;
	_cleanup_image_ struct image *image = NULL;
	_cleanup_fd_ int fd = -1;
	struct err err = {0};
	enum codec codec;

	if (open_image(a, path, &fd, &image, &err) < 0 || first_codec(image, &codec, &err) < 0) {
		report_damaged(a, k, path, &err);
		return;
	}
	if (codec != CODEC_NONE && k->config.len && !audit_has(k, codec_info(codec)->rd))
		audit_add_command(a, AUDIT_ERROR, "image-not-unpackable", k,
				  arena_printf(a->arena,
					       "kernel %s cannot unpack /%s, which is "
					       "compressed with %s (%s is not set in /%s)",
					       k->version, path, codec_info(codec)->name,
					       codec_info(codec)->rd, k->config_origin),
				  audit_preroot(a, "rebuild", k));
}

void audit_decoders(struct audit *a)
{
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->row && k->row->image)
			check_codec(a, k);
}

/* ---- secrets ---- */

/* Looks for a file in the image whose mode keeps others from reading it. 1: OUT is its path; 0: there is none. */
static int find_secret(struct audit *a, const char *path, const char **out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_fd_ int fd = -1;
	struct image_entry entry;
	int r = open_image(a, path, &fd, &image, err);

	while (r >= 0 && (r = image_next(image, &entry, err)) > 0)
		if (S_ISREG(entry.header.mode) && !(entry.header.mode & 04)) {
			*out = arena_strdup(a->arena, entry.path);
			return 1;
		}
	return r;
}

static void check_secrets(struct audit *a, const struct audit_kernel *k, const char *path)
{
	struct err err = {0};
	const char *secret = "", *fact, *id = "image-secret-readable";
	struct stat st;
	int r;

	if (root_stat(a->root, path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return;
	r = find_secret(a, path, &secret, &err);
	if (r == 0 || err.code == -EACCES || err.code == -EPERM) /* audit_decoders() reports that */
		return;
	if (r > 0) {
		fact = arena_printf(a->arena,
				    "/%s can be read by others (mode %04o) and holds /%s, which not everybody "
				    "may read", path, (unsigned)st.st_mode & 07777, secret);
	} else {
		id = "image-secret-unknown";
		fact = arena_printf(a->arena,
				    "others can read an image (mode %04o) that may hold secrets, since it "
				    "could not be read to its end: %s", (unsigned)st.st_mode & 07777, err.text);
	}
	audit_add_command(a, AUDIT_ERROR, id, k, fact,
			  a->boot.has_links ? arena_printf(a->arena, "chmod 0600 %s", audit_path(a, path))
					    : audit_close_boot(a));
}

void audit_image_access(struct audit *a)
{
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		for (size_t i = 0; k->row && i < k->row->n_images; i++)
			check_secrets(a, k, k->row->images[i].path);
}
