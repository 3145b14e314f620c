/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/text.h"
#include "cli/caching.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "audit/audit.h"
#include "transaction/configure.h"

struct audit_options {
	struct cli_request q;
	struct caching caching; /* where the records of builds are */
	struct settings settings;
	struct config config; /* that is about no kernel */
	const struct root *root;
	struct buf given; /* the options of the request, as words of a shell */
	bool all;
};

/* A rebuild has these options, too. */
static void keep_words(struct audit_options *o, const struct option_spec *spec, char **args)
{
	if (spec->id == OPT_JSON)
		return;
	buf_printf(&o->given, " --%s", spec->name);
	for (int i = 0; i < OPTION_ARGS_MAX && args[i]; i++)
		buf_printf(&o->given, " %s", quote_word(args[i], &o->q.arena));
}

static int apply(const struct option_spec *spec, char **args, void *arg, struct err *err)
{
	struct audit_options *o = arg;
	int r;

	if (spec->id == OPT_ALL) {
		o->all = true;
		return 0;
	}
	keep_words(o, spec, args);
	r = caching_apply(&o->caching, spec, args, err);
	if (r == 0)
		r = settings_apply(&o->settings, spec, args, err);
	return r ? r : cli_request_apply(spec, args, &o->q, err);
}

/* ---- for people ---- */

enum { TEXT_MAX = 4096 };

static void print_line(const char *before, const char *text)
{
	char shown[TEXT_MAX];

	escape_command(text, shown, sizeof(shown));
	printf("%s%s\n", before, shown);
}

static void print_finding(const struct audit_finding *f)
{
	static const char *const colours[] = {
		[AUDIT_ERROR] = "1;31", [AUDIT_WARNING] = "1;33", [AUDIT_NOTE] = "1;36"};
	const char *name = audit_severity_name(f->severity);
	int width = (int)(strlen("warning") - strlen(name));

	if (cli_is_coloured(stdout))
		printf("  \033[%sm%s\033[0m%*s  [%s]\n", colours[f->severity], name, width, "",
		       f->id);
	else
		printf("  %s%*s  [%s]\n", name, width, "", f->id);
	print_line("    ", f->fact);
	if (f->remedy)
		print_line(f->is_command ? "    $ " : "    > ", f->remedy);
}

static bool is_same_group(const struct audit_finding *a, const struct audit_finding *b)
{
	return a->kernel && b->kernel ? strcmp(a->kernel, b->kernel) == 0 : a->kernel == b->kernel;
}

static void print_text(const struct audit_report *r)
{
	const size_t *n = r->counts;

	for (size_t i = 0; i < r->n; i++) {
		const struct audit_finding *f = &r->findings[i];

		if (i == 0 || !is_same_group(f, f - 1)) {
			if (i)
				printf("\n");
			print_line(f->kernel ? "kernel " : "", f->kernel ? f->kernel : "machine");
		}
		print_finding(f);
	}
	printf("%s%zu error%s, %zu warning%s, %zu note%s; %zu kernel%s looked at\n",
	       r->n ? "\n" : "", n[AUDIT_ERROR], cli_plural(n[AUDIT_ERROR]), n[AUDIT_WARNING],
	       cli_plural(n[AUDIT_WARNING]), n[AUDIT_NOTE], cli_plural(n[AUDIT_NOTE]), r->n_kernels,
	       cli_plural(r->n_kernels));
}

/* ---- for machines ---- */

static struct json_object *finding_json(const struct audit_finding *f)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_string(f->id));
	json_object_object_add(o, "severity",
			       json_object_new_string(audit_severity_name(f->severity)));
	json_object_object_add(o, "kernel", f->kernel ? cli_json_text(f->kernel) : NULL);
	json_object_object_add(o, "fact", cli_json_text(f->fact));
	json_object_object_add(o, "remedy", f->remedy ? cli_json_command(f->remedy) : NULL);
	json_object_object_add(o, "remedy-is-command", json_object_new_boolean(f->is_command));
	return o;
}

static void print_json(const struct audit_report *r)
{
	static const char *const counts[] = {
		[AUDIT_ERROR] = "errors", [AUDIT_WARNING] = "warnings", [AUDIT_NOTE] = "notes"};
	struct json_object *o = json_object_new_object(), *kernels = json_object_new_array();
	struct json_object *findings = json_object_new_array();

	for (size_t i = 0; i < r->n_kernels; i++)
		json_object_array_add(kernels, cli_json_text(r->kernels[i]));
	for (size_t i = 0; i < r->n; i++)
		json_object_array_add(findings, finding_json(&r->findings[i]));
	for (size_t i = 0; i < AUDIT_SEVERITIES; i++)
		json_object_object_add(o, counts[i], json_object_new_int64((int64_t)r->counts[i]));
	json_object_object_add(o, "kernels", kernels);
	json_object_object_add(o, "findings", findings);
	cli_print_json(o);
}

/* ---- the run ---- */

static void clear(struct audit_options *o)
{
	buf_clear(&o->given);
	settings_clear(&o->settings);
	caching_end(&o->caching);
	cli_request_clear(&o->q);
}

static int configure(const char *version, struct request *out, void *arg, struct err *err)
{
	struct audit_options *o = arg;
	struct config config;
	int r = config_read(o->root, &o->settings.places, version, &o->q.arena, &config, err);

	if (r == 0)
		r = config_check_lacks(&config, &o->q.arena, err);
	return r < 0 ? r
		     : configure_request(
			       &(struct configure_from){o->root, &o->q.request, &config.values},
			       &o->q.arena, out, err);
}

/* The request without a kernel. Errors in the configuration are reported later, with the plan. */
static const struct request *common_request(struct audit_options *o, struct request *out)
{
	struct err err = {0};
	int r = config_read(o->root, &o->settings.places, "", &o->q.arena, &o->config, &err);

	if (r == 0)
		r = configure_request(
			&(struct configure_from){o->root, &o->q.request, &o->config.values},
			&o->q.arena, out, &err);
	return r < 0 ? &o->q.request : out;
}

static int run_audit(struct audit_options *o, char **versions, size_t n,
		     struct audit_report *report, struct err *err)
{
	_cleanup_root_ struct root root = {.fd = -1};
	const char *folder = caching_folder(&o->caching, &o->q.arena);
	_cleanup_cache_ struct cache *cache = folder ? cache_new(folder, o->caching.size) : NULL;
	struct request common;
	struct audit_request request = {.root = &root,
					.configure = configure,
					.arg = o,
					.cache = cache,
					.given = buf_cstr(&o->given),
					.kernels = (const char *const *)versions,
					.n_kernels = n,
					.all = o->all};
	int r = root_open(o->q.root, &root, err);

	if (r < 0)
		return r;
	if (cache)
		cache_freeze(cache);
	root.cache = cache;
	o->root = &root;
	request.request = common_request(o, &common);
	request.settings = &o->config.values;
	return audit_run(&request, &o->q.arena, report, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear) struct audit_options o = {.settings = {.q = &o.q}};
	struct audit_report report = {0};
	struct err err = {0};
	int n;

	cli_request_init(&o.q);
	caching_init(&o.caching);
	n = options_parse(self, argc, argv, apply, &o, &err);
	if (n > 0 && o.all)
		n = err_set(&err, -EINVAL, "--all is for every kernel: it takes no KVER");
	if (n >= 0 && cli_request_settle(&o.q, &err) < 0)
		n = err.code;
	if (n < 0)
		return cli_usage(n, &err);
	o.q.request.init = cli_find_init(&o.q.arena);
	if (run_audit(&o, argv, (size_t)n, &report, &err) < 0)
		return cli_fail(&err);
	if (o.q.json)
		print_json(&report);
	else
		print_text(&report);
	return cli_end(report.counts[AUDIT_ERROR] ? EXIT_FINDING : EXIT_DONE);
}

static const struct option_spec options[] = {
	{"all", 0, NULL, "every kernel, and what is left of kernels", OPT_ALL, false},
	REQUEST_OPTIONS,
	RECORDS_OPTION,
	CONF_OPTIONS,
	{0},
};

const struct command command_audit = {
	.name = "audit",
	.positional = "[KVER...]",
	.summary = "Look for what will fail in a rebuild or a boot.",
	.options = options,
	.max = -1,
	.run = run,
};
