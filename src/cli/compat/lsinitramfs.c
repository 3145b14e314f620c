/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/listing.h"
#include "cli/messages.h"

/* Of Debian's initramfs-tools: the names in the order of the image. */

static const struct front_option options[] = {
	{"long", 'l', NULL, FRONT_OWN, NULL, "a line of ls -l for each", 0},
	FRONT_LAST_OPTIONS,
};

static int print_line(struct image *image, const struct image_entry *e, struct err *err)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	int r = listing_line(image, e, &line, err);

	if (r == 0)
		printf("%s\n", buf_cstr(&line));
	return r;
}

static int list(const char *path, bool is_long, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	char shown[4 * CPIO_NAME_MAX + 1];
	struct image_entry e;
	int r = image_open(path, &image, err);

	while (r >= 0 && (r = image_next(image, &e, err)) > 0) {
		if (is_long) {
			r = print_line(image, &e, err);
		} else {
			escape_text(e.name, shown, sizeof(shown));
			printf("%s\n", shown);
		}
	}
	return r;
}

static int run(struct front_run *f)
{
	const bool *is_long = f->state;
	struct err err = {0};

	if (front_check_words(f, 1, f->words.n, &err) < 0)
		return front_usage(f, &err);
	for (size_t i = 0; i < f->words.n; i++)
		if (list(f->words.list[i], *is_long, &err) < 0)
			return cli_fail(&err);
	return cli_end(EXIT_DONE);
}

const struct front front_lsinitramfs = {
	.name = "lsinitramfs",
	.usage = "[-l] IMAGE...",
	.version = "0.142",
	.options = options,
	.state_size = sizeof(bool),
	.usage_status = EXIT_USAGE,
	.commands = {&command_list},
	.own = front_set_switch,
	.run = run,
};
