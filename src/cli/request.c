/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/messages.h"
#include "features/make.h"
#include "format/codec/encode.h"
#include "host/boot/kernels.h"
#include "host/elsewhere.h"

void cli_request_init(struct cli_request *r)
{
	*r = (struct cli_request){.root = "/", .request = {.codec = CODEC_COUNT}};
}

void cli_request_clear(struct cli_request *r)
{
	free(r->request.drivers.list);
	free(r->request.force_drivers.list);
	free(r->request.includes);
	free(r->request.add.list);
	free(r->request.force_add.list);
	free(r->request.omit.list);
	free(r->request.only.list);
	free(r->request.omit_drivers.list);
	free(r->request.only_drivers.list);
	free(r->request.filesystems.list);
	free(r->request.kernel_cmdline.list);
	free(r->request.install.list);
	free(r->request.install_optional.list);
	free(r->request.remove.list);
	free(r->request.dlopen_add.list);
	free(r->request.dlopen_omit.list);
	arena_clear(&r->arena);
}

const char *cli_find_init(struct arena *arena)
{
	const char *called = (const char *)getauxval(AT_EXECFN);
	char self[PATH_MAX], *slash, *beside;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0)
		self[n] = '\0';
	/* The second one is for a container without /proc. */
	if (n > 0 || (called && realpath(called, self))) {
		slash = strrchr(self, '/');
		beside = arena_printf(arena, "%.*s/preroot-init", (int)(slash - self), self);
		if (access(beside, R_OK) == 0)
			return beside;
	}
	return PREROOT_LIBDIR "/preroot-init";
}

static void add_word(struct request_words *to, const char *word)
{
	to->list = xrealloc(to->list, to->n + 1, sizeof(*to->list));
	to->list[to->n++] = word;
}

static int add_names(struct cli_request *r, struct request_words *to, const char *list)
{
	char *words = arena_strdup(&r->arena, list), *word;

	while ((word = strsep(&words, " ,\t")))
		if (*word)
			add_word(to, word);
	return 0;
}

/* --rescue-shell implies --add rescue. */
static int set_rescue_shell(struct cli_request *r, const char *who, struct err *err)
{
	if (plan_parse_shell(who, &r->request.rescue_shell, err) < 0)
		return err_prefix(err, "--rescue-shell");
	add_word(&r->request.add, "rescue");
	return 0;
}

/* Separated by blanks only, since a path may contain a comma. */
static int add_words(struct cli_request *r, struct request_words *to, const char *list)
{
	char *words = arena_strdup(&r->arena, list), *word;

	while ((word = strsep(&words, " \t\n"))) {
		if (!*word)
			continue;
		to->list = xrealloc(to->list, to->n + 1, sizeof(*to->list));
		to->list[to->n++] = word;
	}
	return 0;
}

/* Words of PATTERN:FEATURE[,FEATURE...]. */
static int add_wishes(struct cli_request *r, struct request_words *to, const char *list,
		      struct err *err)
{
	size_t known = to->n;
	int result = add_words(r, to, list);

	for (size_t i = known; i < to->n && result == 0; i++)
		result = binaries_check_feature(to->list[i], err);
	return result;
}

const char *cli_mode_name(enum plan_mode mode)
{
	static const char *const names[] = {[MODE_SLOPPY] = "hostonly",
					    [MODE_STRICT] = "hostonly (strict)",
					    [MODE_PORTABLE] = "hostonly (portable)",
					    [MODE_GENERIC] = "generic"};

	return names[mode];
}

const char *cli_codec_names(enum codec base, enum codec store, char out[64])
{
	if (base == store)
		snprintf(out, 64, "%s", codec_info(base)->name);
	else
		snprintf(out, 64, "base %s, modules and firmware %s", codec_info(base)->name,
			 codec_info(store)->name);
	return out;
}

static int set_flag(bool *flag, bool value)
{
	*flag = value;
	return 0;
}

static int set_text(const char **text, const char *value)
{
	*text = value;
	return 0;
}

int cli_request_apply(const struct option_spec *spec, char **args, void *request, struct err *err)
{
	struct cli_request *r = request;
	struct request *q = &r->request;

	switch (spec->id) {
	case OPT_ROOT:
		return set_text(&r->root, args[0]);
	case OPT_HOSTONLY:
	case OPT_GENERIC:
		q->given.kind = true;
		return set_flag(&r->is_generic, spec->id == OPT_GENERIC);
	case OPT_GENERIC_ELSEWHERE:
		return set_flag(&r->generic_elsewhere, true);
	case OPT_HOSTONLY_MODE:
		q->given.mode = true;
		return set_text(&r->hostonly_mode, args[0]);
	case OPT_HARDWARE:
		return set_text(&q->hardware_file, args[0]);
	case OPT_INCLUDE:
		q->includes = xrealloc(q->includes, q->n_includes + 1, sizeof(*q->includes));
		q->includes[q->n_includes++] = (struct request_include){args[0], args[1]};
		return 0;
	case OPT_DRIVERS:
		return add_names(r, &q->drivers, args[0]);
	case OPT_FORCE_DRIVERS:
		return add_names(r, &q->force_drivers, args[0]);
	case OPT_INSTALL:
		return add_words(r, &q->install, args[0]);
	case OPT_INSTALL_OPTIONAL:
		return add_words(r, &q->install_optional, args[0]);
	case OPT_REMOVE:
		return add_words(r, &q->remove, args[0]);
	case OPT_DLOPEN_ADD:
		return add_wishes(r, &q->dlopen_add, args[0], err);
	case OPT_DLOPEN_OMIT:
		return add_wishes(r, &q->dlopen_omit, args[0], err);
	case OPT_COMPRESS:
		q->given.codec = true;
		if (encode_parse(args[0], &q->codec, &q->level, err) < 0)
			return err_prefix(err, "--compress");
		return 0;
	case OPT_COMPRESS_STORE:
		q->given.store = true;
		if (plan_parse_store(args[0], &q->store_level, err) < 0)
			return err_prefix(err, "--compress-store");
		return 0;
	case OPT_MICROCODE:
	case OPT_NO_MICROCODE:
		q->given.microcode = true;
		q->no_microcode = spec->id == OPT_NO_MICROCODE;
		return 0;
	case OPT_ADD:
		return add_names(r, &q->add, args[0]);
	case OPT_FORCE_ADD:
		return add_names(r, &q->force_add, args[0]);
	case OPT_OMIT:
		return add_names(r, &q->omit, args[0]);
	case OPT_MODULES:
		return add_names(r, &q->only, args[0]);
	case OPT_OMIT_DRIVERS:
		return add_words(r, &q->omit_drivers, args[0]);
	case OPT_ONLY_DRIVERS:
		return add_names(r, &q->only_drivers, args[0]);
	case OPT_FILESYSTEMS:
		return add_names(r, &q->filesystems, args[0]);
	case OPT_HOSTONLY_CMDLINE:
	case OPT_NO_HOSTONLY_CMDLINE:
		q->given.embed_root = true;
		return set_flag(&q->embed_root, spec->id == OPT_HOSTONLY_CMDLINE);
	case OPT_RESCUE_SHELL:
		return set_rescue_shell(r, args[0], err);
	case OPT_CMDLINE:
		add_word(&q->kernel_cmdline, args[0]);
		return 0;
	case OPT_ACPI:
		q->acpi_tables = args[0];
		return 0;
	default:
		return set_flag(&r->json, true);
	}
}

static int set_hostonly_mode(struct cli_request *r, struct err *err)
{
	static const char *const names[] = {
		[MODE_SLOPPY] = "sloppy", [MODE_STRICT] = "strict", [MODE_PORTABLE] = "portable"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], r->hostonly_mode) == 0) {
			r->request.mode = (enum plan_mode)i;
			return 0;
		}
	return err_set(err, -EINVAL, "--hostonly-mode is strict, sloppy or portable, not \"%s\"",
		       r->hostonly_mode);
}

/* A pipe can be read only once, so its text is kept, and is part of the cache key. */
static int read_hardware_pipe(struct cli_request *r, struct err *err)
{
	struct request *q = &r->request;
	bool is_input = q->hardware_file && strcmp(q->hardware_file, "-") == 0;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int e;

	if (!q->hardware_file ||
	    (!is_input && (stat(q->hardware_file, &st) < 0 ||
			   !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))))
		return 0;
	if (is_input)
		q->hardware_file = "/dev/stdin";
	fd = open(q->hardware_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "--hardware %s", q->hardware_file);
	e = read_all(fd, HARDWARE_FILE_MAX, &text);
	if (e < 0)
		return err_sys(err, e, "--hardware %s", q->hardware_file);
	q->hardware_text = arena_strdup(&r->arena, buf_cstr(&text));
	return 0;
}

/* Only of the process's own root: another one says itself what its hardware is. */
static int look_elsewhere(struct cli_request *r, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	struct request *q = &r->request;

	if (!r->generic_elsewhere || q->given.kind || q->given.mode || q->hardware_file)
		return 0;
	if (root_open(r->root, &root, err) < 0)
		return err->code;
	if (root.is_host)
		q->elsewhere = elsewhere(&root, &q->elsewhere_has_disk, &r->arena);
	return 0;
}

void cli_warn_of_choice(const struct root *root, const char *chosen)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct kernel kernel = {.version = chosen};
	struct utsname u;

	if (!root->is_host || uname(&u) < 0 ||
	    (!chosen && kernel_find(root, NULL, &arena, &kernel, NULL) < 0) ||
	    strcmp(kernel.version, u.release) == 0)
		return;
	cli_warn("kernel %s is running, but has no modules here: %s is taken, the newest that has; "
		 "name a version to choose another",
		 u.release, kernel.version);
}

int cli_request_settle(struct cli_request *r, struct err *err)
{
	if (r->is_generic && r->request.hardware_file)
		return err_set(err, -EINVAL,
			       "--generic is for any machine: it takes no --hardware");
	if (r->is_generic && r->hostonly_mode)
		return err_set(err, -EINVAL,
			       "--generic is for any machine: it takes no --hostonly-mode");
	if (r->is_generic)
		r->request.mode = MODE_GENERIC;
	if (r->hostonly_mode && set_hostonly_mode(r, err) < 0)
		return err->code;
	if (look_elsewhere(r, err) < 0)
		return err->code;
	return read_hardware_pipe(r, err);
}
