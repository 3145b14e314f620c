/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/take_out.h"
#include "cli/messages.h"

/*
 * Of Debian's initramfs-tools. What the kernel reads before it unpacks the image goes to DIR/early,
 * DIR/early2 and so on, the rest to DIR/main; without the first, everything goes to DIR.
 */

static const struct front_option options[] = {
	{"verbose", 'v', NULL, FRONT_OWN, NULL, "print the names", 0},
	FRONT_LAST_OPTIONS,
};

static int read_listing(const char *path, struct listing *out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = image_open(path, &image, err);

	return r < 0 ? r : listing_read(image, out, err);
}

static int unpack(struct front_run *f, const struct listing *l, struct err *err)
{
	const bool *verbose = f->state;
	struct take_out t = {.file = f->words.list[0], .listing = l, .segment = -1, .verbose = *verbose};
	const char *dir = f->words.list[1];
	bool is_incomplete = false;
	unsigned n = 0;
	int r = 0;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "cannot make the folder %s", dir);
	for (size_t i = 0; i < l->n_segments && r >= 0; i++) {
		if (!l->early[i])
			continue;
		t.early = true;
		t.segment = (int)i;
		r = take_out(&t,
			     n++ ? arena_printf(&f->arena, "%s/early%u", dir, n)
				 : arena_printf(&f->arena, "%s/early", dir),
			     err);
		is_incomplete |= r > 0;
	}
	t.early = false;
	t.segment = -1;
	if (r >= 0)
		r = take_out(&t, n ? arena_printf(&f->arena, "%s/main", dir) : dir, err);
	return r < 0 ? r : r > 0 || is_incomplete ? take_out_incomplete(&t, err) : 0;
}

static int run(struct front_run *f)
{
	_cleanup_listing_ struct listing listing = {.is_ours = false};
	struct err err = {0};
	int r;

	if (front_check_words(f, 2, 2, &err) < 0)
		return front_usage(f, &err);
	r = read_listing(f->words.list[0], &listing, &err);
	if (r == 0)
		r = unpack(f, &listing, &err);
	return r < 0 ? cli_fail(&err) : cli_end(EXIT_DONE);
}

const struct front front_unmkinitramfs = {
	.name = "unmkinitramfs",
	.usage = "[-v] IMAGE DIR",
	.version = "0.142",
	.options = options,
	.state_size = sizeof(bool),
	.usage_status = EXIT_USAGE,
	.commands = {&command_extract},
	.own = front_set_switch,
	.run = run,
};
