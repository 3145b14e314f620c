/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "deploy/lock.h"
#include "transaction/prune.h"

struct options {
	const char *top, *version;
	bool dry_run, yes, only_own, no_loader, json;
	uint64_t lock_seconds;
	struct settings settings;
	struct caching caching; /* where the records of builds are */

	struct root root;
	struct runlog log;
	struct arena arena;
	struct teller teller;
	struct prune prune;
};

static void clear(struct options *o)
{
	runlog_close(&o->log);
	caching_end(&o->caching);
	root_close(&o->root);
	arena_clear(&o->arena);
	settings_clear(&o->settings);
}

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct options *o = options;
	int r;

	switch (spec->id) {
	case OPT_ROOT:
		o->top = args[0];
		return 0;
	case OPT_KERNEL:
		o->version = args[0];
		return 0;
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPT_YES:
		o->yes = true;
		return 0;
	case OPT_OWN:
		o->only_own = true;
		return 0;
	case OPT_NO_LOADER:
		o->no_loader = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_LOCK_TIMEOUT:
		return cli_take_number("lock-timeout", args[0], LOCK_SECONDS_MAX, &o->lock_seconds, err);
	default:
		r = settings_apply(&o->settings, spec, args, err);
		return r ? r : caching_apply(&o->caching, spec, args, err) < 0 ? -EINVAL : 0;
	}
}

/* ---- telling ---- */

static void print_item(const struct prune_item *item)
{
	char path[4096], size[32];

	escape_text(item->path, path, sizeof(path));
	printf("%s /%s, %s: %s\n", item->goes ? "removes" : "leaves", path,
	       cli_size(item->bytes, size), item->why);
	if (item->command) {
		escape_command(item->command, path, sizeof(path));
		printf("  to remove it: %s\n", path);
	}
}

static size_t count(const struct prune *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->items[i].goes;
	return n;
}

static void show(const struct options *o)
{
	for (size_t i = 0; i < o->prune.n; i++)
		print_item(&o->prune.items[i]);
	for (size_t i = 0; i < o->prune.n_gone; i++) {
		char version[512];

		escape_text(o->prune.gone[i], version, sizeof(version));
		printf("forgets %s: this kernel is gone\n", version);
	}
	fflush(stdout);
}

static void conclude(const struct options *o)
{
	size_t n = count(&o->prune);
	char size[32];

	if (n)
		printf("%s%zu image%s, %s\n", o->dry_run ? "would remove " : "removed ", n,
		       n == 1 ? "" : "s", cli_size(o->prune.bytes, size));
	else if (!o->prune.n_gone)
		printf("nothing to remove\n");
}

static void print_json(const struct options *o)
{
	struct json_object *all = json_object_new_object();
	struct json_object *lists[2] = {json_object_new_array(), json_object_new_array()};
	struct json_object *gone = json_object_new_array();

	for (size_t i = 0; i < o->prune.n; i++) {
		const struct prune_item *item = &o->prune.items[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "path", cli_json_text(item->path));
		json_object_object_add(one, "kernel", item->version ? cli_json_text(item->version) : NULL);
		json_object_object_add(one, "bytes", json_object_new_int64((int64_t)item->bytes));
		json_object_object_add(one, "why", cli_json_text(item->why));
		if (item->command)
			json_object_object_add(one, "command", cli_json_command(item->command));
		json_object_array_add(lists[!item->goes], one);
	}
	for (size_t i = 0; i < o->prune.n_gone; i++)
		json_object_array_add(gone, cli_json_text(o->prune.gone[i]));
	json_object_object_add(all, "dry-run", json_object_new_boolean(o->dry_run));
	json_object_object_add(all, "removed", lists[0]);
	json_object_object_add(all, "left", lists[1]);
	json_object_object_add(all, "forgotten", gone);
	json_object_object_add(all, "bytes", json_object_new_int64((int64_t)o->prune.bytes));
	cli_print_json(all);
}

/* Whoever wants a kernel to have no images learns of those that it still has, however quiet the run. */
static void warn_of_left(const struct options *o)
{
	for (size_t i = 0; i < o->prune.n; i++) {
		const struct prune_item *item = &o->prune.items[i];
		char path[4096], command[4096];

		if (!item->command)
			continue;
		escape_text(item->path, path, sizeof(path));
		escape_command(item->command, command, sizeof(command));
		cli_warn("/%s is left: %s; to remove it: %s", path, item->why, command);
	}
}

/* Only a user at a terminal is asked. */
static bool is_asked(const struct options *o)
{
	return !o->yes && !o->json && !o->dry_run && count(&o->prune) && isatty(STDIN_FILENO) &&
	       isatty(STDOUT_FILENO);
}

/* Shows what was chosen. */
static bool may_go_on(const struct prune *chosen, void *arg)
{
	struct options *o = arg;
	char answer[16];

	o->prune = *chosen;
	if (!o->json && (cli_shows(RUNLOG_INFO) || is_asked(o)))
		show(o);
	else if (o->version)
		warn_of_left(o);
	if (!is_asked(o))
		return true;
	printf("remove that? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

/* ---- the run ---- */

static void tell(const struct step *step, void *arg)
{
	struct options *o = arg;

	teller_tell(step, &o->teller);
}

static int run(struct options *o, struct err *err)
{
	struct prune_request q = {
		.t = {.root = &o->root, .log = &o->log, .tell = tell, .arg = o},
		.version = o->version,
		.dry_run = o->dry_run,
		.no_loader = o->no_loader,
		.lock_seconds = (unsigned)o->lock_seconds,
		.confirm = may_go_on,
	};
	int r = root_open(o->top, &o->root, err);

	if (r == 0)
		r = settings_read(&o->settings, &o->root, NULL, &o->arena, err);
	if (r < 0)
		return r;
	settings_report(&o->settings);
	runlog_open(&o->log, &o->root);
	settings_use_log(&o->settings, &o->log);
	q.rule = (struct prune_rule){.keep = (unsigned)o->settings.keep, .only_own = o->only_own};
	q.t.reuse.folder = caching_folder(&o->caching, &o->arena);
	q.t.reuse.size = o->caching.size;
	o->teller.json = o->json;
	r = transaction_prune(&q, &o->arena, &o->prune, err);
	teller_end(&o->teller);
	return r;
}

static int run_verb(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct options o = {
		.top = "/", .lock_seconds = LOCK_SECONDS, .root = {.fd = -1},
		.log = {.fd = -1, .socket = -1}};
	struct err err = {0};
	int r;

	caching_init(&o.caching);
	r = options_parse(self, argc, argv, apply, &o, &err);
	if (r < 0)
		return cli_usage(r, &err);
	r = run(&o, &err);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	if (o.json)
		print_json(&o);
	else if (cli_shows(RUNLOG_INFO))
		conclude(&o);
	if (runlog_problem(&o.log))
		cli_warn("%s", runlog_problem(&o.log));
	return cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "work on the system below DIR instead of /", OPT_ROOT, false},
	{"kernel", 0, "KVER", "remove all images of this kernel that preroot made", OPT_KERNEL, false},
	{"dry-run", 'n', NULL, "only show what would be removed", OPT_DRY_RUN, false},
	{"yes", 'y', NULL, "do not ask, also on a terminal", OPT_YES, false},
	{"own", 0, NULL, "remove no image without a manifest of preroot", OPT_OWN, false},
	{"keep", 0, "N", "previous images to keep of each kernel (1)", OPT_KEEP, false},
	NO_LOADER_OPTION,
	LOCK_OPTION,
	RECORDS_OPTION,
	JSON_OPTION,
	SETTINGS_OPTIONS,
	{0},
};

const struct command command_prune = {
	.name = "prune",
	.positional = "",
	.summary = "Remove images that nothing needs.",
	.options = options,
	.run = run_verb,
};
