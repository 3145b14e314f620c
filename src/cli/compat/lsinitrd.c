/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/kit.h"
#include "cli/compat/show.h"
#include "cli/compat/take_out.h"
#include "cli/messages.h"
#include "cli/verbs/cat.h"

/* dracut's program that looks into images. Scripts read its output. */

struct lsinitrd {
	const char *kernel;
	struct front_words files; /* patterns */
	bool by_size, only_modules, verbose, unpack, unpack_early;
};

enum { KERNEL, NAMED, SIZE, MODULES, VERBOSE, UNPACK, UNPACK_EARLY };

static const struct front_option options[] = {
	{"size", 's', NULL, FRONT_OWN, NULL, "sort the list by size", SIZE},
	{"mod", 'm', NULL, FRONT_OWN, NULL, "list only the modules of dracut", MODULES},
	{"file", 'f', "FILE", FRONT_OWN, NULL, "print FILE of the image, or what matches it", NAMED},
	{"kver", 'k', "VERSION", FRONT_OWN, NULL, "the image of this kernel", KERNEL},
	{"unpack", 0, NULL, FRONT_OWN, NULL, "unpack all but the early part, or FILE... of it", UNPACK},
	{"unpackearly", 0, NULL, FRONT_OWN, NULL, "unpack the early part, or FILE... of it",
	 UNPACK_EARLY},
	{"verbose", 'v', NULL, FRONT_OWN, NULL, "print the names of what is unpacked", VERBOSE},
	FRONT_LAST_OPTIONS,
};

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct lsinitrd *l = f->state;

	(void)err;
	switch (o->id) {
	case KERNEL:
		l->kernel = args[0];
		break;
	case NAMED:
		front_add(f, &l->files, args[0]);
		break;
	default:
		l->by_size |= o->id == SIZE;
		l->only_modules |= o->id == MODULES;
		l->verbose |= o->id == VERBOSE;
		l->unpack |= o->id == UNPACK;
		l->unpack_early |= o->id == UNPACK_EARLY;
	}
	return 0;
}

/* ---- printing files ---- */

/* Prints what matches PATTERN, each path once. Their number or -errno. */
static int print_matches(const struct listing *l, const char *image, const char *pattern,
			 struct err *err)
{
	int found = 0, r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct listing_entry *e = &l->list[i];
		size_t before = 0;

		if (!S_ISREG(e->mode) || !take_out_matches(pattern, e->path))
			continue;
		while (before < i && strcmp(l->list[before].path, e->path) != 0)
			before++;
		if (before < i)
			continue;
		r = cat_file(image, e->path, err);
		found++;
	}
	return r < 0 ? r : found;
}

static int print_files(const struct lsinitrd *o, const struct listing *l, const char *image,
		       struct err *err)
{
	const bool has_headings = o->files.n > 1;
	int n = 0;

	for (size_t i = 0; i < o->files.n && n >= 0; i++) {
		const char *name = o->files.list[i] + strspn(o->files.list[i], "/");

		if (has_headings)
			printf("initramfs:/%s\n" SHOW_LINE, name);
		n = print_matches(l, image, name, err);
		/* dracut prints nothing then, and succeeds. */
		if (n == 0)
			cli_warn("%s holds no file %s", image, name);
		if (has_headings)
			printf(SHOW_LINE "\n");
	}
	return n < 0 ? n : 0;
}

/* ---- the run ---- */

static int do_it(struct front_run *f, const struct listing *l, struct image *image, const char *path,
		 struct err *err)
{
	const struct lsinitrd *o = f->state;
	const struct take_out t = {.file = path,
				   .listing = l,
				   .early = o->unpack_early,
				   .segment = -1,
				   .patterns = &o->files,
				   .verbose = o->verbose};
	int r;

	if (o->unpack || o->unpack_early) {
		r = take_out(&t, ".", err);
		return r > 0 ? take_out_incomplete(&t, err) : r;
	}
	if (o->files.n)
		return print_files(o, l, path, err);
	return show_image(&(struct show){.image = image,
					 .listing = l,
					 .path = path,
					 .by_size = o->by_size,
					 .only_modules = o->only_modules},
			  err);
}

/* The path of the image, without links on the way. */
static int find(struct front_run *f, char out[PATH_MAX], struct err *err)
{
	struct lsinitrd *o = f->state;
	const char *path = front_word(f, 0);
	int r = path ? 0 : kit_image_of(o->kernel, &f->arena, &path, err);

	for (size_t i = 1; i < f->words.n; i++)
		if (front_word(f, i))
			front_add(f, &o->files, f->words.list[i]);
	if (r == 0 && !realpath(path, out))
		r = err_sys(err, -errno, "%s", path);
	return r;
}

static int run(struct front_run *f)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_listing_ struct listing listing = {.is_ours = false};
	struct err err = {0}, damage = {0};
	char path[PATH_MAX];
	size_t n_sections;
	int r = find(f, path, &err);

	if (r == 0)
		r = image_open(path, &image, &err);
	if (r < 0)
		return cli_fail(&err);
	image_sections(image, &n_sections);
	r = listing_read(image, &listing, &damage);
	/* What there is before the damage is still shown. */
	if (r < 0 && !listing.n && !n_sections)
		return cli_fail(&damage);
	r = do_it(f, &listing, image, path, &err);
	if (r == 0 && damage.code)
		err = damage;
	return err.code ? cli_fail(&err) : cli_end(EXIT_DONE);
}

const struct front front_lsinitrd = {
	.name = "lsinitrd",
	.usage = "[OPTION...] [IMAGE [FILE...]]",
	.version = "111",
	.options = options,
	.state_size = sizeof(struct lsinitrd),
	.usage_status = EXIT_FAILED,
	.has_places = true,
	.commands = {&command_list, &command_extract},
	.own = own,
	.run = run,
};
