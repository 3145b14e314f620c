/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/kit.h"
#include "cli/messages.h"
#include "host/config/import/import.h"

/* Of Debian's initramfs-tools. */

struct mkinitramfs {
	const char *out, *folder, *codec, *level;
};

enum { OUT, FOLDER, CODEC, LEVEL };

static const struct front_option options[] = {
	{NULL, 'o', "FILE", FRONT_OWN, NULL, "write the image there", OUT},
	{NULL, 'c', "CODEC", FRONT_OWN, NULL, "compress with this", CODEC},
	{NULL, 'l', "N", FRONT_OWN, NULL, "compress at this level", LEVEL},
	{NULL, 'd', "DIR", FRONT_OWN, NULL, "read settings from there instead of /etc/initramfs-tools",
	 FOLDER},
	{NULL, 'k', NULL, FRONT_NOTE, NULL, "there is no temporary folder; see: preroot extract", 0},
	{NULL, 'r', "ROOT", FRONT_SET, "kernel_cmdline+=root=", "the root, unless the kernel's own parameters name it", 0},
	{NULL, 'v', NULL, FRONT_VERB, "--verbose", "print more", 0},
	FRONT_LAST_OPTIONS,
};

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct mkinitramfs *m = f->state;
	char path[PATH_MAX];
	struct stat st;

	switch (o->id) {
	case OUT:
		m->out = args[0];
		return 0;
	case CODEC:
		m->codec = args[0];
		return 0;
	case LEVEL:
		m->level = args[0];
		return 0;
	default:
		if (stat(args[0], &st) < 0 || !S_ISDIR(st.st_mode) || !realpath(args[0], path))
			return err_set(err, -ENOTDIR, "-d %s: it is not a folder", args[0]);
		m->folder = arena_strdup(&f->arena, path);
		return 0;
	}
}

/* For messages, the setting has the option and its VALUE as they were typed. */
static void add_setting(struct front_run *f, char letter, const char *key, const char *value)
{
	front_set(f, arena_printf(&f->arena, "-%c %s", letter, value),
		  arena_printf(&f->arena, "%s=%s", key, value));
}

/* A level is for whichever codec is used. */
static int set_compress(struct front_run *f, struct err *err)
{
	static const char *const codecs[] = {"bzip2", "gzip", "lz4", "lzma", "lzop", "xz", "zstd"};
	const struct mkinitramfs *m = f->state;
	const char *level = m->level;

	if (level && m->codec) {
		add_setting(f, 'c', "compress", arena_printf(&f->arena, "%s -%s", m->codec, level));
		return 0;
	}
	if (m->codec)
		add_setting(f, 'c', "compress", m->codec);
	if (level && (level[0] < '1' || level[0] > '9' || level[1]))
		return err_set(err, -EINVAL, "-l %s: without -c, it is 1 to 9, which all codecs have",
			       level);
	for (size_t i = 0; level && i < ARRAY_SIZE(codecs); i++)
		add_setting(f, 'l', arena_printf(&f->arena, "compress_level_%s", codecs[i]), level);
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
	if (err.code || set_compress(f, &err) < 0)
		return front_usage(f, &err);
	kit_use_initramfs_tools(f, m->folder ? m->folder : "/" IMPORT_INITRAMFS_TOOLS);
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
	.commands = {&command_build},
	.own = own,
	.run = run,
};
