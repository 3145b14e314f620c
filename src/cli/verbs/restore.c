/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "deploy/lock.h"
#include "host/boot/bootdir.h"
#include "host/boot/kernels.h"
#include "transaction/restore.h"

struct restore {
	const char *top;
	bool no_loader, json;
	uint64_t lock_seconds;
	struct settings settings;
	struct root root;
	struct runlog log;
	struct arena arena;
	const char *kernel; /* its version */
};

static void clear(struct restore *r)
{
	runlog_close(&r->log);
	root_close(&r->root);
	arena_clear(&r->arena);
	settings_clear(&r->settings);
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

/* The kernel, which need not be whole (an upgrade that was interrupted is a reason to go back), and the
 * settings that hold for it. */
static int prepare(struct restore *r, const char *version, struct err *err)
{
	struct bootdir bootdir; /* a /boot that is not mounted hides kernels */
	int e = root_open(r->top, &r->root, err);

	if (e == 0)
		e = bootdir_read(&r->root, &r->arena, &bootdir, err);
	if (e == 0)
		e = kernel_choose(&r->root, version, &r->arena, &r->kernel, err);
	if (e == 0)
		e = settings_read(&r->settings, &r->root, r->kernel, &r->arena, err);
	if (e < 0)
		return e;
	if (!version)
		cli_warn_of_choice(&r->root, r->kernel);
	runlog_open(&r->log, &r->root);
	settings_use_log(&r->settings, &r->log);
	return 0;
}

/* Sets *PATH to the path of the restored image. */
static int restore(struct restore *r, const char *version, const char **path, struct err *err)
{
	struct teller teller = {.json = r->json};
	struct restore_request q = {
		.t = {.root = &r->root, .log = &r->log, .tell = teller_tell, .arg = &teller},
		.no_loader = r->no_loader,
		.lock_seconds = (unsigned)r->lock_seconds,
	};
	int e = prepare(r, version, err);

	if (e < 0)
		return e;
	q.version = r->kernel;
	e = transaction_restore(&q, &r->arena, path, err);
	teller_end(&teller);
	return e;
}

/* FAILED: what went wrong once the image was in place, as for a kernel in the result of a rebuild; NULL. */
static void report(const struct restore *r, const char *path, const struct err *failed)
{
	struct json_object *o;

	if (!r->json) {
		if (cli_shows(RUNLOG_INFO))
			printf("%s: /%s is the previous image again\n", r->kernel, path);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "kernel", cli_json_text(r->kernel));
	json_object_object_add(o, "image", cli_json_text(path));
	json_object_object_add(o, "result", json_object_new_string("restored"));
	if (failed)
		json_object_object_add(o, "error", cli_json_err(failed));
	cli_print_json(o);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct restore r = {
		.top = "/", .settings = {.is_lenient = true}, .lock_seconds = LOCK_SECONDS,
		.root = {.fd = -1}, .log = {.fd = -1, .socket = -1}};
	const char *path = NULL;
	struct err err = {0};
	int n = options_parse(self, argc, argv, apply, &r, &err);

	if (n < 0)
		return cli_usage(n, &err);
	n = restore(&r, n > 0 ? argv[0] : NULL, &path, &err);
	if (n < 0 && r.json && !path)
		cli_print_json_err(&err);
	if (r.settings.is_wrong)
		return cli_usage(n, &err);
	if (path)
		report(&r, path, n < 0 ? &err : NULL);
	if (n < 0)
		return path ? cli_end(cli_fail_after(&err)) : cli_fail(&err);
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
