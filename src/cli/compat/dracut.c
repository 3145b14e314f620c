/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/quote.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/compat/fronts.h"
#include "cli/compat/kit.h"
#include "cli/compat/names.h"
#include "cli/messages.h"
#include "host/config/dracut_modules.h"

struct dracut {
	const char *root, *kernel, *modules; /* MODULES: their folder */
	const char *compress, *compress_option, *level;
	bool force, all, list, config, cmdline, names, sizes;
};

enum { FORCE, ALL, KERNEL, MODULES, ROOT, COMPRESS, LEVEL, LIST, CONFIG, CMDLINE, NAMES, SIZES };

#define UKI_ONLY "it matters for unified kernel images alone"
#define NO_UKI "unified kernel images are not made yet; ukify can make one of the image"

static const struct front_option options[] = {
	{"kver", 0, "VERSION", FRONT_OWN, NULL, "the kernel; also as second word", KERNEL},
	{"force", 'f', NULL, FRONT_OWN, NULL, "replace an image that is there", FORCE},
	{"regenerate-all", 0, NULL, FRONT_OWN, NULL, "the images of all kernels", ALL},
	{"parallel", 'p', NULL, FRONT_SET, "parallel=yes", "kernels are done one after the other", 0},
	{"rebuild", 0, "IMAGE", FRONT_MISSING, NULL,
	 "images do not store the options that they were made with: give them again", 0},

	{"add", 'a', "LIST", FRONT_SET, "add_dracutmodules+=", "add these modules of dracut", 0},
	{"force-add", 0, "LIST", FRONT_SET, "force_add_dracutmodules+=",
	 "add them even if they are omitted", 0},
	{"prefer", 0, "LIST", FRONT_SET, "prefer_dracutmodules+=", "prefer these modules of dracut", 0},
	{"omit", 'o', "LIST", FRONT_SET, "omit_dracutmodules+=", "leave these modules of dracut out",
	 0},
	{"modules", 'm', "LIST", FRONT_SET, "dracutmodules=", "only these modules of dracut", 0},
	{"drivers", 'd', "LIST", FRONT_SET, "drivers=", "only these kernel modules", 0},
	{"add-drivers", 0, "LIST", FRONT_SET, "add_drivers+=", "add these kernel modules", 0},
	{"force-drivers", 0, "LIST", FRONT_SET, "force_drivers+=", "add them, and load them first", 0},
	{"omit-drivers", 0, "LIST", FRONT_SET, "omit_drivers+=", "leave these kernel modules out", 0},
	{"filesystems", 0, "LIST", FRONT_SET, "filesystems=", "only the drivers of these", 0},
	{"kmoddir", 'k', "DIR", FRONT_OWN, NULL, "the kernel's modules: those of the root only", MODULES},
	{"fwdir", 0, "DIRS", FRONT_SET, "fw_dir=", "where firmware is", 0},
	{"libdirs", 0, "LIST", FRONT_SET, "libdirs=", "where libraries are", 0},
	{"kernel-cmdline", 0, "WORDS", FRONT_SET, "kernel_cmdline+=", "kernel parameters for the image",
	 0},
	{"kernel-only", 0, NULL, FRONT_SET, "kernel_only=yes", "only kernel modules and firmware", 0},
	{"no-kernel", 0, NULL, FRONT_SET, "no_kernel=yes", "no kernel modules", 0},
	{"early-microcode", 0, NULL, FRONT_SET, "early_microcode=yes", "add CPU microcode", 0},
	{"no-early-microcode", 0, NULL, FRONT_SET, "early_microcode=no", "add no CPU microcode", 0},
	{"mdadmconf", 0, NULL, FRONT_SET, "mdadmconf=yes", "add the machine's mdadm.conf", 0},
	{"nomdadmconf", 0, NULL, FRONT_SET, "mdadmconf=no", "do not", 0},
	{"lvmconf", 0, NULL, FRONT_SET, "lvmconf=yes", "add the machine's lvm.conf", 0},
	{"nolvmconf", 0, NULL, FRONT_SET, "lvmconf=no", "do not", 0},
	{"fscks", 0, "LIST", FRONT_SET, "fscks+=", "the checker of each filesystem is found by its type", 0},
	{"nofscks", 0, NULL, FRONT_SET, "nofscks=yes", "no checkers", 0},
	{"ro-mnt", 0, NULL, FRONT_SET, "ro_mnt=yes", "mount the root read-only", 0},
	{"strip", 0, NULL, FRONT_SET, "do_strip=yes", "programs are packed as they are installed", 0},
	{"nostrip", 0, NULL, FRONT_SET, "do_strip=no", "the same", 0},
	{"aggressive-strip", 0, NULL, FRONT_SET, "aggressive_strip=yes", "strip more", 0},
	{"hardlink", 0, NULL, FRONT_SET, "do_hardlink=yes", "the same bytes are stored once", 0},
	{"nohardlink", 0, NULL, FRONT_SET, "do_hardlink=no", "the same", 0},
	{"prefix", 0, "DIR", FRONT_SET, "prefix=", "another folder in the image", 0},
	{"noprefix", 0, NULL, FRONT_MET, NULL, "there is no prefix", 0},

	{"hostonly", 'H', NULL, FRONT_SET, "hostonly=yes", "for this machine only (the default)", 0},
	{"host-only", 0, NULL, FRONT_SET, "hostonly=yes", "the same", 0},
	{"no-hostonly", 'N', NULL, FRONT_SET, "hostonly=no", "for any machine", 0},
	{"no-host-only", 0, NULL, FRONT_SET, "hostonly=no", "the same", 0},
	{"hostonly-mode", 0, "MODE", FRONT_SET, "hostonly_mode=", "sloppy or strict", 0},
	{"hostonly-cmdline", 0, NULL, FRONT_SET, "hostonly_cmdline=yes",
	 "put the machine's kernel parameters into the image", 0},
	{"no-hostonly-cmdline", 0, NULL, FRONT_SET, "hostonly_cmdline=no", "do not", 0},
	{"no-hostonly-default-device", 0, NULL, FRONT_NOTE, NULL,
	 "what the machine needs to reach its root is always in the image", 0},
	{"hostonly-i18n", 0, NULL, FRONT_SET, "i18n_install_all=no", "not all keymaps and fonts for the console", 0},
	{"no-hostonly-i18n", 0, NULL, FRONT_SET, "i18n_install_all=yes", "all of them", 0},
	{"hostonly-nics", 0, "LIST", FRONT_SET, "hostonly_nics+=", "this version has no network", 0},
	{"nvmf-nbft-mode", 0, "MODE", FRONT_SET, "nvmf_nbft_mode=", "parameters for NVMe over a network", 0},
	{"persistent-policy", 0, "POLICY", FRONT_SET, "persistent_policy=", "devices are found by any name",
	 0},
	{"fstab", 0, NULL, FRONT_SET, "use_fstab=yes", "/etc/fstab is read in any case", 0},
	{"add-fstab", 0, "FILE", FRONT_SET, "add_fstab+=", "further mounts", 0},
	{"mount", 0, "LINE", FRONT_MISSING, NULL,
	 "mark the mount in /etc/fstab with x-initrd.mount instead", 0},
	{"add-device", 0, "DEVICE", FRONT_SET, "add_device+=", "also what leads to this device", 0},
	{"device", 0, "DEVICE", FRONT_SET, "add_device+=", "the same", 0},

	{"include", 'i', "SRC DST", FRONT_VERB, "--include", "put file or folder SRC at DST", 0},
	{"install", 'I', "LIST", FRONT_SET, "install_items+=", "add files and programs", 0},
	{"install-optional", 0, "LIST", FRONT_SET, "install_optional_items+=",
	 "add them if they are there", 0},
	{"remove", 0, "LIST", FRONT_VERB, "--remove", "take out what matches these patterns", 0},
	{"gzip", 0, NULL, FRONT_OWN, "gzip", "compress with gzip", COMPRESS},
	{"bzip2", 0, NULL, FRONT_OWN, "bzip2", "compress with bzip2", COMPRESS},
	{"lzma", 0, NULL, FRONT_OWN, "lzma", "compress with lzma", COMPRESS},
	{"xz", 0, NULL, FRONT_OWN, "xz", "compress with xz", COMPRESS},
	{"lzo", 0, NULL, FRONT_OWN, "lzo", "compress with lzo", COMPRESS},
	{"lz4", 0, NULL, FRONT_OWN, "lz4", "compress with lz4", COMPRESS},
	{"zstd", 0, NULL, FRONT_OWN, "zstd", "compress with zstd", COMPRESS},
	{"no-compress", 0, NULL, FRONT_OWN, "cat", "do not compress", COMPRESS},
	{"compress", 0, "COMMAND", FRONT_OWN, NULL, "compress as COMMAND would; it is not run", COMPRESS},
	{"compress-level", 0, "N", FRONT_OWN, NULL, "at this level", LEVEL},
	{"squash-compressor", 0, "WORDS", FRONT_SET, "squash_compress=", "this version has no squash module", 0},
	{"reproducible", 0, NULL, FRONT_MET, NULL, "images always are", 0},
	{"no-reproducible", 0, NULL, FRONT_NOTE, NULL, "images always are reproducible", 0},
	{"enhanced-cpio", 0, NULL, FRONT_SET, "enhanced_cpio=yes", "archives are written in one way only", 0},
	{"noimageifnotneeded", 0, NULL, FRONT_SET, "noimageifnotneeded=yes",
	 "the image is made in any case", 0},

	{"conf", 'c', "FILE", FRONT_VERB, "--conf", "read FILE instead of /etc/dracut.conf", 0},
	{"confdir", 0, "DIR", FRONT_VERB, "--confdir", "read DIR instead of /etc/dracut.conf.d", 0},
	{"add-confdir", 0, "DIR", FRONT_VERB, "--add-confdir", "read DIR, too", 0},
	{"sysroot", 'r', "DIR", FRONT_OWN, NULL, "the system below DIR instead of /", ROOT},
	{"tmpdir", 0, "DIR", FRONT_MET, NULL, "there are no temporary files but beside the image", 0},
	{"keep", 0, NULL, FRONT_NOTE, NULL, "there is no temporary folder; see: preroot extract", 0},
	{"sshkey", 0, "FILE", FRONT_SET, "sshkey=", "for the ssh-client module", 0},
	{"local", 'l', NULL, FRONT_NOTE, NULL, "there are no modules of dracut to take from elsewhere", 0},
	{"loginstall", 0, "DIR", FRONT_SET, "loginstall=", "log what is installed", 0},

	{"uefi", 0, NULL, FRONT_MISSING, NULL, NO_UKI, 0},
	{"no-uefi", 0, NULL, FRONT_SET, "uefi=no", "no unified kernel image", 0},
	{"uefi-stub", 0, "FILE", FRONT_MET, NULL, UKI_ONLY, 0},
	{"uefi-splash-image", 0, "FILE", FRONT_MET, NULL, UKI_ONLY, 0},
	{"kernel-image", 0, "FILE", FRONT_MET, NULL, UKI_ONLY, 0},
	{"sbat", 0, "WORDS", FRONT_MET, NULL, UKI_ONLY, 0},
	{"no-machineid", 0, NULL, FRONT_MET, NULL, UKI_ONLY, 0},
	{"ukify", 0, NULL, FRONT_MET, NULL, UKI_ONLY, 0},
	{"no-ukify", 0, NULL, FRONT_MET, NULL, UKI_ONLY, 0},

	{"list-modules", 0, NULL, FRONT_OWN, NULL,
	 "list the modules of dracut; those that this version lacks with the reason", LIST},
	{"printconfig", 0, NULL, FRONT_OWN, NULL, "the settings, and where each is set", CONFIG},
	{"show-modules", 'M', NULL, FRONT_OWN, NULL,
	 "then list the modules of dracut whose work the image does", NAMES},
	{"print-cmdline", 0, NULL, FRONT_OWN, NULL,
	 "make no image, print the kernel parameters that lead to this machine's root", CMDLINE},
	{"printsize", 0, NULL, FRONT_OWN, NULL, "the same, with the size of what each brings", SIZES},

	{"verbose", 'v', NULL, FRONT_VERB, "--verbose", "print more", 0},
	{"quiet", 'q', NULL, FRONT_VERB, "--quiet", "print less", 0},
	{"stdlog", 'L', "LEVEL", FRONT_VERB, "--stdlog", "which messages are printed: 0 to 6 (3)", 0},
	{"logfile", 0, "FILE", FRONT_VERB, "--logfile", "log to FILE", 0},
	{"debug", 0, NULL, FRONT_VERB, "--stdlog=6", "print all messages", 0},
	{"profile", 0, NULL, FRONT_VERB, "--profile", "print what the time was spent on", 0},
	FRONT_LAST_OPTIONS,
};

/* dracut's scripts name the version twice, as an option and as the second word. */
static int set_kernel(struct dracut *d, const char *version, struct err *err)
{
	if (d->kernel && strcmp(d->kernel, version) != 0)
		return err_set(err, -EINVAL, "two kernel versions are given: %s and %s", d->kernel,
			       version);
	d->kernel = version;
	return 0;
}

static int own(struct front_run *f, const struct front_option *o, char **args, struct err *err)
{
	struct dracut *d = f->state;

	switch (o->id) {
	case FORCE:
		d->force = true;
		return 0;
	case ALL:
		d->all = true;
		return 0;
	case KERNEL:
		return *args[0] ? set_kernel(d, args[0], err) : 0;
	case MODULES:
		d->modules = args[0];
		return 0;
	case ROOT:
		d->root = args[0];
		front_add(f, &f->options, "--root");
		front_add(f, &f->options, args[0]);
		return 0;
	case COMPRESS:
		d->compress = o->as ? o->as : args[0];
		d->compress_option = arena_printf(&f->arena, "--%s", o->name);
		return 0;
	case LEVEL:
		d->level = args[0];
		return 0;
	default:
		d->list |= o->id == LIST;
		d->config |= o->id == CONFIG;
		d->cmdline |= o->id == CMDLINE;
		d->names |= o->id == NAMES;
		d->sizes |= o->id == SIZES;
		return 0;
	}
}

static int set_compress(struct front_run *f, struct err *err)
{
	const struct dracut *d = f->state;

	if (d->level && !d->compress)
		return err_set(err, -EINVAL, "--compress-level needs a compressor: --zstd, --xz, ...");
	if (!d->compress)
		return 0;
	front_set(f, d->compress_option,
		  arena_printf(&f->arena, "compress=%s%s%s", d->compress, d->level ? " -" : "",
			       d->level ? d->level : ""));
	return 0;
}

/* Only the folder that the root has for the kernel will do. */
static int check_modules(struct front_run *f, struct err *err)
{
	struct dracut *d = f->state;
	char given[PATH_MAX], usual[PATH_MAX];
	const char *root = d->root ? d->root : "";
	const char *name;

	if (!d->modules)
		return 0;
	if (!realpath(d->modules, given))
		return err_sys(err, -errno, "--kmoddir %s", d->modules);
	name = base_name(given);
	if (!d->kernel)
		d->kernel = arena_strdup(&f->arena, name);
	if (realpath(arena_printf(&f->arena, "%s/lib/modules/%s", root, d->kernel), usual) &&
	    strcmp(given, usual) == 0)
		return 0;
	err_set(err, -EINVAL, "--kmoddir %s: only %s/lib/modules/%s is read", d->modules, root,
		d->kernel);
	return err_hint(err, "a system elsewhere is named with --sysroot");
}

/* No image is called 5: dracut's options take no number where preroot's do. */
static int check_name(const struct front_run *f, struct err *err)
{
	const char *name = front_word(f, 0);

	if (!name || name[strspn(name, "0123456789")])
		return 0;
	err_set(err, -EINVAL, "%s would be the name of the image: none of dracut's options before it "
			      "takes a number", name);
	return err_hint(err, "previous images are counted by: preroot rebuild --keep N; a file of that "
			     "name is ./%s", name);
}

static int check_options(struct front_run *f, struct err *err)
{
	struct dracut *d = f->state;
	int r = front_check_words(f, 0, 2, err);

	if (r == 0)
		r = check_name(f, err);
	if (r == 0 && front_word(f, 1))
		r = set_kernel(d, f->words.list[1], err);
	if (r == 0 && d->all && (d->kernel || front_word(f, 0)))
		r = err_set(err, -EINVAL, "--regenerate-all is for every kernel: it takes neither an "
					  "image nor a version");
	if (r == 0)
		r = set_compress(f, err);
	return r == 0 ? check_modules(f, err) : r;
}

/* Without --force no image is replaced. */
static int check_images(struct front_run *f, struct err *err)
{
	const struct dracut *d = f->state;
	const char *out = front_word(f, 0);
	int r = 0;

	if (!out && !d->force)
		r = kit_find_image(d->root ? d->root : "/", d->kernel, d->all, &f->arena, &out, err);
	return r < 0 || !out ? r : front_check_new(out, d->force, err);
}

/* Scripts look for a line that is the name and nothing else. */
static int list_modules(void)
{
	for (const struct dracut_module *m = dracut_modules; m->name; m++)
		if (dracut_module_is_addable(m))
			printf("%s\n", m->name);
		else
			printf("%s (%s: %s)\n", m->name,
			       m->effect == DRACUT_LESS ? "no effect" : "missing", m->text);
	return cli_end(EXIT_DONE);
}

/* Leaves only those options that VERB has, too. */
static void keep_options_of(struct front_run *f, const struct command *verb)
{
	const struct front_words all = f->options;
	int n;

	f->options = (struct front_words){0};
	for (size_t i = 0; i < all.n; i += (size_t)n) {
		n = options_words(&command_build, all.list[i]);
		n = n ? n : 1;
		for (int k = 0; k < n && options_words(verb, all.list[i]); k++)
			front_add(f, &f->options, all.list[i + (size_t)k]);
	}
}

static int show_config(struct front_run *f)
{
	keep_options_of(f, &command_config);
	return front_verb(f, &command_config, NULL, NULL);
}

/* Puts the SETTING before all others that are given as options, so that these override it. */
static void set_first(struct front_run *f, const char *option, const char *setting)
{
	const struct front_words given = f->options, set_by = f->set_by;
	const bool has_kind = f->has_kind;

	f->options = f->set_by = (struct front_words){0};
	front_set(f, option, setting);
	for (size_t i = 0; i < given.n; i++)
		front_add(f, &f->options, given.list[i]);
	for (size_t i = 0; i < set_by.n; i++)
		front_add(f, &f->set_by, set_by.list[i]);
	f->has_kind = has_kind;
}

/* As in dracut, it is about this machine, whatever the files say. */
static int print_cmdline(struct front_run *f)
{
	const struct dracut *d = f->state;

	keep_options_of(f, &command_plan);
	set_first(f, "--print-cmdline", "hostonly=yes");
	front_add(f, &f->options, "--hostonly-cmdline");
	front_add(f, &f->options, "--print-cmdline");
	return front_verb(f, &command_plan, d->kernel, NULL);
}

static int show_image_of(const char *path, bool sizes, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_listing_ struct listing listing = {.is_ours = false};
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = image_open(path, &image, err);

	if (r == 0)
		r = listing_read(image, &listing, err);
	if (r < 0)
		return r;
	if (sizes)
		names_with_sizes(&listing, &text);
	else
		names_of_modules(&listing, &text);
	printf("%s", buf_cstr(&text));
	return 0;
}

/* For --show-modules and --printsize: what was made. */
static int show_modules(struct front_run *f, const char *out)
{
	const struct dracut *d = f->state;
	const char *root = d->root ? d->root : "/", **versions = &(const char *){d->kernel};
	struct err err = {0};
	int n = out ? 1 : d->all ? kit_kernels(root, &f->arena, &versions, &err) : 1;

	for (int i = 0; i < n && !err.code; i++) {
		const char *path = out;

		if (!path && kit_find_image(root, versions[i], false, &f->arena, &path, &err) < 0)
			break;
		if (path)
			show_image_of(path, d->sizes, &err);
	}
	return err.code ? cli_fail(&err) : cli_end(EXIT_DONE);
}

/* As in dracut, a version in the place of the image is the name of a file. */
static void warn_of_version(struct front_run *f)
{
	const struct dracut *d = f->state;
	const char *name = front_word(f, 0), *root = d->root ? d->root : "";
	const char *option = "";
	struct stat st;

	if (!name || *name == '.' || strchr(name, '/') ||
	    stat(arena_printf(&f->arena, "%s/lib/modules/%s", root, name), &st) < 0)
		return;
	if (d->root)
		option = arena_printf(&f->arena, " --sysroot %s", quote_word(d->root, &f->arena));
	name = quote_word(name, &f->arena);
	cli_warn("%s is a kernel, but here the name of the file to write, in the working folder; "
		 "for the image of that kernel: dracut --force%s --kver %s",
		 name, option, name);
}

/* Makes the image, or the images. */
static int make(struct front_run *f)
{
	const struct dracut *d = f->state;
	const char *out = front_word(f, 0);

	if (out)
		return front_verb(f, &command_build, out, d->kernel);
	if (d->all)
		front_add(f, &f->options, "--all");
	return front_verb(f, &command_rebuild, d->kernel, NULL);
}

static int run(struct front_run *f)
{
	struct dracut *d = f->state;
	struct err err = {0};
	const char *out;
	int status;

	if (check_options(f, &err) < 0)
		return front_usage(f, &err);
	if (d->list)
		return list_modules();
	if (d->config)
		return show_config(f);
	if (d->cmdline)
		return print_cmdline(f);
	warn_of_version(f);
	if (check_images(f, &err) < 0)
		return cli_fail(&err);
	out = front_word(f, 0);
	status = make(f);
	return status == EXIT_DONE && (d->names || d->sizes) ? show_modules(f, out) : status;
}

const struct front front_dracut = {
	.name = "dracut",
	.usage = "[OPTION...] [IMAGE [VERSION]]",
	.version = "111",
	.log = "var/log/dracut.log",
	.environment = "DRACUT_EXTRA_ARGS",
	.options = options,
	.state_size = sizeof(struct dracut),
	.usage_status = EXIT_FAILED,
	.has_places = true,
	.commands = {&command_rebuild, &command_build},
	.own = own,
	.run = run,
};
