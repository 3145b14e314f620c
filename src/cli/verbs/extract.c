/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "image/extract.h"
#include "image/open.h"

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct extract_result done = {0};
	struct err err = {0};
	int r = options_parse(self, argc, argv, NULL, NULL, &err);

	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = image_extract(image, argv[1], &done, &err);
	if (done.special)
		cli_warn("%llu device nodes, FIFOs or sockets were left out",
			 (unsigned long long)done.special);
	if (done.impossible)
		cli_warn("entries that cannot be made were left out, as the kernel does: %llu; "
			 "the first is %s",
			 (unsigned long long)done.impossible, done.why);
	if (r < 0)
		err_hint(&err, "%llu files were unpacked to %s before that",
			 (unsigned long long)done.files, argv[1]);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {{0}};

const struct command command_extract = {
	.name = "extract",
	.positional = "IMAGE DIR",
	.summary = "Unpack an image below a folder.",
	.options = options,
	.min = 2,
	.max = 2,
	.run = run,
};
