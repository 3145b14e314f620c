/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "deploy/efivar.h"
#include "format/ours/failure.h"

struct status {
	const char *root;
	bool check, forget, json, prometheus;
	struct caching caching; /* where the records of builds are */
	struct status_report report;
};

static int apply(const struct option_spec *spec, char **args, void *arg, struct err *err)
{
	struct status *s = arg;

	switch (spec->id) {
	case OPT_ROOT:
		s->root = args[0];
		return 0;
	case OPT_CHECK:
		s->check = true;
		return 0;
	case OPT_FORGET:
		s->forget = true;
		return 0;
	case OPT_PROMETHEUS:
		s->prometheus = true;
		return 0;
	case OPT_JSON:
		s->json = true;
		return 0;
	default:
		return caching_apply(&s->caching, spec, args, err) < 0 ? -EINVAL : 0;
	}
}

static int read_optional(const struct root *root, const char *path, size_t max, struct buf *out,
			 struct err *err)
{
	int r = root_read(root, path, max, out);

	return r == -ENOENT || r == -ENODEV || r == 0 ? 0 : err_sys(err, r, "%s", path);
}

static int read_accounts(struct status_report *s, const struct root *root, struct err *err)
{
	_cleanup_buf_ struct buf variable = BUF_INIT;
	int r = read_optional(root, FAILURE_PATH, FAILURE_TEXT_MAX, &s->now, err);

	if (r == 0)
		r = read_optional(root, FAILURE_EFIVARS "/" FAILURE_VARIABLE, FAILURE_TEXT_MAX,
				  &variable, err);
	if (r == 0 && variable.len > FAILURE_ATTRIBUTES)
		buf_add(&s->earlier, variable.data + FAILURE_ATTRIBUTES,
			variable.len - FAILURE_ATTRIBUTES);
	return r;
}

/* Escapes each line: an account contains labels of disks, which may hold control characters. */
static void print_account(const char *title, const struct buf *account)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	char *cursor, *line;

	buf_add(&copy, account->data, account->len);
	printf("%s\n", title);
	cursor = (char *)buf_cstr(&copy);
	while (cursor && (line = strsep(&cursor, "\n"))) {
		char shown[4096];

		escape_text(line, shown, sizeof(shown));
		if (*shown)
			printf("  %s\n", shown);
	}
}

static struct json_object *account_json(const struct buf *account)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	struct json_object *lines = json_object_new_array();
	char *cursor, *line;

	buf_add(&copy, account->data, account->len);
	cursor = account->len ? (char *)buf_cstr(&copy) : NULL;
	while (cursor && (line = strsep(&cursor, "\n")))
		if (*line)
			json_object_array_add(lines, cli_json_text(line));
	return lines;
}

static void print_all_as_json(const struct status_report *s)
{
	struct json_object *o = status_json(s);

	json_object_object_add(o, "failed", json_object_new_boolean(s->now.len || s->earlier.len));
	json_object_object_add(o, "this-boot", account_json(&s->now));
	json_object_object_add(o, "earlier-boot", account_json(&s->earlier));
	cli_print_json(o);
}

static void print_metrics(const struct status_report *s)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	status_prometheus(s, &out);
	fputs(buf_cstr(&out), stdout);
}

static void print_text(const struct status_report *s)
{
	status_print_table(s);
	if (!s->now.len && !s->earlier.len)
		printf("no boot is known to have failed\n");
	if (s->now.len)
		print_account("this boot went on only after it had failed:", &s->now);
	if (s->earlier.len)
		print_account("an earlier boot failed (preroot status --forget removes this):",
			      &s->earlier);
}

static void print(const struct status *s)
{
	if (s->json)
		print_all_as_json(&s->report);
	else if (s->prometheus)
		print_metrics(&s->report);
	else
		print_text(&s->report);
}

/* Removes the accounts of failed boots, and the marks of images whose trial failed. */
static int forget(const struct root *root, const struct inventory *inventory, struct err *err)
{
	int r = efivar_remove(root, FAILURE_PATH, err);

	if (r == 0)
		r = efivar_remove(root, FAILURE_EFIVARS "/" FAILURE_VARIABLE, err);
	for (size_t i = 0; i < inventory->n && r == 0; i++) {
		struct state state = inventory->rows[i].state;

		if (!*state.failed)
			continue;
		*state.failed = '\0';
		r = state_write(root, inventory->rows[i].version, &state, err);
	}
	return r;
}

static int read_all_of_it(struct status *s, const struct root *root, struct arena *arena,
			  struct err *err)
{
	const char *folder = caching_folder(&s->caching, arena);
	_cleanup_cache_ struct cache *cache = folder ? cache_new(folder, s->caching.size) : NULL;
	int r;

	s->report.root = root;
	s->report.arena = arena;
	if (cache)
		cache_freeze(cache);
	r = inventory_read(root, cache, arena, &s->report.inventory, err);
	return r < 0 ? r : read_accounts(&s->report, root, err);
}

static void clear(struct status *s)
{
	buf_clear(&s->report.now);
	buf_clear(&s->report.earlier);
	caching_end(&s->caching);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct status s = {.root = "/"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_root_ struct root root = {.fd = -1};
	struct err err = {0};
	int r;

	caching_init(&s.caching);
	r = options_parse(self, argc, argv, apply, &s, &err);
	if (r >= 0 && s.json && s.prometheus)
		r = err_set(&err, -EINVAL, "--json and --prometheus both say how to print it");
	if (r < 0)
		return cli_usage(r, &err);
	r = root_open(s.root, &root, &err);
	if (r == 0)
		r = read_all_of_it(&s, &root, &arena, &err);
	if (r == 0)
		print(&s);
	if (r == 0 && s.forget)
		r = forget(&root, &s.report.inventory, &err);
	if (r < 0)
		return cli_fail(&err);
	return cli_end(s.check && status_is_bad(&s.report) ? EXIT_FINDING : EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT, false},
	{"check", 0, NULL, "end with status 3 when something is wrong", OPT_CHECK, false},
	{"forget", 0, NULL, "remove what failed boots have left", OPT_FORGET, false},
	RECORDS_OPTION,
	JSON_OPTION,
	{"prometheus", 0, NULL, "result as metrics for Prometheus", OPT_PROMETHEUS, false},
	{0},
};

const struct command command_status = {
	.name = "status",
	.positional = "",
	.summary = "Show kernels, their images, and boots that failed.",
	.options = options,
	.run = run,
};
