/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs/cat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/quote.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "image/open.h"

enum { CHUNK = 64 * 1024 };

/* Users type /lib/x for usr/lib/x, since /lib is a link. */
static bool is_path(const struct image_entry *e, const char *wanted)
{
	while (*wanted == '/')
		wanted++;
	return strcmp(e->path, wanted) == 0 ||
	       (str_starts(e->path, "usr/") && strcmp(e->path + 4, wanted) == 0);
}

/* Finds the last file of that name, since the kernel keeps the last one: its number, and a copy of
 * the entry, whose strings are no longer valid. */
static int find_last(const char *file, const char *path, size_t *number, struct image_entry *last,
		     struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	size_t n = 0;
	int r = image_open(file, &image, err);

	*number = 0;
	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		n++;
		if (S_ISREG(e.header.mode) && is_path(&e, path)) {
			*number = n;
			*last = e;
		}
	}
	if (r == 0 && !*number) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;

		r = err_set(err, -ENOENT, "%s holds no file %s", file, path);
		err_hint(err, "see: preroot list %s", quote_word(file, &arena));
	}
	return r;
}

/* The data of a hard-linked file may be at any of its names; the last data wins. */
static int find_data(const char *file, const struct image_entry *name, size_t *number,
		     struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e;
	size_t n = 0;
	int r = image_open(file, &image, err);

	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		n++;
		if (e.header.filesize && image_entry_is_linked(&e, name))
			*number = n;
	}
	return r;
}

static int copy_out(struct image *image, struct err *err)
{
	char chunk[CHUNK];
	ssize_t n;

	while ((n = image_read(image, chunk, sizeof(chunk), err)) > 0)
		fwrite(chunk, 1, (size_t)n, stdout);
	return (int)n;
}

int cat_file(const char *file, const char *path, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_entry e, last;
	size_t number;
	int r = find_last(file, path, &number, &last, err);

	if (r == 0 && last.header.nlink >= 2)
		r = find_data(file, &last, &number, err);
	if (r == 0)
		r = image_open(file, &image, err);
	while (r >= 0 && number) {
		r = image_next(image, &e, err);
		number--;
	}
	return r < 0 ? r : copy_out(image, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct err err = {0};
	int n = options_parse(self, argc, argv, NULL, NULL, &err), r = 0;

	if (n < 0)
		return cli_usage(n, &err);
	for (int i = 1; i < n && r == 0; i++)
		r = cat_file(argv[0], argv[i], &err);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {{0}};

const struct command command_cat = {
	.name = "cat",
	.positional = "IMAGE PATH...",
	.summary = "Print files of an image.",
	.options = options,
	.min = 2,
	.max = -1,
	.run = run,
};
