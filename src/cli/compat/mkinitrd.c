/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/messages.h"

/* dracut's wrapper of that name, as Red Hat's distributions have it: IMAGE VERSION. */

struct mkinitrd {
	bool force, with_version;
};

enum { FORCE, USB, IMAGE_VERSION };

#define NEVER "dracut's mkinitrd has never obeyed it"

static const struct front_option options[] = {
	{"force", 'f', NULL, FRONT_OWN, NULL, "replace an image that is there", FORCE},
	{"with", 0, "MODULE", FRONT_SET, "add_drivers+=", "add this kernel module", 0},
	{"with-avail", 0, "MODULE", FRONT_SET, "add_drivers+=", "the same", 0},
	{"preload", 0, "MODULE", FRONT_SET, "add_drivers+=", "the same", 0},
	{"with-usb", 0, "[MODULE]", FRONT_OWN, NULL, "add usb-storage, or this module", USB},
	{"image-version", 0, NULL, FRONT_OWN, NULL, "add the version to the image's name", IMAGE_VERSION},
	{"rootfs", 'd', "TYPE", FRONT_SET, "filesystems+=", "the driver of this filesystem", 0},
	{"nocompress", 0, NULL, FRONT_SET, "compress=cat", "do not compress", 0},
	{"allow-missing", 0, NULL, FRONT_MET, NULL, "a module that is missing is only a warning", 0},
	{"builtin", 0, "MODULE", FRONT_NOTE, NULL, NEVER, 0},
	{"without", 0, "MODULE", FRONT_NOTE, NULL, NEVER, 0},
	{"without-usb", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"fstab", 0, "FILE", FRONT_NOTE, NULL, NEVER, 0},
	{"ifneeded", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"omit-scsi-modules", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"omit-ide-modules", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"omit-raid-modules", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"omit-lvm-modules", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"omit-dmraid", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"net-dev", 0, "NAME", FRONT_NOTE, NULL, NEVER, 0},
	{"noresume", 0, NULL, FRONT_NOTE, NULL, NEVER, 0},
	{"rootdev", 0, "DEVICE", FRONT_NOTE, NULL, NEVER, 0},
	{"rootopts", 0, "OPTIONS", FRONT_NOTE, NULL, NEVER, 0},
	{"dsdt", 0, "FILE", FRONT_NOTE, NULL, NEVER, 0},
	{"verbose", 'v', NULL, FRONT_VERB, "--verbose", "print more", 0},
	{"quiet", 'q', NULL, FRONT_VERB, "--quiet", "print less", 0},
	FRONT_LAST_OPTIONS,
};

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct mkinitrd *m = f->state;

	(void)err;
	if (o->id == FORCE) {
		m->force = true;
	} else if (o->id == IMAGE_VERSION) {
		m->with_version = true;
	} else {
		front_set(f, arena_printf(&f->arena, "--%s", o->name),
			  arena_printf(&f->arena, "add_drivers+=%s",
				       args[0] && *args[0] ? args[0] : "usb-storage"));
	}
	return 0;
}

static int run(struct front_run *f)
{
	const struct mkinitrd *m = f->state;
	struct err err = {0};
	const char *out, *version;

	if (front_check_words(f, 2, 2, &err) < 0)
		return front_usage(f, &err);
	out = f->words.list[0];
	version = f->words.list[1];
	if (m->with_version)
		out = arena_printf(&f->arena, "%s-%s", out, version);
	if (front_check_new(out, m->force, &err) < 0)
		return cli_fail(&err);
	return front_verb(f, &command_build, out, version);
}

const struct front front_mkinitrd = {
	.name = "mkinitrd",
	.usage = "[OPTION...] IMAGE VERSION",
	.version = "111",
	.log = "var/log/dracut.log",
	.options = options,
	.state_size = sizeof(struct mkinitrd),
	.usage_status = EXIT_FAILED,
	.commands = {&command_build},
	.own = own,
	.run = run,
};
