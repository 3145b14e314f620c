/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/images.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/osrelease.h"
#include "host/boot/early.h"

#define PREVIOUS ".previous"
#define TRIAL	 ".trial"

enum {
	TEXT_MAX = 1024 * 1024,
	GENERATION_MAX = 99,
	TEMP_DIGITS = 8,
	SURE = 3,	    /* the weight of an image that is named for the kernel */
};

/* ---- names ---- */

struct pattern {
	const char *start, *end;
};

enum { BY_DEBIAN, BY_MOST, BY_MAGEIA, BY_SUSE, BY_ALPINE };

/* Where two endings match, the longer one must come first. */
static const struct pattern patterns[] = {
	[BY_DEBIAN] = {"initrd.img-", ""},
	[BY_MOST] = {"initramfs-", ".img"},
	[BY_MAGEIA] = {"initrd-", ".img"},
	[BY_SUSE] = {"initrd-", ""},
	[BY_ALPINE] = {"initramfs-", ""},
};

static const char *name_of(const struct pattern *p, const char *folder, const char *what,
			   struct arena *arena)
{
	return arena_printf(arena, "%s/%s%s%s", folder, p->start, what, p->end);
}

/* The part of an image's name that says the kernel; NULL if it is not named like an image. */
static const char *kernel_part(const char *name, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		size_t start = strlen(patterns[i].start), end = strlen(patterns[i].end);

		if (str_starts(name, patterns[i].start) && str_ends(name, patterns[i].end) &&
		    strlen(name) > start + end)
			return arena_strndup(arena, name + start, strlen(name) - start - end);
	}
	return NULL;
}

/* Does S look like a kernel's version, and not like the suffix of a backup ("6.1.0.bak")? */
static bool is_version(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (!digits || s[digits] != '.' || !isdigit((unsigned char)s[digits + 1]) ||
	    strstr(s, PREVIOUS) ||
	    s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+_~-")])
		return false;
	return !kernel_name_is_copy(s) && !str_ends(s, "kdump");
}

static bool is_word_of(const char *word, const struct pattern *p)
{
	static const struct {
		const char *start;
		unsigned pattern;
	} systems[] = {
		{"debian", BY_DEBIAN}, {"ubuntu", BY_DEBIAN}, {"mageia", BY_MAGEIA},
		{"opensuse", BY_SUSE}, {"suse", BY_SUSE},     {"sles", BY_SUSE},
		{"sled", BY_SUSE},     {"alpine", BY_ALPINE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (str_starts(word, systems[i].start))
			return &patterns[systems[i].pattern] == p;
	return false;
}

/* How this distribution names its images. */
static const struct pattern *usual_pattern(const struct root *r)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char like[256] = "", id[64] = "";
	char *cursor = like, *word = id;

	if (root_read(r, "etc/os-release", TEXT_MAX, &text) < 0 &&
	    root_read(r, "usr/lib/os-release", TEXT_MAX, &text) < 0)
		return &patterns[root_exists(r, "etc/debian_version") ? BY_DEBIAN : BY_MOST];
	osrelease_get((const char *)text.data, text.len, "ID", id, sizeof(id));
	osrelease_get((const char *)text.data, text.len, "ID_LIKE", like, sizeof(like));
	for (; word; word = strsep(&cursor, " "))
		for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
			if (is_word_of(word, &patterns[i]))
				return &patterns[i];
	return &patterns[BY_MOST];
}

const char *boot_image_previous(const char *path, unsigned generation, struct arena *arena)
{
	return generation > 1 ? arena_printf(arena, "%s" PREVIOUS "-%u", path, generation)
			      : arena_printf(arena, "%s" PREVIOUS, path);
}

const char *boot_image_trial(const char *path, struct arena *arena)
{
	return arena_printf(arena, "%s" TRIAL, path);
}

/* Cuts ".previous-3" or ".trial" off NAME, and sets OUT's kind and generation from it. */
static void cut_kind(char *name, struct boot_image *out)
{
	char *dot = strrchr(name, '.');
	uint64_t number = 1;

	if (!dot)
		return;
	if (strcmp(dot, TRIAL) == 0)
		out->kind = BOOT_IMAGE_TRIAL;
	else if (str_starts(dot, PREVIOUS) &&
		 (!dot[strlen(PREVIOUS)] ||
		  (dot[strlen(PREVIOUS)] == '-' &&
		   parse_u64(dot + strlen(PREVIOUS) + 1, GENERATION_MAX, &number) && number > 1)))
		out->kind = BOOT_IMAGE_PREVIOUS;
	else
		return;
	out->generation = out->kind == BOOT_IMAGE_PREVIOUS ? (unsigned)number : 0;
	*dot = '\0';
}

/* ---- what the menu says ---- */

/* A previous, trial, rescue or fallback image: not what the kernel normally boots with. */
static bool is_spare(const char *path, struct arena *arena)
{
	char *name = arena_strdup(arena, base_name(path));
	struct boot_image kind = {0};

	cut_kind(name, &kind);
	return kind.kind != BOOT_IMAGE_CURRENT || strstr(name, "rescue") ||
	       strstr(name, "recovery") || strstr(name, "fallback");
}

/* Only an image in the folder of images and on its filesystem can be replaced by a rename. */
static bool is_in_place(const struct root *r, const struct bootdir *b, const char *path,
			struct arena *arena)
{
	size_t len = strlen(b->path);
	struct stat st;

	return strncmp(path, b->path, len) == 0 && path[len] == '/' &&
	       root_stat(r, arena_folder(arena, path), &st) == 0 && st.st_dev == b->device;
}

/* How likely it is that entry E boots VERSION with IMAGE in normal use. 0: it does not. */
static unsigned weight(const struct bootdir *b, const struct bootmenu_entry *e, const char *image,
		       const char *version, struct arena *arena)
{
	const char *part = kernel_part(base_name(image), arena);

	if (is_spare(image, arena) || strstr(base_name(e->kernel), "rescue"))
		return 0;
	if (part && strcmp(part, version) == 0)
		return SURE;
	if (part && is_version(part)) /* another kernel's, or a copy */
		return 0;
	for (size_t i = 0; part && i < b->n_kernels; i++)
		if (strcmp(b->kernels[i].path, e->kernel) == 0 &&
		    strcmp(b->kernels[i].suffix, part) == 0)
			return SURE;
	return strstr(e->kernel, version) ? 2 : 1;
}

/* The image with which the menu boots a kernel. */
struct choice {
	const char *path; /* NULL: nothing */
	unsigned weight;
	const char *rival;	/* another one, and none is named for the kernel; NULL: none */
	const char *rival_menu; /* the file that names it */
};

static void choose(struct choice *c, const char *image, unsigned weight, const char *menu)
{
	bool is_new = weight > c->weight;

	if (weight && c->path && weight < SURE && c->weight < SURE && strcmp(image, c->path) != 0) {
		c->rival = is_new ? c->path : image;
		c->rival_menu = menu;
	}
	if (!is_new)
		return;
	c->path = image;
	c->weight = weight;
	if (weight == SURE)
		c->rival = NULL;
}

/* An entry may name other files before and after the image: microcode, further archives. */
static void choose_of_entry(const struct root *r, const struct bootdir *b, const char *version,
			    const struct bootmenu_entry *e, struct arena *arena, struct choice *c)
{
	for (const char **image = e->initrds; *image; image++)
		if (!boot_image_is_early(r, *image) && is_in_place(r, b, *image, arena))
			choose(c, *image, weight(b, e, *image, version, arena), e->file);
}

static struct choice choose_by_menu(const struct root *r, const struct bootdir *b,
				    const char *version, struct arena *arena)
{
	struct choice c = {0};

	for (size_t i = 0; b->menu && i < b->menu->n; i++) {
		const struct bootmenu_entry *e = &b->menu->entries[i];

		if (!e->is_ours && !e->is_foreign && e->kernel && e->version &&
		    strcmp(e->version, version) == 0 && strcmp(e->top->base, b->path) == 0)
			choose_of_entry(r, b, version, e, arena, &c);
	}
	return c;
}

/* ---- the path of an image ---- */

/* PATH with its links resolved; NULL if there is no file, or it cannot be replaced in
 * place. */
static const char *resolve_in_place(const struct root *r, const struct bootdir *b, const char *path,
				    struct arena *arena)
{
	const char *whole = root_resolve(r, path, arena);

	return whole && is_in_place(r, b, whole, arena) ? whole : NULL;
}

static const char *path_by_suffix(const struct root *r, const struct bootdir *b,
				  const char *suffix, struct arena *arena)
{
	const char *path = NULL;

	for (size_t i = 0; *suffix && !path && i < ARRAY_SIZE(patterns); i++)
		path = resolve_in_place(r, b, name_of(&patterns[i], b->path, suffix, arena), arena);
	return path;
}

static const char *suffix_of(const struct bootdir *b, const char *version)
{
	for (size_t i = 0; i < b->n_kernels; i++)
		if (strcmp(b->kernels[i].version, version) == 0 &&
		    !strstr(b->kernels[i].suffix, "rescue"))
			return b->kernels[i].suffix;
	return version;
}

static const char *path_in_folder(const struct root *r, const struct bootdir *b,
				  const char *version, struct arena *arena)
{
	const char *folder = arena_printf(arena, "%s/%s", b->token, version);
	const char *plain = arena_printf(arena, "%s/initrd", folder);
	const char *debian = name_of(&patterns[BY_DEBIAN], folder, version, arena);
	bool is_in_boot = strcmp(b->path, b->boot) == 0;

	if (root_exists(r, plain))
		return plain;
	if (root_exists(r, debian))
		return debian;
	if (is_in_boot && !root_exists(r, folder))
		return NULL;
	return usual_pattern(r) == &patterns[BY_DEBIAN] ? debian : plain;
}

const char *boot_image_path(const struct root *r, const struct bootdir *b, const char *version,
			    struct arena *arena)
{
	struct choice menu = choose_by_menu(r, b, version, arena);
	const char *path = menu.weight == SURE ? menu.path : NULL, *suffix = suffix_of(b, version);

	if (!path && strcmp(b->path, b->boot) == 0)
		path = path_by_suffix(r, b, version, arena);
	if (!path && b->token)
		path = path_in_folder(r, b, version, arena);
	if (!path && !menu.rival)
		path = menu.path;
	if (!path)
		path = path_by_suffix(r, b, suffix, arena);
	return path ? path : name_of(usual_pattern(r), b->path, *suffix ? suffix : version, arena);
}

/* Is the image at PATH, or its folder, named for VERSION? */
static bool is_named_for(const struct bootdir *b, const char *path, const char *version,
			 struct arena *arena)
{
	const char *part = kernel_part(base_name(path), arena);

	if (!part)
		return strcmp(base_name(arena_folder(arena, path)), version) == 0;
	return strcmp(part, version) == 0 || strcmp(part, suffix_of(b, version)) == 0;
}

/* Is it named for a kernel other than VERSION? */
static bool is_named_for_another(const struct bootdir *b, const char *path, const char *version,
				 struct arena *arena)
{
	const char *part = kernel_part(base_name(path), arena);

	return is_version(part ? part : base_name(arena_folder(arena, path))) &&
	       !is_named_for(b, path, version, arena);
}

static int fail_shared(const char *path, const char *version, const char *other, struct err *err)
{
	return err_set(err, -EINVAL, "/%s is the image of kernels %s and %s; give each its own", path,
		       version, other);
}

/* Is the image at PATH, whose name says no kernel, VERSION's alone? */
static int check_others(const struct root *r, const struct bootdir *b, const char *version,
			const char *path, struct arena *arena, struct err *err)
{
	for (size_t i = 0; b->menu && i < b->menu->n; i++) {
		const struct bootmenu_entry *e = &b->menu->entries[i];

		if (e->version && !e->is_ours && !e->is_foreign &&
		    strcmp(e->version, version) != 0 && bootmenu_names(e, path))
			return fail_shared(path, version, e->version, err);
	}
	/* Without a menu, links may lead there. */
	for (size_t i = 0; i < b->n_kernels; i++) {
		const char *other = b->kernels[i].version;

		if (strcmp(other, version) != 0 &&
		    strcmp(boot_image_path(r, b, other, arena), path) == 0)
			return fail_shared(path, version, other, err);
	}
	return 0;
}

const char *boot_image_own(const struct root *r, const struct bootdir *b, const char *version,
			   struct arena *arena, struct err *err)
{
	const char *path = boot_image_path(r, b, version, arena);
	struct choice menu = choose_by_menu(r, b, version, arena);

	if (menu.rival && !root_exists(r, path)) {
		err_set(err, -EINVAL,
			"the boot menu (/%s) boots kernel %s with /%s and /%s, and neither name "
			"says which is its image",
			menu.rival_menu, version, menu.path, menu.rival);
		err_hint(err, "name the image /%s, there and in the menu", path);
		return NULL;
	}
	if (is_named_for_another(b, path, version, arena)) {
		err_set(err, -EINVAL,
			"a link makes /%s the image of kernel %s, but its name is that of "
			"another kernel; remove the link",
			path, version);
		return NULL;
	}
	if (is_named_for(b, path, version, arena))
		return path;
	return check_others(r, b, version, path, arena, err) < 0 ? NULL : path;
}

/* ---- the list ---- */

struct listing {
	const struct root *root;
	const struct bootdir *boot;
	struct arena *arena;
	const struct pattern *usual;
	struct kernel *trees;
	size_t n_trees;
	struct boot_images out;
};

/* A file that a run is writing, or has left behind when it was killed. */
static bool is_temporary(const char *name)
{
	const char *mark = strstr(name, ".preroot-");

	return mark && strlen(mark) == strlen(".preroot-") + TEMP_DIGITS;
}

static bool is_listed(const struct listing *l, const char *path)
{
	for (size_t i = 0; i < l->out.n; i++)
		if (strcmp(l->out.list[i].path, path) == 0)
			return true;
	return false;
}

static bool has_usual_name(const struct listing *l, const struct boot_image *image)
{
	char *name = arena_strdup(l->arena, base_name(image->path));
	struct boot_image kind = {0};

	cut_kind(name, &kind);
	return strcmp(name, "initrd") == 0 ||
	       strcmp(name, base_name(name_of(l->usual, "", image->version, l->arena))) == 0;
}

/* Skips what is no regular file, and what is already listed. */
static void add(struct listing *l, struct boot_image image)
{
	struct boot_images *o = &l->out;
	struct stat st;

	if (root_lstat(l->root, image.path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    is_listed(l, image.path))
		return;
	image.size = (uint64_t)st.st_size;
	image.has_usual_name = has_usual_name(l, &image);
	o->list = arena_grow(l->arena, o->list, o->n, sizeof(*o->list));
	o->list[o->n++] = image;
}

static void add_other(struct listing *l, struct boot_image image)
{
	struct boot_images *o = &l->out;
	struct stat st;

	if (root_lstat(l->root, image.path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	image.size = (uint64_t)st.st_size;
	o->others = arena_grow(l->arena, o->others, o->n_others, sizeof(*o->others));
	o->others[o->n_others++] = image;
}

/* Adds the image of VERSION, wherever it is, with its previous and trial images. */
static void add_kernel(struct listing *l, const char *version)
{
	const char *path = boot_image_path(l->root, l->boot, version, l->arena);
	const char *folder = arena_folder(l->arena, path);
	char **names;
	int n = is_named_for_another(l->boot, path, version, l->arena)
			? 0
			: root_listdir(l->root, folder, l->arena, &names);

	for (int i = 0; i < n; i++) {
		char *copy = arena_strdup(l->arena, names[i]);
		struct boot_image image = {.version = version};

		cut_kind(copy, &image);
		image.path = arena_printf(l->arena, "%s/%s", folder, names[i]);
		if (strcmp(copy, base_name(path)) == 0)
			add(l, image);
	}
}

/* The installed kernel whose version NAME is or starts with; the longest match. */
static const char *kernel_of(const struct listing *l, const char *name)
{
	size_t longest = 0;
	const char *found = NULL;

	for (size_t i = 0; i < l->n_trees + l->boot->n_kernels; i++) {
		const char *version = i < l->n_trees ? l->trees[i].version
						     : l->boot->kernels[i - l->n_trees].version;
		size_t len = strlen(version);

		if (len <= longest || !str_starts(name, version) || isalnum((unsigned char)name[len]))
			continue;
		longest = len;
		found = version;
	}
	return found;
}

/* Adds the file NAME of the folder of images if it is an image. */
static void add_name(struct listing *l, const char *name)
{
	struct boot_image image = {.path = arena_printf(l->arena, "%s/%s", l->boot->path, name)};
	char *copy = arena_strdup(l->arena, name);
	const char *part, *kernel;

	if (is_temporary(name) || is_listed(l, image.path))
		return;
	cut_kind(copy, &image);
	part = kernel_part(copy, l->arena);
	kernel = part ? kernel_of(l, part) : NULL;
	if (part && is_version(part) && (!kernel || strcmp(kernel, part) == 0)) {
		image.version = part;
		add(l, image);
	} else if (part || str_starts(name, "initrd") || str_starts(name, "initramfs")) {
		image.version = kernel;
		image.kind = BOOT_IMAGE_CURRENT;
		if (!boot_image_is_early(l->root, image.path))
			add_other(l, image);
	}
}

/* Adds the images in kernel-install's folders, of which each kernel has one. */
static void add_folders(struct listing *l)
{
	const char *top = l->boot->token;
	char **versions, **names;
	int n = top ? root_listdir(l->root, top, l->arena, &versions) : 0;

	for (int i = 0; i < n; i++) {
		const char *folder = arena_printf(l->arena, "%s/%s", top, versions[i]);

		if (!is_version(versions[i]) ||
		    root_listdir(l->root, folder, l->arena, &names) < 0)
			continue;
		for (char **name = names; *name; name++) {
			char *copy = arena_strdup(l->arena, *name);
			struct boot_image image = {.version = versions[i]};
			const char *part;

			cut_kind(copy, &image);
			part = kernel_part(copy, l->arena);
			image.path = arena_printf(l->arena, "%s/%s", folder, *name);
			if (strcmp(copy, "initrd") == 0 || (part && strcmp(part, versions[i]) == 0))
				add(l, image);
		}
	}
}

static int by_kernel(const void *a, const void *b)
{
	const struct boot_image *x = a, *y = b;
	int d = version_compare(y->version, x->version);

	/* "1-01" and "1-1" compare as equal, but are two kernels. */
	if (!d)
		d = strcmp(x->version, y->version);
	if (d)
		return d;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return strcmp(x->path, y->path);
}

int boot_images_list(const struct root *r, const struct bootdir *b, struct arena *arena,
		     struct boot_images *out, struct err *err)
{
	struct listing l = {
		.root = r, .boot = b, .arena = arena, .usual = usual_pattern(r)};
	char **names;
	int n_trees = kernels_list(r, arena, &l.trees, NULL);
	int n = root_listdir(r, b->path, arena, &names);

	if (n < 0)
		return err_sys(err, n, "%s/%s", root_prefix(r), b->path);
	l.n_trees = n_trees > 0 ? (size_t)n_trees : 0;
	for (size_t i = 0; i < l.n_trees; i++)
		add_kernel(&l, l.trees[i].version);
	for (size_t i = 0; i < b->n_kernels; i++)
		if (!strstr(b->kernels[i].suffix, "rescue"))
			add_kernel(&l, b->kernels[i].version);
	for (int i = 0; strcmp(b->path, b->boot) == 0 && i < n; i++)
		add_name(&l, names[i]);
	add_folders(&l);
	if (l.out.n)
		qsort(l.out.list, l.out.n, sizeof(*l.out.list), by_kernel);
	*out = l.out;
	return 0;
}
