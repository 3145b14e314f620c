/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/kit.h"
#include "cli/messages.h"
#include "host/config/import/import.h"

/* Of Debian's initramfs-tools. */

struct update {
	char mode; /* c, u, d; 0: none */
	bool is_off; /* update-initramfs.conf says that nothing is to be updated */
	const char *kernel, *folder;
};

enum { MODE, KERNEL, FOLDER };

static const struct front_option options[] = {
	{NULL, 'c', NULL, FRONT_OWN, "c", "create the image of a kernel", MODE},
	{NULL, 'u', NULL, FRONT_OWN, "u", "update it; without -k, that of the newest that has one", MODE},
	{NULL, 'd', NULL, FRONT_OWN, "d", "remove it, if preroot made it", MODE},
	{NULL, 'k', "VERSION", FRONT_OWN, NULL, "of this kernel; all: of all kernels", KERNEL},
	{NULL, 'b', "DIR", FRONT_OWN, NULL, "write DIR/initrd.img-VERSION instead", FOLDER},
	{NULL, 't', NULL, FRONT_MET, NULL, "it has no meaning any more", 0},
	{NULL, 'v', NULL, FRONT_VERB, "--verbose", "print more", 0},
	{NULL, '?', NULL, FRONT_HELP, NULL, "show this help", 0},
	FRONT_LAST_OPTIONS,
};

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct update *u = f->state;
	struct stat st;

	if (o->id == MODE) {
		u->mode = *o->as;
		return 0;
	}
	if (o->id == KERNEL) {
		u->kernel = args[0];
		return 0;
	}
	if (stat(args[0], &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "-b %s: it is not a folder", args[0]);
	/* The usual one is no alternative. */
	u->folder = strcmp(args[0], "/boot") == 0 ? NULL : args[0];
	return 0;
}

/* update_initramfs=no is about updates only, all about calls without a version. What only a shell could read
 * is named here if nothing is updated because of it, and otherwise with the other settings. */
static int read_settings(struct update *u, struct arena *arena, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct import_update settings;
	int r = root_open("/", &root, err);

	if (r == 0)
		r = import_update_initramfs(&root, arena, &settings, err);
	if (r < 0)
		return r;
	u->is_off = u->mode == 'u' && settings.is_off;
	if (u->is_off && settings.flaws->n)
		cli_warn("%s; the file has update_initramfs=no, so nothing is updated",
			 settings.flaws->list[0]->text);
	if (!u->kernel && settings.update && strcmp(settings.update->text, "all") == 0)
		u->kernel = "all";
	return 0;
}

static int check(struct front_run *f, struct err *err)
{
	struct update *u = f->state;

	if (front_check_words(f, 0, 0, err) < 0)
		return err->code;
	if (!u->mode) {
		err_set(err, -EINVAL, "one of -c, -u and -d is needed");
		return err_hint(err, "usage: %s %s", f->front->name, f->front->usage);
	}
	if (read_settings(u, &f->arena, err) < 0)
		return err->code;
	if (u->mode != 'u' && !u->kernel)
		return err_set(err, -EINVAL, "-%c needs a kernel: -k VERSION", u->mode);
	if (u->mode == 'd' && u->folder)
		return err_set(err, -EINVAL, "this version of preroot removes nothing below -b %s",
			       u->folder);
	return 0;
}

/* The kernels that the command line means, in *OUT. Their number or -errno. */
static int choose(struct front_run *f, const char ***out, struct err *err)
{
	const struct update *u = f->state;
	bool all = u->kernel && strcmp(u->kernel, "all") == 0;
	int n;

	if (u->kernel && !all) {
		*out = arena_memdup(&f->arena, &u->kernel, sizeof(u->kernel));
		return 1;
	}
	n = all && u->mode == 'c' ? kit_kernels("/", &f->arena, out, err)
				  : kit_kernels_with_image("/", &f->arena, out, err);
	if (n >= 0)
		kit_warn_of_skipped("/", n && !all ? **out : NULL, u->mode == 'u', &f->arena);
	return n > 1 && !all ? 1 : n;
}

static void announce(const char *what, const char *path)
{
	printf("update-initramfs: %s %s\n", what, path);
	fflush(stdout);
}

/* ---- the three modes ---- */

/* Says so only once it is done: the image may have to stay. COMMON: the options of each. */
static int remove_one(struct front_run *f, const struct front_words *common, const char *kernel,
		      const char *path)
{
	bool is_there = access(path, F_OK) == 0;
	int status;

	f->options = *common;
	front_add(f, &f->options, "--yes");
	front_add(f, &f->options, "--kernel");
	front_add(f, &f->options, kernel);
	status = front_verb(f, &command_prune, NULL, NULL);
	if (status == EXIT_DONE && !is_there)
		cli_warn("%s is not there", path);
	else if (status == EXIT_DONE && access(path, F_OK) < 0)
		announce("Deleting", path);
	return status;
}

/* Those of all kernels, even of kernels that are gone. One that has to stay keeps no other. */
static int remove_all(struct front_run *f)
{
	const struct front_words common = f->options;
	struct kit_image *images;
	struct err err = {0};
	int status = EXIT_DONE, n = kit_images("/", &f->arena, &images, &err);

	if (n < 0)
		return cli_fail(&err);
	if (n == 0)
		cli_warn("no kernel has an image that could be removed");
	for (int i = 0; i < n; i++) {
		int one = EXIT_DONE;

		if (images[i].is_own)
			one = remove_one(f, &common, images[i].version, images[i].path);
		else
			cli_warn("%s stays: preroot did not make it", images[i].path);
		status = one == EXIT_DONE ? status : one;
	}
	return status;
}

static int remove_images(struct front_run *f)
{
	const struct update *u = f->state;
	const struct front_words common = f->options;
	int status;

	if (strcmp(u->kernel, "all") == 0)
		status = remove_all(f);
	else
		status = remove_one(f, &common, u->kernel,
				    kit_image_path("/", u->kernel, &f->arena));
	return status == EXIT_DONE ? cli_end(EXIT_DONE) : status;
}

static int build_elsewhere(struct front_run *f, const char *const *kernels, int n)
{
	const struct update *u = f->state;
	const struct front_words common = f->options;
	int status = EXIT_DONE;

	for (int i = 0; i < n && status == EXIT_DONE; i++) {
		const char *path = arena_printf(&f->arena, "%s/initrd.img-%s", u->folder, kernels[i]);

		f->options = common;
		announce("Generating", path);
		status = front_verb(f, &command_build, path, kernels[i]);
	}
	return status;
}

static int rebuild(struct front_run *f, const char *const *kernels, int n)
{
	for (int i = 0; i < n; i++) {
		announce("Generating", kit_image_path("/", kernels[i], &f->arena));
		front_add(f, &f->words, kernels[i]);
	}
	return front_verb_words(f, &command_rebuild);
}

/* What would fail in any case fails before anything is announced. */
static int check_machine(struct front_run *f, const char *const *kernels, int n, struct err *err)
{
	const char *image;

	return n == 1 ? kit_find_image("/", kernels[0], false, &f->arena, &image, err) : 0;
}

static int check_user(const struct update *u, struct err *err)
{
	if (geteuid() == 0 || u->folder)
		return 0;
	err_set(err, -EPERM, "only root can change the images that this machine boots with");
	return err_hint(err, "run it as root, or write somewhere else: -b DIR");
}

static int run(struct front_run *f)
{
	const struct update *u = f->state;
	const char **kernels;
	struct err err = {0};
	int n;

	if (check(f, &err) < 0)
		return front_usage(f, &err);
	if (u->is_off) {
		printf("update-initramfs: Not updating initramfs.\n");
		return cli_end(EXIT_DONE);
	}
	if (check_user(u, &err) < 0)
		return cli_fail(&err);
	if (u->mode == 'd')
		return remove_images(f);
	n = choose(f, &kernels, &err);
	if (n < 0 || check_machine(f, kernels, n, &err) < 0)
		return cli_fail(&err);
	if (n == 0) {
		cli_warn("no kernel has an image that could be updated; -c makes one");
		return cli_end(EXIT_DONE);
	}
	kit_use_initramfs_tools(f, "/" IMPORT_INITRAMFS_TOOLS);
	return u->folder ? build_elsewhere(f, kernels, n) : rebuild(f, kernels, n);
}

const struct front front_update_initramfs = {
	.name = "update-initramfs",
	.usage = "{-c|-d|-u} [-k VERSION|all] [-v] [-b DIR]",
	.version = "0.142",
	.options = options,
	.state_size = sizeof(struct update),
	.usage_status = EXIT_USAGE,
	.commands = {&command_rebuild, &command_build},
	.own = own,
	.run = run,
};
