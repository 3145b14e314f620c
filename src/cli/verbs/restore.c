/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "deploy/loader/loader.h"
#include "deploy/lock.h"
#include "deploy/place/restore.h"
#include "host/boot/images.h"
#include "host/boot/kernels.h"

struct restore {
	const char *top;
	bool no_loader, json;
	uint64_t lock_seconds;
	struct settings settings;
	struct root root;
	struct bootdir bootdir;
	struct runlog log;
	struct arena arena;
	struct kernel kernel;
};

static void clear(struct restore *r)
{
	runlog_close(&r->log);
	root_close(&r->root);
	arena_clear(&r->arena);
}

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct restore *r = options;

	switch (spec->id) {
	case OPT_ROOT:
		r->top = args[0];
		return 0;
	case OPT_NO_LOADER:
		r->no_loader = true;
		return 0;
	case OPT_LOCK_TIMEOUT:
		return cli_take_number("lock-timeout", args[0], LOCK_SECONDS_MAX, &r->lock_seconds,
				       err);
	case OPT_JSON:
		r->json = true;
		return 0;
	default:
		return settings_apply(&r->settings, spec, args, err);
	}
}

static void say_step(const char *text, void *arg)
{
	struct restore *r = arg;

	runlog_line(&r->log, r->kernel.version, "boot-loader", RUNLOG_INFO, "%s", text);
}

/* Sets *PATH to the path of the restored image. */
static int restore(struct restore *r, const char *version, const char **path, struct err *err)
{
	struct loader_request q = {
		.root = &r->root, .bootdir = &r->bootdir, .say = say_step, .arg = r};
	struct err again = {0};
	int e = root_open(r->top, &r->root, err);

	if (e < 0)
		return e;
	runlog_open(&r->log, &r->root);
	e = bootdir_read(&r->root, &r->arena, &r->bootdir, err);
	if (e == 0)
		e = kernel_find(&r->root, version, &r->arena, &r->kernel, err);
	if (e == 0)
		e = settings_read(&r->settings, &r->root, r->kernel.version, &r->arena, err);
	if (e == 0)
		settings_use_log(&r->settings, &r->log);
	if (e == 0) /* held until the program ends */
		e = lock_take(&r->root, (unsigned)r->lock_seconds, cli_tell_waiting, NULL, err);
	if (e >= 0) /* another run may have changed the menu in between */
		e = bootdir_read(&r->root, &r->arena, &r->bootdir, err);
	if (e < 0)
		return e;
	*path = boot_image_own(&r->root, &r->bootdir, r->kernel.version, &r->arena, err);
	if (!*path)
		return err->code;
	e = restore_image(&r->root, *path, &r->arena, err);
	if (e < 0 || r->no_loader)
		return e;
	e = loader_update(&q, err);
	if (e < 0 && restore_undo(&r->root, *path, &r->arena, &again) < 0)
		cli_alarm("%s", again.text);
	return e < 0 ? err_prefix(err, "the boot loader could not be brought in line") : 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct restore r = {
		.top = "/", .settings = {.is_lenient = true}, .lock_seconds = LOCK_SECONDS,
		.root = {.fd = -1}, .log = {.fd = -1, .socket = -1}};
	const char *path;
	struct err err = {0};
	int n = options_parse(self, argc, argv, apply, &r, &err);

	if (n < 0)
		return cli_usage(n, &err);
	n = restore(&r, n > 0 ? argv[0] : NULL, &path, &err);
	if (n < 0 && r.json)
		cli_print_json_err(&err);
	if (r.settings.is_wrong)
		return cli_usage(n, &err);
	if (r.kernel.version)
		runlog_line(&r.log, r.kernel.version, "restore", n < 0 ? RUNLOG_ERROR : RUNLOG_INFO,
			    "%s", n < 0 ? err.text : "the previous image is in place");
	if (n < 0)
		return cli_fail(&err);
	if (r.json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "kernel", cli_json_text(r.kernel.version));
		json_object_object_add(o, "image", cli_json_text(path));
		cli_print_json(o);
	} else if (cli_shows(RUNLOG_INFO)) {
		printf("%s: /%s is the previous image again\n", r.kernel.version, path);
	}
	return cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "work on the system below DIR instead of /", OPT_ROOT, false},
	NO_LOADER_OPTION,
	LOCK_OPTION,
	JSON_OPTION,
	SETTINGS_OPTIONS,
	{0},
};

const struct command command_restore = {
	.name = "restore",
	.positional = "[KVER]",
	.summary = "Go back to the previous image of a kernel.",
	.options = options,
	.max = 1,
	.run = run,
};
