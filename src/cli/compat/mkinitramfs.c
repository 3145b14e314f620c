/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/messages.h"

/* Of Debian's initramfs-tools. */

struct mkinitramfs {
	const char *out;
};

enum { OUT, FOLDER };

static const struct front_option options[] = {
	{NULL, 'o', "FILE", FRONT_OWN, NULL, "write the image there", OUT},
	{NULL, 'c', "CODEC", FRONT_SET, "compress=", "compress with this", 0},
	{NULL, 'd', "DIR", FRONT_OWN, NULL, "accepted; settings of initramfs-tools are not read", FOLDER},
	{NULL, 'k', NULL, FRONT_NOTE, NULL, "there is no temporary folder; see: preroot extract", 0},
	{NULL, 'r', "ROOT", FRONT_SET, "kernel_cmdline+=root=", "the root, unless the kernel's own parameters name it", 0},
	{NULL, 'v', NULL, FRONT_VERB, "--verbose", "print more", 0},
	FRONT_LAST_OPTIONS,
};

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct mkinitramfs *m = f->state;
	struct stat st;

	if (o->id == OUT) {
		m->out = args[0];
		return 0;
	}
	if (stat(args[0], &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "-d %s: it is not a folder", args[0]);
	cli_warn("the settings in %s are not read; dracut's are, see: man preroot.conf", args[0]);
	return 0;
}

/* Also the path of the modules is taken for the version. */
static const char *version_of(const char *word, struct arena *arena)
{
	static const char folder[] = "/lib/modules/";

	if (!str_starts(word, folder))
		return word;
	word += strlen(folder);
	return arena_strndup(arena, word, strcspn(word, "/"));
}

static int run(struct front_run *f)
{
	const struct mkinitramfs *m = f->state;
	struct err err = {0};

	if (front_check_words(f, 0, 1, &err) == 0 && !m->out)
		err_set(&err, -EINVAL, "where to write the image is missing: -o FILE");
	if (err.code)
		return front_usage(f, &err);
	return front_verb(f, &command_build, m->out,
			  f->words.n ? version_of(f->words.list[0], &f->arena) : NULL);
}

const struct front front_mkinitramfs = {
	.name = "mkinitramfs",
	.usage = "[OPTION...] -o FILE [VERSION]",
	.version = "0.142",
	.options = options,
	.state_size = sizeof(struct mkinitramfs),
	.usage_status = EXIT_USAGE,
	.own = own,
	.run = run,
};
