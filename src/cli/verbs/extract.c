/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs/extract.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "image/open.h"

static int set_force(const struct option_spec *spec, char **args, void *force, struct err *err)
{
	(void)spec;
	(void)args;
	(void)err;
	*(bool *)force = true;
	return 0;
}

/* Extracting replaces existing files, and the user does not know the image's names yet. */
static int check_empty(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	const struct dirent *e = NULL;

	/* If it is missing or not a folder, the extraction reports that. */
	if (!dir)
		return 0;
	do {
		e = readdir(dir);
	} while (e && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	if (e) {
		err_set(err, -ENOTEMPTY, "%s is not empty: it holds %s", path, e->d_name);
		err_hint(err, "choose a new folder, or let files there be replaced with --force");
	}
	closedir(dir);
	return e ? -ENOTEMPTY : 0;
}

void extract_warn(const struct extract_result *done)
{
	if (done->special)
		cli_warn("device nodes, FIFOs or sockets that were left out: %llu",
			 (unsigned long long)done->special);
	if (done->kept)
		cli_warn("entries that were left out because a file of that name is there: %llu; "
			 "the first is %s; to get all of them, unpack into an empty folder",
			 (unsigned long long)done->kept, done->first_kept);
	if (done->impossible)
		cli_warn("entries that cannot be made were left out, as the kernel does: %llu; "
			 "the first is %s",
			 (unsigned long long)done->impossible, done->why);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct extract_result done = {0};
	struct err err = {0};
	bool force = false;
	int r = options_parse(self, argc, argv, set_force, &force, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0 && !force)
		r = check_empty(argv[1], &err);
	if (r < 0)
		return cli_fail(&err);
	r = image_extract(image, argv[1], &done, &err);
	extract_warn(&done);
	if (r < 0)
		err_hint(&err, "%llu file%s unpacked to %s before that",
			 (unsigned long long)done.files, done.files == 1 ? " was" : "s were", argv[1]);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	{"force", 'f', NULL, "replace files that are in DIR already", OPT_FORCE, false},
	{0},
};

const struct command command_extract = {
	.name = "extract",
	.positional = "IMAGE DIR",
	.summary = "Unpack an image below a folder.",
	.options = options,
	.min = 2,
	.max = 2,
	.run = run,
};
