/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "deploy/place/folder.h"
#include "deploy/lock.h"
#include "deploy/place/exchange.h"
#include "deploy/place/atomic.h"
#include "format/ours/bootlog.h"
#include "image/identity.h"

/* The number in the temporary names of images that are being removed. exchange_recover() never
 * restores a file with it. */
#define PUT_ASIDE 0xff000000u

#define MENU_NEEDS_IT "an entry of the boot menu that preroot did not write boots it"

struct chooser {
	const struct root *root;
	const struct inventory *inventory;
	struct arena *arena;
	struct prune_rule rule;
	const char *booted; /* identity of the image that this machine booted from; NULL */
	struct prune out;
};

/* ---- what is needed ---- */

/* Reads which image this machine booted, which is known only if PID 1 was ours. */
static int find_booted(struct chooser *c, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct bootlog log = {0};
	int e = root_read(c->root, BOOTLOG_PATH, BOOTLOG_SIZE_MAX, &text);

	if (e == -ENOENT || e == -ENOTDIR)
		return 0;
	if (e < 0)
		return err_sys(err, e, "%s/" BOOTLOG_PATH, root_prefix(c->root));
	e = bootlog_decode(buf_cstr(&text), text.len, c->arena, &log, err);
	c->booted = log.image;
	return e < 0 ? err_prefix(err, "%s/" BOOTLOG_PATH, root_prefix(c->root)) : 0;
}

static void add(struct chooser *c, const struct boot_image *image, bool goes, const char *why)
{
	struct prune *p = &c->out;
	struct prune_item item = {.path = image->path,
				  .version = image->version,
				  .bytes = bootdir_takes(&c->inventory->boot, image->size),
				  .goes = goes,
				  .why = why};

	p->items = arena_grow(c->arena, p->items, p->n, sizeof(*p->items));
	p->items[p->n++] = item;
	if (goes)
		p->bytes += item.bytes;
}

/* Adds an image that stays, with the command to remove it by hand. */
static void offer(struct chooser *c, const struct boot_image *image, const char *why)
{
	add(c, image, false, why);
	c->out.items[c->out.n - 1].command =
		arena_printf(c->arena, "rm %s", root_quoted(c->root, image->path, c->arena));
}

/* See image_is_ours(). */
static int is_ours(const struct root *r, const struct boot_image *image)
{
	_cleanup_fd_ int fd = root_openat(r, image->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);

	return fd < 0 ? fd : image_is_ours(fd, image->path, NULL);
}

bool prune_is_own(const struct root *r, const struct boot_image *image)
{
	return is_ours(r, image) > 0;
}

/* NULL if preroot surely made the image, else the reason for doubt. Of a kernel that is gone (IS_GONE),
 * what preroot has kept and what this distribution names like that will do, too. */
static const char *foreign(const struct chooser *c, const struct boot_image *image, bool is_gone)
{
	static const char *const special[] = {"rescue", "fallback", "recovery"};
	const char *name = base_name(image->path);

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (strstr(name, special[i]))
			return arena_printf(c->arena, "by its name it is a %s image", special[i]);
	if (prune_is_own(c->root, image))
		return NULL;
	if (!is_gone || c->rule.only_own)
		return "nothing shows that preroot made it";
	if (root_exists(c->root, arena_printf(c->arena, STATE_DIR "/%s.json", image->version)) ||
	    (image->kind == BOOT_IMAGE_CURRENT && image->has_usual_name))
		return NULL;
	return "nothing shows that preroot or this distribution made it";
}

/* Why the file has to stay, whatever its name; or NULL. */
static const char *needed_as_file(struct chooser *c, const struct inventory_row *row,
				  const struct boot_image *image)
{
	_cleanup_fd_ int fd = root_openat(c->root, image->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	char id[MANIFEST_ID + 1] = "";

	if (fd < 0)
		return "it cannot be read";
	/* Only our images have an identity. */
	if (image_identity(fd, image->path, id, NULL) <= 0)
		return NULL;
	if (c->booted && strcmp(id, c->booted) == 0)
		return "this machine booted from it";
	return strcmp(id, row->state.good) == 0 ? "it is the last one that booted well" : NULL;
}

/* Does an entry that is not ours, and whose kernel exists, boot it? */
static bool needed_by_menu(const struct chooser *c, const char *path)
{
	const struct bootmenu *m = &c->inventory->menu;

	for (size_t i = 0; i < m->n; i++) {
		const struct bootmenu_entry *e = &m->entries[i];

		if (!e->is_ours && e->kernel && root_exists(c->root, e->kernel) &&
		    bootmenu_names(e, path))
			return true;
	}
	return false;
}

static void choose_orphans(struct chooser *c, const struct inventory_row *row)
{
	const char *stays = NULL;

	if (row->is_running)
		stays = "its kernel is running";
	else if (row->has_kernel)
		stays = "its kernel is still there, without modules: remove its package";
	for (size_t i = 0; i < row->n_images; i++) {
		const struct boot_image *image = &row->images[i];
		const char *why = stays, *doubt = NULL;

		if (!why && needed_by_menu(c, image->path))
			why = MENU_NEEDS_IT;
		if (!why)
			doubt = foreign(c, image, true);
		if (doubt)
			offer(c, image, arena_printf(c->arena, "its kernel is gone, but %s", doubt));
		else
			add(c, image, !why, why ? why : "its kernel is gone");
	}
}

static const char *ambiguous(struct chooser *c, const struct inventory_row *row)
{
	struct err err = {0};

	return boot_image_own(c->root, &c->inventory->boot, row->version, c->arena, &err)
		       ? NULL
		       : arena_strdup(c->arena, err.text);
}

/* Is there a newer previous image than number I of ROW that preroot did not make? Then a rebuild
 * would have dropped this one, to which a rebuild has given its name. */
static bool is_superseded(const struct chooser *c, const struct inventory_row *row, size_t i)
{
	const struct boot_image *image = row->images;

	if (c->rule.only_own || image[i].kind != BOOT_IMAGE_PREVIOUS)
		return false;
	for (size_t k = 0; k < i; k++)
		if (image[k].kind == BOOT_IMAGE_PREVIOUS && image[k].size > 0 &&
		    is_ours(c->root, &image[k]) == 0)
			return true;
	return false;
}

static void choose_spare(struct chooser *c, const struct inventory_row *row)
{
	const char *shared = ambiguous(c, row);
	bool has_image = false; /* there is one that stays */

	for (size_t i = 0; i < row->n_images; i++)
		has_image |= row->images[i].kind == BOOT_IMAGE_CURRENT;
	for (size_t i = 0; i < row->n_images; i++) {
		const struct boot_image *image = &row->images[i];
		const char *reason = NULL, *doubt, *why;

		if (image->kind == BOOT_IMAGE_PREVIOUS && image->generation > c->rule.keep)
			reason = arena_printf(c->arena, "%u previous image%s to be kept", c->rule.keep,
					      c->rule.keep == 1 ? " is" : "s are");
		else if (image->kind == BOOT_IMAGE_TRIAL && !*row->state.trial)
			reason = "no boot is to try it";
		if (!reason) {
			has_image |= image->kind == BOOT_IMAGE_PREVIOUS;
			continue;
		}
		why = shared ? shared : needed_as_file(c, row, image);
		if (!why && needed_by_menu(c, image->path))
			why = MENU_NEEDS_IT;
		/* The newest comes first. It stays if there is no other, for preroot restore. */
		if (!why && !has_image && image->kind == BOOT_IMAGE_PREVIOUS)
			why = "there is no other image of its kernel";
		has_image |= why && image->kind == BOOT_IMAGE_PREVIOUS;
		if (!why && (doubt = foreign(c, image, false)) && !is_superseded(c, row, i)) {
			offer(c, image, arena_printf(c->arena, "%s, but %s", reason, doubt));
			c->out.items[c->out.n - 1].is_way_back = image->kind == BOOT_IMAGE_PREVIOUS;
		} else {
			add(c, image, !why, why ? why : reason);
		}
	}
}

/* Copies, fallback and rescue images are only offered: somebody made them for a reason. */
static void choose_others(struct chooser *c)
{
	for (size_t i = 0; i < c->inventory->n_others; i++) {
		const struct boot_image *image = &c->inventory->others[i];

		if (needed_by_menu(c, image->path))
			continue;
		offer(c, image,
		      image->version ? arena_printf(c->arena,
						    "preroot did not make it, and its kernel %s is "
						    "there",
						    image->version)
				     : "preroot did not make it, and its name names no kernel");
	}
}

/* Lists the states of kernels that are no longer installed. */
static void choose_states(struct chooser *c)
{
	static const char ending[] = ".json";
	char **names;
	int n = root_listdir(c->root, STATE_DIR, c->arena, &names);

	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]), k = 0;
		const char *version;

		if (len <= strlen(ending) || strcmp(names[i] + len - strlen(ending), ending) != 0)
			continue;
		version = arena_strndup(c->arena, names[i], len - strlen(ending));
		while (k < c->inventory->n &&
		       (strcmp(c->inventory->rows[k].version, version) != 0 ||
			(!c->inventory->rows[k].has_modules && !c->inventory->rows[k].has_kernel &&
			 !c->inventory->rows[k].is_running)))
			k++;
		if (k < c->inventory->n)
			continue;
		c->out.gone = arena_grow(c->arena, c->out.gone, c->out.n_gone, sizeof(*c->out.gone));
		c->out.gone[c->out.n_gone++] = version;
	}
}

/* Without all facts, nothing is removed. */
static int check_notes(const struct inventory *inventory, struct err *err)
{
	if (!inventory->n_notes)
		return 0;
	err_set(err, -EIO, "not everything could be read: %s", inventory->notes[0]);
	return err_hint(err, "what cannot be read may be needed: nothing was removed");
}

int prune_choose(const struct root *r, const struct inventory *inventory, struct prune_rule rule,
		 struct arena *arena, struct prune *out, struct err *err)
{
	struct chooser c = {.root = r, .inventory = inventory, .arena = arena, .rule = rule};
	bool has_modules = false;
	int e = find_booted(&c, err);

	if (e < 0)
		return e;
	if (check_notes(inventory, err) < 0)
		return err->code;
	for (size_t i = 0; i < inventory->n; i++)
		has_modules = has_modules || inventory->rows[i].has_modules;
	if (!has_modules) {
		err_set(err, -ENOENT, "there is no kernel below %s/lib/modules", root_prefix(r));
		return err_hint(err, "is /usr mounted? nothing was removed");
	}
	for (size_t i = 0; i < inventory->n; i++) {
		const struct inventory_row *row = &inventory->rows[i];

		if (!row->has_modules)
			choose_orphans(&c, row);
		else
			choose_spare(&c, row);
	}
	choose_others(&c);
	choose_states(&c);
	*out = c.out;
	return 0;
}

/* What speaks against a removal of all images, whoever made the others; or NULL. */
static const char *forbids(const struct chooser *c, const struct boot_image *image)
{
	if (image->kind == BOOT_IMAGE_CURRENT && !prune_is_own(c->root, image))
		return "preroot did not make it";
	return needed_by_menu(c, image->path) ? MENU_NEEDS_IT : NULL;
}

static int choose_all(struct chooser *c, const struct inventory_row *row, struct err *err)
{
	bool is_gone = !row->has_kernel && !row->is_running;

	for (size_t i = 0; i < row->n_images; i++) {
		const struct boot_image *image = &row->images[i];
		const char *never = forbids(c, image), *doubt;

		if (never) {
			err_set(err, -EPERM, "%s/%s is not removed: %s", root_prefix(c->root),
				image->path, never);
			return err_hint(err, "if nothing needs it: rm %s",
					root_quoted(c->root, image->path, c->arena));
		}
		doubt = image->kind == BOOT_IMAGE_CURRENT ? NULL : foreign(c, image, is_gone);
		if (doubt)
			offer(c, image, doubt);
		else
			add(c, image, true, "this kernel is to have none");
	}
	return 0;
}

int prune_choose_kernel(const struct root *r, const struct inventory *inventory, const char *version,
			struct arena *arena, struct prune *out, struct err *err)
{
	struct chooser c = {.root = r, .inventory = inventory, .arena = arena};
	const struct inventory_row *row = inventory->rows, *end = row + inventory->n;
	int e = check_notes(inventory, err);

	while (row < end && strcmp(row->version, version) != 0)
		row++;
	if (e == 0 && row < end)
		e = choose_all(&c, row, err);
	if (row < end && !row->has_modules && !row->has_kernel && !row->is_running) {
		c.out.gone = arena_memdup(arena, &row->version, sizeof(row->version));
		c.out.n_gone = 1;
	}
	*out = c.out;
	return e;
}

/* ---- the hint for a full /boot ---- */

static const char *size_text(struct arena *arena, uint64_t bytes)
{
	return arena_printf(arena, "%.1f MB", (double)bytes / 1e6);
}

/* "preroot prune", for this root. */
static const char *own_command(const struct root *r, const char *words, struct arena *arena)
{
	return arena_printf(arena, "preroot prune%s%s%s", words, r->is_host ? "" : " --root ",
			    r->is_host ? "" : quote_word(r->path, arena));
}

/* One command that removes everything offered, or of that only the ways back to other builders; NULL:
 * there is none. Without a menu, images of no known kernel are left out: the machine may boot one of
 * them. */
static const char *rm_command(const struct prune *p, bool has_menu, bool only_ways_back,
			      struct arena *arena, uint64_t *bytes)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	*bytes = 0;
	for (size_t i = 0; i < p->n; i++) {
		const char *command = p->items[i].command;

		if (!command || (!has_menu && !p->items[i].version) ||
		    (only_ways_back && !p->items[i].is_way_back) ||
		    text.len + strlen(command) > ERR_HINT_MAX / 2)
			continue;
		buf_add_str(&text, text.len ? command + strlen("rm") : command);
		*bytes += p->items[i].bytes;
	}
	return text.len ? arena_strdup(arena, buf_cstr(&text)) : NULL;
}

int prune_hint(const struct root *r, unsigned keep, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct inventory inventory;
	struct prune usual, all;
	const char *rm, *back, *usually;
	uint64_t bytes, back_bytes;

	if (inventory_read(r, NULL, &arena, &inventory, NULL) < 0 ||
	    prune_choose(r, &inventory, (struct prune_rule){.keep = keep}, &arena, &usual, NULL) < 0 ||
	    prune_choose(r, &inventory, (struct prune_rule){0}, &arena, &all, NULL) < 0)
		return err->code;
	rm = rm_command(&usual, inventory.menu.n, false, &arena, &bytes);
	back = rm_command(&all, inventory.menu.n, true, &arena, &back_bytes);
	usually = arena_printf(&arena, "%s frees %s", own_command(r, "", &arena),
			       size_text(&arena, usual.bytes));
	if (usual.bytes && all.bytes == usual.bytes)
		return err_hint(err, "%s", usually);
	if (all.bytes)
		return err_hint(err, "%s%s%sgive up the previous images of kernels that are there: %s "
				     "frees %s",
				usual.bytes ? usually : "", usual.bytes ? "; or " : "",
				back ? arena_printf(&arena, "%s frees %s, if nobody needs to go back to "
							    "another builder; or ",
						    back, size_text(&arena, back_bytes))
				     : "",
				own_command(r, " --keep 0", &arena), size_text(&arena, all.bytes));
	if (rm)
		return err_hint(err, "%s frees %s, if nobody needs that; or remove kernels with "
				     "the package manager",
				rm, size_text(&arena, bytes));
	return err->code;
}

/* ---- removing it ---- */

/* An image's folder, and its name there. */
struct place {
	int dir;
	const char *name;
	char temp[NAME_MAX + 1]; /* its name once it is put aside */
};

static int find_place(const struct root *r, const struct prune_item *item, struct place *out,
		      struct err *err)
{
	out->name = base_name(item->path);
	atomic_temp_name(out->name, PUT_ASIDE, out->temp);
	out->dir = folder_of(r, item->path, err);
	return out->dir < 0 ? out->dir : 0;
}

/* Renames the image to or from its temporary name. If the run is killed, the next one's clear_up()
 * removes the temporary files. */
static int put_item(const struct root *r, const struct prune_item *item, bool aside,
		    struct err *err)
{
	struct place at;
	int e = find_place(r, item, &at, err);

	if (e == 0)
		e = exchange_move(at.dir, aside ? at.name : at.temp, aside ? at.temp : at.name, err);
	close_fd(at.dir);
	return e;
}

/* Renames the first N items back. UNDO gets the first failure, and the image's present name. */
static int put_back(const struct root *r, const struct prune *p, size_t n, struct err *undo)
{
	char temp[NAME_MAX + 1];
	int e, first = 0;

	for (size_t i = 0; i < n; i++) {
		const char *path = p->items[i].path;

		e = p->items[i].goes ? put_item(r, &p->items[i], false, first ? NULL : undo) : 0;
		if (e == 0 || first)
			continue;
		first = e;
		atomic_temp_name(base_name(path), PUT_ASIDE, temp);
		err_prefix(undo, "/%s could not be put back and is now called %s", path, temp);
	}
	return first;
}

/* Puts the first N items back, for the reason in ERR. */
static int give_up(const struct root *r, const struct prune *p, size_t n, struct err *err)
{
	struct err undo = {0};

	if (put_back(r, p, n, &undo) == 0)
		return err_prefix(err, "nothing was removed");
	err_prefix(err, "%s; this came after another failure", undo.text);
	return err_hint(err, "rename it by hand if it is needed: the next preroot prune removes "
			     "what has such a name");
}

static int put_aside(const struct root *r, const struct prune *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].goes && put_item(r, &p->items[i], true, err) < 0)
			return give_up(r, p, i, err);
	return 0;
}

static int remove_item(const struct root *r, const struct prune_item *item, struct err *err)
{
	struct place at;
	int e = find_place(r, item, &at, err);

	if (e < 0)
		return e;
	if (unlinkat(at.dir, at.temp, 0) < 0 && errno != ENOENT)
		e = err_sys(err, -errno, "removing %s", at.temp);
	else if ((e = folder_sync(at.dir, -1)) < 0)
		err_sys(err, e, "writing the folder of %s to the disk", item->path);
	close_fd(at.dir);
	return e;
}

/* Reports the first failure, and still removes everything that can be removed. */
static int remove_for_good(const struct root *r, const struct prune *p, struct err *err)
{
	int e, first = 0;

	for (size_t i = 0; i < p->n; i++) {
		e = p->items[i].goes ? remove_item(r, &p->items[i], first ? NULL : err) : 0;
		first = first ? first : e;
	}
	return first;
}

/* Removes the temporary files of killed runs in FOLDER. */
static void clear_folder(const struct root *r, const char *folder)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_fd_ int dir = root_openat(r, folder, O_RDONLY | O_DIRECTORY);
	char ending[NAME_MAX + 1], **names;
	int n = root_listdir(r, folder, &arena, &names);

	atomic_clean_folder(r, folder);
	atomic_temp_name("", PUT_ASIDE, ending);
	for (int i = 0; dir >= 0 && i < n; i++)
		if (str_ends(names[i], ending) && unlinkat(dir, names[i], 0) == 0)
			folder_sync(dir, -1);
}

/* Removes the temporary files of killed runs in all folders of images. */
static void clear_up(const struct root *r, const struct bootdir *b)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char **versions;
	int n = b->token ? root_listdir(r, b->token, &arena, &versions) : 0;

	clear_folder(r, b->path);
	for (int i = 0; i < n; i++)
		clear_folder(r, arena_printf(&arena, "%s/%s", b->token, versions[i]));
}

int prune_remove(const struct root *r, const struct bootdir *b, const struct prune *p,
		 const struct loader_request *loader, struct err *err)
{
	int e;

	clear_up(r, b);
	e = put_aside(r, p, err);
	if (e < 0)
		return e;
	e = loader ? loader_update(loader, err) : 0;
	if (e < 0) {
		err_prefix(err, "the boot loader could not be brought in line");
		return give_up(r, p, p->n, err);
	}
	e = remove_for_good(r, p, err);
	for (size_t i = 0; i < p->n_gone && e == 0; i++)
		e = state_remove(r, p->gone[i], err);
	return e;
}
